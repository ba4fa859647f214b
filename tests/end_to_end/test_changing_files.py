"""Files that come, go and change while the job works, and folders that cannot serve."""

import hashlib
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql.functions import udtf

from flatten import job, ledger
from flatten.errors import BadLocation, FlattenError
from flatten.run.source import unread_paths
from support.job_world import NOW, World, at, event, verdicts

pytestmark = pytest.mark.spark
LARGE = event("large") * 20
BOOKS = "path STRING, discovery_time TIMESTAMP"


@pytest.fixture(scope="module")
def gone_and_large(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, job.Report]:
    """Run over two micro-batches: a file of the second goes away while the first is done, another is too large."""
    world = World(spark, tmp_path_factory.mktemp("gone"), max_files=3).furnished(blank)
    for age, name in enumerate(["first", "second", "large", "gone", "last"]):
        path = world.land(name, LARGE if name == "large" else event(name))
        os.utime(path, (1_767_600_000 + age, 1_767_600_000 + age))
    return world, world.run(at("files", (world.source / "gone").unlink), max_file_bytes=len(LARGE) - 1)


def test_a_file_that_vanishes_between_listing_and_reading_is_missing(gone_and_large: tuple[World, job.Report]) -> None:
    world, report = gone_and_large
    assert report.missing == [f"{world.source}/gone"]
    assert world.rows().keys() == {"first", "second", "last"}
    assert world.files()["gone"].outcome == "missing"
    assert world.archived() == ["first", "last", "second"]
    assert world.landed() == []


def test_a_file_that_is_too_large_is_not_opened_and_quarantined(gone_and_large: tuple[World, job.Report]) -> None:
    world, report = gone_and_large
    assert report.moved.rejected == [f"{world.source}/large"]
    assert (world.root / "archive" / "_quarantine" / "large").read_bytes() == LARGE
    [kept] = world.side("quarantine")
    assert (kept.source_file, kept.line_number, kept.reason) == (f"{world.source}/large", None, "file_unreadable")
    assert kept.detail == f"has more than {len(LARGE) - 1} bytes"
    row = world.files()["large"]
    assert (row.outcome, row.size, row.lines) == ("quarantined", len(LARGE), 0)


def test_a_file_that_changes_while_its_batch_is_worked_on_stops_the_run(
    spark: Any, blank: Path, tmp_path: Path
) -> None:
    world = World(spark, tmp_path).furnished(blank)
    changes, goes, stays = (world.land(name, event(name)) for name in ("changes", "goes", "stays"))

    newer = event("changes", 2)

    def meddle() -> None:
        changes.write_bytes(newer)
        goes.unlink()

    with pytest.raises(FlattenError, match="2 of 3 lines went away while they were read"):
        world.run(at("staged", meddle))
    report = world.run()
    assert {event_id: row.sequence_number for event_id, row in world.rows().items()} == {"changes": "2", "stays": "1"}
    assert report.missing == [str(goes)]
    assert {name: row.outcome for name, row in world.files().items()} == {
        "changes": "committed",
        "goes": "missing",
        "stays": "committed",
    }
    assert world.archived() == [changes.name, stays.name]


def test_a_state_folder_that_is_a_file_is_refused_before_anything_is_written(spark: Any, tmp_path: Path) -> None:
    world = World(spark, tmp_path)
    world.land("x", event("x"))
    (tmp_path / "file").touch()
    with pytest.raises(BadLocation, match="file/state cannot be made, a file stands there: give another"):
        world.run(state=str(tmp_path / "file" / "state"))
    assert world.landed() == ["x"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "landing"]


def test_an_archive_that_takes_no_file_stops_the_run_and_the_next_one_archives(
    spark: Any, blank: Path, tmp_path: Path
) -> None:
    world = World(spark, tmp_path).furnished(blank)
    world.land("x", event("x"))
    (tmp_path / "archive").touch()
    with pytest.raises(FlattenError, match=f"^{tmp_path}/archive takes no copy of x: is it a folder"):
        world.run()
    assert world.landed() == ["x"]
    (tmp_path / "archive").unlink()
    assert world.run().moved.archived == [f"{world.source}/x"]
    assert Path(world.files()["x"].archive_path).read_bytes() == event("x")
    assert verdicts(world.files()["x"]) == {"applied": 1}


def test_a_file_that_auto_loader_has_found_and_may_read_later_is_left_alone(
    spark: Any, blank: Path, tmp_path: Path
) -> None:
    world = World(spark, tmp_path).furnished(blank)
    contents = {"gone": None, "empty": b"", "there": b"x", "large": b"xyz"}
    known = {"gone": "missing", "empty": "committed"}
    for may_come, then in ((True, known), (False, known | {"there": "missing", "large": "quarantined"})):
        unread = {name: left(data, may_come) for name, data in contents.items()}
        ledger.write_unread(spark, unread, world.table, "run", NOW)
        assert {row.path: row.outcome for row in world.side("files")} == then


def left(data: bytes | None, may_come: bool) -> ledger.Unread:
    if data is None:
        return ledger.Unread(None, None, 2, may_come)
    return ledger.Unread(hashlib.sha256(data).hexdigest(), len(data), 2, may_come)


def test_what_auto_loader_found_before_the_run_and_did_not_read_will_not_come(
    spark: Any, blank: Path, tmp_path: Path
) -> None:
    world = World(spark, tmp_path).furnished(blank)
    settings = world.settings()
    spark.udtf.register("cloud_files_state", udtf(books(settings.checkpoint, str(world.source)), returnType=BOOKS))
    files = spark.table(world.table.side("files"))
    assert unread_paths(spark, settings, files, auto_loader=True) == {
        f"{world.source}/before": False,
        f"{world.source}/since": True,
    }


def books(checkpoint: str, source: str) -> type:
    """Return what stands in for Databricks' table function, by its page: the files that Auto Loader found."""

    class Books:
        def eval(self, asked: str) -> Iterator[tuple[str, datetime]]:
            assert asked == checkpoint
            yield f"dbfs:{source}/before", NOW - timedelta(microseconds=1)
            yield f"{source}/since", NOW
            yield "/elsewhere", NOW

    return Books
