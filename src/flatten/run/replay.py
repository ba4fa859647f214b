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
from datetime import UTC, date, datetime, timedelta

from flatten.errors import FlattenError, OwnerError
from flatten.events.landing_file import MAX_STORED_BYTES, hour_of, promised_lines
from flatten.events.timestamps import micros_of
from flatten.run.given import GivenFile
from flatten.run.owner import MARKER
from flatten.storage.location import Location, path_of
from flatten.tables.names import TableName

_READERS = 16
_AT_ONCE = 32
_MILLIS = re.compile(r"telemetry_([0-9]{13})_[0-9]+\.json")
_DIGEST = re.compile(r"\.[0-9a-f]{8}\Z")


@dataclass(frozen=True, slots=True)
class Period:
    """Days in UTC, first and last inclusive; None means without a limit."""

    first: date | None = None
    last: date | None = None

    def has(self, micros: int | None) -> bool:
        """Return whether a time, microseconds since 1970 UTC, is in it; an unknown time is."""
        if micros is None:
            return True
        return not (
            (self.first and micros < _midnight(self.first))
            or (self.last and micros >= _midnight(self.last + timedelta(1)))
        )


EVER = Period()


def _midnight(day: date) -> int:
    return micros_of(datetime(day.year, day.month, day.day, tzinfo=UTC))


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


def archived_files(archive: Location, names: Iterable[str], landing: str) -> Iterator[GivenFile]:
    """Read the files, some in parallel, and yield them in this order. Raises FlattenError for one that is too large."""
    told = list(names)
    known = set(told)

    def read(name: str) -> GivenFile:
        stat = archive.stat(name)
        if stat is None or stat.size > MAX_STORED_BYTES:
            why = "is gone" if stat is None else f"has more than {MAX_STORED_BYTES} bytes: cut it into smaller ones"
            raise FlattenError(f"{path_of(archive.root, name)} {why}.")
        with archive.open(name) as file:
            content = file.read()
        path = path_of(landing, _landed_as(name, content, known))
        return GivenFile(path, stat.modified_at, content, promised_lines(path) or 0)

    with ThreadPoolExecutor(_READERS) as readers:
        for start in range(0, len(told), _AT_ONCE):
            yield from readers.map(read, told[start : start + _AT_ONCE])


def _landed_as(name: str, content: bytes, known: set[str]) -> str:
    """Return the name that a file had in landing: the archiver adds a digest if the name existed."""
    plain = _DIGEST.sub("", name)
    is_ours = plain not in known and name.endswith(f".{hashlib.sha256(content).hexdigest()[:8]}")
    return plain if is_ours else name
