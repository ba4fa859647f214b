"""Convert rows in Python to Arrow batches."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa

_ARROW = {
    "STRING": pa.string(),
    "DOUBLE": pa.float64(),
    "BOOLEAN": pa.bool_(),
    "INT": pa.int32(),
    "BIGINT": pa.int64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
    "ARRAY<STRING>": pa.list_(pa.string()),
}


_FULL_ROWS = 5_000
_FULL_BYTES = 16 * 1024 * 1024


class ColumnBuilder:
    """Collects sparse rows and returns them as Arrow record batches of one fixed schema.

    TIMESTAMP values are whole microseconds since 1970 UTC. A column without values costs nothing. A batch is full long
    before a column of text reaches the 2 GiB that Arrow allows.
    """

    def __init__(self, columns: Mapping[str, str]) -> None:
        self._schema = pa.schema([(name, _ARROW[kind]) for name, kind in columns.items()])
        self._filled: dict[str, list[Any]] = {}
        self._rows = 0
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Return whether the batch must be taken before more rows are added."""
        return self._rows >= _FULL_ROWS or self._bytes >= _FULL_BYTES

    def __len__(self) -> int:
        return self._rows

    def add(self, row: Mapping[str, Any], size: int = 0) -> None:
        """Append a row of about `size` bytes. A key that is not a column raises KeyError when the batch is taken."""
        filled, count = self._filled, self._rows
        for name, value in row.items():
            column = filled.get(name)
            if column is None:
                column = filled[name] = []
            if len(column) < count:
                column.extend([None] * (count - len(column)))
            column.append(value)
        self._rows = count + 1
        self._bytes += size

    def take(self) -> pa.RecordBatch:
        """Return the rows added since the last call, and start a new batch."""
        unknown = self._filled.keys() - set(self._schema.names)
        if unknown:
            raise KeyError(f"no such column: {sorted(unknown)}")
        arrays = [self._array(field) for field in self._schema]
        self._filled, self._rows, self._bytes = {}, 0, 0
        return pa.record_batch(arrays, schema=self._schema)

    def _array(self, field: pa.Field) -> pa.Array:
        values = self._filled.get(field.name)
        if values is None:
            return pa.nulls(self._rows, field.type)
        values.extend([None] * (self._rows - len(values)))
        return pa.array(values, field.type)


def gathered(columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> pa.RecordBatch:
    """Return a few rows as one record batch of these columns, name -> SQL type."""
    builder = ColumnBuilder(columns)
    for row in rows:
        builder.add(row)
    return builder.take()


def in_batches(columns: Mapping[str, str], rows: Iterable[tuple[Mapping[str, Any], int]]) -> Iterator[pa.RecordBatch]:
    """Yield rows, each with its approximate size in bytes, as record batches; no batch for no rows."""
    builder = ColumnBuilder(columns)
    for row, size in rows:
        builder.add(row, size)
        if builder.is_full:
            yield builder.take()
    if len(builder):
        yield builder.take()
