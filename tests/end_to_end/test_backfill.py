"""An export gives the rows that the stream would have made, and no row goes back."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flatten.errors import ExportError
from flatten.run.exports import parts, read_export, verify
from rehearsal.fleet.export import EXPORT_ID, exported_change, typed_item, write_export
from support.backfill_race import Race
from support.job_world import World, at, line
from support.second_year import backfill

ODOMETER = "odometer-traveleddistance"
SECOND = 1_767_600_000
"""The time of change number 1 of `job_world.line`; the next ones are two days apart."""


def image(event_id: str, km: float, **more: Any) -> dict[str, Any]:
    return typed_item(line(event_id, None, signals={ODOMETER: km}, **more))


def full(event_id: str, km: float, **more: Any) -> dict[str, Any]:
    return {"Item": image(event_id, km, **more)}


def written(event_id: str, km: float, at_second: float, **more: Any) -> dict[str, Any]:
    """Return an item of an incremental export, written this many seconds after change number 1."""
    return exported_change(_micros(at_second), {"event_id": event_id}, image(event_id, km, **more))


def removed(event_id: str, km: float, at_second: float, **attributes: Any) -> dict[str, Any]:
    old = image(event_id, km) | typed_item(attributes)
    return exported_change(_micros(at_second), {"event_id": event_id}, None, old)


def _micros(at_second: float) -> int:
    return round((SECOND + at_second) * 1_000_000)


def shown(world: World) -> dict[str, tuple[float, str | None, bool]]:
    """Return each event's value, its change's number, and whether it is deleted."""
    rows = world.rows().items()
    return {key: (row.Odometer_TraveledDistance_value, row.sequence_number, bool(row.deleted_at)) for key, row in rows}


@pytest.mark.spark
class TestWithATable:
    @pytest.fixture
    def world(self, spark: Any, blank: Path, tmp_path: Path) -> World:
        world = World(spark, tmp_path).furnished(blank)
        world.land("2026/01/05/10/a.ndjson.gz", [line("e1", 1, signals={ODOMETER: 1}), line("e2", 1, name="REMOVE")])
        world.run()
        return world

    def test_a_full_export_adds_what_is_missing_and_replaces_no_change(self, world: World) -> None:
        world.spark.sql(f"UPDATE {world.table.sql} SET Odometer_TraveledDistance_value = 2 WHERE event_id = 'e2'")
        folder = write_export(
            world.root / "s3", [[full("e1", 99), full("e2", 99)], [], [full("old", 7, date="2020-02-29")]]
        )
        dry = backfill(world, folder, dry_run=True)
        assert "old" not in world.rows()
        counts = backfill(world, folder)
        assert counts == dry
        assert (counts["lines"], counts["applied"], counts["ignored"], counts["rows_written"]) == (3, 1, 2, 1)
        assert shown(world) == {"e1": (1, "1", False), "e2": (2, "1", True), "old": (7, None, False)}
        row = world.rows()["old"]
        assert row.source_file == f"{folder}/data/{EXPORT_ID}0002.json.gz#1"
        assert backfill(world, folder)["rows_written"] == 0
        assert [row.command for row in world.side("runs") if row.command == "backfill"] == ["backfill"] * 2

    def test_an_incremental_export_is_ordered_by_its_times(self, world: World) -> None:
        lines = [
            [written("e1", 5, 0.9), written("e3", 3, 10.5), written("late", 4, -86_400.5)],
            [removed("gone", 6, 10, expires=1), removed("over", 6, 10, expires=SECOND), written("e2", 8, 1)],
        ]
        folder = write_export(world.root / "s3", lines, incremental=True)
        counts = backfill(world, folder)
        assert (counts["lines"], counts["superseded"], counts["ignored"], counts["rows_written"]) == (6, 1, 1, 4)
        assert shown(world) == {
            "e1": (1, "1", False),  # of the same second as its change of the stream
            "e2": (8, None, False),  # written again after the removal
            "e3": (3, None, False),
            "late": (4, None, False),
            "gone": (6, None, True),
        }
        assert world.rows()["e3"].changed_at == datetime.fromtimestamp(SECOND + 10.5, UTC)
        world.land(
            "2026/01/05/11/b.ndjson.gz",
            [
                line("e2", 1, name="MODIFY", signals={ODOMETER: 80}),  # late: made before the item was written
                line("e3", 2, name="MODIFY", signals={ODOMETER: 30}),
                line("late", 1, name="MODIFY", signals={ODOMETER: 40}),
            ],
        )
        world.run()
        assert shown(world)["e2"] == (8, None, False)
        assert shown(world)["e3"] == (30, "2", False)
        assert shown(world)["late"] == (40, "1", False)
        assert backfill(world, folder)["rows_written"] == 0

    def test_a_removal_keeps_the_values_that_are_newer_than_its_export(self, world: World) -> None:
        folder = write_export(world.root / "s3", [[removed("e1", 99, 10)]], incremental=True)
        counts = backfill(world, folder)
        assert (counts["applied"], counts["rows_written"]) == (1, 1)
        assert shown(world)["e1"] == (1, None, True)

    def test_an_older_export_never_replaces_rows_of_a_later_one(self, world: World) -> None:
        early, later = ([[written("e3", km, km)]] for km in (10, 20))
        newer = write_export(world.root / "later", later, incremental=True)
        older = write_export(world.root / "early", early, incremental=True)
        backfill(world, newer)
        assert backfill(world, older)["superseded"] == 1
        backfill(world, write_export(world.root / "full", [[full("e3", 99)]]))
        assert shown(world)["e3"] == (20, None, False)

    def test_bad_items_are_quarantined_and_counted(self, world: World) -> None:
        lines = [[full("e3", 1), {"Item": {"event_id": {"X": "?"}}}, {"Item": typed_item({"recorded_at": "x"})}]]
        counts = backfill(world, write_export(world.root / "s3", lines))
        assert (counts["applied"], counts["quarantined"]) == (1, 2)
        found = {(row.line_number, row.reason) for row in world.side("quarantine")}
        assert found == {(2, "unconvertible"), (3, "bad_event_id")}

    @pytest.mark.parametrize("boundary", ["found", "rows", "files"])
    def test_a_killed_backfill_is_completed_by_the_next(self, world: World, boundary: str) -> None:
        def die() -> None:
            raise KeyboardInterrupt

        folder = write_export(world.root / "s3", [[full("e3", 3), full("e4", 4)]])
        with pytest.raises(KeyboardInterrupt):
            backfill(world, folder, at(boundary, die))
        backfill(world, folder)
        assert {key: value for key, value in shown(world).items() if key not in ("e1", "e2")} == {
            "e3": (3, None, False),
            "e4": (4, None, False),
        }
        assert len([row for row in world.side("files") if ".json.gz#" in row.path]) == 1


LINES = [[full("e1", 1), full("e2", 2)], [full("e3", 3)]]


def test_a_file_is_cut_into_parts_with_their_first_line(tmp_path: Path) -> None:
    export = read_export(str(write_export(tmp_path, [[full(f"e{number}", 1) for number in range(25_000)], []])))
    found = list(parts(export, None))
    assert [file.path.rpartition("#")[2] for file in found] == ["1", "10001", "20001"]
    assert [file.content.count(b"\n") + 1 for file in found] == [10_000, 10_000, 5_000]
    assert json.loads(found[1].content.partition(b"\n")[0])["event_id"] == "e10000"


@pytest.mark.parametrize("incremental", [False, True])
def test_a_complete_export_is_verified_item_by_item(incremental: bool, tmp_path: Path) -> None:
    export = read_export(str(write_export(tmp_path, LINES, incremental=incremental)))
    seen: list[int] = []
    verify(export, seen.append)
    assert (export.items, seen) == (3, [2, 3])


def test_an_export_is_read_from_a_folder_of_another_name(tmp_path: Path) -> None:
    folder = write_export(tmp_path, LINES)
    copied = folder.rename(folder.parent / "copied")
    verify(read_export(str(copied)), lambda items: None)


def test_a_file_that_the_manifest_lists_twice_is_read_once(tmp_path: Path) -> None:
    folder = write_export(tmp_path, LINES)
    listed = folder / "manifest-files.json"
    listed.write_text(listed.read_text() * 2)
    export = read_export(str(folder))
    verify(export, lambda items: None)
    assert (export.items, len(list(parts(export, None)))) == (3, 2)


def _change(folder: Path, name: str, before: str, after: str) -> int:
    text = (folder / name).read_text()
    assert before in text
    return (folder / name).write_text(text.replace(before, after, 1))


def _data(folder: Path) -> Path:
    return sorted((folder / "data").iterdir())[0]


BROKEN: dict[str, tuple[Any, str]] = {
    "no manifest": (lambda folder: (folder / "manifest-summary.json").unlink(), "is not a DynamoDB export"),
    "no list of files": (lambda folder: (folder / "manifest-files.json").unlink(), "is not complete: .* has 3 items"),
    "half a list": (
        lambda folder: (folder / "manifest-files.json").write_text(
            (folder / "manifest-files.json").read_text().partition("\n")[0]
        ),
        "is not complete: .* has 3 items, the files of .* have 2",
    ),
    "a list that is not JSON": (
        lambda folder: (folder / "manifest-files.json").write_text('{"itemCount": 1'),
        "manifest-files.json cannot be read",
    ),
    "a list that says no checksum": (
        lambda folder: _change(folder, "manifest-files.json", "md5Checksum", "md5"),
        r"are not complete \('md5Checksum'\)",
    ),
    "Ion": (
        lambda folder: _change(folder, "manifest-summary.json", "DYNAMODB_JSON", "ION"),
        "is in the format ION: export again with DYNAMODB_JSON",
    ),
    "a file is missing": (lambda folder: _data(folder).unlink(), "which the manifest names, is missing"),
    "another checksum": (lambda folder: _data(folder).write_bytes(b"other"), "has another checksum"),
    "half a file": (
        lambda folder: _data(folder).write_bytes(_data(folder).read_bytes()[:-9]),
        "has another checksum than in the manifest",
    ),
    "another number of items": (
        lambda folder: (
            _change(folder, "manifest-files.json", '"itemCount": 2', '"itemCount": 5'),
            _change(folder, "manifest-summary.json", '"itemCount": 3', '"itemCount": 6'),
        ),
        "has 2 items, the manifest 5",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_an_incomplete_export_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    folder = write_export(tmp_path, LINES)
    change, said = BROKEN[name]
    change(folder)
    with pytest.raises(ExportError, match=said) as refused:
        verify(read_export(str(folder)), lambda items: None)
    assert "\n" not in str(refused.value)


@pytest.mark.process
def test_a_killed_backfill_during_the_stream_agrees_with_an_oracle(tmp_path: Path) -> None:
    assert Race(tmp_path, 1_000).run() == {"run": 3, "backfill": 4}
