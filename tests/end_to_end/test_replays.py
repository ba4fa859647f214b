"""A micro-batch that loses its lease stops there, and one that is done again changes nothing."""

from pathlib import Path
from typing import Any

import pytest

from flatten.errors import AlreadyRunning
from support.job_world import World, line
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


COMMITTED = {
    "moves": ("2", False, 0, 1),
    "values": ("12", False, 0, 1),
    "rows": ("12", True, 0, 1),
    "quarantine": ("12", True, 1, 1),
}
"""What is there when the second batch stops at a boundary: the number of "changed", whether "removed" is, and how many
lines are in quarantine and files in the ledger."""


def committed(world: World) -> tuple[str, bool, int, int]:
    rows = world.rows()
    removed = rows["removed"].deleted_at is not None
    return rows["changed"].sequence_number, removed, len(world.side("quarantine")), len(world.side("files"))


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


def test_a_batch_that_lost_its_lease_commits_nothing_more_and_done_again_changes_nothing(world: World) -> None:
    for boundary, there in COMMITTED.items():
        thief = Thief(world, boundary)
        with pytest.raises(AlreadyRunning, match=r"Another writer \(thief\) has taken"):
            world.batch(2, "2", thief.reached, run_id=f"until the {boundary}", now=thief)
        assert committed(world) == there, boundary
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
