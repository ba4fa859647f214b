"""The numbers of a rehearsal, in a dictionary, in a pipe and on a terminal."""

import json
from dataclasses import replace
from io import StringIO

import pytest

from lambda_deploy.operate.cost import packaged_prices, per_million
from rehearsal.report import as_text, duration, printable, show, verdict
from rehearsal.summary import Latency, as_dict, delays, percentile, start, summary
from rehearsal.trace import Kept
from support.traces import EMPTY, HOSTILE, SMALL, looks, passage


class Terminal(StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


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


def test_each_stage_counts_only_the_events_that_came_there() -> None:
    assert summary(SMALL).latencies == {
        "object": Latency(3, 2.0, 3.0),
        "run called": Latency(2, 1.5, 2.5),
        "run began": Latency(2, 2.0, 4.0),
        "row": Latency(2, 7.0, 9.0),
    }


def test_a_run_that_was_there_before_the_put_was_not_waited_for() -> None:
    early = [passage("a", 1.0, -3.0, -0.5, 2.0)]
    assert (delays(early, "run called"), delays(early, "run began")) == ([0.0], [0.0])


def test_an_object_before_its_put_is_not_made_to_look_right() -> None:
    assert delays([passage("a", -1.0)], "object") == [-1.0]


def test_objects_hold_what_was_stored_at_the_last_look() -> None:
    found = summary(SMALL)
    assert (found.objects, found.mean_bytes, found.events_per_object) == (2, 1500.0, 1.5)
    assert (found.seconds, found.invocations, found.rows, found.deleted) == (10.0, 3, 2, 1)


def test_runs_are_counted_by_outcome_and_what_was_kept_by_keeper_and_reason() -> None:
    found = summary(SMALL)
    assert found.runs == {"succeeded": 1, "failed": 1}
    assert found.kept == [Kept("job", "bad_event_id", 2), Kept("lambda", "not_an_object", 4)]


@pytest.mark.parametrize(
    ("stored", "batch"), [(1, 1), (5, 2), (200, 100)], ids=["less than one", "rounded", "a hundred"]
)
def test_the_cost_is_that_of_batches_as_they_came(stored: int, batch: int) -> None:
    found = summary(replace(SMALL, looks=looks((0, stored, stored, 0))), memory_mb=1024)
    assert found.cost == per_million(batch, 1024, packaged_prices())


def test_it_starts_with_the_first_thing_seen() -> None:
    assert start(SMALL) == SMALL.looks[0].at
    assert start(replace(SMALL, looks=SMALL.looks[1:])) == SMALL.passages[0].put
    assert start(EMPTY) == 0.0


def test_the_dictionary_is_json_and_adds_the_total() -> None:
    found = json.loads(json.dumps(as_dict(summary(SMALL))))
    assert found["latencies"]["row"] == {"count": 2, "p50": 7.0, "p95": 9.0}
    assert found["kept"][0] == {"by": "job", "reason": "bad_event_id", "count": 2}
    assert found["cost"]["total"] == pytest.approx(sum(found["cost"][part] for part in ("requests", "puts", "compute")))


def test_nothing_seen_has_no_numbers() -> None:
    found = as_dict(summary(EMPTY))
    assert (found["cost"], found["mean_bytes"], found["events_per_object"], found["runs"]) == (None, None, None, {})
    assert list(found["latencies"].values()) == [{"count": 0, "p50": None, "p95": None}] * 4


def test_in_a_pipe_it_is_plain_lines() -> None:
    out = StringIO()
    show(summary(SMALL), out)
    assert out.getvalue().splitlines() == [
        "changes            4 in 10.0 s",
        "invocations        3",
        "objects            2, 1,500 bytes and 1.5 events on average",
        "runs               1 succeeded, 1 failed",
        "rows               2 (1 deleted)",
        "a million events   $2.7354 in batches of 2 (requests $0.1000, puts $2.5000, computing $0.1354)",
        "put -> object      p50 2.00 s, p95 3.00 s of 3",
        "put -> run called  p50 1.50 s, p95 2.50 s of 2",
        "put -> run began   p50 2.00 s, p95 4.00 s of 2",
        "put -> row         p50 7.00 s, p95 9.00 s of 2",
        "kept               2 by job: bad_event_id",
        "kept               4 by lambda: not_an_object",
    ]


def test_nothing_seen_is_said_in_plain_lines() -> None:
    lines = as_text(summary(EMPTY)).splitlines()
    assert lines[:3] == ["changes            0 in 0.00 s", "invocations        0", "objects            0"]
    assert "runs               none" in lines
    assert "put -> row         p50 -, p95 - of 0" in lines


def test_a_terminal_gets_tables_and_the_problems() -> None:
    out = Terminal()
    show(summary(replace(SMALL, problems=["one [bold]row[/bold] is missing"])), out)
    assert "\x1b[" in out.getvalue()
    for said in ("1 problem in 4 changes.", "bad_event_id", "9.00 s", "Problem: one [bold]row[/bold] is missing"):
        assert said in out.getvalue()


@pytest.mark.parametrize("out", [StringIO(), Terminal()], ids=["pipe", "terminal"])
def test_hostile_reasons_and_problems_stay_on_their_line(out: StringIO) -> None:
    show(summary(replace(SMALL, kept=[Kept("job", HOSTILE, 1)], problems=[HOSTILE])), out)
    assert "\x1b[31m`" not in out.getvalue()
    assert "\x00" not in out.getvalue()
    out.getvalue().encode()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Zürich", "Zürich"),
        ("a\nb\t\x1b", "a\\nb\\t\\x1b"),
        ("\ud800", "\\ud800"),
        ("x" * 5_000_000, "x" * 300 + "… (5,000,000 characters)"),
    ],
    ids=["plain", "control characters", "half a pair", "five megabytes"],
)
def test_what_does_not_print_is_shown_as_an_escape_and_what_is_long_is_cut(text: str, said: str) -> None:
    assert printable(text) == said


def test_the_verdict_is_one_sentence() -> None:
    assert verdict(summary(SMALL)) == "All came right: 4 changes, 2 rows, 6 kept aside with their reasons."
    assert verdict(summary(EMPTY)) == "No change was made, so nothing is shown to be right."
    assert verdict(summary(replace(SMALL, problems=["a", "b"]))) == "2 problems in 4 changes."


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "-"), (0.0, "0.00 s"), (1.234, "1.23 s"), (12.34, "12.3 s"), (123.4, "123 s"), (-0.5, "-0.50 s")],
)
def test_a_duration_has_three_digits_that_count(seconds: float | None, said: str) -> None:
    assert duration(seconds) == said
