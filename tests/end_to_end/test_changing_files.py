"""Files that come, go and change while the job works, and folders that cannot serve."""

import hashlib
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql.functions import udtf

from flatten import ledger
from flatten.errors import BadLocation, FlattenError
from flatten.source import unread_paths
from support.job_world import NOW, World, at, event, verdicts

pytestmark = pytest.mark.spark
BOOKS = "path STRING, discovery_time TIMESTAMP"


def test_a_file_that_vanishes_between_listing_and_reading_is_missing(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path, max_files=2).furnished(blank)
    for age, name in enumerate(["first", "second", "gone", "last"]):
        path = world.land(name, event(name))
        os.utime(path, (1_767_600_000 + age, 1_767_600_000 + age))
    gone = world.source / "gone"
    report = world.run(at("files", gone.unlink))
    assert report.missing == [str(gone)]
    assert world.rows().keys() == {"first", "second", "last"}
    assert world.files()["gone"].outcome == "missing"
    assert world.archived() == ["first", "last", "second"]
    assert world.landed() == []


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
    unread = {"gone": None, "empty": hashlib.sha256(b"").hexdigest(), "there": hashlib.sha256(b"x").hexdigest()}
    known = {"gone": "missing", "empty": "committed"}
    for may_come, then in (({"there"}, known), (set(), known | {"there": "missing"})):
        ledger.write_unread(spark, unread, world.table, "run", NOW, may_come)
        assert {row.path: row.outcome for row in world.side("files")} == then


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
