"""Compare changes by the order of contract 3, for the decision in Python and for the MERGE in SQL.

A change of the stream is ordered by its stream's label (a time, so a newer stream of the table outranks an older one),
then by its sequence number as a number. An item of an incremental export has no number but the time at which it was
written (`changed_at`), and the later one is newer. A line with neither, such as an item of a full export, is older than
both; among themselves the later `delivered_at` wins.

The stream rounds the time of its changes down to the second, so a change of the stream and an exported item are
compared by seconds: the exported item is newer when it was written in a later second than the stream's change. In the
same second the stream's change stays, because it may be the same one, or the next.
"""

from dataclasses import dataclass
from functools import total_ordering

from flatten.events.envelope import ORDER_DIGITS

_NEVER = -(2**63)
_ALWAYS = 2**63
_PLAIN, _WRITTEN, _NUMBERED = range(3)
_SECOND = 1_000_000
_SAME = "IS NOT DISTINCT FROM"


@total_ordering
@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """The order of a change among all changes of its event; the higher one is newer. Make it with `order_of`.

    `place` compares changes of one `kind`; `micros` is the time of the change, microseconds since 1970 UTC.
    """

    kind: int
    place: tuple[str, str, int]
    micros: int

    @property
    def is_none(self) -> bool:
        """Return whether the change has neither a number nor a time."""
        return self.kind == _PLAIN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Order) and (self.kind, self.place) == (other.kind, other.place)

    def __lt__(self, other: "Order") -> bool:
        if (self.kind, other.kind) == (_WRITTEN, _NUMBERED):
            return self.micros // _SECOND * _SECOND <= other.micros
        if (self.kind, other.kind) == (_NUMBERED, _WRITTEN):
            return other.micros // _SECOND * _SECOND > self.micros
        return (self.kind, self.place) < (other.kind, other.place)


def order_of(
    stream: str | None, sequence_number: str | None, delivered_at: int | None, changed_at: int | None
) -> Order:
    """Return the order of a line or a row; times are microseconds since 1970 UTC.

    A change of the stream without a time outranks every exported item.
    """
    if sequence_number is not None:
        place = stream or "", sequence_number.rjust(ORDER_DIGITS, "0"), 0
        return Order(_NUMBERED, place, _ALWAYS if changed_at is None else changed_at)
    if changed_at is not None:
        return Order(_WRITTEN, ("", "", changed_at), changed_at)
    return Order(_PLAIN, ("", "", _NEVER if delivered_at is None else delivered_at), 0)


def newer(left: str, right: str) -> str:
    """Return SQL: whether the change of alias `left` is newer than that of `right`; never NULL."""
    numbered = (
        f"{left}.stream > {right}.stream OR ({left}.stream = {right}.stream AND {_padded(left)} > {_padded(right)})"
    )
    delivered = (
        f"{left}.delivered_at > {right}.delivered_at "
        f"OR ({left}.delivered_at IS NOT NULL AND {right}.delivered_at IS NULL)"
    )
    return (
        f"coalesce(CASE WHEN {left}.sequence_number IS NOT NULL AND {right}.sequence_number IS NOT NULL "
        f"THEN {numbered} WHEN {left}.sequence_number IS NOT NULL "
        f"THEN coalesce({left}.changed_at >= {_second(right)}, true) "
        f"WHEN {right}.sequence_number IS NOT NULL THEN {_second(left)} > {right}.changed_at "
        f"WHEN {left}.changed_at IS NOT NULL THEN coalesce({left}.changed_at > {right}.changed_at, true) "
        f"WHEN {right}.changed_at IS NOT NULL THEN false ELSE {delivered} END, false)"
    )


def same_change(left: str, right: str) -> str:
    """Return SQL: whether two rows are of the same change; never NULL. Without a number their files are equal, too."""
    return (
        f"({left}.stream {_SAME} {right}.stream AND {_padded(left)} {_SAME} {_padded(right)} "
        f"AND ({left}.sequence_number IS NOT NULL OR ({left}.source_file {_SAME} {right}.source_file "
        f"AND {left}.changed_at {_SAME} {right}.changed_at "
        f"AND ({left}.changed_at IS NOT NULL OR {left}.delivered_at {_SAME} {right}.delivered_at))))"
    )


def newest_first(alias: str, beaten: str) -> list[str]:
    """Return SQL: the sort that puts the newest row of an event first; `beaten` is the column of `newest_numbered`."""
    return [
        f"{alias}.sequence_number IS NULL AND coalesce({_second(alias)} > {alias}.{beaten}, false) DESC",
        f"{alias}.stream DESC NULLS LAST",
        f"{_padded(alias)} DESC NULLS LAST",
        f"{alias}.changed_at DESC NULLS LAST",
        f"{alias}.delivered_at DESC NULLS LAST",
    ]


def newest_numbered(alias: str) -> str:
    """Return SQL: the time of the stream's newest change among the rows of an event, NULL if it has no such row.

    An exported item written in a later second is newer than all of them.
    """
    place = f"CASE WHEN {alias}.sequence_number IS NOT NULL THEN ({alias}.stream, {_padded(alias)}) END"
    return f"max_by({alias}.changed_at, {place}) OVER (PARTITION BY {alias}.event_id)"


def _second(alias: str) -> str:
    return f"date_trunc('second', {alias}.changed_at)"


def _padded(alias: str) -> str:
    return f"lpad({alias}.sequence_number, {ORDER_DIGITS}, '0')"
