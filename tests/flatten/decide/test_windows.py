"""Where rows are looked up: near the dates of lines, without a date, and under all dates for lines without one."""

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from flatten.decide.lines import JudgedLine
from flatten.decide.windows import MOST_WINDOWS, search_for, windows_around
from support.job_model import Place, Policies, bad, change_of, sent

DAY = date(2026, 1, 5)


def day(offset: int) -> date:
    return DAY + timedelta(offset)


def line(name: str | None = "MODIFY", number: str | None = "1", **more: Any) -> JudgedLine:
    return sent(change_of("e", name, number, **more), None, Place("file", 1), Policies()).line


@pytest.mark.parametrize(
    ("dates", "lookback", "windows"),
    [
        ([], 7, ()),
        ([DAY], 7, ((day(-7), day(7)),)),
        ([DAY], 0, ((DAY, DAY),)),
        ([DAY, day(14)], 7, ((day(-7), day(21)),)),
        ([day(15), DAY], 7, ((day(-7), day(7)), (day(8), day(22)))),
        ([DAY, day(1), DAY], 1, ((day(-1), day(2)),)),
        ([date.min], 7, ((date.min, date(1, 1, 8)),)),
        ([date.max], 7, ((date(9999, 12, 24), date.max),)),
        ([date.min, DAY], 1_000_000, ((date.min, day(1_000_000)),)),
        ([DAY], 4_000_000, ((date.min, date.max),)),
    ],
    ids=[
        "no date, no window",
        "both sides of a date",
        "a look-back of no days",
        "windows that meet are one",
        "ascending, a day apart they are two",
        "a date twice",
        "cut to the year 1",
        "cut to the year 9999",
        "windows over all years are one",
        "a look-back over all years",
    ],
)
def test_windows(dates: list[date], lookback: int, windows: tuple[tuple[date, date], ...]) -> None:
    assert windows_around(dates, lookback) == windows


def test_too_many_windows_are_joined_across_the_smallest_gaps() -> None:
    far = [day(100 * at) for at in range(MOST_WINDOWS)]
    close = [day(5), day(205), day(9_895)]
    joined = windows_around(far + close, 1)
    assert len(joined) == MOST_WINDOWS
    assert (day(-1), day(6)) in joined
    assert (day(199), day(206)) in joined
    assert joined[-1] == (day(9_894), day(9_901))


def test_joined_windows_cover_all_their_dates() -> None:
    dates = [day(at * at) for at in range(2 * MOST_WINDOWS)]
    joined = windows_around(dates, 1)
    assert len(joined) == MOST_WINDOWS
    assert all(any(first < each < last for first, last in joined) for each in dates)
    assert all(one[1] < other[0] for one, other in pairwise(joined))


def test_the_largest_number_of_windows_is_not_joined() -> None:
    dates = [day(10 * at) for at in range(MOST_WINDOWS)]
    assert windows_around(dates, 0) == tuple((each, each) for each in dates)


@pytest.mark.parametrize(
    ("lines", "near", "everywhere", "windows"),
    [
        ([line(day=DAY)], {"e"}, set(), [(day(-1), day(1))]),
        ([line(day=DAY, previous=day(9))], {"e"}, set(), [(day(-1), day(1)), (day(8), day(10))]),
        ([line(day=None, previous=DAY)], {"e"}, set(), [(day(-1), day(1))]),
        ([line(day=None)], set(), {"e"}, []),
        ([line(None, None, day=None)], set(), {"e"}, []),
        ([line("REMOVE", keys_only=True)], set(), {"e"}, []),
        ([line("REMOVE", day=None)], set(), {"e"}, []),
        ([line("INSERT", day=None)], {"e"}, set(), []),
        ([line("INSERT", day=DAY), line("REMOVE", "2", keys_only=True)], set(), {"e"}, [(day(-1), day(1))]),
        ([line("REMOVE", day=DAY, expired=True)], set(), set(), []),
        ([bad(Place("file", 1)).line], set(), set(), []),
    ],
    ids=[
        "near the date of a line",
        "near the date before a move, too",
        "near the date before, when the new one cannot be read",
        "a change without a date: everywhere",
        "a line without metadata and without a date: everywhere",
        "a removal by key: everywhere",
        "a removal whose image has no date: everywhere",
        "an INSERT without a date: among the rows without one",
        "everywhere outweighs near",
        "an ignored expiry is not looked up",
        "a bad line is not looked up",
    ],
)
def test_search(
    lines: list[JudgedLine], near: set[str], everywhere: set[str], windows: list[tuple[date, date]]
) -> None:
    search = search_for(lines, 1)
    assert (set(search.near), set(search.everywhere), list(search.windows)) == (near, everywhere, windows)


def test_further_dates_are_searched_as_those_of_lines() -> None:
    search = search_for([line(day=DAY)], 1, [day(50)])
    assert search.windows == ((day(-1), day(1)), (day(49), day(51)))
