"""Replay archived files.

A file gets the path that it had in landing, which the archive's marker names: so a row that is written again keeps its
lineage. Objects of the older pipelines have no marker and keep the path of the archive.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from pyspark.sql import SparkSession

from flatten.errors import FlattenError, OwnerError, TableError
from flatten.events.landing_file import MAX_STORED_BYTES, hour_of, promised_lines
from flatten.events.timestamps import date_of
from flatten.run.given import GivenFile
from flatten.run.owner import MARKER
from flatten.storage.location import Location, path_of
from flatten.tables import create
from flatten.tables.names import TableName

_READERS = 16
_AT_ONCE = 32
_GONE = "is gone"
_MILLIS = re.compile(r"telemetry_([0-9]{13})_[0-9]+\.json")
_DIGEST = re.compile(r"\.[0-9a-f]{8}\Z")


@dataclass(frozen=True, slots=True)
class Period:
    """Days in UTC, first and last inclusive; None means without a limit."""

    first: date | None = None
    last: date | None = None

    def has(self, micros: int | None) -> bool:
        """Return whether a time, microseconds since 1970 UTC, is in it; an unknown time is."""
        day = date_of(micros)
        return day is None or (self.first or date.min) <= day <= (self.last or date.max)


EVER = Period()


def time_of(name: str) -> int | None:
    """Return when the changes in a file were made, from its name: its hour, or the milliseconds of an older pipeline.

    None for other names.
    """
    found = _MILLIS.fullmatch(name.rpartition("/")[2])
    return int(found.group(1)) * 1000 if found else hour_of(f"/{name}")


def names_within(place: Location, period: Period) -> list[str]:
    """Return the names of the files of a period, by their time; those without a time come first."""
    found = [(time_of(name), name) for name in place.names()]
    return [name for _, name in sorted((time or 0, name) for time, name in found if period.has(time))]


def landing_of(archive: Location, table: TableName) -> str:
    """Return the landing folder whose files are archived here; the archive itself without a marker.

    Raises OwnerError when it is the archive of another table.
    """
    try:
        marker = json.loads(archive.read_text(MARKER) or "{}")
        root, owner = str(marker.get("archive of", archive.root)), marker.get("table", table.text)
    except (ValueError, AttributeError):
        root, owner = archive.root, None
    if owner != table.text:
        raise OwnerError(f"{archive.root} is the archive of {owner} by its marker {MARKER}, not of {table.text}.")
    return root


def require_separate(live: TableName, into: TableName, archive: str) -> None:
    """Raise TableError when two tables or their side tables are the same, or one is in the archive."""
    if into.text == live.text:
        raise TableError(f"--into is the table itself, {live.text}: leave --into out, or give another table.")
    if into.side("files") == live.side("files"):
        raise TableError(
            f"{into.text} and {live.text} would share their side tables in {live.ops}: give --into another table name."
        )
    if any(place.startswith(f"{archive}/") for place in into.places()):
        raise TableError(
            f"{into.text} is inside the archive, whose files are read as events: give --into another path."
        )


def require_rebuilt(spark: SparkSession, into: TableName) -> None:
    """Raise TableError when a job writes to the table; one that only replays have written is continued."""
    runs = into.side("runs")
    is_known = create.check(spark, into) and create.columns_of(spark, runs) is not None
    if is_known and not spark.table(runs).where("command = 'run'").isEmpty():
        raise TableError(f"{into.text} is the table of a job: give --into a new table.")


def archived_files(
    archive: Location, names: Iterable[str], landing: str, unread: dict[str, str] | None = None
) -> Iterator[GivenFile]:
    """Read the files, some in parallel, and yield them in this order.

    Raises FlattenError for a file that is gone, too large or cannot be read. With `unread`, a file that is gone is left
    out, and another goes there: path -> why.
    """
    ordered = list(names)
    known = set(ordered)

    def read(name: str) -> GivenFile | str:
        try:
            stat = archive.stat(name)
            if stat is None:
                return _GONE
            if stat.size > MAX_STORED_BYTES:
                return f"has more than {MAX_STORED_BYTES} bytes: cut it into smaller ones"
            with archive.open(name) as file:
                content = file.read()
        except FileNotFoundError:
            return _GONE
        except OSError as wrong:
            return f"cannot be read ({wrong.strerror or type(wrong).__name__})"
        path = path_of(landing, _landed_as(name, content, known))
        return GivenFile(path, stat.modified_at, content, promised_lines(path) or 0)

    with ThreadPoolExecutor(_READERS) as readers:
        for start in range(0, len(ordered), _AT_ONCE):
            some = ordered[start : start + _AT_ONCE]
            for name, found in zip(some, readers.map(read, some), strict=True):
                if isinstance(found, GivenFile):
                    yield found
                elif unread is None:
                    raise FlattenError(f"{path_of(archive.root, name)} {found}.")
                elif found != _GONE:
                    unread[path_of(landing, name)] = found


def _landed_as(name: str, content: bytes, known: set[str]) -> str:
    """Return the name that a file had in landing: the archiver adds a digest if the name existed."""
    plain = _DIGEST.sub("", name)
    is_ours = plain not in known and name.endswith(f".{hashlib.sha256(content).hexdigest()[:8]}")
    return plain if is_ours else name
