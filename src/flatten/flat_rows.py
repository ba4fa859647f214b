"""The lines that won become flat rows: the second look at a micro-batch's files, for their values."""

from array import array
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame

from flatten import __version__, catalogue
from flatten.columns import ColumnBuilder, ddl
from flatten.envelope import read_change, read_line
from flatten.event import flatten
from flatten.lines import split_file
from flatten.storage import plain_path
from flatten.tables import EVENT_COLUMNS, LINEAGE_COLUMNS

_BATCH_ROWS = 5_000

Chosen = Mapping[str, "array[int]"]
"""Path -> the numbers of the lines to flatten, ascending."""


def flat_rows(batch: DataFrame, chosen: Chosen, codes: Iterable[str], processed_at: int) -> DataFrame:
    """Return the flat rows of the chosen lines, with the columns of the signals in `codes` only.

    `processed_at` is microseconds since 1970 UTC. The lines were found good before (`staging`).
    """
    columns = columns_for(codes)
    read = partial(_flatten_files, chosen=chosen, columns=columns, processed_at=processed_at)
    return batch.select("path", "content").mapInArrow(read, ddl(columns))


def columns_for(codes: Iterable[str]) -> dict[str, str]:
    """Return the columns of a row that carries these signals, name -> SQL type, in table order."""
    own = {name: kind for name, (kind, _) in (EVENT_COLUMNS | LINEAGE_COLUMNS).items()}
    return own | catalogue.packaged().columns(codes)


def _flatten_files(
    batches: Iterable[pa.RecordBatch], *, chosen: Chosen, columns: Mapping[str, str], processed_at: int
) -> Iterator[pa.RecordBatch]:
    builder = ColumnBuilder(columns)
    for batch in batches:
        for path, content in zip(batch.column("path"), batch.column("content"), strict=True):
            for row in _file_rows(path.as_py(), content, chosen, processed_at):
                builder.add(row)
                if len(builder) >= _BATCH_ROWS:
                    yield builder.take()
    if len(builder):
        yield builder.take()


def _file_rows(path: str, content: pa.BinaryScalar, chosen: Chosen, processed_at: int) -> Iterator[dict[str, Any]]:
    source_file = plain_path(path)
    numbers = frozenset(chosen.get(source_file, ()))
    for line in split_file(path, content.as_py()) if numbers else ():
        if line.number in numbers:
            yield _row(line.content, source_file, processed_at)


def _row(content: bytes, source_file: str, processed_at: int) -> dict[str, Any]:
    event = read_line(content)
    change = read_change(event)
    return flatten(event, change, catalogue.packaged()) | {
        "deleted_at": (change.changed_at or processed_at) if change.event_name == "REMOVE" else None,
        "stream": change.stream,
        "sequence_number": change.sequence_number,
        "changed_at": change.changed_at,
        "source_file": source_file,
        "catalogue_version": catalogue.VERSION,
        "pipeline_version": __version__,
        "pipeline_processed_at": processed_at,
    }
