"""The names of a table and its side tables. Tests with Spark create and read them."""

from pathlib import Path

import pytest

from flatten.errors import TableError
from flatten.tables.names import TableName
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS, SIDE_TABLES


@pytest.mark.parametrize(
    ("text", "sql", "side", "schemas"),
    [
        ("flat", "`flat`", "`default_ops`.`flat_files`", ["`default`", "`default_ops`"]),
        ("tele.flat", "`tele`.`flat`", "`tele_ops`.`flat_files`", ["`tele`", "`tele_ops`"]),
        (
            "main.tele.flat",
            "`main`.`tele`.`flat`",
            "`main`.`tele_ops`.`flat_files`",
            ["`main`.`tele`", "`main`.`tele_ops`"],
        ),
        (
            "main.a b.it's",
            "`main`.`a b`.`it's`",
            "`main`.`a b_ops`.`it's_files`",
            ["`main`.`a b`", "`main`.`a b_ops`"],
        ),
        ("/data/tables/flat", "delta.`/data/tables/flat`", "delta.`/data/tables_ops/flat_files`", []),
        ("/data/tables/flat/", "delta.`/data/tables/flat`", "delta.`/data/tables_ops/flat_files`", []),
        ("/a`b/c'd", "delta.`/a``b/c'd`", "delta.`/a``b_ops/c'd_files`", []),
        ("/a.b/c.d", "delta.`/a.b/c.d`", "delta.`/a.b_ops/c.d_files`", []),
    ],
)
def test_the_default_place_of_side_tables(text: str, sql: str, side: str, schemas: list[str]) -> None:
    table = TableName.of(text)
    assert (table.sql, table.side("files"), table.schemas()) == (sql, side, schemas)
    assert table.is_path is ("/" in text)


@pytest.mark.parametrize(
    ("text", "ops", "side"),
    [
        ("main.tele.flat", "main.operators", "`main`.`operators`.`flat_quarantine`"),
        ("/data/flat", "/data/operators/", "delta.`/data/operators/flat_quarantine`"),
    ],
    ids=["schema", "folder"],
)
def test_the_given_place_of_side_tables(text: str, ops: str, side: str) -> None:
    assert TableName.of(text, ops).side("quarantine") == side


@pytest.mark.parametrize(
    "text",
    ["", " ", ".", "a.", ".a", "a..b", "a. .b", "a`b", "a.b.c.d", "a.`b`.c", "a${x}", "/${env:HOME}/a"],
    ids=repr,
)
def test_an_invalid_name_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(TableError) as refusal:
        TableName.of(text)
    assert repr(text) in str(refusal.value) or repr(f"{text}_ops") in str(refusal.value)
    assert "give" in str(refusal.value)


@pytest.mark.parametrize("ops", ["a`b", "a..b", " "], ids=repr)
def test_an_invalid_ops_schema_is_refused(ops: str) -> None:
    with pytest.raises(TableError, match="not a table or schema name"):
        TableName.of("main.tele.flat", ops)


@pytest.mark.parametrize("ops", ["/data/flat", "/data/flat/ops", "/data/flat/a/b/"])
def test_side_tables_inside_the_table_are_refused(ops: str) -> None:
    with pytest.raises(TableError, match=r"is inside the table /data/flat, where VACUUM deletes files: give another"):
        TableName.of("/data/flat", ops)


def test_a_table_inside_a_side_table_is_refused() -> None:
    with pytest.raises(TableError, match="is inside"):
        TableName.of("/data/flat_runs/flat", "/data")


def test_every_kind_of_side_table_has_another_name() -> None:
    assert set(SIDE_TABLES) == {"quarantine", "files", "runs"}
    assert len({TableName.of("/data/flat").side(kind) for kind in SIDE_TABLES}) == len(SIDE_TABLES)


def test_the_event_columns_are_those_of_the_contract() -> None:
    vehicle = [f"vehicle_{key}" for key in ("id", "make", "model", "year", "mode", "powertrainType")]
    meta = [f"meta_{key}" for key in ("version", "deliveryId", "webhookId", "webhookName", "applicationId", "sequence")]
    assert list(EVENT_COLUMNS | LINEAGE_COLUMNS) == [
        *("event_id", "event_date", "recorded_at", "event_type", "record_type", "car_timezone", "smartcar_user_id"),
        "delivered_at",
        *(*vehicle, "user_id", "user_externalId", "triggers", *meta, "meta_mode"),
        *("signal_count", "unmapped_signals", "unmapped_attributes"),
        *("deleted_at", "stream", "sequence_number", "changed_at", "source_file"),
        *("catalogue_version", "pipeline_version", "pipeline_processed_at"),
    ]
    kinds = {name: kind for name, (kind, _) in (EVENT_COLUMNS | LINEAGE_COLUMNS).items()}
    assert {name for name, kind in kinds.items() if kind == "TIMESTAMP"} == {
        *("recorded_at", "delivered_at", "deleted_at", "changed_at", "pipeline_processed_at")
    }
    assert {name: kind for name, kind in kinds.items() if kind not in ("STRING", "TIMESTAMP")} == {
        "event_date": "DATE",
        "vehicle_year": "INT",
        "signal_count": "INT",
        "meta_sequence": "BIGINT",
    }


def test_every_column_has_a_comment() -> None:
    assert all(len(about) > 2 for _, about in (EVENT_COLUMNS | LINEAGE_COLUMNS).values())


def test_tables_by_path_have_folders_and_others_have_none() -> None:
    found = TableName.of("/data/t", "/operators").folders()
    assert set(found) == {Path("/data/t"), *(Path(f"/operators/t_{kind}") for kind in SIDE_TABLES)}
    assert TableName.of("tele.flat").folders() == TableName.of("s3a://bucket/t").folders() == []
