"""Replaying archived files: into the live table, into another one, after the catalogue has grown."""

import json
import os
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from flatten import __version__
from flatten.errors import OwnerError, TableError
from flatten.run.compare import differences
from flatten.run.replay import Period, require_rebuilt
from flatten.tables.names import TableName
from support.job_world import World, at, content, line, verdicts
from support.second_year import replay

pytestmark = pytest.mark.spark
ODOMETER = "odometer-traveleddistance"
DAYS: dict[str, list[dict[str, Any] | bytes]] = {
    "2026/01/05/10/a.ndjson.gz": [
        line("e1", 1, signals={ODOMETER: 1}),
        line("e2", 2, signals={ODOMETER: 2, "charge-chargelimit": 80}),
        b"{broken",
        line("gone", 3, signals={ODOMETER: 3}),
    ],
    "2026/01/06/10/b.ndjson.gz": [
        line("e1", 4, name="MODIFY", date="2026-01-06", previous="2026-01-05", signals={ODOMETER: 4}),
        line("gone", 5, name="REMOVE", keys_only=True),
        line("removed", 6, name="REMOVE", signals={ODOMETER: 6}),
        line("kept", 7, signals={ODOMETER: 7}),
        line("kept", 8, name="REMOVE", expired=True),
    ],
    "2026/01/07/10/c.ndjson.gz": [line("plain", None, delivered=1_767_600_000_000, signals={ODOMETER: 9})],
}
ARCHIVED = sorted(DAYS)


