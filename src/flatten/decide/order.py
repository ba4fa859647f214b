"""Compare changes by the order of contract 3, for the decision in Python and for the MERGE in SQL.

A change is ordered by its stream's label (a time, so a newer stream of the table wins over an older one), then by its
sequence number as a number. A line without a number is older than any line with one; among lines without, the later
`delivered_at` wins.
"""

from typing import NamedTuple

from flatten.events.envelope import ORDER_DIGITS

_NEVER = -(2**63)


class Order(NamedTuple):
    """The order of a change among all changes of its event; the higher one is newer.

    `delivered_at` is microseconds since 1970 UTC, and counts only without a number.
    """

    numbered: bool
    stream: str
    number: str
    delivered_at: int


def order_of(stream: str | None, sequence_number: str | None, delivered_at: int | None) -> Order:
    """Return the order of a line or a row."""
    if sequence_number is None:
        return Order(False, "", "", _NEVER if delivered_at is None else delivered_at)
    return Order(True, stream or "", sequence_number.rjust(ORDER_DIGITS, "0"), 0)


def newer(left: str, right: str) -> str:
    """Return SQL: whether the change of alias `left` is newer than that of `right`; never NULL."""
    numbered = (
        f"{left}.stream > {right}.stream OR ({left}.stream = {right}.stream AND {_padded(left)} > {_padded(right)})"
    )
    later = (
        f"{left}.delivered_at > {right}.delivered_at "
        f"OR ({left}.delivered_at IS NOT NULL AND {right}.delivered_at IS NULL)"
    )
    return (
        f"coalesce(CASE WHEN {left}.sequence_number IS NOT NULL AND {right}.sequence_number IS NOT NULL "
        f"THEN {numbered} WHEN {left}.sequence_number IS NOT NULL THEN true "
        f"WHEN {right}.sequence_number IS NOT NULL THEN false ELSE {later} END, false)"
    )


def newest_first(alias: str) -> list[str]:
    """Return SQL: the sort that puts the newest row of an event first."""
    return [
        f"{alias}.stream DESC NULLS LAST",
        f"{_padded(alias)} DESC NULLS LAST",
        f"{alias}.delivered_at DESC NULLS LAST",
    ]


def _padded(alias: str) -> str:
    return f"lpad({alias}.sequence_number, {ORDER_DIGITS}, '0')"
