"""Look-up, decision and MERGE together, against an oracle that knows the whole table, over random histories."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from typing import TypeVar

from hypothesis import given, settings
from hypothesis import strategies as st

from flatten.settings import RemovePolicy
from support import oracle
from support.job_model import JobModel, Place, Policies, Sent, bad, change_of, sent
from support.oracle import Delivered, Kind, Made, State
from support.table_model import TableModel, TableRow

FIRST_DAY, LOOKBACK = date(2026, 1, 5), 7
NEAR, FAR = (0, 3, 7), (0, 7, 40)
KINDS: tuple[Kind, ...] = (
    *("insert", "modify", "modify", "modify", "remove", "remove keys", "remove keys"),
    *("expire", "expire keys", "plain", "plain", "bad"),
)
POLICIES: tuple[tuple[RemovePolicy, RemovePolicy], ...] = (
    *(("soft", "keep"), ("soft", "soft"), ("hard", "soft")),
    *(("hard", "keep"), ("keep", "soft"), ("soft", "hard")),
)
"""Of removals and of expiries."""
CHANGES, BATCHES, FILES = 8, 3, 3
PLACES = range(BATCHES * FILES)
STREAMS = ("2025-12-01", "2026-01-01", "2026-01-01")
BOUNDARIES = ("found", "values", "rows", "files")

T = TypeVar("T")


class KilledError(Exception):
    """Raised where a job is killed."""


@dataclass(frozen=True)
class Trouble:
    """What happens to a batch: at which boundary it is killed, and where another writer commits which change."""

    killed: str | None = None
    meddled: str | None = None
    change: int = 0


@dataclass(frozen=True)
class History:
    """Changes, and where each is delivered: files number 0 to `BATCHES` * `FILES` - 1, `FILES` a batch."""

    made: list[Made]
    places: list[list[int]]
    troubles: list[Trouble]
    policies: Policies
    in_turns: bool

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
        """Whether the look-back finds every row of an event: its dates are close, and no INSERT hides in none."""
        own = [each for each in self.made if each.event_id == event_id and not each.is_ignored(self.policies)]
        days = [day for each in own for day in (each.day, each.previous) if day]
        hidden = any(each.kind == "insert" and each.day is None for each in own)
        return not days or (not hidden and max(days) - min(days) <= timedelta(LOOKBACK))

    @property
    def event_ids(self) -> list[str]:
        """The events."""
        return sorted({each.event_id for each in self.made})

    @property
    def is_calm(self) -> bool:
        """Whether no other writer interferes."""
        return not any(trouble.meddled for trouble in self.troubles)


class Dice:
    """Choices out of a few bytes: a draw of hypothesis for each takes longer, and yields short histories mostly."""

    BYTES = 3

    def __init__(self, thrown: bytes) -> None:
        self._left = int.from_bytes(thrown)

    def choose(self, *choices: T) -> T:
        """Take the next choice; the first one when nothing is left."""
        self._left, at = divmod(self._left, len(choices))
        return choices[at]


def made(at: int, dice: Dice, offsets: tuple[int, ...]) -> Made:
    """Return the change number `at`."""
    days = [None, *(FIRST_DAY + timedelta(offset) for offset in offsets)]
    kind, event_id, stream = dice.choose(*KINDS), dice.choose("a", "a", "a", "b"), dice.choose(*STREAMS)
    day, previous, delivered = dice.choose(*days), dice.choose(*days), dice.choose(None, 1, 2, 3)
    keys, plain = kind.endswith("keys"), kind == "plain"
    return Made(
        event_id,
        kind,
        stream=None if plain else stream,
        number=None if plain else str(at + 8),  # of one and of two digits
        delivered_at=None if keys else delivered if plain else 5,
        day=None if keys else day,
        previous=previous if kind == "modify" else None,
        values=None if keys else f"values {at}",
    )


def trouble(dice: Dice, calm: bool) -> Trouble:
    """Return what happens to a batch; a calm one may be killed."""
    killed, meddled = dice.choose(None, *BOUNDARIES), dice.choose(None, *BOUNDARIES)
    return Trouble(killed, None if calm else meddled, dice.choose(*range(8)))


def history(thrown: bytes) -> History:
    """Return the history that these bytes say."""
    dice, *others = (Dice(thrown[at : at + Dice.BYTES]) for at in range(0, len(thrown), Dice.BYTES))
    batches, changes = others[:BATCHES], others[BATCHES:]
    offsets, calm, in_turns = dice.choose(NEAR, FAR), dice.choose(True, True, False), dice.choose(False, True)
    return History(
        policies=Policies(*dice.choose(*POLICIES)),
        in_turns=in_turns,
        made=[made(at, each, offsets) for at, each in enumerate(changes)],
        places=[[each.choose(*PLACES), *each.choose((), *((place,) for place in PLACES))] for each in changes],
        troubles=[trouble(each, calm) for each in batches],
    )


SIZE = Dice.BYTES * (1 + BATCHES + CHANGES)
histories = st.binary(min_size=SIZE, max_size=SIZE).map(history)


class Witness:
    """A table that a job and another writer fill, and the rows that each event may have in the end."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.table = TableModel()
        self.job, self.other = JobModel(self.table, LOOKBACK), JobModel(self.table, LOOKBACK)
        self.allowed: dict[str, set[State]] = {event_id: {None} for event_id in history.event_ids}

    def run(self) -> None:
        """Do all batches."""
        for batch, trouble in enumerate(self.history.troubles):
            self.batch(batch, trouble)

    def batch(self, batch: int, trouble: Trouble) -> None:
        """Do a batch to its end, killed and tried again as it comes, and check what it has done."""
        turns = self.history.turns(batch)
        others: list[Delivered] = []
        lines = [[as_sent(each, self.history.policies) for each in turn] for turn in turns]
        meddle = partial(self._meddle, others, trouble.change, batch)
        reached = once(trouble.meddled, meddle, once(trouble.killed, _kill))
        try:
            self.job.process(lines, reached)
        except KilledError:
            self.job.process(lines, reached)
        self._allow(turns, others)
        self._check_counts(turns)
        self._check_replay(turns, lines)

    def _meddle(self, others: list[Delivered], change: int, batch: int) -> None:
        """Let the other writer commit a change, and note it."""
        each = Delivered(self.history.made[change % len(self.history.made)], Place(f"other/{batch}", 1))
        others.append(each)
        self.other.process([[as_sent(each, self.history.policies)]])

    def _allow(self, turns: list[list[Delivered]], others: list[Delivered]) -> None:
        """Let the other writer come before a turn, or after all: to whoever looks at one event, nothing else shows."""
        for event_id, states in self.allowed.items():
            own = [[line for line in turn if line.made.event_id == event_id] for turn in turns]
            foreign = [line for line in others if line.made.event_id == event_id]
            orders = [[*own[:at], foreign, *own[at:]] for at in range(len(own) + 1)] if foreign else [own]
            self.allowed[event_id] = {self._after(state, order) for state in states for order in orders}

    def _after(self, state: State, batches: Iterable[list[Delivered]]) -> State:
        for lines in batches:
            state = oracle.after(state, lines, self.history.policies)
        return state

    def _check_counts(self, turns: list[list[Delivered]]) -> None:
        lines = Counter(line.place.path for turn in turns for line in turn)
        assert {path: self.job.recorded[path].total() for path in lines} == lines
        if self._is_exact() and len(turns) == 1:
            assert {path: self.job.recorded[path] for path in lines} == self._verdicts(turns[0])

    def _is_exact(self) -> bool:
        return self.history.is_calm and all(map(self.history.is_near, self.history.event_ids))

    def _verdicts(self, turn: list[Delivered]) -> dict[str, Counter[str]]:
        counted: dict[str, Counter[str]] = {}
        for event_id, (row,) in self.allowed.items():
            own = [line for line in turn if line.made.event_id == event_id]
            for path, found in oracle.verdicts(row, own, self.history.policies).items():
                counted[path] = counted.get(path, Counter()) + found
        return counted

    def _check_replay(self, turns: list[list[Delivered]], lines: list[list[Sent]]) -> None:
        """Check that a calm batch was decided right at once, and that it writes nothing more when it comes again."""
        if self._is_exact():
            assert len(self.job.decided) == len(turns), "the MERGE wrote another number of rows than was decided"
        if self.history.is_calm:
            assert all(each.is_as_decided for each in self.job.written if each.is_foreseen)
        if self.history.is_calm:
            rows, counted = self._near_rows(), self.job.recorded.copy()
            again = self.job.process(lines)
            assert self._near_rows() == rows
        if self._is_exact():
            assert not any(each.rows_to_write or each.rows_to_close for each in self.job.decided)
            assert len(turns) > 1 or {path: counted[path] for path in again} == again

    def _near_rows(self) -> list[TableRow]:
        return [row for row in self.table.rows if self.history.is_near(row.event_id)]

    def check_rows(self) -> None:
        """Check each event's one row: within the look-back at once; beyond it, and beside others, after maintenance."""
        if self.history.is_calm:
            for event_id in filter(self.history.is_near, self.history.event_ids):
                self._check_row(event_id)
        self.table.remove_duplicates()
        for event_id in self.history.event_ids:
            self._check_row(event_id)

    def _check_row(self, event_id: str) -> None:
        rows = self.table.of(event_id)
        assert len(rows) <= 1, f"several rows of {event_id}"
        found = rows[0] if rows else None
        if self.history.is_near(event_id) or not self._ties(event_id):
            assert self._shown(found) in [self._shown(state) for state in self.allowed[event_id]]
        else:
            assert found
            assert found.rank in [state.rank for state in self.allowed[event_id] if state]
        own = {each.day for each in self.history.made if each.event_id == event_id}
        assert found is None or found.event_date in {None, *own}

    def _shown(self, row: State) -> State:
        """Leave out what is not promised: the date of a tombstone, and which of two deliveries was used."""
        if row is None:
            return None
        row = row._replace(event_date=None, delivered_at=None) if row.values is None else row
        is_sure = self.history.is_calm and self.history.is_near(row.event_id)
        return row if is_sure else row._replace(source_file=None)

    def _ties(self, event_id: str) -> bool:
        """Whether lines without a number are equally new: of their rows beyond the look-back any may stay."""
        plain = sorted(each.rank for each in self.history.made if each.event_id == event_id and each.number is None)
        return any(one == other for one, other in pairwise(plain))


def as_sent(each: Delivered, policies: Policies) -> Sent:
    """Return a delivered change as the job reads it."""
    made, names = each.made, {"insert": "INSERT", "modify": "MODIFY", "plain": None}
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
        expired=made.kind.startswith("expire"),
        keys_only=made.kind.endswith("keys"),
    )
    return sent(change, made.values, each.place, policies)


def once(
    boundary: str | None, act: Callable[[], None], then: Callable[[str], None] = lambda name: None
) -> Callable[[str], None]:
    """Return what does something when a boundary is first reached, then something else."""
    left = {boundary}

    def reached(name: str) -> None:
        if name in left:
            left.remove(name)
            act()
        then(name)

    return reached


def _kill() -> None:
    raise KilledError


@settings(max_examples=5_000)
@given(histories)
def test_the_table_is_what_an_oracle_says(history: History) -> None:
    witness = Witness(history)
    witness.run()
    witness.check_rows()
