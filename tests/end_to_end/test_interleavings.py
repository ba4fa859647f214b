"""Other writers, forced at the boundaries: no event is lost, has two rows or goes back, and lines are counted once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from flatten.run.batch import Reached
from flatten.run.maintain import MaintenanceOptions, maintain
from support.job_world import Seen, World, around, at, line, verdicts

pytestmark = [pytest.mark.spark, pytest.mark.connect]
KM = "odometer-traveleddistance"
ROUNDS = 6


def change(event_id: str, number: int, **more: Any) -> dict[str, Any]:
    return line(event_id, number, signals={KM: number}, **more)


def removal(event_id: str, number: int) -> dict[str, Any]:
    return line(event_id, number, name="REMOVE", keys_only=True)


Make = Callable[[str], dict[str, Any]]


@dataclass(frozen=True)
class Meeting:
    """What exists before; what the other writer commits between our look-up and our MERGE; what we write; the row at
    the end (number, value) and the verdict on our line.
    """

    before: Make | None
    theirs: Make
    ours: Make
    row: tuple[str, int]
    verdict: dict[str, int]


MEETINGS = {
    "theirs is newer": Meeting(
        lambda e: change(e, 1), lambda e: change(e, 3), lambda e: change(e, 2), ("3", 3), {"superseded": 1}
    ),
    "theirs is older": Meeting(
        lambda e: change(e, 1), lambda e: change(e, 2), lambda e: change(e, 3), ("3", 3), {"applied": 1}
    ),
    "both insert, theirs is newer": Meeting(
        None, lambda e: change(e, 2), lambda e: change(e, 1), ("2", 2), {"superseded": 1}
    ),
    "both insert, theirs is older": Meeting(
        None, lambda e: change(e, 1), lambda e: change(e, 2), ("2", 2), {"applied": 1}
    ),
    "both insert the same": Meeting(None, lambda e: change(e, 1), lambda e: change(e, 1), ("1", 1), {"repeated": 1}),
    "they remove": Meeting(
        lambda e: change(e, 1), lambda e: removal(e, 3), lambda e: change(e, 2), ("3", 1), {"superseded": 1}
    ),
    "we remove, theirs is newer": Meeting(
        lambda e: change(e, 1), lambda e: change(e, 3), lambda e: removal(e, 2), ("3", 3), {"superseded": 1}
    ),
}


@pytest.fixture(scope="module")
def seen(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Combine all in one batch: each event has separate lines, each of our lines is a file."""
    ours = World(spark, tmp_path_factory.mktemp("meeting")).furnished(blank)
    theirs = replace(ours, landing="theirs")
    ours.land("0/x.ndjson.gz", [each.before(name) for name, each in MEETINGS.items() if each.before])
    theirs.land("0/x.ndjson.gz", [each.theirs(name) for name, each in MEETINGS.items()])
    for name, each in MEETINGS.items():
        ours.land(f"1/{name}.ndjson.gz", [each.ours(name)])
    ours.batch(0, "0")
    ours.batch(1, "1", at("found", lambda: theirs.batch(0, "0")))
    return ours.seen()


@pytest.mark.parametrize("name", MEETINGS)
def test_a_commit_of_another_writer_after_the_look_up_is_never_lost(name: str, seen: Seen) -> None:
    row, wanted = seen.rows[name], MEETINGS[name]
    assert (row.sequence_number, row.Odometer_TraveledDistance_value) == wanted.row
    assert verdicts(seen.files[f"1/{name}.ndjson.gz"]) == wanted.verdict


