"""A micro-batch that loses its lease stops there, and one that is done again changes nothing."""

from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from flatten import lease
from flatten.errors import AlreadyRunning
from flatten.tables import SIDE_TABLES
from support.job_world import NOW, World, line
from support.thief import Thief

pytestmark = pytest.mark.spark
FIRST: list[dict[str, Any] | bytes] = [
    line("kept", 1, signals={"odometer-traveleddistance": 1}),
    line("changed", 2, signals={"odometer-traveleddistance": 2}),
    line("moved", 3),
    line("removed", 4, signals={"charge-voltage": 230}),
    line("bare", None, delivered=1_000),
]
SECOND: list[dict[str, Any] | bytes] = [
    line("changed", 12, name="MODIFY", signals={"charge-voltage": 400}),
    line("moved", 13, name="MODIFY", date="2026-01-09", previous="2026-01-05"),
    line("moved", 14, name="MODIFY", date="2026-01-10", previous="2026-01-09"),
    line("removed", 15, name="REMOVE", keys_only=True),
    line("kept", 1),
    line("new", 16),
    line("new", 17, name="REMOVE", keys_only=True),
    line("bare", None, delivered=2_000),
    line("gone", 18, name="REMOVE", expired=True),
    b"not json",
]


def picture(world: World) -> dict[str, Any]:
    """Return what the tables say, whatever the folder and the run."""
    tables = {"rows": world.rows().values()} | {kind: world.side(kind) for kind in ("quarantine", "moves", "files")}
    return {
        kind: sorted(str({k: v for k, v in row.asDict().items() if k != "run_id"}) for row in rows)
        for kind, rows in tables.items()
    }


@pytest.fixture(scope="module")
def world(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(spark, tmp_path_factory.mktemp("replays")).furnished(blank)
    made.land("1/x.ndjson.gz", FIRST)
    made.land("2/x.ndjson.gz", SECOND)
    made.batch(1, "1")
    return made


def commits(world: World) -> list[tuple[int, str]]:
    """Return when (ms, by the tables' own logs) a commit was made to which table, in order."""
    folders = zip(("rows", *SIDE_TABLES), world.table.folders(), strict=True)
    return sorted((commit["timestamp"], name) for name, folder in folders for commit in DeltaTable(folder).history())


class Ageing:
    """A clock by which the lease is to be renewed whenever it is asked for."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += lease.TERM / 4
        return self.now


def test_a_batch_that_lost_its_lease_commits_nothing_more_and_done_again_changes_nothing(world: World) -> None:
    thief = Thief(world, "values")
    with pytest.raises(AlreadyRunning, match=r"Another writer \(thief\) has taken"):
        world.batch(2, "2", thief.reached, run_id="until the values", now=thief)
    rows = world.rows()
    assert (rows["changed"].sequence_number, rows["removed"].deleted_at) == ("12", None)
    assert (len(world.side("quarantine")), len(world.side("files"))) == (0, 1)
    world.batch(2, "2", run_id="to its end")
    done = picture(world)
    for folder in ("1", "2"):
        world.batch(int(folder), folder, run_id=f"{folder} again")
    assert picture(world) == done
    assert {row.event_id: row.sequence_number for row in world.rows().values()} == {
        "kept": "1", "changed": "12", "moved": "14", "removed": "15", "new": "17", "bare": None,
    }  # fmt: skip
    [counted] = [row for name, row in world.files().items() if Path(name).parts[0] == "2"]
    assert counted.lines == len(SECOND)


def test_the_lease_is_asked_for_before_each_commit(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)
    before = commits(world)
    world.land("2/x.ndjson.gz", SECOND)
    world.batch(2, "2", now=Ageing())
    made = [table for _, table in commits(world)[len(before) :]]
    followed = [pair for pair in pairwise(made) if pair[1] != "lease"]
    assert followed == [("lease", table) for table in ("moves", "rows", "rows", "quarantine", "files")]
