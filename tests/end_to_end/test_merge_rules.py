"""Contract 3, a rule a test. Each rule has events, files and days of its own; all share the micro-batches."""

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from support.job_world import World, line, verdicts

pytestmark = [pytest.mark.spark, pytest.mark.connect]
ODOMETER = "odometer-traveleddistance"
VOLTAGE = "charge-voltage"
AMPERAGE = "charge-amperage"
NEWER_STREAM = "2026-01-09T00:00:00.000"
OLDER_STREAM = "2025-12-01T00:00:00.000"


@dataclass
class Rule:
    """Lines by micro-batch, and what must be left: `row` of the event (None: no row), `verdicts` by batch."""

    batches: list[list[dict[str, Any]]]
    row: dict[str, Any] | None
    verdicts: list[dict[str, int]]
    policy: dict[str, Any] = field(default_factory=dict)


def change(number: int | str | None, day: int | None = 0, km: float = 1, **more: Any) -> dict[str, Any]:
    """Describe a line of a rule, or with `beside` of another event; `day` counts from the rule's own first day."""
    return {"number": number, "day": day, "km": km, **more}


def insert(number: int | str | None, day: int | None = 0, km: float = 1, **more: Any) -> dict[str, Any]:
    return change(number, day, km, name="INSERT", **more)


def modify(number: int | str, day: int | None = 0, km: float = 1, **more: Any) -> dict[str, Any]:
    return change(number, day, km, name="MODIFY", **more)


def remove(number: int | str, day: int | None = 0, km: float = 1, **more: Any) -> dict[str, Any]:
    return change(number, day, km, name="REMOVE", **more)


