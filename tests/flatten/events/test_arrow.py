"""Rows in Python as Arrow batches."""

from datetime import date

import pyarrow as pa
import pytest

from flatten.events.arrow import ColumnBuilder
from flatten.run.values import columns_for
from flatten.tables.schema import SIDE_TABLES

ALL_TYPES = {
    "text": "STRING",
    "number": "DOUBLE",
    "flag": "BOOLEAN",
    "count": "INT",
    "big": "BIGINT",
    "day": "DATE",
    "at": "TIMESTAMP",
    "codes": "ARRAY<STRING>",
}
ROW = {
    "text": "é\x00'\"`\n🚗",
    "number": -0.0,
    "flag": False,
    "count": 2**31 - 1,
    "big": -(2**63),
    "day": date(2025, 10, 28),
    "at": 1_761_682_266_000_001,
    "codes": [],
}


def test_every_type_of_our_tables_has_its_arrow_type() -> None:
    builder = ColumnBuilder(ALL_TYPES)
    builder.add(ROW)
    builder.add({})
    batch = builder.take()
    assert batch.schema.field("at").type == pa.timestamp("us", "UTC")
    assert batch.column("at").cast("int64").to_pylist() == [ROW["at"], None]
    assert batch.drop_columns("at").to_pylist() == [
        {name: value for name, value in row.items() if name != "at"} for row in (ROW, dict.fromkeys(ROW))
    ]


@pytest.mark.parametrize(
    "columns",
    [columns_for([]), columns_for(["wheel-tires"]), *SIDE_TABLES.values()],
    ids=["event", "signal", *SIDE_TABLES],
)
def test_every_table_of_ours_can_be_built(columns: dict[str, str]) -> None:
    builder = ColumnBuilder(columns)
    assert builder.take().schema.names == list(columns)


def test_sparse_rows_keep_their_places() -> None:
    builder = ColumnBuilder({"a": "INT", "b": "STRING", "c": "DOUBLE"})
    for row in ({"a": 1}, {}, {"b": "x"}, {"a": 4, "b": None}, {}):
        builder.add(row)
    assert len(builder) == 5
    batch = builder.take()
    assert batch.to_pydict() == {"a": [1, None, None, 4, None], "b": [None, None, "x", None, None], "c": [None] * 5}


def test_a_column_that_no_row_fills_is_null_and_has_its_type() -> None:
    builder = ColumnBuilder({"a": "INT", "at": "TIMESTAMP"})
    builder.add({"a": 1})
    batch = builder.take()
    assert batch.column("at").null_count == 1
    assert batch.column("at").type == pa.timestamp("us", "UTC")


def test_a_new_batch_has_no_rows_of_the_last_one() -> None:
    builder = ColumnBuilder({"a": "INT", "b": "INT"})
    builder.add({"a": 1, "b": 1})
    builder.take()
    assert len(builder) == 0
    builder.add({"b": 2})
    assert builder.take().to_pylist() == [{"a": None, "b": 2}]
    assert builder.take().num_rows == 0


def test_a_row_given_to_the_builder_is_not_changed_later() -> None:
    builder, row = ColumnBuilder({"a": "INT"}), {"a": 1}
    builder.add(row)
    row["a"] = 2
    assert builder.take().to_pylist() == [{"a": 1}]


def test_a_column_that_the_table_lacks_is_refused() -> None:
    builder = ColumnBuilder({"a": "INT"})
    builder.add({"a": 1, "B`": 2})
    with pytest.raises(KeyError, match="no such column: \\['B`'\\]"):
        builder.take()


@pytest.mark.parametrize(
    ("kind", "value"),
    [("INT", 2**31), ("BIGINT", 2**63), ("INT", "7"), ("DOUBLE", "7"), ("BOOLEAN", 1), ("STRING", 7)],
    ids=repr,
)
def test_a_value_of_another_type_is_refused_not_converted(kind: str, value: object) -> None:
    builder = ColumnBuilder({"a": kind})
    builder.add({"a": value})
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError, OverflowError)):
        builder.take()
