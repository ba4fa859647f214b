"""Read the files of a micro-batch a second time: the values of the chosen lines, and the text of the bad ones.

A line is identified by its file's path and digest and by its number. A file that was changed or removed since the first
read has no such lines, and the caller counts the rows.
"""

import base64
import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame

from flatten import __version__
from flatten.events import catalogue, json_text
from flatten.events.arrow import in_batches
from flatten.events.envelope import BadLineError, Change, read_change, read_line
from flatten.events.event import flatten
from flatten.events.landing_file import Line, hour_of, split_file
from flatten.storage.location import plain_path
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS, SIDE_TABLES
from flatten.tables.sql import ddl

Chosen = Mapping[str, tuple[str, "array[int]"]]
"""Path -> SHA-256 of the content at the first read, and the numbers of the lines to take."""

RowOf = Callable[[Line, str], dict[str, Any]]
"""Makes a row of a line and the path of its file."""


def flat_rows(files: DataFrame, chosen: Chosen, columns: Mapping[str, str], processed_at: int) -> DataFrame:
    """Return the flat rows of the chosen lines, which were found valid before.

    `files` has (path, content); `columns` comes from `columns_for`; `processed_at` is microseconds since 1970 UTC.
    """
    return _taken(files, chosen, columns, partial(_flat_row, processed_at=processed_at))


def bad_lines(files: DataFrame, chosen: Chosen, quarantined_at: int) -> DataFrame:
    """Return rows of the quarantine table for lines that were found bad before."""
    return _taken(files, chosen, SIDE_TABLES["quarantine"], partial(_bad_row, quarantined_at=quarantined_at))


def columns_for(codes: Iterable[str]) -> dict[str, str]:
    """Return the columns of a row with these signals, name -> SQL type, in table order."""
    own = {name: kind for name, (kind, _) in (EVENT_COLUMNS | LINEAGE_COLUMNS).items()}
    return own | catalogue.packaged().columns(codes)


def _taken(files: DataFrame, chosen: Chosen, columns: Mapping[str, str], row_of: RowOf) -> DataFrame:
    take = partial(_take, chosen=chosen, columns=columns, row_of=row_of)
    return files.select("path", "content").mapInArrow(take, ddl(columns))


def _take(
    batches: Iterable[pa.RecordBatch], *, chosen: Chosen, columns: Mapping[str, str], row_of: RowOf
) -> Iterator[pa.RecordBatch]:
    return in_batches(columns, ((row_of(line, path), len(line.content)) for path, line in _lines(batches, chosen)))


def _lines(batches: Iterable[pa.RecordBatch], chosen: Chosen) -> Iterator[tuple[str, Line]]:
    for batch in batches:
        for given, content in zip(batch.column("path"), batch.column("content"), strict=True):
            path = plain_path(given.as_py())
            for line in _chosen_lines(path, content, chosen):
                yield path, line


def _chosen_lines(path: str, content: pa.BinaryScalar, chosen: Chosen) -> Iterator[Line]:
    sha256, listed = chosen.get(path, ("", ()))
    numbers = frozenset(listed)
    if not numbers or hashlib.sha256(content.as_buffer()).hexdigest() != sha256:
        return
    for line in split_file(path, content.as_py()):
        if line.number in numbers:
            yield line


def _flat_row(line: Line, source_file: str, *, processed_at: int) -> dict[str, Any]:
    event = json_text.parse(line.content.decode(), unique=False)  # checked at the first read
    change = read_change(event)
    return flatten(event, change, catalogue.packaged()) | {
        "deleted_at": _removed_at(change, processed_at),
        "stream": change.stream,
        "sequence_number": change.sequence_number,
        "changed_at": change.changed_at,
        "source_file": source_file,
        "catalogue_version": catalogue.VERSION,
        "pipeline_version": __version__,
        "pipeline_processed_at": processed_at,
    }


def _removed_at(change: Change, processed_at: int) -> int | None:
    if change.event_name != "REMOVE":
        return None
    return processed_at if change.changed_at is None else change.changed_at


def _bad_row(line: Line, source_file: str, *, quarantined_at: int) -> dict[str, Any]:
    place = {
        "source_file": source_file,
        "line_number": line.number,
        "hour": hour_of(source_file),
        "quarantined_at": quarantined_at,
    }
    try:
        read_change(read_line(line.content))
    except BadLineError as bad:
        return place | {"reason": bad.reason, "detail": bad.detail, **_raw(line.content, bad.reason)}
    raise AssertionError(f"{source_file}, line {line.number} is valid now, but was not at the first read.")


def _raw(content: bytes, reason: str) -> dict[str, str]:
    """Return a bad line's text, or base64 if it is not UTF-8, because other readers fail on invalid text."""
    if reason == "line_too_long":
        return {}
    try:
        return {"raw": content.decode()}
    except UnicodeDecodeError:
        return {"raw_base64": base64.b64encode(content).decode()}