def test_a_file_that_vanishes_between_the_two_reads_does_not_affect_others(
    spark: Any, blank: Path, tmp_path: Path
) -> None:
    world = World(spark, tmp_path).furnished(blank)
    world.land("0/before.ndjson.gz", [change("a", 1)])
    world.batch(0, "0")
    world.land("1/stays.ndjson.gz", [change("b", 2), b"bad"])
    gone = world.land("1/gone.ndjson.gz", [change("a", 3), b"bad"])
    changed = world.land("1/changed.ndjson.gz", [change("c", 4)])

    def meddle() -> None:
        gone.unlink()
        changed.write_bytes(b"")

    world.batch(1, "1", at("found", meddle))
    assert {event_id: row.sequence_number for event_id, row in world.rows().items()} == {"a": "1", "b": "2"}
    assert {name: verdicts(row) for name, row in world.files().items() if name.startswith("1/")} == {
        "1/stays.ndjson.gz": {"applied": 1, "quarantined": 1},
        "1/changed.ndjson.gz": {},
    }
    assert [Path(row.source_file).name for row in world.side("quarantine")] == ["stays.ndjson.gz"]


def test_a_file_that_vanishes_before_its_bad_lines_are_quarantined_is_not_recorded(
    spark: Any, blank: Path, tmp_path: Path
) -> None:
    world = World(spark, tmp_path).furnished(blank)
    world.land("0/stays.ndjson.gz", [b"bad"])
    gone = world.land("0/gone.ndjson.gz", [b"bad"])
    world.batch(0, "0", at("rows", gone.unlink))
    assert list(world.files()) == ["0/stays.ndjson.gz"]


def test_the_batch_of_a_lost_driver_and_its_retry_write_at_once(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)
    world.land("0/x.ndjson.gz", [change("updated", 1)])
    world.batch(0, "0")
    world.land("1/x.ndjson.gz", [change("updated", 2), change("new", 3), b"bad"])
    world.land("1/y.ndjson.gz", [change("new", 3), removal("updated", 4)])
    at_once(lambda reached: world.batch(1, "1", reached), lambda reached: world.batch(1, "1", reached))
    assert {event_id: row.sequence_number for event_id, row in world.rows().items()} == {"updated": "4", "new": "3"}
    assert sum(row.lines for name, row in world.files().items() if name.startswith("1/")) == 5
    assert len(world.side("quarantine")) == 1


def at_once(*batches: Callable[[Reached], None]) -> None:
    """Let batches wait between look-up and MERGE until all have arrived, then continue at once."""
    barrier = Barrier(len(batches))

    def meet() -> None:
        barrier.wait(120)

    with ThreadPoolExecutor(len(batches)) as writers:
        for done in [writers.submit(batch, at("found", meet)) for batch in batches]:
            done.result()


def test_two_jobs_and_maintenance_on_one_table_succeed(spark: Any, blank: Path, tmp_path: Path) -> None:
    """Both jobs change the same events in each round, while the table is compacted."""
    one = World(spark, tmp_path).furnished(blank)
    worlds = {"one": one, "two": replace(one, landing="theirs")}
    for number in range(ROUNDS):
        for name, world in worlds.items():
            both = change("both", 2 * number + (name == "two"))
            mine = [change(f"{name}-{number}", 1), change(f"shared-{number}", 1), both]
            world.land(f"{number}/{name}.ndjson.gz", [*mine, b"bad"])

    def work(world: World) -> None:
        for number in range(ROUNDS):
            world.batch(number, str(number))

    def keep() -> None:
        for number in range(3):
            maintain(spark, MaintenanceOptions(one.table, f"maintenance {number}", compact=True), around())

    with ThreadPoolExecutor(3) as together:
        for done in [*(together.submit(work, world) for world in worlds.values()), together.submit(keep)]:
            done.result()
    rows = one.rows()
    assert rows["both"].sequence_number == str(2 * ROUNDS - 1)
    assert len(rows) == 3 * ROUNDS + 1
    for world in worlds.values():
        counted = [verdicts(row) for row in world.files().values()]
        assert len(counted) == ROUNDS
        assert all(sum(each.values()) == 4 and each["quarantined"] == 1 for each in counted)
    assert len(one.side("quarantine")) == 2 * ROUNDS
    assert {row.outcome for row in one.side("runs")} == {"succeeded"}
