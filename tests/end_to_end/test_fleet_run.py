"""A generated fleet with every oddity goes through the job: the table agrees with the fleet's truth."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flatten.run.status import status
from rehearsal.fleet import FleetReport, write_fleet
from support.job_world import NOW, Seen, World

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def made(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, FleetReport, Seen]:
    world = World(spark, tmp_path_factory.mktemp("fleet"), max_files=9).furnished(blank)
    report = write_fleet(world.source, events=300, vehicles=5, seed=5, oddities=True)
    world.run()
    return world, report, world.seen()


def test_every_event_has_one_row(made: tuple[World, FleetReport, Seen]) -> None:
    _, report, seen = made
    rows = seen.rows
    assert len(rows) == report.events
    assert sum(row.deleted_at is not None for row in rows.values()) == report.deleted


def test_only_bad_lines_and_files_are_quarantined(made: tuple[World, FleetReport, Seen]) -> None:
    _, report, seen = made
    found: dict[str, int] = {}
    for row in seen.sides["quarantine"]:
        found[row.reason] = found.get(row.reason, 0) + 1
    assert found == dict(report.quarantine_expected)


def test_every_line_is_counted_once(made: tuple[World, FleetReport, Seen]) -> None:
    _, _, seen = made
    for name, row in seen.files.items():
        counted = row.applied + row.superseded + row.repeated + row.ignored + row.quarantined
        assert counted == row.lines, name


def test_every_file_has_left_the_landing_folder(made: tuple[World, FleetReport, Seen]) -> None:
    world, report, _ = made
    assert world.landed() == []
    assert len(world.archived()) + len(world.rejected()) == report.files
    assert len(world.rejected()) == sum(
        report.quarantine_expected.get(f"file_{kind}", 0) for kind in ("unreadable", "incomplete")
    )


def test_a_second_run_finds_nothing_to_do(made: tuple[World, FleetReport, Seen]) -> None:
    world, _, seen = made
    report = world.run()
    assert (report.waiting, report.counts) == (0, {})
    assert world.rows() == seen.rows


def test_status_agrees_with_the_tables(made: tuple[World, FleetReport, Seen]) -> None:
    world, report, _ = made
    later = world.land("2026/02/01/12/later.ndjson.gz", [])
    found = status(world.spark, world.table, str(world.source), NOW)
    late = status(world.spark, world.table, str(world.source), datetime.now(UTC) + timedelta(hours=2))
    later.unlink()
    assert (found["rows"], found["deleted"]) == (report.events, report.deleted)
    assert found["landing"] == {"waiting": 1, "to_archive": 0, "late": []}
    assert late["landing"]["late"] == [str(later)]
    assert found["files"] == {"committed": report.files - 2, "quarantined": 2}
    assert found["quarantined"] == dict(report.quarantine_expected)
    assert [(run["outcome"], run["counts"]["files"]) for run in found["runs"]] == [("succeeded", report.files)]
    assert datetime.fromisoformat(found["newest_event"]).replace(tzinfo=UTC).year == 2025
