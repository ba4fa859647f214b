"""The job by table name in Spark's session catalog, and the bundle's dashboards and alerts on what it wrote."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest

from flatten import descriptions, tables
from flatten.errors import FilesIncomplete
from flatten.status import require_complete
from flatten.tables import EVENT_COLUMNS, LINEAGE_COLUMNS, TableName
from support.bundle import given_for, load
from support.dashboards import asked_of, dashboard, datasets, runnable
from support.job_world import NOW, World, content, key, line

pytestmark = pytest.mark.spark
SCHEMA, OPS = "spark_catalog.bundle_by_name", "spark_catalog.bundle_by_name_ops"
TABLE = f"{SCHEMA}.car_telemetry_flattened"


@dataclass(frozen=True)
class NamedWorld(World):
    """A job whose table has a name. The bundle has made its schema, as in a workspace."""

    @property
    def table(self) -> TableName:
        """The flat table, by name."""
        return TableName.of(TABLE)


@pytest.fixture(scope="module")
def world(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two runs: the second brings new signals, an error, a change, a bad line and a file that is cut short."""
    world = NamedWorld(spark, tmp_path_factory.mktemp("by_name"))
    spark.sql(f"CREATE SCHEMA {SCHEMA}")
    world.land(
        key(2), [line("e1", 1, signals={"odometer-traveleddistance": 7.5}, delivered=1_767_607_200_000), line("e2", 2)]
    )
    world.run()
    failed = {"code": "closure-islocked", "status": {"value": "ERROR", "error": {"type": "PERMISSION", "code": None}}}
    changed = line("e1", 3, name="MODIFY", signals={"vehicleidentification-vin": "V1"})
    changed["signals"].append(failed)
    world.land(key(3, first=3), [changed, line("e3", 4), b"bad"])
    world.land(key(2, first=50), content([line("e5", 50), line("e6", 51)])[:-9])
    world.run()
    yield world
    for schema in (SCHEMA, OPS):
        spark.sql(f"DROP SCHEMA {schema} CASCADE")


def test_rows_are_made_changed_and_widened_by_name(world: World) -> None:
    rows = world.rows()
    assert sorted(rows) == ["e1", "e2", "e3"]
    assert (rows["e1"].VehicleIdentification_VIN, rows["e1"].Odometer_TraveledDistance_value) == ("V1", None)
    assert {row.outcome for row in world.side("files")} == {"committed", "quarantined"}


def test_the_table_is_clustered_and_has_its_properties(world: World) -> None:
    detail = world.spark.sql(f"DESCRIBE DETAIL {world.table.sql}").collect()[0]
    assert detail.clusteringColumns == ["event_date"]
    assert detail.properties["delta.dataSkippingStatsColumns"] == "event_id,event_date,recorded_at,vehicle_id"
    assert "delta.columnMapping.mode" not in detail.properties  # other engines misread it


def _comments(world: World) -> dict[str, str | None]:
    return {field.name: field.metadata.get("comment") for field in world.spark.table(world.table.sql).schema.fields}


def test_every_column_is_described_by_the_run_after_it_came(world: World) -> None:
    comments = _comments(world)
    own = {name: about for name, (_, about) in (EVENT_COLUMNS | LINEAGE_COLUMNS).items()}
    assert {name: comments[name] for name in own} == own
    known = descriptions.signal_comments()
    first = [name for name in comments if name.startswith("Odometer_TraveledDistance")]
    assert first
    assert {name: comments[name] for name in first} == {name: known[name] for name in first}
    bare = {name for name, about in comments.items() if about is None}
    assert bare == {name for name in comments if name.startswith(("VehicleIdentification_VIN", "Closure_IsLocked"))}
    tables.ensure(world.spark, world.table)
    after = _comments(world)
    assert {name: after[name] for name in bare} == {name: known[name] for name in bare}
    assert tables.description(world.spark, world.table, tags=True) == []


