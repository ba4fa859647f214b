"""Look-up, decision and MERGE together, against an oracle that knows the whole table, over random histories."""

from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from support import oracle
from support.histories import LOOKBACK, SIZE, History, Trouble, as_sent, history
from support.job_model import NEW, JobModel, Place, Sent
from support.oracle import Delivered, State
from support.table_model import TableModel, TableRow


class KilledError(Exception):
    """Raised where a job is killed."""


class Witness:
    """A table that a job and another writer fill, and the rows that each event may have at the end."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.table = TableModel()
        self.job, self.other = (JobModel(self.table, LOOKBACK, history.all_dates) for _ in range(2))
        self.allowed: dict[str, set[State]] = {event_id: {None} for event_id in history.event_ids}

    def run(self) -> None:
        """Process all batches."""
        for batch, trouble in enumerate(self.history.troubles):
            self.batch(batch, trouble)

    def batch(self, batch: int, trouble: Trouble) -> None:
        """Process a batch to its end, with random kills and retries, and check the result."""
        turns, lines = self.history.turns(batch), self._lines(batch)
        others: list[Delivered] = []
        meddle = partial(self._meddle, others, trouble.change, batch)
        reached = once(trouble.meddled, meddle, once(trouble.killed, _kill))
        try:
            self.job.process(lines, reached)
        except KilledError:
            self.job.process(lines, reached)
        self._allow(turns, others)
        self._check_counts(turns)
        self._check_replay(turns, lines)

    def _lines(self, batch: int) -> list[list[Sent]]:
        return [[as_sent(each, self.history.policies) for each in turn] for turn in self.history.turns(batch)]

    def _meddle(self, others: list[Delivered], change: int, batch: int) -> None:
        """Commit a change of the other writer, and remember it."""
        each = Delivered(self.history.made[change % len(self.history.made)], Place(f"other/{batch}", 1))
        others.append(each)
        self.other.process([[as_sent(each, self.history.policies)]])

    def _allow(self, turns: list[list[Delivered]], others: list[Delivered]) -> None:
        """Allow that the other writer came before or after a turn: a look-up of one event cannot tell the two apart."""
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
        """Check that a batch without interruptions was decided correctly at once, and that a replay writes nothing."""
        if self._is_exact():
            assert len(self.job.decided) == len(turns), "the MERGE wrote another number of rows than was decided"
        if self.history.is_calm:
            assert all(each.is_as_decided for each in self.job.written if each.is_foreseen)
            rows, counted = self._near_rows(), self.job.recorded.copy()
            again = self.job.process(lines)
            assert self._near_rows() == rows
        if self._is_exact():
            assert not any(each.rows_to_write or each.rows_to_close for each in self.job.decided)
            assert len(turns) > 1 or {path: counted[path] for path in again} == again

    def _near_rows(self) -> list[TableRow]:
        return [row for row in self.table.rows if self.history.is_near(row.event_id)]

    def check_all_again(self) -> None:
        """Check that all batches again, as after a lost checkpoint, change no row within the look-back."""
        if self._is_exact():
            rows = list(self.table.rows)
            for batch in range(len(self.history.troubles)):
                self.job.process(self._lines(batch))
            assert self.table.rows == rows

    def check_renewal(self) -> None:
        """Check that all batches again, by a newer version, change no row but for its versions."""
        if self._is_exact():
            rows, self.job.now = list(self.table.rows), NEW
            for batch in range(len(self.history.troubles)):
                self.job.process(self._lines(batch))
                assert len(self.job.decided) <= len(self._lines(batch)), "the MERGE wrote another number of rows"
            assert [_unversioned(row) for row in self.table.rows] == list(map(_unversioned, rows))
            assert {row.catalogue_version for row in self.table.rows if self._has_its_own_values(row)} <= {"2"}

    def _has_its_own_values(self, row: TableRow) -> bool:
        own = [each for each in self.history.made if (each.event_id, each.values) == (row.event_id, row.values)]
        return any(each.values and each.rank == row.rank and each.kind != "written remove" for each in own)

    def check_rows(self) -> None:
        """Check that each event has one row: within the look-back at once; otherwise after maintenance."""
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
        if self.history.is_near(event_id) or not self._may_vary(event_id):
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
        row = _unversioned(row)
        row = row._replace(event_date=None, delivered_at=None) if row.values is None else row
        is_sure = self.history.is_calm and self.history.is_near(row.event_id)
        return row if is_sure else row._replace(source_file=None)

    def _may_vary(self, event_id: str) -> bool:
        """Whether lines without a number are equally new: of their rows beyond the look-back any may stay. Nor does a
        removal of an export find a row there; those who read exports look under all dates.
        """
        own = [each for each in self.history.made if each.event_id == event_id]
        plain = sorted(each.rank for each in own if each.is_plain)
        return any(one == other for one, other in pairwise(plain)) or any(each.kind == "written remove" for each in own)


def _unversioned(row: TableRow) -> TableRow:
    return row._replace(catalogue_version="1", pipeline_version="1")


def once(
    boundary: str | None, act: Callable[[], None], then: Callable[[str], None] = lambda name: None
) -> Callable[[str], None]:
    """Return a function that calls one function when a boundary is first reached, then another one."""
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
@given(st.binary(min_size=SIZE, max_size=SIZE).map(history))
def test_the_table_agrees_with_an_oracle(history: History) -> None:
    witness = Witness(history)
    witness.run()
    witness.check_all_again()
    witness.check_renewal()
    witness.check_rows()
