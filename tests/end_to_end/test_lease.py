"""The lease: who gets it, what a run does that has lost it, and the commits that meet another's."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from flatten import job, lease, tables
from flatten.tables.commits import retried
from flatten.errors import AlreadyRunning, ConflictsPersist
from support.job_world import NOW, World, line
from support.thief import Thief

FILES = ["00.ndjson.gz", "01.ndjson.gz"]


@pytest.mark.spark
@pytest.mark.connect
def test_a_lease_is_taken_by_the_same_state_at_once_and_by_others_when_it_has_expired(
    spark: Any, blank: Path, tmp_path: Path
) -> None:
    table = World(spark, tmp_path).furnished(blank).table
    lease.hold(spark, table, "first", "state", NOW)
    lease.hold(spark, table, "second", "state", NOW)
    with pytest.raises(AlreadyRunning, match=r"Another writer \(second\) holds"):
        lease.hold(spark, table, "third", "other state", NOW)
    with pytest.raises(AlreadyRunning):
        lease.hold(spark, table, "third", "other state", NOW + lease.TERM / 2)
    lease.release(spark, table, "first", NOW)
    with pytest.raises(AlreadyRunning):
        lease.hold(spark, table, "third", "other state", NOW)
    lease.hold(spark, table, "third", "other state", NOW + lease.TERM)
    [row] = spark.table(table.side("lease")).collect()
    assert (row.holder, row.state) == ("third", "other state")


@pytest.mark.spark
@pytest.mark.connect
def test_of_writers_that_ask_at_once_one_gets_the_lease(spark: Any, blank: Path, tmp_path: Path) -> None:
    table, together = World(spark, tmp_path).furnished(blank).table, Barrier(4)

    def ask(holder: str) -> str:
        together.wait(60)
        try:
            lease.hold(spark, table, holder, f"the state of {holder}", NOW)
        except (AlreadyRunning, ConflictsPersist):
            return ""
        return holder

    with ThreadPoolExecutor(4) as writers:
        taken = sorted(writers.map(ask, "abcd"))
    assert taken[:3] == ["", "", ""]
    assert [row.holder for row in spark.table(table.side("lease")).collect()] == taken[3:]


@pytest.mark.spark
def test_the_lease_has_no_deletion_vectors_so_that_two_first_rows_conflict(
    spark: Any, blank: Path, tmp_path: Path
) -> None:
    folders = World(spark, tmp_path).furnished(blank).table.folders()
    found = DeltaTable(folders[1 + list(tables.SIDE_TABLES).index("lease")]).metadata().configuration
    assert found == {"delta.enableDeletionVectors": "false", "delta.isolationLevel": "Serializable"}


@pytest.mark.spark
def test_a_run_that_lost_its_lease_archives_no_more_and_another_job_leaves_its_files_to_it(
    spark: Any, blank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flatten.archive._RECORDED_AT_ONCE", 1)
    world, other = World(spark, tmp_path / "one").furnished(blank), World(spark, tmp_path / "two")
    for name in FILES:
        world.land(name, [line(name, 1)])
    thief, settings = Thief(world, "archived"), world.settings()
    with pytest.raises(AlreadyRunning, match=r"Another writer \(thief\) has taken"):
        job.run(spark, settings, thief, reached=thief.reached)
    assert len(world.landed()) == len(world.archived()) == 1
    assert [(row.run_id, row.outcome) for row in world.side("runs")] == [(settings.run_id, "failed")]
    other.land("other", [line("other", 1)])
    assert other.run(table=world.table).moved.archived == [f"{other.source}/other"]
    assert len(world.landed()) == len(world.archived()) == 1
    assert len(world.run().moved.archived) == 1
    assert world.archived() == FILES


@pytest.mark.spark
def test_a_commit_that_delta_refuses_because_of_another_is_tried_again(spark: Any, tmp_path: Path) -> None:
    name, started, go = f"delta.`{tmp_path}/table`", tmp_path / "started", tmp_path / "go"
    spark.sql(f"CREATE TABLE {name} (id INT, n INT) USING DELTA")
    spark.sql(f"INSERT INTO {name} VALUES (1, 0)")
    os.mkfifo(started)
    os.mkfifo(go)
    spark.range(0, 1, 1, 1).mapInArrow(_waits(str(started), str(go)), "id INT").createOrReplaceTempView("slow")
    attempts = []

    def merge() -> None:
        attempts.append(1)
        rows = "slow" if len(attempts) == 1 else "(SELECT 1 AS id)"
        spark.sql(f"MERGE INTO {name} t USING {rows} s ON t.id = s.id WHEN MATCHED THEN UPDATE SET n = n + 1").collect()

    thread = Thread(target=retried, args=[merge])
    thread.start()
    started.read_bytes()
    spark.sql(f"UPDATE {name} SET n = n + 10")
    go.write_bytes(b"")
    thread.join()
    assert [row.n for row in spark.table(name).collect()] == [11]
    assert len(attempts) == 2


def _waits(started: str, go: str) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what gives one row, once somebody has read `started` and written `go`."""

    def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        if Path(started).exists():  # a MERGE may look at its source twice
            Path(started).write_bytes(b"")
            Path(started).unlink()
            Path(go).read_bytes()
        for _ in batches:
            yield pa.record_batch({"id": pa.array([1], pa.int32())})

    return rows
