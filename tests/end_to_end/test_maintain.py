"""`flatten maintain` checks that an event has one row, removes duplicates, and deletes expired data."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from flatten.errors import LocationError
from flatten.run.batch import Around
from flatten.run.duplicates import remove_duplicates
from flatten.run.maintain import MaintenanceOptions, maintain
from support.job_world import NOW, World, around, line

pytestmark = pytest.mark.spark
HOSTILE = 'it\'s `a` \\ "key" ${env:HOME}\n'
DAYS = ("2026/01/05/10", "2026/01/05/23", "2026/01/06/00")


@pytest.fixture(scope="module")
def world(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(spark, tmp_path_factory.mktemp("kept")).furnished(blank)
    signals = {"odometer-traveleddistance": 1}
    lines = [[line("a", 1, signals=signals)], [line(HOSTILE, 1, signals=signals)], [line("c", None)]]
    for day, each in zip(DAYS, lines, strict=True):
        world.land(f"{day}/x.ndjson.gz", each)
    world.land("no hour.ndjson.gz", [line("a", 1, signals=signals)])
    world.run()
    return world


def after(days: int) -> Around:
    def clock() -> datetime:
        return NOW + timedelta(days=days)

    return replace(around(), clock=clock)


def keeping(world: World, **options: Any) -> MaintenanceOptions:
    settings = world.settings()
    return MaintenanceOptions(table=world.table, run_id=settings.run_id, compact=False, **options)


def test_a_table_without_duplicates_stays_unchanged(world: World) -> None:
    before = world.rows()
    found = maintain(world.spark, keeping(world, archive=str(world.root / "archive"), archive_days=7), after(6))
    assert found == {"duplicates": [], "archive_deleted": [], "compacted": []}
    assert world.rows() == before
    assert len(world.archived()) == 4


def test_only_the_newest_of_several_rows_stays(world: World) -> None:
    older = world.spark.table(world.table.sql).where("event_id <> 'c'")
    emptied = {"sequence_number": F.lit("0"), "Odometer_TraveledDistance_value": F.lit(None).cast("double")}
    older.withColumns(emptied).write.format("delta").mode("append").save(world.table.text)
    assert remove_duplicates(world.spark, world.table, around().patience) == sorted(["a", HOSTILE])
    rows = world.rows()
    assert {rows[event].sequence_number for event in ("a", HOSTILE)} == {"1"}
    assert rows["a"].Odometer_TraveledDistance_value == 1.0


def test_equal_rows_become_one(world: World) -> None:
    world.spark.sql(f"INSERT INTO {world.table.sql} SELECT * FROM {world.table.sql} WHERE event_id = 'c'")
    assert remove_duplicates(world.spark, world.table, around().patience) == ["c"]
    assert sorted(world.rows()) == sorted(["a", "c", HOSTILE])


def test_days_of_the_archive_are_deleted_when_all_files_are_old_enough(world: World) -> None:
    table = world.table.side("files")
    world.spark.sql(f"UPDATE {table} SET committed_at = committed_at + INTERVAL 1 DAY WHERE path LIKE '%/10/x%'")
    expired = keeping(world, archive=str(world.root / "archive"), archive_days=30)
    assert maintain(world.spark, expired, after(31))["archive_deleted"] == ["2026/01/06"]
    assert maintain(world.spark, expired, after(31))["archive_deleted"] == []
    assert maintain(world.spark, expired, after(32))["archive_deleted"] == ["2026/01/05"]
    assert world.archived() == ["no hour.ndjson.gz"]


def test_a_deleted_file_that_comes_again_is_still_known(world: World) -> None:
    world.land(f"{DAYS[0]}/x.ndjson.gz", b"something else")
    report = world.run()
    assert [Path(path).name for path in report.paths("changed")] == ["x.ndjson.gz"]
    assert world.landed() == []


def test_the_tables_are_compacted(world: World) -> None:
    found = maintain(world.spark, replace(keeping(world), compact=True), around())
    assert len(found["compacted"]) == 4
    assert sorted(world.rows()) == sorted(["a", "c", HOSTILE])


def test_a_failure_is_recorded_with_its_reason(world: World) -> None:
    failing = keeping(world, archive="abfss://bucket/archive", archive_days=1)
    with pytest.raises(LocationError):
        maintain(world.spark, failing, around())
    [run] = [row for row in world.side("runs") if row.run_id == failing.run_id]
    assert (run.command, run.outcome, "abfss://bucket/archive" in run.error) == ("maintain", "failed", True)
