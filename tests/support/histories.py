"""Random histories of a few events: changes, their delivery in files, and interruptions of the job."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from flatten.decide.lines import RemovePolicy
from support.job_model import Place, Policies, Sent, bad, change_of, sent
from support.oracle import Delivered, Kind, Made

FIRST_DAY, LOOKBACK = date(2026, 1, 5), 7
NEAR, FAR = (0, 3, 7), (0, 7, 40)
KINDS: tuple[Kind, ...] = (
    *("insert", "modify", "modify", "modify", "remove", "remove keys", "remove keys"),
    *("expire", "expire keys", "plain", "plain", "bad"),
    *("written", "written", "written remove", "written remove keys"),
)
POLICIES: tuple[tuple[RemovePolicy, RemovePolicy], ...] = (
    *(("soft", "keep"), ("soft", "soft"), ("hard", "soft")),
    *(("hard", "keep"), ("keep", "soft"), ("soft", "hard")),
)
"""Of removals and of expiries."""
CHANGES, BATCHES, FILES = 8, 3, 3
PLACES = range(BATCHES * FILES)
STREAMS = ("2025-12-01", "2026-01-01", "2026-01-01")
BEGINNINGS = {"2025-12-01": 0, "2026-01-01": 100}
"""The second of a stream's first change."""
BOUNDARIES = ("found", "values", "rows", "files")

T = TypeVar("T")


@dataclass(frozen=True)
class Trouble:
    """What happens to a batch: at which boundary it is killed, and where another writer commits which change."""

    killed: str | None = None
    meddled: str | None = None
    change: int = 0


@dataclass(frozen=True)
class History:
    """Changes, and where each is delivered: files number 0 to `BATCHES` * `FILES` - 1, `FILES` per batch."""

    made: list[Made]
    places: list[list[int]]
    troubles: list[Trouble]
    policies: Policies
    in_turns: bool
    all_dates: bool

    def files(self, batch: int) -> list[list[Delivered]]:
        """Return the files of a batch; the later a name, the earlier the file."""
        found: list[list[Delivered]] = [[] for _ in range(FILES)]
        for made, places in zip(self.made, self.places, strict=True):
            for at in places:
                if at // FILES == batch:
                    lines = found[at % FILES]
                    place = Place(f"{batch}/{at % FILES}", len(lines) + 1, modified_at=FILES - at % FILES)
                    lines.append(Delivered(made, place))
        return [lines for lines in found if lines]

    def turns(self, batch: int) -> list[list[Delivered]]:
        """Return the lines of a batch in turns of whole files."""
        files = self.files(batch)
        return files if self.in_turns else [[line for lines in files for line in lines]]

    def is_near(self, event_id: str) -> bool:
        """Return whether the look-back finds every row of an event: its dates are close, and no INSERT lacks a date."""
        own = [each for each in self.made if each.event_id == event_id and not each.is_ignored(self.policies)]
        days = [day for each in own for day in (each.day, each.previous) if day]
        hidden = any(each.kind == "insert" and each.day is None for each in own)
        return not days or self.all_dates or (not hidden and max(days) - min(days) <= timedelta(LOOKBACK))

    @property
    def event_ids(self) -> list[str]:
        """Return the events."""
        return sorted({each.event_id for each in self.made})

    @property
    def is_calm(self) -> bool:
        """Return whether no other writer interferes."""
        return not any(trouble.meddled for trouble in self.troubles)


class Dice:
    """Choices from a few bytes: drawing each with hypothesis takes longer, and yields mostly short histories."""

    BYTES = 4

    def __init__(self, thrown: bytes) -> None:
        self._left = int.from_bytes(thrown)

    def choose(self, *choices: T) -> T:
        """Take the next choice; the first one when nothing is left."""
        self._left, at = divmod(self._left, len(choices))
        return choices[at]


def made(at: int, dice: Dice, offsets: tuple[int, ...]) -> Made:
    """Return the change number `at`. The stream's times follow its numbers, two a second."""
    days = [None, *(FIRST_DAY + timedelta(offset) for offset in offsets)]
    kind, event_id, stream = dice.choose(*KINDS), dice.choose("a", "a", "a", "b"), dice.choose(*STREAMS)
    day, previous, delivered = dice.choose(*days), dice.choose(*days), dice.choose(None, 1, 2, 3)
    keys, plain, written = kind.endswith("keys"), kind == "plain", kind.startswith("written")
    second = BEGINNINGS[stream] + (dice.choose(0, 1, 2, 3) if written else at // 2)
    return Made(
        event_id,
        kind,
        stream=None if plain or written else stream,
        number=None if plain or written else str(at + 8),  # of one and of two digits
        delivered_at=None if keys else delivered if plain else 5,
        changed_at=None if plain else second * 1_000_000 + (at if written else 0),
        day=None if keys else day,
        previous=previous if kind == "modify" else None,
        values=None if keys else f"values {at}",
    )


def trouble(dice: Dice, calm: bool) -> Trouble:
    """Return what happens to a batch; without another writer it may be killed."""
    killed, meddled = dice.choose(None, *BOUNDARIES), dice.choose(None, *BOUNDARIES)
    return Trouble(killed, None if calm else meddled, dice.choose(*range(8)))


def history(thrown: bytes) -> History:
    """Return the history that these bytes encode."""
    dice, *others = (Dice(thrown[at : at + Dice.BYTES]) for at in range(0, len(thrown), Dice.BYTES))
    batches, changes = others[:BATCHES], others[BATCHES:]
    offsets, calm, in_turns = dice.choose(NEAR, FAR), dice.choose(True, True, False), dice.choose(False, True)
    all_dates = dice.choose(False, False, True)
    return History(
        policies=Policies(*dice.choose(*POLICIES)),
        in_turns=in_turns,
        all_dates=all_dates,
        made=[made(at, each, offsets) for at, each in enumerate(changes)],
        places=[[each.choose(*PLACES), *each.choose((), *((place,) for place in PLACES))] for each in changes],
        troubles=[trouble(each, calm) for each in batches],
    )


SIZE = Dice.BYTES * (1 + BATCHES + CHANGES)
"""The bytes of a history."""


def as_sent(each: Delivered, policies: Policies) -> Sent:
    """Return a delivered change as the job reads it."""
    made, names = each.made, {"insert": "INSERT", "modify": "MODIFY", "written": "MODIFY", "plain": None}
    if made.kind == "bad":
        return bad(each.place)
    change = change_of(
        made.event_id,
        names.get(made.kind, "REMOVE"),
        made.number,
        stream=made.stream,
        day=made.day,
        previous=made.previous,
        delivered_at=made.delivered_at,
        changed_at=made.changed_at,
        expired=made.kind.startswith("expire"),
        keys_only=made.kind.endswith("keys"),
    )
    return sent(change, made.values, each.place, policies)
