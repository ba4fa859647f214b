"""The rules of contract 3, one test each: look-up, decision and MERGE against a table in plain Python."""

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import pytest

from support.job_model import JobModel, Place, Policies, Sent, bad, change_of, sent
from support.table_model import TableModel, TableRow

NEWER_STREAM, STREAM, OLDER_STREAM = "2026-01-09T00:00:00.000", "2026-01-01T00:00:00.000", "2025-12-01T00:00:00.000"
FIRST_DAY = date(2026, 1, 5)
Described = dict[str, Any]
BAD: Described = {}


@dataclass
class Rule:
    """Lines by micro-batch, and the expected result.

    `row` of the event after maintenance (None: no row), `verdicts` by batch, number of rows before maintenance.
    """

    batches: list[list[Described]]
    row: Described | None
    verdicts: list[dict[str, int]]
    policies: Policies = field(default_factory=Policies)
    rows: int = 1


def change(number: int | str | None, day: int | None = 0, km: float = 1, **more: Any) -> Described:
    """Describe a line, or with `other` a line of another event; `day` and `previous` count from `FIRST_DAY`."""
    return {"number": number, "day": day, "km": km, **more}


def insert(number: int | str | None, day: int | None = 0, km: float = 1, **more: Any) -> Described:
    return change(number, day, km, name="INSERT", **more)


def modify(number: int | str, day: int | None = 0, km: float = 1, **more: Any) -> Described:
    return change(number, day, km, name="MODIFY", **more)


def remove(number: int | str, day: int | None = 0, km: float = 1, **more: Any) -> Described:
    return change(number, day, km, name="REMOVE", **more)


