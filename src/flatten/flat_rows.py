"""The lines that won become flat rows: the second look at a micro-batch's files, for their values."""

import hashlib
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
from flatten.lines import Line, split_file
from flatten.storage import plain_path
from flatten.tables import EVENT_COLUMNS, LINEAGE_COLUMNS

Chosen = Mapping[str, tuple[str, "array[int]"]]
"""Path -> SHA-256 of the content that was staged, and the numbers of the lines to flatten, ascending."""


def flat_rows(batch: DataFrame, chosen: Chosen, codes: Iterable[str], processed_at: int) -> DataFrame:
    """Return the flat rows of the chosen lines, with the columns of the signals in `codes` only.

    `processed_at` is microseconds since 1970 UTC. The lines were found good before (`staging`). A file that went
    away since, or has other content now, gives no row: the MERGE is short of them then, and `rows` stops the run.
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
            for line in _chosen_lines(path.as_py(), content, chosen):
                builder.add(_row(line.content, plain_path(path.as_py()), processed_at), len(line.content))
                if builder.is_full:
                    yield builder.take()
    if len(builder):
        yield builder.take()


def _chosen_lines(path: str, content: pa.BinaryScalar, chosen: Chosen) -> Iterator[Line]:
    sha256, listed = chosen.get(plain_path(path), ("", ()))
    numbers = frozenset(listed)
    if not numbers or hashlib.sha256(content.as_buffer()).hexdigest() != sha256:
        return
    for line in split_file(path, content.as_py()):
        if line.number in numbers:
            yield line


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