APPLIED, SUPERSEDED, REPEATED, IGNORED = ({name: 1} for name in ("applied", "superseded", "repeated", "ignored"))
RULES = {
    "a new event is inserted": Rule([[insert(1)]], {"km": 1, "number": "1"}, [APPLIED]),
    "a repeated line changes nothing": Rule([[insert(1)], [insert(1, km=9)]], {"km": 1}, [APPLIED, REPEATED]),
    "an older line never regresses a row": Rule(
        [[modify(5, km=5)], [insert(4, km=4)]], {"km": 5, "number": "5"}, [APPLIED, SUPERSEDED]
    ),
    "a newer line replaces the row": Rule(
        [[insert(1)], [modify(2, km=2)]], {"km": 2, "number": "2"}, [APPLIED, APPLIED]
    ),
    "a removal keeps the values and sets deleted_at": Rule(
        [[insert(1, km=3)], [remove(2, km=3)]], {"km": 3, "deleted": True}, [APPLIED, APPLIED]
    ),
    "a removal without an image keeps the values": Rule(
        [[insert(1, km=3)], [remove(2, keys_only=True)]], {"km": 3, "deleted": True, "day": 0}, [APPLIED, APPLIED]
    ),
    "a removal of an unknown event leaves a tombstone": Rule(
        [[remove(2, keys_only=True)]], {"km": None, "deleted": True, "day": None}, [APPLIED]
    ),
    "a removal of an unknown event with an image keeps its values": Rule(
        [[remove(2, km=7)]], {"km": 7, "deleted": True}, [APPLIED]
    ),
    "insert and bare removal in one batch keep the values": Rule(
        [[insert(1, km=3), remove(2, keys_only=True)]], {"km": 3, "deleted": True, "number": "2"}, [{"applied": 2}]
    ),
    "a bare removal older than an insert of its batch does nothing": Rule(
        [[insert(3, km=3), remove(2, keys_only=True)]], {"km": 3, "deleted": False}, [{"applied": 1, "superseded": 1}]
    ),
    "an expiry is ignored": Rule(
        [[insert(1)], [remove(2, expired=True)]], {"deleted": False, "number": "1"}, [APPLIED, IGNORED]
    ),
    "an update from before an expiry still counts": Rule(
        [[insert(1)], [remove(3, expired=True)], [modify(2, km=2)]],
        {"km": 2, "deleted": False},
        [APPLIED, IGNORED, APPLIED],
    ),
    "an insert after an expiry on another day finds the row": Rule(
        [[insert(1)], [remove(2, expired=True)], [insert(3, day=2, km=3)]],
        {"km": 3, "day": 2},
        [APPLIED, IGNORED, APPLIED],
    ),
    "a late update after a removal stays deleted": Rule(
        [[insert(1)], [remove(3)], [modify(2, km=2)]], {"deleted": True, "km": 1}, [APPLIED, APPLIED, SUPERSEDED]
    ),
    "an insert after a removal revives the row on another day": Rule(
        [[insert(1)], [remove(2)], [insert(3, day=4, km=3)]], {"km": 3, "deleted": False, "day": 4}, [APPLIED] * 3
    ),
    "an insert after a bare removal revives the row on another day": Rule(
        [[insert(1)], [remove(2, keys_only=True)], [insert(3, day=4, km=3)]],
        {"km": 3, "deleted": False, "day": 4},
        [APPLIED] * 3,
    ),
    "an insert on another day that follows a bare removal in its batch finds the row": Rule(
        [[insert(1)], [remove(2, keys_only=True), insert(3, day=4, km=3)]],
        {"km": 3, "deleted": False, "day": 4, "number": "3"},
        [APPLIED, {"applied": 1, "superseded": 1}],
    ),
    "a batch that meets two rows, by a removal that came too late, leaves one": Rule(
        [[insert(1)], [insert(3, day=4, km=3)], [remove(2), modify(4, day=4, km=4)]],
        {"km": 4, "deleted": False, "day": 4, "number": "4"},
        [APPLIED, APPLIED, {"applied": 1, "superseded": 1}],
    ),
    "a removal that comes after the insert that followed it finds that one's row": Rule(
        [[insert(1)], [insert(3, day=4, km=3)], [remove(2)]],
        {"km": 3, "deleted": False, "day": 4, "number": "3"},
        [APPLIED, APPLIED, SUPERSEDED],
    ),
    "a bare removal that comes after the insert that followed it finds both rows": Rule(
        [[insert(1)], [insert(3, day=4, km=3)], [remove(2, keys_only=True)]],
        {"km": 3, "deleted": False, "day": 4, "number": "3"},
        [APPLIED, APPLIED, SUPERSEDED],
    ),
    "a removal that comes with its insert after a later insert makes no second row": Rule(
        [[insert(3, day=4, km=3)], [insert(1), remove(2)]],
        {"km": 3, "deleted": False, "day": 4, "number": "3"},
        [APPLIED, {"superseded": 2}],
    ),
    "an expiry that comes after the insert that followed it leaves that one's row": Rule(
        [[insert(1)], [insert(3, day=4, km=3)], [remove(2, expired=True)]],
        {"km": 3, "deleted": False, "day": 4, "number": "3"},
        [APPLIED, APPLIED, IGNORED],
    ),
    "a batch that meets two rows of three leaves the newest of all": Rule(
        [[insert(1)], [insert(3, day=2, km=3)], [insert(5, day=4, km=5)], [remove(2), remove(4, day=2, km=3)]],
        {"km": 5, "deleted": False, "day": 4, "number": "5"},
        [APPLIED, APPLIED, APPLIED, {"superseded": 2}],
    ),
    "a bare removal that meets one row by another event's day finds the older one": Rule(
        [[insert(1)], [insert(3, day=4, km=3)], [remove(2, keys_only=True), insert(9, day=4, beside=True)]],
        {"km": 3, "deleted": False, "day": 4, "number": "3"},
        [APPLIED, APPLIED, {"applied": 1, "superseded": 1}],
    ),
    "a bare removal that meets the older row by another event's day closes the newer one": Rule(
        [[insert(1)], [insert(3, day=4, km=3)], [remove(4, keys_only=True), insert(9, beside=True)]],
        {"km": 3, "deleted": True, "day": 4, "number": "4"},
        [APPLIED, APPLIED, {"applied": 2}],
    ),
    "a removal of another day that meets one row by another event's day finds the older one": Rule(
        [[insert(1)], [insert(4, day=3, km=4)], [remove(3, day=2), insert(9, day=3, beside=True)]],
        {"km": 4, "deleted": False, "day": 3, "number": "4"},
        [APPLIED, APPLIED, {"applied": 1, "superseded": 1}],
    ),
    "an insert on another day finds what insert and bare removal of one batch left": Rule(
        [[insert(1), remove(2, keys_only=True)], [insert(3, day=2, km=3)]],
        {"km": 3, "deleted": False, "day": 2},
        [{"applied": 2}, APPLIED],
    ),
    "an insert on another day finds what a move without the old day and a bare removal left": Rule(
        [[insert(1), modify(2, day=1, km=2), remove(3, keys_only=True)], [insert(4, day=2, km=4)]],
        {"km": 4, "deleted": False, "day": 2},
        [{"applied": 2, "superseded": 1}, APPLIED],
    ),
    "an insert on another day finds what insert and bare expiry of one batch left": Rule(
        [[insert(1), remove(2, keys_only=True, expired=True)], [insert(3, day=2, km=3)]],
        {"km": 3, "deleted": False, "day": 2},
        [{"applied": 1, "ignored": 1}, APPLIED],
    ),
    "an insert that comes again after insert, removal and insert in one batch": Rule(
        [[insert(1), remove(2), insert(3, day=2, km=3)], [insert(1)]],
        {"km": 3, "deleted": False, "day": 2},
        [{"applied": 1, "superseded": 2}, SUPERSEDED],
    ),
    "an insert that comes again after insert and move without the old day in one batch": Rule(
        [[insert(1), modify(2, day=2, km=2)], [insert(1)]],
        {"km": 2, "day": 2},
        [{"applied": 1, "superseded": 1}, SUPERSEDED],
    ),
    "an insert without a day that comes again after a move to one in its batch": Rule(
        [[insert(1, day=None), modify(2, km=2)], [insert(1, day=None)]],
        {"km": 2, "day": 0},
        [{"applied": 1, "superseded": 1}, SUPERSEDED],
    ),
    "an insert that comes after an expiry and an insert in one batch": Rule(
        [[remove(2, expired=True), insert(3, day=3, km=3)], [insert(1)]],
        {"km": 3, "day": 3},
        [{"applied": 1, "ignored": 1}, SUPERSEDED],
    ),
    "an insert that comes after an expiry and an insert": Rule(
        [[remove(2, expired=True)], [insert(3, day=3, km=3)], [insert(1)]],
        {"km": 3, "day": 3},
        [IGNORED, APPLIED, SUPERSEDED],
    ),
    "an insert that comes after a bare expiry and an insert": Rule(
        [[remove(2, keys_only=True, expired=True)], [insert(3, day=3, km=3)], [insert(1)]],
        {"km": 3, "day": 3},
        [IGNORED, APPLIED, SUPERSEDED],
    ),
    "several lines of one batch: the newest wins": Rule(
        [[insert(1), modify(3, km=3), modify(2, km=2)]], {"km": 3}, [{"applied": 1, "superseded": 2}]
    ),
    "the old day stands only in an earlier line of the batch": Rule(
        [[insert(1)], [modify(2, day=3, previous=0), modify(3, day=3, km=3)]],
        {"km": 3, "day": 3},
        [APPLIED, {"applied": 1, "superseded": 1}],
    ),
    "a MODIFY empties signals that no line of its batch has": Rule(
        [[insert(1, volts=230.0)], [modify(2, km=2)]], {"km": 2, "volts": None}, [APPLIED, APPLIED]
    ),
    "a MODIFY brings a signal that the table has no column for": Rule(
        [[insert(1)], [modify(2, km=2, amps=7.0)]], {"km": 2, "amps": 7.0}, [APPLIED, APPLIED]
    ),
    "a moved row is not doubled by its old line": Rule(
        [[insert(1)], [modify(2, day=5, km=2, previous=0)], [insert(1)]],
        {"km": 2, "day": 5},
        [APPLIED, APPLIED, SUPERSEDED],
    ),
    "a move that comes before the insert": Rule(
        [[modify(2, day=5, km=2, previous=0)], [insert(1)]], {"km": 2, "day": 5}, [APPLIED, SUPERSEDED]
    ),
    "a change after a move that comes before the insert": Rule(
        [[modify(3, day=5, km=3)], [insert(1)]], {"km": 3, "day": 5}, [APPLIED, SUPERSEDED]
    ),
    "a move without the old day (NEW_IMAGE) finds the row": Rule(
        [[insert(1)], [modify(2, day=6, km=2)], [insert(1)]], {"km": 2, "day": 6}, [APPLIED, APPLIED, SUPERSEDED]
    ),
    "no readable day, then one": Rule(
        [[insert(1, day=None)], [modify(2, day=1, km=2)], [insert(1, day=None)]],
        {"km": 2, "day": 1},
        [APPLIED, APPLIED, SUPERSEDED],
    ),
    "a readable day, then none": Rule(
        [[insert(1)], [modify(2, day=None, km=2)], [insert(1)]], {"km": 2, "day": None}, [APPLIED, APPLIED, SUPERSEDED]
    ),
    "a newer stream outranks higher numbers": Rule(
        [[insert(900)], [modify(5, km=5, stream=NEWER_STREAM)], [modify(901, km=9)]],
        {"km": 5},
        [APPLIED, APPLIED, SUPERSEDED],
    ),
    "an older stream never wins": Rule(
        [[insert(1)], [modify(99, km=9, stream=OLDER_STREAM)]], {"km": 1}, [APPLIED, SUPERSEDED]
    ),
    "22 digits are more than 21": Rule(
        [[insert("9" * 21)], [modify("1" + "0" * 21, km=2)], [modify("8" * 21, km=3)]],
        {"km": 2},
        [APPLIED, APPLIED, SUPERSEDED],
    ),
    "leading zeros make no other number": Rule([[insert("7")], [modify("0007", km=9)]], {"km": 1}, [APPLIED, REPEATED]),
    "a line without a number is inserted": Rule([[insert(None)]], {"km": 1, "number": None}, [APPLIED]),
    "without numbers the later delivery wins": Rule(
        [[insert(None, delivered=1_000)], [insert(None, day=2, km=2, delivered=2_000)]],
        {"km": 2, "day": 2},
        [APPLIED, APPLIED],
    ),
    "without numbers a tie keeps the row": Rule(
        [[insert(None, delivered=1_000)], [insert(None, km=2, delivered=1_000)]], {"km": 1}, [APPLIED, IGNORED]
    ),
    "without numbers an earlier delivery loses": Rule(
        [[insert(None, delivered=2_000)], [insert(None, km=2, delivered=1_000)]], {"km": 1}, [APPLIED, IGNORED]
    ),
    "a line without a number never overwrites a numbered row": Rule(
        [[insert(1)], [insert(None, day=3, km=9, delivered=9_000)]], {"km": 1, "day": 0}, [APPLIED, IGNORED]
    ),
    "a numbered line overwrites a row without a number": Rule(
        [[insert(None, delivered=9_000)], [modify(1, day=1, km=2)]], {"km": 2, "number": "1"}, [APPLIED, APPLIED]
    ),
    "an insert finds the row that a line without a number left on another day": Rule(
        [[insert(None, day=2, km=2)], [insert(1)], [modify(2, day=2, km=3, previous=0)]],
        {"km": 3, "day": 2},
        [APPLIED, APPLIED, APPLIED],
    ),
    "hard: a removal leaves a tombstone without values": Rule(
        [[insert(1, volts=12.0)], [remove(2)]],
        {"km": None, "volts": None, "deleted": True},
        [APPLIED, APPLIED],
        {"on_delete": "hard"},
    ),
    "hard: a late update after a removal stays deleted": Rule(
        [[insert(1)], [remove(3)], [modify(2, km=2)]],
        {"km": None, "deleted": True},
        [APPLIED, APPLIED, SUPERSEDED],
        {"on_delete": "hard"},
    ),
    "hard: an insert after a removal revives the row on another day": Rule(
        [[insert(1)], [remove(2)], [insert(3, day=2, km=3)]],
        {"km": 3, "deleted": False, "day": 2},
        [APPLIED] * 3,
        {"on_delete": "hard"},
    ),
    "hard: an expiry marks the row where it is asked to": Rule(
        [[insert(1)], [remove(2, expired=True)]], {"km": 1, "deleted": True}, [APPLIED, APPLIED], {"on_delete": "hard"}
    ),
    "keep: a removal is ignored": Rule(
        [[insert(1)], [remove(2)]], {"km": 1, "deleted": False}, [APPLIED, IGNORED], {"on_delete": "keep"}
    ),
    "keep: a removal of an unknown event leaves no row": Rule(
        [[], [remove(2)]], None, [{}, IGNORED], {"on_delete": "keep"}
    ),
    "keep: an insert that comes after a removal and an insert": Rule(
        [[], [remove(2)], [insert(3, day=3, km=3)], [insert(1)]],
        {"km": 3, "deleted": False, "day": 3},
        [{}, IGNORED, APPLIED, SUPERSEDED],
        {"on_delete": "keep"},
    ),
    "keep: an insert after a removal on another day finds the row": Rule(
        [[insert(1)], [remove(2, keys_only=True)], [insert(3, day=2, km=3)]],
        {"km": 3, "day": 2},
        [APPLIED, IGNORED, APPLIED],
        {"on_delete": "keep"},
    ),
}
Outcome = tuple[Any, list[dict[str, int]], set[str]]
ORDER = list(RULES)
POLICIES: dict[str, dict[str, Any]] = {
    "soft": {"on_delete": "soft", "on_expiry": "keep"},
    "hard": {"on_delete": "hard", "on_expiry": "soft"},
    "keep": {"on_delete": "keep", "on_expiry": "hard"},
}


