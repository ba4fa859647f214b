"""Rows as only Spark can show them: look-up, MERGE, new columns, closed rows. tests/flatten/decide has the rules."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from support.job_world import World, line, verdicts

pytestmark = [pytest.mark.spark, pytest.mark.connect]
KM, VOLTS, AMPS = "odometer-traveleddistance", "charge-voltage", "charge-amperage"
HOSTILE = 'it\'s `a` \\ "key" ${env:HOME} \n ../'


def change(event_id: str, number: int | None, km: float = 1, **more: Any) -> dict[str, Any]:
    signals = {KM: km} | more.pop("signals", {})
    return line(event_id, number, signals=signals, **more)


def removal(event_id: str, number: int, **more: Any) -> dict[str, Any]:
    return line(event_id, number, name="REMOVE", keys_only=True, **more)


FIRST = [
    change("stays", 1),
    change("changed", 2, signals={VOLTS: 230.0}),
    change("moved", 3, date="2026-01-05"),
    change("removed", 4, km=4),
    change("closed", 5, km=5, date="2020-01-05"),
    change("far", 6, km=6, date="2019-01-05"),
    change("loses its date", 7),
    change("bare", None, delivered=2_000),
    change(HOSTILE, 8),
    change("erased", 9, km=9),
]
SECOND = [
    change("stays", 1, km=9),
    change("changed", 12, km=2, signals={AMPS: 7.0}, name="MODIFY"),
    change("moved", 13, km=3, name="MODIFY", date="2026-01-08", previous="2026-01-05"),
    change("removed", 14, km=40, name="REMOVE"),
    removal("closed", 15),
    change("far", 16, km=60, name="MODIFY", date="2026-01-05"),
    change("loses its date", 17, km=7, name="MODIFY", date=None),
    change("bare", None, km=9, delivered=1_000),
    change(HOSTILE, 18, km=8, name="MODIFY"),
    change("new", 19, km=19),
    removal("new", 20),
    removal("never seen", 21),
]
THIRD = [removal("erased", 22), change("never seen, with values", 23, name="REMOVE", km=23)]


@pytest.fixture(scope="module")
def world(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Run three batches; another program has added columns with names that the job's queries might use."""
    world = World(spark, tmp_path_factory.mktemp("rows")).furnished(blank)
    spark.sql(f"ALTER TABLE {world.table.sql} ADD COLUMNS (id STRING, s STRING, t INT, action STRING)")
    for number, lines in enumerate([FIRST, SECOND, THIRD]):
        world.land(f"{number}/x.ndjson.gz", lines)
        if number == 1:
            spark.sql(f"UPDATE {world.table.sql} SET action = 'theirs' WHERE event_id = 'changed'")
        replace(world, on_delete="hard" if number == 2 else "soft").batch(number, str(number))
    return world


@pytest.fixture(scope="module")
def rows(world: World) -> dict[str, Any]:
    """Return the rows by event, with the two rows of `far`."""
    return {row.event_id: row for row in world.spark.table(world.table.sql).orderBy("sequence_number").collect()}


WANTED: dict[str, tuple[str | None, float | None, date | None, bool]] = {
    "stays": ("1", 1, date(2026, 1, 5), False),
    "changed": ("12", 2, date(2026, 1, 5), False),
    "moved": ("13", 3, date(2026, 1, 8), False),
    "removed": ("14", 40, date(2026, 1, 5), True),
    "closed": ("15", 5, date(2020, 1, 5), True),
    "loses its date": ("17", 7, None, False),
    "bare": (None, 1, date(2026, 1, 5), False),
    HOSTILE: ("18", 8, date(2026, 1, 5), False),
    "new": ("20", 19, date(2026, 1, 5), True),
    "never seen": ("21", None, None, True),
    "erased": ("22", None, date(2026, 1, 5), True),
    "never seen, with values": ("23", None, date(2026, 1, 5), True),
}


@pytest.mark.parametrize("event_id", WANTED)
def test_an_event_has_its_newest_row(event_id: str, rows: dict[str, Any]) -> None:
    row = rows[event_id]
    found = row.sequence_number, row.Odometer_TraveledDistance_value, row.event_date, row.deleted_at is not None
    assert found == WANTED[event_id]


def test_a_change_replaces_the_whole_row_except_columns_of_other_programs(rows: dict[str, Any]) -> None:
    row = rows["changed"]
    assert (row.Charge_Voltage_value, row.Charge_Voltage_status, row.Charge_Amperage_value) == (None, None, 7.0)
    assert row.action == "theirs"


def test_lines_are_counted_by_verdict(world: World) -> None:
    counted = {name.partition("/")[0]: (verdicts(row), row.searched) for name, row in world.files().items()}
    assert counted == {
        "0": ({"applied": 10}, 0),
        "1": ({"applied": 9, "superseded": 1, "repeated": 1, "ignored": 1}, 4),
        "2": ({"applied": 2}, 1),
    }


def test_beyond_the_look_back_an_event_gets_a_second_row(world: World) -> None:
    found = world.spark.table(world.table.sql).where("event_id = 'far'").select("sequence_number").collect()
    assert sorted(row.sequence_number for row in found) == ["16", "6"]


def test_a_repeated_batch_changes_nothing(world: World) -> None:
    table = world.spark.table(world.table.sql)
    before = sorted(map(str, table.collect())), sorted(map(str, world.side("files")))
    for number in ("0", "1"):
        world.batch(int(number), number)
    replace(world, on_delete="hard").batch(2, "2")
    assert (sorted(map(str, table.collect())), sorted(map(str, world.side("files")))) == before


def test_a_batch_of_several_turns_gives_the_same_rows(
    spark: Any, blank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flatten.run.envelopes.Envelopes.turns.__defaults__", (3,))
    world = World(spark, tmp_path).furnished(blank)
    names = [f"0/{number} [x].ndjson.gz" for number in range(4)]
    for number, name in enumerate(names):
        world.land(name, [change(f"{number}/{each}", each + 1, km=each) for each in range(2)] + [b"bad"])
    world.batch(0, "0")
    assert {event_id: row.Odometer_TraveledDistance_value for event_id, row in world.rows().items()} == {
        f"{number}/{each}": each for number in range(4) for each in range(2)
    }
    assert sorted(world.files()) == names
    assert all(verdicts(row) == {"applied": 2, "quarantined": 1} for row in world.files().values())
    assert len(world.side("quarantine")) == 4
