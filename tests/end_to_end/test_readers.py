"""Other engines read the table like Spark: delta-rs and DuckDB."""

from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import DeltaTable, QueryBuilder
from duckdb_extensions import import_extension

from support.job_world import World, line

pytestmark = pytest.mark.spark
QUESTION = """
SELECT count(*) AS events, count(deleted_at) AS deleted, sum("Odometer_TraveledDistance_value") AS kilometres,
       count("Closure_IsLocked") AS locked, min(event_date) AS first_day, max(event_date) AS last_day,
       min(date_part('year', recorded_at)) AS first_year, max(date_part('year', recorded_at)) AS last_year
FROM telemetry
"""


@pytest.fixture(scope="module")
def world(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Write inserts, updates with a new column, removals and moves: several versions of the table."""
    world = World(spark, tmp_path_factory.mktemp("readers")).furnished(blank)
    first = [line(f"e{each}", each, signals={"odometer-traveleddistance": each + 0.5}) for each in range(1, 199)]
    first += [line("past", 199, date="0001-01-01"), line("future", 200, date="9999-12-31")]
    world.land("0/a.ndjson.gz", first)
    world.batch(0, "0")
    changed = [
        line(f"e{each}", 1000 + each, name="MODIFY", signals={"closure-islocked": True}, date="2026-01-07")
        for each in range(1, 21)
    ]
    removed = [line(f"e{each}", 2000 + each, name="REMOVE", keys_only=True) for each in range(30, 41)]
    world.land("1/b.ndjson.gz", [*changed, *removed])
    world.batch(1, "1")
    return world


@pytest.fixture(scope="module")
def by_spark(world: World) -> dict[str, Any]:
    world.spark.table(world.table.sql).createOrReplaceTempView("telemetry")
    return dict(world.spark.sql(QUESTION.replace('"', "`")).collect()[0].asDict())


def test_what_spark_reads(by_spark: dict[str, Any]) -> None:
    kilometres = sum(each + 0.5 for each in range(21, 199))
    assert (by_spark["events"], by_spark["deleted"], by_spark["locked"]) == (200, 11, 20)
    assert by_spark["kilometres"] == kilometres


def test_delta_rs_reads_the_same(world: World, by_spark: dict[str, Any]) -> None:
    builder = QueryBuilder().register("telemetry", DeltaTable(world.table.text))
    answer = builder.execute(QUESTION).read_all()
    assert {name: answer[name][0].as_py() for name in by_spark} == by_spark


def test_duckdb_reads_the_same(world: World, by_spark: dict[str, Any], tmp_path: Path) -> None:
    with duckdb.connect(config={"extension_directory": str(tmp_path)}) as connection:
        import_extension("delta", con=connection)
        connection.execute("LOAD delta")
        answer = connection.sql(QUESTION.replace("FROM telemetry", f"FROM delta_scan('{world.table.text}')"))
        row = answer.fetchone()
        assert row is not None
        assert dict(zip(answer.columns, row, strict=True)) == by_spark


def test_no_column_has_a_type_that_others_lack(world: World) -> None:
    kinds = {field.dataType.simpleString() for field in world.spark.table(world.table.sql).schema.fields}
    assert kinds <= {"string", "double", "boolean", "int", "bigint", "date", "timestamp"}


def test_columns_are_those_of_the_event_and_of_the_signals_seen(world: World) -> None:
    columns = world.spark.table(world.table.sql).columns
    signal_columns = [name for name in columns if name[0].isupper()]
    stems = {"Odometer_TraveledDistance", "Closure_IsLocked"}
    assert {"_".join(name.split("_")[:2]) for name in signal_columns} == stems