APPLIED, SUPERSEDED, REPEATED, IGNORED = ({name: 1} for name in ("applied", "superseded", "repeated", "ignored"))
ONE_OF_TWO = {"applied": 1, "superseded": 1}
HARD_THEN_EXPIRED = Policies(on_delete="hard", on_expiry="soft")
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
        [[insert(1, km=3), remove(2, keys_only=True)]], {"km": 3, "deleted": True, "number": "2"}, [ONE_OF_TWO]
    ),
    "a bare removal older than an insert of its batch does nothing": Rule(
        [[insert(3, km=3), remove(2, keys_only=True)]], {"km": 3, "deleted": False}, [ONE_OF_TWO]
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
        [APPLIED, ONE_OF_TWO],
    ),
    "a batch that meets two rows, by a removal that came too late, leaves one": Rule(
        [[insert(1)], [insert(3, day=4, km=3)], [remove(2), modify(4, day=4, km=4)]],
        {"km": 4, "deleted": False, "day": 4, "number": "4"},
        [APPLIED, APPLIED, ONE_OF_TWO],
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
        [[insert(1)], [insert(3, day=4, km=3)], [remove(2, keys_only=True), insert(9, day=4, other=True)]],
        {"km": 3, "deleted": False, "day": 4, "number": "3"},
        [APPLIED, APPLIED, ONE_OF_TWO],
    ),
    "a bare removal that meets the older row by another event's day closes the newer one": Rule(
        [[insert(1)], [insert(3, day=4, km=3)], [remove(4, keys_only=True), insert(9, other=True)]],
        {"km": 3, "deleted": True, "day": 4, "number": "4"},
        [APPLIED, APPLIED, {"applied": 2}],
    ),
    "a removal of another day that meets one row by another event's day finds the older one": Rule(
        [[insert(1)], [insert(4, day=3, km=4)], [remove(3, day=2), insert(9, day=3, other=True)]],
        {"km": 4, "deleted": False, "day": 3, "number": "4"},
        [APPLIED, APPLIED, ONE_OF_TWO],
    ),
    "an insert on another day finds what insert and bare removal of one batch left": Rule(
        [[insert(1), remove(2, keys_only=True)], [insert(3, day=2, km=3)]],
        {"km": 3, "deleted": False, "day": 2},
        [ONE_OF_TWO, APPLIED],
    ),
    "an insert on another day finds what a move without the old day and a bare removal left": Rule(
        [[insert(1), modify(2, day=1, km=2), remove(3, keys_only=True)], [insert(4, day=2, km=4)]],
        {"km": 4, "deleted": False, "day": 2},
        [{"applied": 1, "superseded": 2}, APPLIED],
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
        [ONE_OF_TWO, SUPERSEDED],
    ),
    "an insert without a day that comes again after a move to one makes a second row until maintenance": Rule(
        [[insert(1, day=None), modify(2, km=2)], [insert(1, day=None)]],
        {"km": 2, "day": 0},
        [ONE_OF_TWO, APPLIED],
        rows=2,
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
        [APPLIED, ONE_OF_TWO],
    ),
    "a moved row gets no second one by its old line": Rule(
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
        [[insert(1, day=None)], [modify(2, day=1, km=2)], [modify(1, day=None)]],
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
        [[insert(1)], [remove(2)]],
        {"km": None, "deleted": True},
        [APPLIED, APPLIED],
        Policies(on_delete="hard"),
    ),
    "hard: a late update after a removal stays deleted": Rule(
        [[insert(1)], [remove(3)], [modify(2, km=2)]],
        {"km": None, "deleted": True},
        [APPLIED, APPLIED, SUPERSEDED],
        Policies(on_delete="hard"),
    ),
    "hard: an insert after a removal revives the row on another day": Rule(
        [[insert(1)], [remove(2)], [insert(3, day=2, km=3)]],
        {"km": 3, "deleted": False, "day": 2},
        [APPLIED] * 3,
        Policies(on_delete="hard"),
    ),
    "keep: a removal is ignored": Rule(
        [[insert(1)], [remove(2)]], {"km": 1, "deleted": False}, [APPLIED, IGNORED], Policies(on_delete="keep")
    ),
    "keep: a removal of an unknown event leaves no row": Rule(
        [[], [remove(2)]], None, [{}, IGNORED], Policies(on_delete="keep")
    ),
    "keep: an insert that comes after a removal and an insert": Rule(
        [[], [remove(2)], [insert(3, day=3, km=3)], [insert(1)]],
        {"km": 3, "deleted": False, "day": 3},
        [{}, IGNORED, APPLIED, SUPERSEDED],
        Policies(on_delete="keep"),
    ),
    "keep: an insert after a removal on another day finds the row": Rule(
        [[insert(1)], [remove(2, keys_only=True)], [insert(3, day=2, km=3)]],
        {"km": 3, "day": 2},
        [APPLIED, IGNORED, APPLIED],
        Policies(on_delete="keep"),
    ),
    "expiry soft: an expiry keeps the values and sets deleted_at": Rule(
        [[insert(1)], [remove(2, expired=True)]],
        {"km": 1, "deleted": True},
        [APPLIED, APPLIED],
        Policies(on_expiry="soft"),
    ),
    "expiry soft: an expiry without an image keeps the values": Rule(
        [[insert(1, km=3)], [remove(2, keys_only=True, expired=True)]],
        {"km": 3, "deleted": True, "number": "2"},
        [APPLIED, APPLIED],
        Policies(on_delete="keep", on_expiry="soft"),
    ),
    "expiry hard: an expiry leaves a tombstone without values": Rule(
        [[insert(1)], [remove(2, expired=True)]],
        {"km": None, "deleted": True},
        [APPLIED, APPLIED],
        Policies(on_expiry="hard"),
    ),
    "hard: a removal by key leaves a tombstone without values": Rule(
        [[insert(1)], [remove(2, keys_only=True)]],
        {"km": None, "deleted": True, "day": 0},
        [APPLIED, APPLIED],
        Policies(on_delete="hard"),
    ),
    "hard: a removal of an unknown event leaves a tombstone without values": Rule(
        [[remove(2)]], {"km": None, "deleted": True, "day": 0}, [APPLIED], Policies(on_delete="hard")
    ),
    "hard: values of a change in the same batch are not written": Rule(
        [[insert(1), remove(2)]], {"km": None, "deleted": True}, [ONE_OF_TWO], Policies(on_delete="hard")
    ),
    "hard: what was erased does not return by a bare expiry of its batch": Rule(
        [[insert(1)], [remove(2), remove(4, keys_only=True, expired=True)]],
        {"km": None, "deleted": True, "number": "4"},
        [APPLIED, ONE_OF_TWO],
        HARD_THEN_EXPIRED,
    ),
    "hard: an insert between removal and bare expiry keeps its values": Rule(
        [[insert(1)], [remove(2), insert(3, km=3), remove(4, keys_only=True, expired=True)]],
        {"km": 3, "deleted": True, "number": "4"},
        [APPLIED, {"applied": 1, "superseded": 2}],
        HARD_THEN_EXPIRED,
    ),
    "hard: what was erased before the row's own change erases nothing": Rule(
        [[insert(3, km=3)], [remove(2), remove(4, keys_only=True, expired=True)]],
        {"km": 3, "deleted": True, "number": "4"},
        [APPLIED, ONE_OF_TWO],
        HARD_THEN_EXPIRED,
    ),
    "a repeated removal changes nothing": Rule(
        [[insert(1)], [remove(2)], [remove(2, km=9)]], {"km": 1, "deleted": True}, [APPLIED, APPLIED, REPEATED]
    ),
    "a repeated removal by key changes nothing": Rule(
        [[insert(1)], [remove(2, keys_only=True)], [remove(2, keys_only=True)]],
        {"km": 1, "deleted": True},
        [APPLIED, APPLIED, REPEATED],
    ),
    "bare removals in one batch: the newest wins over an older one": Rule(
        [[insert(1)], [remove(2, keys_only=True), remove(4, keys_only=True), modify(3, km=3)]],
        {"km": 3, "deleted": True, "number": "4"},
        [APPLIED, {"applied": 1, "superseded": 2}],
    ),
    "a removal below a bare one gives the values": Rule(
        [[insert(1)], [remove(2, km=2), remove(3, keys_only=True)]],
        {"km": 2, "deleted": True, "number": "3"},
        [APPLIED, ONE_OF_TWO],
    ),
    "a change older than the row gives a bare removal of its batch no values": Rule(
        [[insert(3, km=3)], [modify(2, km=2), remove(4, keys_only=True)]],
        {"km": 3, "deleted": True, "number": "4"},
        [APPLIED, ONE_OF_TWO],
    ),
    "equal lines in one batch: the first one counts": Rule(
        [[insert(1, km=1), insert(1, km=9)]], {"km": 1}, [{"applied": 1, "repeated": 1}]
    ),
    "without numbers the later delivery wins in one batch, too": Rule(
        [[insert(None, km=1, delivered=1_000), insert(None, km=2, delivered=2_000)]],
        {"km": 2},
        [{"applied": 1, "ignored": 1}],
    ),
    "without numbers and with equal deliveries in one batch the first one counts": Rule(
        [[insert(None, km=1, delivered=1_000), insert(None, km=2, delivered=1_000)]],
        {"km": 1},
        [{"applied": 1, "ignored": 1}],
    ),
    "without numbers any delivery outranks none": Rule(
        [[insert(None)], [insert(None, km=2, delivered=-(10**15))]], {"km": 2}, [APPLIED, APPLIED]
    ),
    "a line without a number below a bare removal gives the values": Rule(
        [[insert(None, km=2), remove(1, keys_only=True)]],
        {"km": 2, "deleted": True, "number": "1"},
        [{"applied": 1, "ignored": 1}],
    ),
    "a line without a number in a batch with numbered ones is ignored": Rule(
        [[insert(None, km=9, delivered=9_000), insert(1)]], {"km": 1, "number": "1"}, [{"applied": 1, "ignored": 1}]
    ),
    "a bad line is quarantined": Rule([[BAD]], None, [{"quarantined": 1}]),
    "a bad line hinders no other": Rule([[BAD, insert(1)]], {"km": 1}, [{"quarantined": 1, "applied": 1}]),
    "a move as far as the look-back finds the row without the old day": Rule(
        [[insert(1)], [modify(2, day=7, km=2)]], {"km": 2, "day": 7}, [APPLIED, APPLIED]
    ),
    "a move beyond the look-back finds the row by the old day": Rule(
        [[insert(1)], [modify(2, day=40, km=2, previous=0)]], {"km": 2, "day": 40}, [APPLIED, APPLIED]
    ),
    "a move beyond the look-back without the old day makes a second row until maintenance": Rule(
        [[insert(1)], [modify(2, day=8, km=2)]], {"km": 2, "day": 8}, [APPLIED, APPLIED], rows=2
    ),
    "the old line of a move beyond the look-back makes a second row until maintenance": Rule(
        [[insert(1)], [modify(2, day=40, km=2, previous=0)], [insert(1)]],
        {"km": 2, "day": 40},
        [APPLIED, APPLIED, APPLIED],
        rows=2,
    ),
    "of several rows the newest decides": Rule(
        [[insert(1)], [modify(3, day=40, km=3)], [modify(2, day=40, km=2, previous=0)]],
        {"km": 3, "day": 40},
        [APPLIED, APPLIED, SUPERSEDED],
        rows=2,
    ),
    "a newer line replaces all rows": Rule(
        [[insert(1)], [modify(3, day=40, km=3)], [modify(4, day=20, km=4, previous=40), modify(2, day=0)]],
        {"km": 4, "day": 20, "number": "4"},
        [APPLIED, APPLIED, ONE_OF_TWO],
        rows=2,
    ),
    "a bare removal keeps the values of the newest of several rows": Rule(
        [[insert(1)], [modify(2, day=40, km=2)], [remove(3, keys_only=True)]],
        {"km": 2, "deleted": True, "day": 40, "number": "3"},
        [APPLIED, APPLIED, APPLIED],
        rows=2,
    ),
    "a removal by key finds its row under any day": Rule(
        [[insert(1, km=3)], [remove(2, keys_only=True), insert(9, day=4_000, other=True)]],
        {"km": 3, "deleted": True, "day": 0},
        [APPLIED, {"applied": 2}],
    ),
    "a change without a readable day finds its row under any day": Rule(
        [[insert(1)], [modify(2, day=None, km=2), insert(9, day=4_000, other=True)]],
        {"km": 2, "day": None},
        [APPLIED, {"applied": 2}],
    ),
    "a removal whose image has no readable day finds its row under any day": Rule(
        [[insert(1)], [remove(2, day=None)]], {"km": 1, "deleted": True, "day": None}, [APPLIED, APPLIED]
    ),
    "an insert without a readable day is looked up among rows without one": Rule(
        [[insert(1, day=None)], [insert(2, day=None, km=2)]], {"km": 2, "day": None}, [APPLIED, APPLIED]
    ),
    "an insert without a readable day makes a second row to one with a day until maintenance": Rule(
        [[insert(1)], [insert(2, day=None, km=2)]], {"km": 2, "day": None}, [APPLIED, APPLIED], rows=2
    ),
}


