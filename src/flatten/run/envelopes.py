"""Read the files of a micro-batch a first time: what the decision must know of each line.

Whole files are read (`binaryFile`), in Python, and each line is checked there. The driver gets only narrow data,
without values and the text of bad lines; a million lines are about 225 MB as Arrow, so they stay Arrow until their turn
is decided on.
"""

import hashlib
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame

from flatten.decide.lines import JudgedLine, RemovePolicy, judged
from flatten.events import catalogue
from flatten.events.arrow import in_batches
from flatten.events.envelope import BadLineError, read_change, read_line
from flatten.events.landing_file import BadFileError, Line, split_file
from flatten.events.signals import known_codes
from flatten.events.timestamps import nearest
from flatten.settings import Settings
from flatten.storage.location import plain_path
from flatten.tables.sql import ddl

LINES_A_TURN = 100_000
_FILE_COLUMNS = {
    "size": "BIGINT",
    "sha256": "STRING",
    "line_count": "INT",
    "detail": "STRING",
    "codes": "ARRAY<STRING>",
}
"""The columns of a file's row, which has line number 0."""

_LINE_COLUMNS = {
    "path": "STRING",
    "modified_at": "BIGINT",
    "line_number": "INT",
    "reason": "STRING",
    "action": "STRING",
    "event_id": "STRING",
    "stream": "STRING",
    "sequence_number": "STRING",
    "changed_at": "BIGINT",
    "delivered_at": "BIGINT",
    "event_date": "DATE",
    "previous_date": "DATE",
}
"""The columns of a line: the fields of `JudgedLine`."""

_COLUMNS = _FILE_COLUMNS | _LINE_COLUMNS


@dataclass(frozen=True, slots=True)
class SeenFile:
    """A file of a micro-batch. `reason` and `detail` say why none of its lines can be used, if so; `codes` are the
    catalogued signals of its valid lines.
    """

    path: str
    modified_at: int
    size: int
    sha256: str
    line_count: int
    reason: str | None
    detail: str | None
    codes: frozenset[str]


@dataclass(frozen=True)
class Envelopes:
    """The files of a micro-batch by path, and their lines as Arrow, with the fields of `JudgedLine`.

    The lines of a file are contiguous, as a worker yields them: sorting a million would need their memory twice.
    """

    files: dict[str, SeenFile]
    lines: pa.Table

    def turns(self, most: int = LINES_A_TURN) -> Iterator[list[JudgedLine]]:
        """Yield the lines in turns of whole files, of at most this many lines if a file allows it."""
        if len(self.lines) <= most:
            yield _judged(self.lines)
            return
        pa.default_memory_pool().release_unused()  # free the memory of the read, or the turns would need as much again
        first = end = 0
        for each in pc.value_counts(self.lines["path"]):
            count = each["counts"].as_py()
            if end > first and end + count - first > most:
                yield _judged(self.lines.slice(first, end - first))
                first = end
            end += count
        yield _judged(self.lines.slice(first, end - first))

    def bad_lines(self) -> dict[str, tuple[str, "array[int]"]]:
        """Return the digest and the bad lines of each file that has some, by path."""
        bad = self.lines.filter(pc.is_valid(self.lines["reason"])).select(["path", "line_number"])
        found: dict[str, tuple[str, array[int]]] = {}
        for path, number in zip(*(column.to_pylist() for column in bad.columns), strict=True):
            found.setdefault(path, (self.files[path].sha256, array("I")))[1].append(number)
        return found

    def without(self, paths: Collection[str]) -> "Envelopes":
        """Return these envelopes without some files."""
        if not paths:
            return self
        left_out = pc.is_in(self.lines["path"], value_set=pa.array(paths, pa.string()))
        files = {path: file for path, file in self.files.items() if path not in paths}
        return Envelopes(files, self.lines.filter(pc.invert(left_out)))


def _judged(lines: pa.Table) -> list[JudgedLine]:
    return list(map(JudgedLine._make, zip(*(column.to_pylist() for column in lines.columns), strict=True)))


def read_envelopes(files: DataFrame, settings: Settings) -> Envelopes:
    """Read files (path, modificationTime, length, content) for the first time.

    A path that comes twice is left out: Spark took another file for this one, as the key `a//b` for `a/b`.
    """
    read = partial(_read_files, on_delete=settings.on_delete, on_expiry=settings.on_expiry)
    narrow = files.select("path", "modificationTime", "content").mapInArrow(read, ddl(_COLUMNS)).toArrow()
    own = pc.equal(narrow["line_number"], 0)
    rows = narrow.filter(own).select([*_FILE_COLUMNS, "path", "modified_at", "reason"]).to_pylist()
    seen = {row["path"]: SeenFile(**{**row, "codes": frozenset(row["codes"] or ())}) for row in rows}
    twice = [path for path, times in Counter(row["path"] for row in rows).items() if times > 1]
    lines = narrow.filter(pc.invert(own)).select(list(JudgedLine._fields))
    # The paths are more than half of a million lines' memory, and each occurs a thousand times.
    return Envelopes(seen, lines.set_column(0, "path", lines["path"].dictionary_encode())).without(twice)


def _read_files(
    batches: Iterable[pa.RecordBatch], *, on_delete: RemovePolicy, on_expiry: RemovePolicy
) -> Iterator[pa.RecordBatch]:
    narrow = ((row, 0) for file in _files(batches) for row in _file_rows(*file, on_delete, on_expiry))
    return in_batches(_COLUMNS, narrow)


def _files(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[str, int, bytes]]:
    for batch in batches:
        modified = batch.column("modificationTime").cast(pa.int64())
        for at in range(batch.num_rows):
            yield batch.column("path")[at].as_py(), nearest(modified[at].as_py()), batch.column("content")[at].as_py()


def _file_rows(
    path: str, modified_at: int, content: bytes, on_delete: RemovePolicy, on_expiry: RemovePolicy
) -> Iterator[dict[str, Any]]:
    """Yield the row of each line, then the file's row."""
    plain = plain_path(path)
    own = {"path": plain, "modified_at": modified_at, "line_number": 0}
    own |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    try:
        lines = split_file(path, content)
    except BadFileError as bad:
        yield own | {"line_count": bad.lines, "reason": bad.reason, "detail": bad.detail}
        return
    codes: set[str] = set()
    for line in lines:
        yield _line_row(plain, modified_at, line, codes, on_delete, on_expiry)
    yield own | {"line_count": len(lines), "codes": sorted(codes)}


def _line_row(
    path: str, modified_at: int, line: Line, codes: set[str], on_delete: RemovePolicy, on_expiry: RemovePolicy
) -> dict[str, Any]:
    try:
        event = read_line(line.content)
        change = read_change(event)
    except BadLineError as bad:
        return {"path": path, "modified_at": modified_at, "line_number": line.number, "reason": bad.reason}
    codes.update(known_codes(event.get("signals"), catalogue.packaged()))
    return judged(path, modified_at, line.number, change, on_delete, on_expiry)._asdict()
