"""`flatten maintain` proves that an event has one row, mends, forgets and thins."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from flatten import lease, moves
from flatten.run.duplicates import mend_duplicates
from flatten.errors import AlreadyRunning, BadLocation, ConflictsPersist
from flatten.run.maintain import Keeping, maintain
from flatten.run.owner import only_run
from flatten.tables.runs import end_run
from support.job_world import NOW, World, clock, line

pytestmark = pytest.mark.spark
HOSTILE = 'it\'s `a` \\ "key" ${env:HOME}\n'


@pytest.fixture(scope="module")
def world(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(spark, tmp_path_factory.mktemp("kept")).furnished(blank)
    signals = {"odometer-traveleddistance": 1}
    world.land("a.ndjson.gz", [line("a", 1, signals=signals), line(HOSTILE, 1, signals=signals), line("c", None)])
    world.run()
    return world


def after(days: int) -> Callable[[], datetime]:
    return lambda: NOW + timedelta(days=days)


def keeping(world: World, **options: Any) -> Keeping:
    settings = world.settings()
    return Keeping(table=world.table, state=settings.state, run_id=settings.run_id, compact=False, **options)


def test_a_sound_table_needs_no_mending(world: World) -> None:
    before = world.rows()
    found = maintain(world.spark, keeping(world, archive=str(world.root / "archive"), archive_days=7), after(6))
    assert found == {"duplicates_mended": [], "moves_forgotten": 0, "archive_removed": 0, "compacted": []}
    assert world.rows() == before


def test_the_newest_of_several_rows_stays(world: World) -> None:
    older = world.spark.table(world.table.sql).where("event_id <> 'c'")
    emptied = {"sequence_number": F.lit("0"), "Odometer_TraveledDistance_value": F.lit(None).cast("double")}
    older.withColumns(emptied).write.format("delta").mode("append").save(world.table.text)
    assert mend_duplicates(world.spark, world.table, lambda: None, NOW) == sorted(["a", HOSTILE])
    rows = world.rows()
    assert {rows[event].sequence_number for event in ("a", HOSTILE)} == {"1"}
    assert rows["a"].Odometer_TraveledDistance_value == 1.0
    assert {"a", HOSTILE} <= {row.event_id for row in world.side("moves") if row.cause == "moved"}


def test_equal_rows_are_made_one(world: World) -> None:
    world.spark.sql(f"INSERT INTO {world.table.sql} SELECT * FROM {world.table.sql} WHERE event_id = 'c'")
    assert mend_duplicates(world.spark, world.table, lambda: None, NOW) == ["c"]
    assert sorted(world.rows()) == sorted(["a", "c", HOSTILE])


def test_archived_files_and_dates_that_were_noted_in_passing_alone_go_by_their_age(world: World) -> None:
    for causes in (["passing"], ["passing", "moved"]):
        dates = [("x", date(2026, 1, 9), cause) for cause in causes]
        told = world.spark.createDataFrame(dates, "event_id STRING, event_date DATE, cause STRING")
        moves.note(told, world.table, NOW)
    assert noted(world) == ["moved", "passing"]
    assert world.archived() == ["a.ndjson.gz"]
    found = maintain(world.spark, keeping(world, archive=str(world.root / "archive"), archive_days=29), after(30))
    assert (found["moves_forgotten"], found["archive_removed"], world.archived()) == (0, 1, [])
    assert world.files()["a.ndjson.gz"].outcome == "removed"
    assert maintain(world.spark, keeping(world), after(31))["moves_forgotten"] == 2
    assert noted(world) == ["moved"]


def noted(world: World) -> list[str]:
    return sorted(row.cause for row in world.side("moves") if row.event_id == "x")


def test_a_removed_file_that_comes_again_is_known_still(world: World) -> None:
    source = Path(world.settings().source)
    world.land("a.ndjson.gz", b"something else")
    report = world.run()
    assert [Path(path).name for path in report.moved.changed] == ["a.ndjson.gz"]
    assert not (source / "a.ndjson.gz").exists()


def test_upkeep_on_the_state_folder_of_a_run_at_work_is_refused(world: World) -> None:
    """The lease would be its to take at once, as it is a killed run's successor's."""
    before = world.side("lease"), world.side("runs")
    with only_run(world.settings().state), pytest.raises(AlreadyRunning, match="Another run is at work"):
        maintain(world.spark, keeping(world), clock)
    assert (world.side("lease"), world.side("runs")) == before


def test_a_run_is_recorded_once(world: World) -> None:
    before = len(world.side("runs"))
    for outcome in ("succeeded", "failed"):
        end_run(world.spark, world.table, "twice", "run", NOW, NOW, outcome)
    assert [row.outcome for row in world.side("runs") if row.run_id == "twice"] == ["succeeded"]
    assert len(world.side("runs")) == before + 1


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "the record is refused"])
def test_upkeep_that_fails_is_recorded_so_says_why_and_lets_the_table_go(
    recorded: bool, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = keeping(world, archive="abfss://bucket/archive", archive_days=1)
    if not recorded:
        monkeypatch.setattr("flatten.runs.retried", refused)
    with pytest.raises(BadLocation):
        maintain(world.spark, failing, clock)
    assert [row.outcome for row in world.side("runs") if row.run_id == failing.run_id] == ["failed"] * recorded
    assert [(row.holder, row.expires_at.astimezone(UTC)) for row in world.side("lease")] == [(failing.run_id, NOW)]


def refused(commit: Callable[[], Any]) -> None:
    raise ConflictsPersist(f"{commit} met others again and again.")


def test_upkeep_that_lost_its_lease_mends_nothing_more(world: World) -> None:
    world.spark.sql(f"INSERT INTO {world.table.sql} SELECT * FROM {world.table.sql} WHERE event_id = 'c'")
    time = iter([NOW, NOW, NOW + lease.TERM])

    def late() -> datetime:
        """The lease is asked for twice before the mending, which finds that it took an hour to look."""
        now = next(time, NOW + lease.TERM)
        if now > NOW:
            lease.hold(world.spark, world.table, "another", "another state", now)
            lease.release(world.spark, world.table, "another", NOW)
        return now

    with pytest.raises(AlreadyRunning, match=r"Another writer \(another\) has taken"):
        maintain(world.spark, keeping(world), late)
    assert [row.holder for row in world.side("lease")] == ["another"]
    with pytest.raises(AssertionError, match="an event has two rows"):
        world.rows()
