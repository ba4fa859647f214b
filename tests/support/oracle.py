"""The expected table, computed with all changes known: each change is applied to its event's one row, in turn."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Literal, NamedTuple

from support.job_model import Place, Policies
from support.table_model import Rank, TableRow, rank

Stream = Literal["insert", "modify", "remove", "remove keys", "expire", "expire keys"]
Kind = Stream | Literal["plain", "bad", "written", "written remove", "written remove keys"]
"""plain: a line without metadata; written: an item of an incremental export."""


class Made(NamedTuple):
    """A change as it was made, in any file. `values` are its values, None for keys and bad lines."""

    event_id: str
    kind: Kind
    stream: str | None
    number: str | None
    delivered_at: int | None
    changed_at: int | None
    day: date | None
    previous: date | None
    values: str | None

    @property
    def rank(self) -> Rank:
        """Its order."""
        return rank(self.stream, self.number, self.delivered_at, self.changed_at)

    @property
    def is_plain(self) -> bool:
        """Whether it has neither a number nor a time."""
        return self.number is None and self.changed_at is None

    def policy(self, policies: Policies) -> str | None:
        """Return what is asked for removals of its kind; None when it removes nothing."""
        if "remove" in self.kind:
            return policies.on_delete
        return policies.on_expiry if self.kind in ("expire", "expire keys") else None

    def is_ignored(self, policies: Policies) -> bool:
        """Return whether it must change nothing, not even the order."""
        return self.kind == "bad" or self.policy(policies) == "keep"


class Delivered(NamedTuple):
    """A change in a file."""

    made: Made
    place: Place

    @property
    def turn(self) -> tuple[Rank, int, str, int]:
        """Return its place among the changes of its batch: by order, of equal ones the first written."""
        place = self.place
        return self.made.rank, place.modified_at, place.path, place.line_number


State = TableRow | None


def after(row: State, lines: Iterable[Delivered], policies: Policies) -> State:
    """Return an event's row after the lines of a batch for it."""
    for each in sorted(lines, key=lambda line: line.turn):
        if not each.made.is_ignored(policies) and (row is None or each.made.rank > row.rank):
            row = _applied(row, each, policies)
    return row


def _applied(row: State, each: Delivered, policies: Policies) -> TableRow:
    made, policy = each.made, each.made.policy(policies)
    order = made.stream, made.number, made.delivered_at, made.changed_at
    new = TableRow(made.event_id, made.day, *order, each.place.path)
    if policy is None:
        return new._replace(values=made.values)
    if policy == "hard":
        return new._replace(deleted=True)
    has_earlier_image = made.kind == "written remove" and row is not None
    if not made.kind.endswith("keys") and not has_earlier_image:
        return new._replace(deleted=True, values=made.values)
    kept = row or new
    return new._replace(deleted=True, values=kept.values, event_date=kept.event_date, delivered_at=kept.delivered_at)


def verdicts(row: State, lines: Sequence[Delivered], policies: Policies) -> dict[str, Counter[str]]:
    """Return the verdicts on the lines of one event, by path, given its row after their batch."""
    counted: dict[str, Counter[str]] = {}
    counting = sorted((line for line in lines if not line.made.is_ignored(policies)), key=lambda line: line.turn)
    newest = max((line.made.rank for line in counting), default=None)
    first = next((line for line in counting if line.made.rank == newest), None)
    for line in lines:
        counted.setdefault(line.place.path, Counter())[_verdict(line, row, first, policies)] += 1
    return counted


def _verdict(line: Delivered, row: State, first: Delivered | None, policies: Policies) -> str:
    made = line.made
    if made.kind == "bad":
        return "quarantined"
    if made.is_ignored(policies) or row is None or first is None:
        return "ignored"
    both_plain = made.is_plain and (row.sequence_number, row.changed_at) == (None, None)
    if line is first and row.source_file == line.place.path and (both_plain or made.rank == row.rank):
        return "applied"
    if made.is_plain:
        return "ignored"
    is_repeat = made.rank == row.rank or (made.rank == first.made.rank and line is not first)
    return "repeated" if is_repeat else "superseded"
