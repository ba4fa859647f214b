"""A micro-batch in plain Python: what `run.batch` does, with a `TableModel`."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from flatten.decide.decision import Decision, decide
from flatten.decide.lines import JudgedLine, RemovePolicy, Versions, action_of
from flatten.decide.windows import search_for
from flatten.events.envelope import Change
from support.table_model import TableModel, TableRow

ATTEMPTS = 8
OLD, NEW = Versions("1", "1"), Versions("2", "1")
"""The versions that a job writes, and those of a later one."""


@dataclass(frozen=True)
class Sent:
    """A line of a file, with its values."""

    line: JudgedLine
    values: object


@dataclass(frozen=True)
class Policies:
    """What removals and expiries do."""

    on_delete: RemovePolicy = "soft"
    on_expiry: RemovePolicy = "keep"


@dataclass(frozen=True)
class Place:
    """The place of a line."""

    path: str
    line_number: int
    modified_at: int = 0


def change_of(
    event_id: str,
    name: str | None,
    number: str | None,
    *,
    stream: str | None = "2026-01-01",
    day: date | None = None,
    previous: date | None = None,
    delivered_at: int | None = None,
    changed_at: int | None = None,
    expired: bool = False,
    keys_only: bool = False,
) -> Change:
    """Return a change as its line has it: keys alone have no values, neither number nor time means no metadata."""
    return Change(
        event_id,
        name if number or changed_at is not None else None,
        expired,
        stream if number else None,
        number,
        changed_at=changed_at,
        delivered_at=None if keys_only else delivered_at,
        event_date=None if keys_only else day,
        previous_date=previous,
        keys_only=keys_only,
    )


def sent(change: Change, values: object, place: Place, policies: Policies) -> Sent:
    """Return a change as a line."""
    line = JudgedLine(
        place.path,
        place.modified_at,
        place.line_number,
        reason=None,
        action=action_of(change, policies.on_delete, policies.on_expiry),
        event_id=change.event_id,
        stream=change.stream,
        sequence_number=change.sequence_number,
        changed_at=change.changed_at,
        delivered_at=change.delivered_at,
        event_date=change.event_date,
        previous_date=change.previous_date,
    )
    return Sent(line, values)


def bad(place: Place) -> Sent:
    """Return a line that is not JSON."""
    line = JudgedLine(place.path, place.modified_at, place.line_number, "not_json", *[None] * 8)  # type: ignore[arg-type]  # a bad line has no more
    return Sent(line, None)


@dataclass(frozen=True)
class Written:
    """The rows that one MERGE had to write, and wrote. `is_foreseen`: the look-up had found all that it could meet."""

    wanted: int
    written: int
    is_foreseen: bool

    @property
    def is_as_decided(self) -> bool:
        """Return whether both are the same."""
        return self.wanted == self.written


class OutdatedError(Exception):
    """Raised when the MERGE wrote another number of rows than was decided."""


def unobserved(boundary: str) -> None:
    """Ignore a boundary."""


@dataclass
class JobModel:
    """A job that writes a table; `recorded` is its files table."""

    table: TableModel
    lookback: int = 7
    all_dates: bool = False
    now: Versions | None = None
    recorded: dict[str, Counter[str]] = field(default_factory=dict)
    decided: list[Decision] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    """The decisions and the MERGEs of the last batch, attempt by attempt."""

    def process(
        self, turns: Sequence[Sequence[Sent]], reached: Callable[[str], None] = unobserved
    ) -> dict[str, Counter[str]]:
        """Commit a batch; return the verdicts by path. `reached` is called with: found, values, rows, files."""
        verdicts = self._retried(turns, reached)
        reached("rows")
        for path, counted in verdicts.items():
            self.recorded.setdefault(path, counted)
        reached("files")
        return verdicts

    def _retried(self, turns: Sequence[Sequence[Sent]], reached: Callable[[str], None]) -> dict[str, Counter[str]]:
        met: dict[int, frozenset[date]] = {}
        self.decided, self.written = [], []
        for _ in range(ATTEMPTS):
            verdicts: dict[str, Counter[str]] = {}
            try:
                for number, lines in enumerate(turns):
                    verdicts |= self._write(number, lines, met, reached)
            except OutdatedError:
                continue
            return verdicts
        raise AssertionError(f"conflicts persist: {self.decided[-1]}")

    def _write(
        self, turn: int, sents: Sequence[Sent], met: dict[int, frozenset[date]], reached: Callable[[str], None]
    ) -> dict[str, Counter[str]]:
        lines = [each.line for each in sents]
        search = search_for(lines, self.lookback, met.get(turn, ()), all_dates=self.all_dates)
        decision = decide(lines, self.table.look_up(search), self.now)
        self.decided.append(decision)
        met[turn] = frozenset(decision.dates)
        is_foreseen = self.all_dates or all(
            any(first <= day <= last for first, last in search.windows) for day in decision.dates
        )
        reached("found")
        if decision.chosen:
            rows = _flat_rows(sents, decision, self.now or OLD)
            written = self.table.merge_rows(
                rows, decision.dates, meets_rows=decision.meets_rows, renewed=decision.renewed
            )
            self._require(Written(decision.rows_to_write, written, is_foreseen))
        reached("values")
        if decision.closings:
            closed = self.table.close_rows(decision.closings, decision.dates)
            self._require(Written(decision.rows_to_close, closed, is_foreseen))
        return decision.verdicts

    def _require(self, written: Written) -> None:
        self.written.append(written)
        if not written.is_as_decided:
            raise OutdatedError


def _flat_rows(sents: Sequence[Sent], decision: Decision, versions: Versions) -> list[TableRow]:
    """Return the rows that the second pass makes of the chosen lines."""
    chosen = {(path, number) for path, numbers in decision.chosen.items() for number in numbers}
    return [
        TableRow(
            each.line.event_id,
            each.line.event_date,
            each.line.stream,
            each.line.sequence_number,
            each.line.delivered_at,
            each.line.changed_at,
            each.line.path,
            versions.catalogue or "",
            versions.pipeline or "",
            deleted=each.line.action == "delete",
            values=each.values,
        )
        for each in sents
        if (each.line.path, each.line.line_number) in chosen
    ]
