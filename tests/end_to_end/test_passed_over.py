"""Files that the engine skips, or that change during a run, and folders that cannot be used."""

import errno
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import unquote

import pytest

from flatten import job
from flatten.errors import LocationError, OwnerError
from flatten.run.passed_over import read_passed_over
from flatten.storage.directory import Directory
from support.job_world import Seen, World, around, at, event, key, line, verdicts

pytestmark = [pytest.mark.spark, pytest.mark.connect]
LARGE = event("large") * 20


@dataclass(frozen=True)
class Scene:
    """A world after two runs, of which the first could not read one file."""

    world: World
    first: job.Report
    after_first: list[str]
    second: job.Report
    seen: Seen


def forget_nothing(world: World) -> None:
    """Make the engine's checkpoint list a file that it has not read."""
    log = world.root / "state" / "checkpoint" / "sources" / "0"
    newest = max(log.glob("[0-9]*"), key=lambda path: int(path.name.partition(".")[0]))
    text = newest.read_text()
    assert any(unquote(json.loads(entry)["path"]).endswith("/known") for entry in text.splitlines()[1:])


@pytest.fixture(scope="module")
def scene(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The engine's checkpoint lists one file from before; others are empty, too large, or behind a link."""
    world = World(spark, tmp_path_factory.mktemp("passed")).furnished(blank)
    world.land("known", event("known"))
    world.run()
    forget_nothing(world)
    (world.root / "archive" / "known").rename(world.source / "known")
    spark.sql(f"DELETE FROM {world.table.side('files')}")
    spark.sql(f"DELETE FROM {world.table.sql}")
    for name, data in {"empty": b"", key(2): b"", "large": LARGE, "usual": event("usual")}.items():
        world.land(name, data)
    outside = world.root / "outside"
    outside.write_bytes(event("linked"))
    (world.source / "link").symlink_to(outside)
    first = world.run(max_file_bytes=len(LARGE) - 1)
    after_first = world.landed()
    return Scene(world, first, after_first, world.run(), world.seen())


def test_a_file_in_the_checkpoint_that_was_not_read_is_read(scene: Scene) -> None:
    assert "known" in scene.seen.rows
    assert verdicts(scene.seen.files["known"]) == {"applied": 1}
    assert (scene.world.root / "archive" / "known").read_bytes() == event("known")


def test_an_empty_file_is_recorded_and_archived(scene: Scene) -> None:
    assert (scene.seen.files["empty"].outcome, scene.seen.files["empty"].lines) == ("committed", 0)
    assert (scene.world.root / "archive" / "empty").read_bytes() == b""


def test_an_empty_file_with_a_count_in_its_name_is_quarantined(scene: Scene) -> None:
    assert scene.seen.files[key(2)].outcome == "quarantined"
    assert key(2) in scene.world.rejected()


def test_a_file_that_is_too_large_is_quarantined_unread(scene: Scene) -> None:
    row = scene.seen.files["large"]
    assert (row.outcome, row.size, row.lines) == ("quarantined", len(LARGE), 0)
    assert (scene.world.root / "archive" / "_quarantine" / "large").read_bytes() == LARGE
    [kept] = [row for row in scene.seen.sides["quarantine"] if row.source_file.endswith("/large")]
    assert (kept.line_number, kept.reason) == (None, "file_unreadable")
    assert kept.detail == f"has more than {len(LARGE) - 1} bytes"


def test_a_link_is_neither_read_nor_moved(scene: Scene) -> None:
    assert scene.seen.rows.keys() == {"known", "usual"}
    assert (scene.world.source / "link").is_symlink()
    assert (scene.world.root / "outside").read_bytes() == event("linked")


def test_the_report_of_both_runs(scene: Scene) -> None:
    paths = {name: f"{scene.world.source}/{name}" for name in ("known", "empty", key(2), "large", "usual")}
    assert sorted(scene.first.paths("read")) == sorted([paths["known"], paths["empty"], paths[key(2)]])
    assert scene.first.paths("too_large") == [paths["large"]]
    assert sorted(scene.first.paths("archived")) == sorted([paths["known"], paths["empty"], paths["usual"]])
    assert sorted(scene.first.paths("rejected")) == sorted([paths[key(2)], paths["large"]])
    assert "2 files moved to the quarantine folder" in scene.first.as_text()
    assert scene.second.waiting == 0
    assert scene.first.problem is None


def test_a_file_that_was_missing_during_its_batch_is_read_when_it_is_back(
    spark: Any, blank: Path, tmp_path: Path
) -> None:
    """Spark's file source lists it, does not find it, and never tries it again."""
    world = World(spark, tmp_path, max_files=1).furnished(blank)
    for age, name in enumerate(["first", "away"]):
        os.utime(world.land(name, event(name)), (1_767_600_000 + age, 1_767_600_000 + age))
    away, back = world.source / "away", world.root / "away"

    def take() -> None:
        away.rename(back)

    report = world.run(at("files", take))
    assert report.paths("gone") == [str(away)]
    assert world.rows().keys() == {"first"}
    back.rename(away)
    assert world.run().paths("read") == [str(away)]
    assert world.rows().keys() == {"first", "away"}
    assert world.landed() == []


class Guarded(Directory):
    """A directory with one unreadable file; a test that runs as root has no other way."""

    def open(self, name: str) -> IO[bytes]:
        if name == "bad":
            raise PermissionError(errno.EACCES, "Permission denied", name)
        return super().open(name)


def test_an_unreadable_file_does_not_stop_others_and_is_read_later(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)
    for name in ("bad", "usual"):
        world.land(name, event(name))
    settings, landing = world.settings(), Guarded(str(world.source))
    assert read_passed_over(spark, settings, around(), landing, landing.names()) == [
        ("failed", f"{world.source}/bad could not be read (Permission denied): give this user the permission."),
        ("read", f"{world.source}/usual"),
    ]
    assert set(world.rows()) == {"usual"}
    report = world.run()
    assert (report.problem, set(world.rows()), world.landed()) == (None, {"bad", "usual"}, [])


def test_a_file_that_becomes_a_link_is_neither_read_nor_moved(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)
    empty = world.land("empty", b"")  # Spark hands no such file over
    outside = tmp_path / "outside"
    outside.write_bytes(event("outside"))

    def exchange() -> None:
        empty.unlink()
        empty.symlink_to(outside)

    report = world.run(at("query", exchange))
    assert report.paths("failed") == [f"{empty} was read and not recorded: run again."]
    assert (world.rows(), world.archived(), outside.read_bytes()) == ({}, [], event("outside"))


def test_a_landing_folder_that_spark_cannot_name_is_read_without_it(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path / "[a]: b").furnished(blank)
    world.land("x", event("x"))
    report = world.run()
    assert (report.paths("read"), set(world.rows())) == ([f"{world.source}/x"], {"x"})


def test_a_file_with_a_stale_checksum_of_hadoop_beside_it_is_read(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)
    for name in ("x", "usual"):
        world.land(name, event(name))
    world.land(".x.crc", b"crc\0" + bytes([0, 0, 2, 0]) + bytes(4))
    report = world.run()
    assert (report.paths("read"), set(world.rows())) == ([f"{world.source}/x"], {"x", "usual"})
    assert world.landed() == [".x.crc"]


def test_a_file_that_arrives_during_the_run_is_left_for_the_next(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)
    world.land("first", event("first"))
    landing, late = world.source, event("late")

    def come() -> None:
        (landing / "late").write_bytes(late)

    world.run(at("query", come))
    assert (set(world.rows()), world.landed()) == ({"first"}, ["late"])
    world.run()
    assert (set(world.rows()), world.landed()) == ({"first", "late"}, [])


def test_a_state_folder_that_is_a_file_is_refused_before_anything_is_written(spark: Any, tmp_path: Path) -> None:
    world = World(spark, tmp_path)
    world.land("x", event("x"))
    (tmp_path / "file").touch()
    with pytest.raises(LocationError, match="file/state cannot be created, because it is a file: give another"):
        world.run(state=str(tmp_path / "file" / "state"))
    assert world.landed() == ["x"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "landing"]


def test_an_unwritable_archive_is_reported_and_the_next_run_archives(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)
    world.land("x", event("x"))
    (tmp_path / "archive").touch()
    report = world.run()
    assert report.paths("failed") == [
        f"{tmp_path}/archive cannot store {world.source}/x: check that it is a writable folder."
    ]
    assert report.problem == f"1 file left in landing: {report.paths('failed')[0]}"
    assert [(row.outcome, row.error) for row in world.side("runs")] == [("failed", report.problem)]
    assert world.landed() == ["x"]
    (tmp_path / "archive").unlink()
    assert world.run().paths("archived") == [f"{world.source}/x"]
    assert (tmp_path / "archive" / "x").read_bytes() == event("x")
    assert verdicts(world.files()["x"]) == {"applied": 1}


def test_a_marker_that_changes_during_the_run_stops_the_archive(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)
    world.land("x", [line("x", 1)])
    marker = world.source / "_flatten_owner.json"

    def hand_over() -> None:
        marker.write_text("{}")

    with pytest.raises(OwnerError, match="belongs to another job"):
        world.run(at("query", hand_over))
    assert (world.landed(), world.archived()) == (["x"], [])