def first_day(name: str) -> date:
    """Give each rule days of its own, so that no other rule's days bring its rows into view."""
    return date(2020, 1, 1) + timedelta(days=20 * ORDER.index(name))


def event_of(name: str) -> str:
    return f"{name} `' \" \n ../"


def as_line(name: str, described: dict[str, Any]) -> dict[str, Any]:
    told = dict(described)
    number, day, km, previous = told.pop("number"), told.pop("day"), told.pop("km"), told.pop("previous", None)
    extra = {code: told.pop(name) for name, code in (("volts", VOLTAGE), ("amps", AMPERAGE)) if name in told}
    return line(
        event_of(f"beside {name}" if told.pop("beside", False) else name),
        number,
        date=None if day is None else str(first_day(name) + timedelta(days=day)),
        previous=None if previous is None else str(first_day(name) + timedelta(days=previous)),
        signals={ODOMETER: km} | extra,
        **told,
    )


def policy_of(rule: Rule, number: int) -> str:
    """Return the policy under which a batch of a rule is done. It says what a removal does and nothing else
    (`staging.action_of`), so lines of other kinds share the batch of the default.
    """
    removes = any(described["name"] == "REMOVE" for described in rule.batches[number])
    return str(rule.policy.get("on_delete", "soft")) if removes else "soft"


