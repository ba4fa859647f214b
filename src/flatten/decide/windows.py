"""Limit the look-up of a batch's rows to few dates, so that a run costs the same in the third year.

An event's row is under the date of one of its lines, of the image before one of them, or near them, if the date was
changed. So the look-up reads rows within `lookback` days of any of these dates, and rows without a date. A line that
counts, is not an INSERT and has neither date (a removal by key, a change with an invalid `recorded_at`) has no date for
its event's row: the look-up reads all dates. It misses only a row further away than the look-back; then the event gets
a second row, which `flatten maintain` finds and removes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from flatten.decide.lines import JudgedLine

MOST_WINDOWS = 100
"""More windows are joined across the smallest gaps: a predicate of thousands of parts is slower than more rows."""

Window = tuple[date, date]
"""First and last date, inclusive."""


@dataclass(frozen=True)
class Search:
    """The events to look up: `near` within `windows` or without a date, `everywhere` under all dates."""

    near: frozenset[str]
    everywhere: frozenset[str]
    windows: tuple[Window, ...]


def search_for(
    lines: Iterable[JudgedLine], lookback: int, also: Iterable[date] = (), *, all_dates: bool = False
) -> Search:
    """Return where the rows of the events of these lines may be; with `all_dates` all are looked for everywhere.

    `also` has more dates: those under which a MERGE has just met rows that the look-up before it missed.
    """
    near: set[str] = set()
    everywhere: set[str] = set()
    dates = set(also)
    for line in lines:
        if line.counts:
            near.add(line.event_id)
            dates.update(each for each in (line.event_date, line.previous_date) if each)
            if all_dates or line.has_no_place:
                everywhere.add(line.event_id)
    return Search(frozenset(near - everywhere), frozenset(everywhere), windows_around(dates, lookback))


def windows_around(dates: Iterable[date], lookback: int) -> tuple[Window, ...]:
    """Return the windows of `lookback` days before and after each date, cut to the years 1 to 9999, ascending."""
    around = timedelta(lookback)
    joined: list[Window] = []
    for each in sorted(dates):
        first = each - around if each - date.min > around else date.min
        last = each + around if date.max - each > around else date.max
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], last)
        else:
            joined.append((first, last))
    return tuple(_fewer(joined))


def _fewer(windows: list[Window]) -> list[Window]:
    """Join windows across the smallest gaps until at most `MOST_WINDOWS` are left."""
    too_many = len(windows) - MOST_WINDOWS
    if too_many <= 0:
        return windows
    gaps = sorted(range(1, len(windows)), key=lambda at: windows[at][0] - windows[at - 1][1])
    closed = frozenset(gaps[:too_many])
    kept: list[Window] = []
    for at, window in enumerate(windows):
        if at in closed:
            kept[-1] = (kept[-1][0], window[1])
        else:
            kept.append(window)
    return kept
