"""Two at once: one works, the other says why not. And a run that is interrupted by hand."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyspark.errors import PySparkException

from flatten import lease, tables
from flatten.cli import main
from flatten.commits import ATTEMPTS, retried
from flatten.errors import AlreadyRunning, ConflictsPersist, FlattenError, OwnedElsewhere
from support.job_world import NOW, World, line
from support.processes import lasting
from support.quick_spark import quick_environment

FILES = [f"{number:02}.ndjson.gz" for number in range(5)]


def options(world: World) -> list[str]:
    settings = world.settings()
    told = {"source": settings.source, "archive": settings.archive, "table": settings.table.text}
    told |= {"state": settings.state, "max-files": "1"}
    return ["run", *(part for name, value in told.items() for part in (f"--{name}", value))]


@pytest.mark.spark
def test_of_two_runs_one_works_and_an_interrupted_one_leaves_nothing_behind(
    spark: Any, blank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(spark, tmp_path).furnished(blank)
    for name in FILES:
        world.land(name, [line(name, 1)])
    working = subprocess.Popen(
        [sys.executable, "-c", "from flatten.cli import main; main()", *options(world)],
        env=os.environ | {"FLATTEN_SESSION": "classic"} | quick_environment(tmp_path),
        start_new_session=True,  # Ctrl-C reaches the whole process group, as in a terminal
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert working.stderr
    assert working.stderr.readline() == "micro-batches: 1\n"
    with pytest.raises(SystemExit) as ended:
        main(options(world))
    assert ended.value.code == 1
    state = tmp_path / "state"
    assert capsys.readouterr().err == (
        f"flatten: Another run is at work on the state folder {state}; wait until it ends.\n"
    )
    os.killpg(working.pid, signal.SIGINT)
    out, err = working.communicate(timeout=120)
    assert working.returncode == 130
    assert out == ""
    assert [text for text in err.splitlines() if text and not text.startswith("micro-batches: ")] == [
        "flatten: interrupted; what was committed stays, run again to complete it."
    ]
    assert lasting(working.pid) == []
    world.run()
    assert world.rows().keys() == set(FILES)
    assert world.archived() == FILES
    assert all(row.applied == row.lines == 1 for row in world.files().values())


@pytest.fixture(scope="module")
def owned(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A job that has run once."""
    world = World(spark, tmp_path_factory.mktemp("owned") / "one").furnished(blank)
    world.land("x.ndjson.gz", [line("x", 1)])
    world.run()
    return world


OTHERS: dict[str, Callable[[World], dict[str, Any]]] = {
    "another state": lambda world: {"state": str(world.root / "other")},
    "another table": lambda world: {"table": tables.TableName.of(str(world.root / "other" / "table"))},
    "another source": lambda world: {"source": str(world.root / "other")},
}


@pytest.mark.spark
@pytest.mark.connect
@pytest.mark.parametrize("other", OTHERS)
def test_a_source_and_a_state_belong_to_one_table(other: str, owned: World) -> None:
    (owned.root / "other").mkdir(exist_ok=True)
    with pytest.raises(OwnedElsewhere, match=r"belongs to another job: its marker _flatten_owner\.json says"):
        owned.run(**OTHERS[other](owned))
    assert [path.name for path in (owned.root / "other").iterdir() if path.name != ".lock"] == []


@pytest.mark.spark
@pytest.mark.connect
@pytest.mark.parametrize("text", ["", "not json", "[]", "{}", '{"table": "`x"}'])
def test_a_marker_that_is_not_ours_is_respected(text: str, owned: World) -> None:
    marker = owned.source / "_flatten_owner.json"
    ours = marker.read_text()
    marker.write_text(text)
    with pytest.raises(OwnedElsewhere, match="remove the marker when that job is gone"):
        owned.run()
    assert marker.read_text() == text
    marker.write_text(ours)
    assert json.loads(ours) == {"table": owned.table.text, "state": str(owned.root / "state")}


@pytest.mark.spark
@pytest.mark.connect
def test_two_states_may_share_a_table_but_not_at_once(spark: Any, owned: World) -> None:
    other = World(spark, owned.root / "two")
    other.land("y.ndjson.gz", [line("y", 1)])
    lease.hold(spark, owned.table, "a run", str(owned.root / "state"), NOW)
    with pytest.raises(FlattenError, match=r"Another writer \(a run\) holds .*; wait until it ends"):
        other.run(table=owned.table)
    assert owned.rows().keys() == {"x"}
    assert other.landed() == ["y.ndjson.gz"]
    lease.release(spark, owned.table, "a run", NOW)
    other.run(table=owned.table)
    assert owned.rows().keys() == {"x", "y"}
    assert other.landed() == []


@pytest.mark.spark
@pytest.mark.connect
def test_a_lease_is_taken_by_the_same_state_at_once_and_by_others_when_it_has_expired(
    spark: Any, owned: World, tmp_path: Path
) -> None:
    table = replace(owned.table, ops=str(tmp_path))
    tables.ensure(spark, table)
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
def test_the_lease_has_no_deletion_vectors_so_that_two_first_rows_conflict(owned: World) -> None:
    folder = owned.table.folders()[1 + list(tables.SIDE_TABLES).index("lease")]
    assert DeltaTable(folder).metadata().configuration == {"delta.enableDeletionVectors": "false"}


class Beside:
    """A commit that meets conflicts a number of times."""

    def __init__(self, conflicts: int, condition: str = "DELTA_CONCURRENT_APPEND") -> None:
        self.calls, self._conflicts, self._condition = 0, conflicts, condition

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._conflicts:
            raise Conflict(self._condition)
        return self.calls


class Conflict(PySparkException):
    """As Delta's errors come."""

    def __init__(self, condition: str) -> None:
        super().__init__(message="changed by another writer")
        self._condition = condition

    def getCondition(self) -> str:  # noqa: N802  # pyspark's name
        return self._condition


@pytest.mark.parametrize("conflicts", range(ATTEMPTS))
def test_a_conflict_is_tried_again(conflicts: int) -> None:
    commit = Beside(conflicts)
    assert retried(commit) == conflicts + 1


def test_conflicts_are_tried_a_bounded_number_of_times() -> None:
    commit = Beside(1_000, "DELTA_METADATA_CHANGED")
    with pytest.raises(ConflictsPersist, match=r"5 times in a row \(DELTA_METADATA_CHANGED\): stop them"):
        retried(commit)
    assert commit.calls == ATTEMPTS


def test_another_error_is_not_tried_again() -> None:
    commit = Beside(1_000, "DIVIDE_BY_ZERO")
    with pytest.raises(Conflict):
        retried(commit)
    assert commit.calls == 1


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
