"""A micro-batch that loses its lease stops there, and one that is done again changes nothing."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from flatten import lease
from flatten.errors import AlreadyRunning
from flatten.tables import SIDE_TABLES
from support.job_world import NOW, Seen, World, line
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


class Ageing:
    """A clock by which the lease is to be renewed whenever it is asked for."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        self.now += lease.TERM / 4
        return self.now


@dataclass(frozen=True)
class Story:
    """A batch that lost its lease, then was done to its end: what the tables said, and the commits made to which."""

    world: World
    stopped: Seen
    finished: Seen
    commits: list[str]


@pytest.fixture(scope="module")
def story(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    world = World(spark, tmp_path_factory.mktemp("replays")).furnished(blank)
    world.land("1/x.ndjson.gz", FIRST)
    world.land("2/x.ndjson.gz", SECOND)
    world.batch(1, "1")
    before = len(commits(world))
    thief = Thief(world, "values", Ageing())
    with pytest.raises(AlreadyRunning, match=r"Another writer \(thief\) has taken"):
        world.batch(2, "2", thief.reached, run_id="until the values", now=thief)
    stopped = world.seen()
    world.batch(2, "2", run_id="to its end", now=Ageing())
    return Story(world, stopped, world.seen(), commits(world)[before:])


def commits(world: World) -> list[str]:
    """Return to which table (by the tables' own logs) each commit was made, in order."""
    folders = zip(("rows", *SIDE_TABLES), world.table.folders(), strict=True)
    made = ((commit["timestamp"], name) for name, folder in folders for commit in DeltaTable(folder).history())
    return [name for _, name in sorted(made)]


def picture(seen: Seen) -> dict[str, Any]:
    """Return what the tables say, whatever the folder and the run."""
    tables = {"rows": seen.rows.values()} | {kind: seen.sides[kind] for kind in ("quarantine", "moves", "files")}
    return {
        kind: sorted(str({k: v for k, v in row.asDict().items() if k != "run_id"}) for row in rows)
        for kind, rows in tables.items()
    }


def test_a_batch_that_lost_its_lease_commits_nothing_more(story: Story) -> None:
    seen = story.stopped
    assert (seen.rows["changed"].sequence_number, seen.rows["removed"].deleted_at) == ("12", None)
    assert (len(seen.sides["quarantine"]), len(seen.files)) == (0, 1)


def test_done_to_its_end_it_has_the_newest_of_each_event(story: Story) -> None:
    assert {row.event_id: row.sequence_number for row in story.finished.rows.values()} == {
        "kept": "1", "changed": "12", "moved": "14", "removed": "15", "new": "17", "bare": None,
    }  # fmt: skip
    [counted] = [row for name, row in story.finished.files.items() if Path(name).parts[0] == "2"]
    assert counted.lines == len(SECOND)


def test_the_lease_is_asked_for_before_each_commit(story: Story) -> None:
    begun, taken_and_let_go = ["lease"], ["lease", "lease"]
    moves_are_there, values_are_there = ["lease"], ["lease"]
    until_the_values = [*begun, "lease", "moves", "lease", "rows"]
    to_its_end = [*begun, *moves_are_there, *values_are_there, "lease", "rows", "lease", "quarantine", "lease", "files"]
    assert story.commits == [*until_the_values, *taken_and_let_go, *to_its_end]


def test_a_batch_that_is_done_again_changes_nothing(story: Story) -> None:
    for folder in ("1", "2"):
        story.world.batch(int(folder), folder, run_id=f"{folder} again")
    assert picture(story.world.seen()) == picture(story.finished)
