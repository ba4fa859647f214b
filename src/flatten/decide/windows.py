"""Where the rows of a batch's events are looked for: under few dates, so that a run costs the same in the third year.

An event's row is under the date of one of its lines, or of the image before one of them, or, because somebody moved
the date, near by. So rows are looked for within `lookback` days of any of these dates, and under no date at all. A
line that counts, is no INSERT and has neither date (a removal by key, a change whose `recorded_at` cannot be read)
says nothing of where its event's row is: it is looked for under all dates. What this misses is a row that is further
away than the look-back; then an event gets a second row, which `flatten maintain` finds and removes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from flatten.decide.lines import JudgedLine

MOST_WINDOWS = 100
"""More than these are joined across the smallest gaps: a predicate of thousands of parts is slower than more rows."""

Window = tuple[date, date]
"""First and last date, both inside."""


@dataclass(frozen=True)
class Search:
    """The events to look for: `near` within `windows` or without a date, `everywhere` under all dates."""

    near: frozenset[str]
    everywhere: frozenset[str]
    windows: tuple[Window, ...]


def search_for(lines: Iterable[JudgedLine], lookback: int, also: Iterable[date] = ()) -> Search:
    """Return where the rows of the events of these lines may be.

    `also` are further dates: those under which a MERGE has just met rows that the look before it had not found.
    """
    near: set[str] = set()
    everywhere: set[str] = set()
    dates = set(also)
    for line in lines:
        if line.counts:
            near.add(line.event_id)
            dates.update(each for each in (line.event_date, line.previous_date) if each)
            if line.has_no_place:
                everywhere.add(line.event_id)
    return Search(frozenset(near - everywhere), frozenset(everywhere), windows_around(dates, lookback))


def windows_around(dates: Iterable[date], lookback: int) -> tuple[Window, ...]:
    """Return the windows of `lookback` days on both sides of each date, cut to the years 1 to 9999, ascending."""
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
