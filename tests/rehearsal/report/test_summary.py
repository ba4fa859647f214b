"""The numbers of a rehearsal, as a terminal shows them."""

from dataclasses import replace

import pytest

from rehearsal.report.summary import counted, delays, duration, percentile, text, verdict
from support.traces import EMPTY, SMALL, times


@pytest.mark.parametrize(
    ("values", "p50", "p95"),
    [
        ([], None, None),
        ([3.0], 3.0, 3.0),
        ([1.0, 2.0], 1.0, 2.0),
        ([1.0, 2.0, 3.0], 2.0, 3.0),
        ([float(number) for number in range(1, 21)], 10.0, 19.0),
        ([float(number) for number in range(1, 101)], 50.0, 95.0),
        ([float(number) for number in range(1, 102)], 51.0, 96.0),
    ],
    ids=["none", "one", "two", "three", "twenty", "a hundred", "a hundred and one"],
)
def test_a_percentile_is_the_nearest_rank(values: list[float], p50: float | None, p95: float | None) -> None:
    assert (percentile(values, 50), percentile(values, 95)) == (p50, p95)


def test_each_stage_counts_only_the_events_that_reached_it() -> None:
    assert (delays(SMALL.event_times, "object"), delays(SMALL.event_times, "row")) == ([1.0, 2.0, 3.0], [7.0, 9.0])


def test_an_object_before_its_put_has_a_negative_delay() -> None:
    assert delays([times("a", -1.0)], "object") == [-1.0]


def test_it_is_plain_lines_and_the_problems_come_last() -> None:
    assert text(replace(SMALL, problems=["a row is missing"])).splitlines() == [
        "1 problem in 4 changes.",
        "",
        "from put to S3 object    2.00 s   p50; p95 3.00 s, 3 events",
        "from put to row          7.00 s   p50; p95 9.00 s, 2 events",
        "rows                          2   1 deleted, of 4 changes",
        "objects                       2   1,500 bytes each, 3 invocations",
        "runs of the job               2   1 succeeded, 1 failed",
        "time                     10.0 s   from the first put until every change had arrived",
        "not processed                 2   job: bad_event_id",
        "not processed                 4   lambda: reserved_attribute",
        "Problem: a row is missing",
    ]


def test_nothing_seen_has_no_numbers() -> None:
    lines = text(EMPTY).splitlines()
    assert lines[0] == "No change was made, so nothing was checked."
    assert "from put to row               -   p50; p95 -, 0 events" in lines
    assert "runs of the job               0   none" in lines


def test_a_verdict_says_the_result() -> None:
    assert verdict(SMALL) == "Everything arrived: 4 changes, 2 rows, 6 bad items stored with the reason."
    assert verdict(replace(SMALL, problems=["a", "b"])) == "2 problems in 4 changes."


def test_zero_counts_are_left_out() -> None:
    assert counted({"applied": 1_000, "ignored": 0, "repeated": 2}) == "1,000 applied, 2 repeated"


@pytest.mark.parametrize(
    ("seconds", "said"), [(None, "-"), (0.0, "0.00 s"), (9.994, "9.99 s"), (12.34, "12.3 s"), (123.4, "123 s")]
)
def test_a_duration_has_the_digits_that_count(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said