@pytest.mark.parametrize("name", ["telemetry", "pipeline"])
def test_the_queries_of_a_dashboard_run_and_give_what_its_widgets_show(world: World, name: str) -> None:
    content = dashboard(name)
    schema = {"telemetry": SCHEMA, "pipeline": OPS}[name]
    asked: dict[str, set[str]] = {}
    for _, dataset, column in asked_of(content):
        asked.setdefault(dataset, set()).add(column)
    for dataset, sql in datasets(content).items():
        found = world.spark.sql(runnable(sql, schema))
        assert asked[dataset] <= set(found.columns), dataset
        assert found.collect(), dataset


def _dataset(world: World, name: str, dataset: str) -> list[dict[str, Any]]:
    schema = {"telemetry": SCHEMA, "pipeline": OPS}[name]
    return [row.asDict() for row in world.spark.sql(runnable(datasets(dashboard(name))[dataset], schema)).collect()]


def test_dashboards_count_what_there_is(world: World) -> None:
    assert _dataset(world, "telemetry", "totals") == [{"events": 3, "cars": 0, "signals": 2}]
    seen = {(row["signal"], row["outcome"]): row["events"] for row in _dataset(world, "telemetry", "signals")}
    assert seen == {("VehicleIdentification_VIN", "OK"): 1, ("Closure_IsLocked", "PERMISSION"): 1}
    assert [row["status"] for row in _dataset(world, "telemetry", "worst")] == ["PERMISSION"]
    assert _dataset(world, "pipeline", "file_totals") == [{"files": 3, "lines": 5, "incomplete": 1}]
    assert {row["verdict"]: row["lines"] for row in _dataset(world, "pipeline", "lines")} == {
        "applied": 4,
        "quarantined": 1,
    }
    waiting = {row["reason"]: row["lines"] for row in _dataset(world, "pipeline", "quarantine_waiting")}
    assert waiting == {"not_json": 1, "file_unreadable": 1}


def _alert(world: World, key: str, now: datetime) -> tuple[float, bool]:
    """Return what an alert's query gives at a time, and whether the alert fires."""
    bundle = load("prod", variables=given_for("prod") | {"catalog": "spark_catalog", "schema": "bundle_by_name"})
    alert = bundle.resources("alerts")[key]
    evaluation = alert["evaluation"]
    sql = re.sub(r"current_timestamp\(\)", f"TIMESTAMP'{now.isoformat()}'", alert["query_text"])
    value = world.spark.sql(sql).collect()[0][evaluation["source"]["name"]]
    assert evaluation["comparison_operator"] == "GREATER_THAN_OR_EQUAL"
    return value, value >= evaluation["threshold"]["value"]["double_value"]


@pytest.mark.parametrize(
    ("key", "after", "value", "fires"),
    [
        ("freshness", timedelta(minutes=119), 119, False),
        ("freshness", timedelta(minutes=120), 120, True),
        ("quarantined_lines", timedelta(hours=1), 2, True),
        ("quarantined_lines", timedelta(hours=25), 0, False),
        ("incomplete_files", timedelta(hours=1), 1, True),
        ("incomplete_files", timedelta(hours=25), 0, False),
    ],
    ids=["fresh", "stale", "quarantined", "long ago quarantined", "incomplete", "long ago incomplete"],
)
def test_an_alert_fires_when_it_should(world: World, key: str, after: timedelta, value: float, fires: bool) -> None:
    assert _alert(world, key, NOW + after) == (value, fires)


def test_the_check_names_files_that_are_not_complete(world: World) -> None:
    with pytest.raises(
        FilesIncomplete, match=r"^1 files of the last 1 days .* in spark_catalog\..*-2-.*\(quarantined\)"
    ):
        require_complete(world.spark, world.table, 1, NOW + timedelta(hours=1))
    require_complete(world.spark, world.table, 1, NOW + timedelta(hours=25))
