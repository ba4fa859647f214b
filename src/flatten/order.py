"""Which change is newer: the order of contract 3, in one place for the batch, the verdicts and the MERGE.

A change is ordered by its stream's label (a time, so a newer stream of the table outranks an older one), then by
its sequence number as a number. A line without a number is older than any with one; among themselves the later
`delivered_at` wins and a tie keeps the row.
"""

from flatten.envelope import ORDER_DIGITS


def padded(number: str) -> str:
    """SQL: a sequence number as text that compares like the number."""
    return f"lpad({number}, {ORDER_DIGITS}, '0')"


def newer(left: str, right: str) -> str:
    """SQL: whether the change of alias `left` is newer than that of `right`; never NULL."""
    numbered = (
        f"{left}.stream > {right}.stream OR ({left}.stream = {right}.stream AND "
        f"{padded(f'{left}.sequence_number')} > {padded(f'{right}.sequence_number')})"
    )
    later = f"{left}.delivered_at > coalesce({right}.delivered_at, timestamp'0001-01-01 00:00:00')"
    return (
        f"coalesce(CASE WHEN {left}.sequence_number IS NOT NULL AND {right}.sequence_number IS NOT NULL "
        f"THEN {numbered} WHEN {left}.sequence_number IS NOT NULL THEN true "
        f"WHEN {right}.sequence_number IS NOT NULL THEN false ELSE {later} END, false)"
    )


def same(left: str, right: str) -> str:
    """SQL: whether both carry the same number of the same stream, or both none."""
    return (
        f"({left}.stream <=> {right}.stream AND "
        f"{padded(f'{left}.sequence_number')} <=> {padded(f'{right}.sequence_number')})"
    )


def newest_first(alias: str) -> list[str]:
    """SQL: the sort that puts the newest line of an event first; of equal ones the first that was written, as if
    their files had come in batches of their own.
    """
    return [*newest_rows_first(alias), f"{alias}.modified_at", f"{alias}.path", f"{alias}.line_number"]


def newest_rows_first(alias: str) -> list[str]:
    """SQL: the sort that puts the newest row of an event first."""
    return [
        f"{alias}.stream DESC NULLS LAST",
        f"{padded(f'{alias}.sequence_number')} DESC NULLS LAST",
        f"{alias}.delivered_at DESC NULLS LAST",
    ]