@pytest.fixture(scope="module")
def outcomes(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Run all rules together; return each rule's row, its verdicts by batch and why its event is in `moves`."""
    world = World(spark, tmp_path_factory.mktemp("rules")).furnished(blank)
    # Somebody's own columns, of names that the job's queries might use.
    spark.sql(f"ALTER TABLE {world.table.sql} ADD COLUMNS (id STRING, row_date DATE, place INT, gone INT, cause INT)")
    landed: dict[str, list[str]] = {}
    for name, rule in RULES.items():
        places = [f"{number}/{policy_of(rule, number)}" for number in range(len(rule.batches))]
        landed[name] = [f"{place}/{ORDER.index(name)}.ndjson.gz" for place in places]
        for file, batch in zip(landed[name], rule.batches, strict=True):
            world.land(file, [as_line(name, described) for described in batch])
    folders = sorted({str(Path(file).parent) for files in landed.values() for file in files})
    for number, folder in enumerate(folders):
        replace(world, **POLICIES[Path(folder).name]).batch(number, folder)
    rows, files, noted = world.rows(), world.files(), world.side("moves")
    return {
        name: (
            rows.get(event_of(name)),
            [verdicts(files[file]) for file in landed[name]],
            {row.cause for row in noted if row.event_id == event_of(name)},
        )
        for name in RULES
    }


@pytest.mark.parametrize("name", RULES)
def test_rule(name: str, outcomes: dict[str, Outcome]) -> None:
    rule, (row, told, _) = RULES[name], outcomes[name]
    assert told == rule.verdicts
    assert shown(row, name, rule.row) == rule.row


@pytest.mark.parametrize(
    ("name", "causes"),
    [
        ("several lines of one batch: the newest wins", set()),
        ("a move that comes before the insert", {"moved"}),
        ("an expiry is ignored", {"passing"}),
        ("keep: a removal is ignored", {"removed"}),
    ],
)
def test_only_days_that_may_be_asked_for_again_are_noted(
    name: str, causes: set[str], outcomes: dict[str, Outcome]
) -> None:
    assert outcomes[name][2] == causes


def shown(row: Any, name: str, expected: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return what the rule speaks of, as its row has it."""
    if row is None:
        return None
    day = None if row.event_date is None else (row.event_date - first_day(name)).days
    columns = row.asDict()
    seen = {
        "km": columns["Odometer_TraveledDistance_value"],
        "volts": columns.get("Charge_Voltage_value"),
        "amps": columns.get("Charge_Amperage_value"),
        "number": row.sequence_number,
        "deleted": row.deleted_at is not None,
        "day": day,
    }
    return {about: seen[about] for about in expected or ()}
