"""The views by name: created once, replaced when the table has more columns; other objects stay unchanged."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from flatten.errors import TableError
from flatten.events import catalogue
from flatten.tables import create
from flatten.tables.names import TableName
from flatten.views import update
from flatten.views.fill import VIEWS
from support.job_world import World

pytestmark = pytest.mark.spark


@pytest.fixture
def table(spark: SparkSession, blank: Path, tmp_path: Path) -> Iterator[TableName]:
    """Yield an empty flat table by name, in a separate schema."""
    schema = f"views_{uuid.uuid4().hex}"
    world = World(spark, tmp_path).furnished(blank)
    spark.sql(f"CREATE SCHEMA {schema}")
    spark.sql(f"CREATE TABLE {schema}.flat USING DELTA LOCATION '{world.table.text}'")
    yield TableName.of(f"{schema}.flat")
    spark.sql(f"DROP SCHEMA {schema} CASCADE")


def _views(spark: SparkSession, table: TableName) -> set[str]:
    return {row.viewName for row in spark.sql(f"SHOW VIEWS IN {table.text.split('.')[0]}").collect() if row.namespace}


def test_the_views_are_created_once(spark: SparkSession, table: TableName) -> None:
    assert update.update(spark, table, 30) == dict.fromkeys(VIEWS, "created")
    assert _views(spark, table) == set(VIEWS)
    for view in VIEWS:
        assert spark.table(table.sibling(view)).collect() == []
    assert update.update(spark, table, 30) == dict.fromkeys(VIEWS, "unchanged")
    assert update.update(spark, table, 31) == dict.fromkeys(VIEWS, "replaced")


def test_a_signal_that_the_fleet_sends_for_the_first_time_is_added(spark: SparkSession, table: TableName) -> None:
    update.update(spark, table, 30)
    create.add_columns(spark, table, catalogue.packaged().columns(["climate-externaltemperature"]))
    of_each_signal = {"vehicle_latest": "replaced", "vehicle_health": "replaced"}
    assert update.update(spark, table, 30) == dict.fromkeys(VIEWS, "unchanged") | of_each_signal
    columns = spark.table(table.sibling("vehicle_latest")).columns
    assert {"Climate_ExternalTemperature_value", "Climate_ExternalTemperature_measuredAt"} <= set(columns)


@pytest.mark.parametrize("other", ["VIEW {} AS SELECT 1 AS a", "TABLE {} (a INT) USING DELTA"], ids=["view", "table"])
def test_other_objects_stay_unchanged(spark: SparkSession, table: TableName, other: str) -> None:
    spark.sql(f"CREATE {other.format(table.sibling('vehicle_day'))}")
    with pytest.raises(TableError, match=r"`vehicle_day` exists and was not made by `flatten views`: rename it"):
        update.update(spark, table, 30)
    assert _views(spark, table) <= {"vehicle_day"}


def test_a_missing_table_has_no_views(spark: SparkSession, table: TableName) -> None:
    with pytest.raises(TableError, match="does not exist: `flatten run` creates it"):
        update.update(spark, TableName.of(f"{table.text}_none"), 30)