def day_of(offset: int | None) -> date | None:
    return None if offset is None else FIRST_DAY + timedelta(offset)


def as_line(described: Described, place: Place, policies: Policies) -> Sent:
    if not described:
        return bad(place)
    more = dict(described)
    number, day, km, previous = more.pop("number"), more.pop("day"), more.pop("km"), more.pop("previous", None)
    change = change_of(
        "other" if more.pop("other", False) else "event",
        more.pop("name"),
        None if number is None else str(number),
        stream=more.pop("stream", STREAM),
        day=day_of(day),
        previous=day_of(previous),
        delivered_at=more.pop("delivered", None),
        **more,
    )
    return sent(change, None if change.keys_only else km, place, policies)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_rule(rule: Rule) -> None:
    table = TableModel()
    job = JobModel(table)
    for number, batch in enumerate(rule.batches):
        places = [Place(f"file {number}", at) for at in range(1, len(batch) + 1)]
        lines = [as_line(each, place, rule.policies) for each, place in zip(batch, places, strict=True)]
        counted = job.process([lines])
        assert counted.get(f"file {number}", {}) == rule.verdicts[number]
        assert len(job.decided) == 1, "the MERGE wrote another number of rows than was decided"
    assert len(table.of("event")) == (rule.rows if rule.row else 0)
    table.remove_duplicates()
    assert [shown(row, rule.row or {}) for row in table.of("event")] == ([rule.row] if rule.row else [])


def shown(row: TableRow, expected: Described) -> Described:
    """Return the part of its row that the rule names."""
    seen = {
        "km": row.values,
        "number": row.sequence_number,
        "deleted": row.deleted,
        "day": None if row.event_date is None else (row.event_date - FIRST_DAY).days,
    }
    return {about: seen[about] for about in expected}
