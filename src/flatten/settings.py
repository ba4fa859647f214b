"""The options of a run, as plain data: Spark Connect sends it to the process that runs a micro-batch."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from flatten.decide.lines import RemovePolicy
from flatten.errors import LocationError
from flatten.events.landing_file import MAX_STORED_BYTES
from flatten.storage.location import path_of
from flatten.tables.names import TableName

Discovery = Literal["listing", "file-events"]


@dataclass(frozen=True, slots=True)
class Settings:
    """The options of `flatten run`, and of the commands that read lines again. Locations are absolute and have no slash
    at the end.

    `max_files` is per micro-batch. `lookback_days` is how far from its lines' dates an event's row is looked up.
    `discovery` is how Auto Loader finds files. `started_at` has a time zone and is the `pipeline_processed_at` of every
    row. `max_file_bytes` is the largest stored size of a file. `read_again` is for lines that may have been read
    before, in files that this process reads: rows are looked up under all dates, and a row that an older version wrote
    is written again by its line. A `dry_run` decides and writes nothing.
    `change_data_feed` enables that of the flat table.
    """

    source: str
    archive: str
    rejects: str
    table: TableName
    state: str
    run_id: str
    started_at: datetime
    on_delete: RemovePolicy = "soft"
    on_expiry: RemovePolicy = "keep"
    max_files: int = 1000
    lookback_days: int = 7
    discovery: Discovery = "listing"
    max_file_bytes: int = MAX_STORED_BYTES
    read_again: bool = False
    dry_run: bool = False
    change_data_feed: bool = False

    @property
    def checkpoint(self) -> str:
        """Return the folder in which the engine keeps what it has read."""
        return f"{self.state}/checkpoint"

    def path_of(self, name: str) -> str:
        """Return a landing file's path as in the tables."""
        return path_of(self.source, name)

    def name_of(self, path: str) -> str:
        """Return the name below landing of a path in the tables."""
        return path.removeprefix(f"{self.source}/")

    def made(self) -> dict[str, str]:
        """Return the folders that a run creates if missing: role -> place."""
        tables = {"table": self.table.text, "ops": self.table.ops} if self.table.is_path else {}
        return {"archive": self.archive, "rejects": self.rejects, "state": self.state} | tables

    def check(self) -> None:
        """Raise LocationError when one location is inside another that it must not be in."""
        places = self.made()
        for name, place in places.items():
            if place == self.source:
                raise LocationError(f"The {name} folder is the source itself, {place}: give another folder.")
            if _is_inside(place, self.source):
                raise LocationError(
                    f"The {name} folder {place} is inside the source: its files would be read as events."
                )
        for place in self.table.places():
            if _is_inside(place, self.state):
                raise LocationError(
                    f"The table {place} is inside the state folder {self.state}: give another path, because a state "
                    "may be deleted and a table must not."
                )
        for name in ("archive", "rejects", "state"):
            for each in self.table.places():
                if places[name] == each or _is_inside(places[name], each):
                    raise LocationError(
                        f"The {name} folder {places[name]} is inside the table {each}, where maintenance deletes "
                        "files that are not the table's: give another folder."
                    )
        for name in [role for role in places if role != "state"]:
            if _is_inside(self.source, places[name]):
                raise LocationError(f"The source {self.source} is inside the {name} folder: give another folder.")


def _is_inside(place: str, folder: str) -> bool:
    return place.startswith(f"{folder.rstrip('/')}/")