@pytest.fixture(scope="module")
def lived(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a table of three days, each in its own micro-batch. Tests add only other events to it."""
    world = World(spark, tmp_path_factory.mktemp("lived")).furnished(blank)
    for age, (name, lines) in enumerate(DAYS.items()):
        os.utime(world.land(name, lines), (1_767_600_000 + age, 1_767_600_000 + age))
    world.run(max_files=1)
    assert world.archived() == ARCHIVED
    return world


def version(table: TableName) -> int:
    return DeltaTable(table.folders()[0]).version()


def test_a_replay_into_the_live_table_changes_nothing(lived: World) -> None:
    rows, files, quarantine, before = lived.rows(), lived.files(), lived.side("quarantine"), version(lived.table)
    counts = replay(lived)
    assert (counts["files"], counts["lines"], counts["rows_written"]) == (3, 10, 0)
    assert (lived.rows(), lived.files(), lived.side("quarantine")) == (rows, files, quarantine)
    assert version(lived.table) == before
    assert [json.loads(row.counts) for row in lived.side("runs") if row.command == "replay"] == [counts]


def test_a_replay_into_a_new_table_equals_the_live_one(lived: World) -> None:
    other = TableName.of(str(lived.root / "other" / "rebuilt"))
    before = version(lived.table)
    counts = replay(lived, into=other)
    assert counts["rows_written"] == 7  # of "gone" the values, then its removal
    found = differences(lived.spark, lived.table, other)
    assert found.pop("events") == []
    assert not any(found.values())
    assert version(lived.table) == before


def test_a_newer_catalogue_fills_exactly_its_new_columns(lived: World) -> None:
    rows = lived.rows()
    new = "Odometer_TraveledDistance_value"
    lived.spark.sql(f"UPDATE {lived.table.sql} SET catalogue_version = '0', {new} = NULL")
    counts = replay(lived)
    again = lived.rows()
    closed = "gone"  # its values are those of an older line: the page says so
    assert counts["rows_written"] == len(rows) - 1
    assert {key: row for key, row in again.items() if key != closed} == {
        key: row for key, row in rows.items() if key != closed
    }
    assert (again[closed][new], again[closed].catalogue_version) == (None, "0")
    assert replay(lived)["rows_written"] == 0
    lived.spark.sql(f"UPDATE {lived.table.sql} SET catalogue_version = '1', {new} = 3 WHERE event_id = '{closed}'")


def test_a_row_of_a_newer_version_stays_unchanged(lived: World) -> None:
    lived.spark.sql(f"UPDATE {lived.table.sql} SET catalogue_version = '99', pipeline_version = '99.0'")
    assert replay(lived)["rows_written"] == 0
    lived.spark.sql(f"UPDATE {lived.table.sql} SET catalogue_version = '1', pipeline_version = '{__version__}'")


def test_only_the_given_days_are_read(lived: World) -> None:
    counts = replay(lived, period=Period(date(2026, 1, 6), date(2026, 1, 6)))
    assert (counts["files"], counts["lines"]) == (1, 5)


def test_a_replay_of_no_file_makes_no_table(lived: World) -> None:
    other = TableName.of(str(lived.root / "unmade" / "rebuilt"))
    assert replay(lived, into=other, period=Period(date(2020, 1, 1), date(2020, 1, 1)))["files"] == 0
    assert not (lived.root / "unmade").exists()


def test_a_dry_run_reports_the_changes_and_writes_nothing(lived: World) -> None:
    lived.spark.sql(f"UPDATE {lived.table.sql} SET catalogue_version = '0'")
    rows, runs, before = lived.rows(), lived.side("runs"), version(lived.table)
    other = TableName.of(str(lived.root / "unmade" / "rebuilt"))
    assert replay(lived, dry_run=True)["rows_written"] == len(rows) - 1
    assert replay(lived, into=other, dry_run=True)["rows_written"] == 7
    assert (lived.rows(), lived.side("runs"), version(lived.table)) == (rows, runs, before)
    assert not (lived.root / "unmade").exists()
    replay(lived)


@pytest.mark.parametrize("boundary", ["values", "quarantine", "files"])
def test_a_killed_replay_is_completed_by_the_next(lived: World, boundary: str) -> None:
    other = TableName.of(str(lived.root / f"killed at {boundary}" / "rebuilt"))

    def die() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replay(lived, into=other, reached=at(boundary, die))
    replay(lived, into=other)
    found = differences(lived.spark, lived.table, other)
    assert not any(found.values())


def test_a_change_that_the_job_writes_in_parallel_stays(lived: World) -> None:
    lived.spark.sql(f"UPDATE {lived.table.sql} SET catalogue_version = '0'")
    lived.land("2026/01/08/10/d.ndjson.gz", [line("e2", 9, name="MODIFY", signals={ODOMETER: 99})])

    def run() -> None:
        other = threading.Thread(target=lived.run)
        other.start()
        other.join()

    replay(lived, reached=at("found", run))
    row = lived.rows()["e2"]
    assert (row.sequence_number, row.Odometer_TraveledDistance_value, row.catalogue_version) == ("9", 99, "1")
    assert {row.catalogue_version for key, row in lived.rows().items() if key != "gone"} == {"1"}


def test_objects_of_an_older_pipeline_are_read_in_place(lived: World) -> None:
    old = lived.root / "old archive" / "telemetry"
    old.mkdir(parents=True)
    name = "telemetry_1761682266000_1.json"
    (old / name).write_bytes(json.dumps(line("old", None, signals={ODOMETER: 5})).encode())
    (old / "telemetry_1700000000000_1.json").write_bytes(b"")
    counts = replay(lived, archive=lived.root / "old archive", period=Period(date(2025, 10, 28), date(2025, 10, 28)))
    assert (counts["files"], counts["rows_written"]) == (1, 1)
    row = lived.rows()["old"]
    assert (row.source_file, row.Odometer_TraveledDistance_value) == (str(old / name), 5)


def test_the_archive_of_another_table_is_refused(lived: World) -> None:
    other = World(lived.spark, lived.root / "another")
    with pytest.raises(OwnerError, match="by its marker"):
        replay(other, archive=lived.root / "archive")


def test_only_a_table_that_replays_have_built_is_continued(lived: World) -> None:
    built = TableName.of(str(lived.root / "other" / "rebuilt"))
    replay(lived, into=built)
    require_rebuilt(lived.spark, built)
    require_rebuilt(lived.spark, TableName.of(str(lived.root / "other" / "new")))
    with pytest.raises(TableError, match="is the table of a job"):
        require_rebuilt(lived.spark, lived.table)


def test_a_file_with_a_digest_in_its_name_gets_its_name_in_landing(lived: World) -> None:
    data = content([line("moved", 20, signals={ODOMETER: 20})])
    lived.land("2026/01/09/10/e.ndjson.gz", data)
    taken = lived.root / "archive" / "2026/01/09/10/e.ndjson.gz"
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"of somebody else")
    lived.run()
    taken.unlink()
    [moved] = taken.parent.iterdir()
    assert moved.name.startswith("e.ndjson.gz.")
    counts = replay(lived, period=Period(date(2026, 1, 9), date(2026, 1, 9)))
    assert (counts["applied"], counts["rows_written"]) == (1, 0)
    assert verdicts(lived.files()["2026/01/09/10/e.ndjson.gz"]) == {"applied": 1}
