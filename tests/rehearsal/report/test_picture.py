"""The picture of a rehearsal that goes on: lines in a pipe, drawn over on a terminal."""

from io import StringIO

import pytest

from rehearsal.report.picture import Rates, picture, runs_text
from rehearsal.report.trace import JobRun
from support.clock import Clock
from support.traces import START, looks, run


class Terminal(StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_in_a_pipe_there_is_a_line_every_few_seconds_and_one_for_the_last_look() -> None:
    out, clock = StringIO(), Clock(START)
    with picture(out, clock, every=2.0) as show:
        for look in looks((0, 0, 0, 0), (1, 60, 10, 0), (2, 1120, 60, 0), (3, 1180, 1120, 50)):
            clock.now = look.at
            show(look, [run(0, 1, 2, lines={"quarantined": 2})] if look.put > 1000 else [], busy=look.put > 0, kept=1)
    assert out.getvalue().splitlines() == [
        " 0.00 s: 0 put (0/s), 0 in S3 (0/s), 0 in the table (0/s); runs 0 asked for, 0 at work, 0 done; kept aside 1",
        " 2.00 s: 1,120 put (560/s), 60 in S3 (30/s), 0 in the table (0/s); "
        "runs 2 asked for, 1 at work, 1 done; kept aside 3",
        " 3.00 s: 1,180 put (393/s), 1,120 in S3 (373/s), 50 in the table (17/s); "
        "runs 2 asked for, 1 at work, 1 done; kept aside 3",
    ]


def test_the_last_look_is_shown_once_also_when_what_went_on_failed() -> None:
    out, clock = StringIO(), Clock(START)

    def ends_badly() -> None:
        with picture(out, clock) as show:
            for look in looks((0, 1, 0, 0), (1, 2, 0, 0)):
                show(look, [], busy=False)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ends_badly()
    assert [line.split(";")[0] for line in out.getvalue().splitlines()] == [
        " 0.00 s: 1 put (0/s), 0 in S3 (0/s), 0 in the table (0/s)",
        " 1.00 s: 2 put (1/s), 0 in S3 (0/s), 0 in the table (0/s)",
    ]


def test_a_last_look_that_was_shown_is_not_shown_again() -> None:
    out = StringIO()
    with picture(out, Clock(START)) as show:
        show(looks((0, 1, 0, 0))[0], [], busy=False)
    assert len(out.getvalue().splitlines()) == 1


def test_nothing_looked_at_is_no_line() -> None:
    out = StringIO()
    with picture(out, Clock()):
        pass
    assert out.getvalue() == ""


def test_a_terminal_gets_the_stages_the_runs_and_the_cursor_back() -> None:
    out, clock = Terminal(), Clock(START)
    with picture(out, clock, changes=4000) as show:
        show(looks((4, 3000, 2000, 1000))[0], [run(0, 1, 2, outcome="failed")], busy=True, kept=7)
    shown = out.getvalue()
    for said in ("in the table", "3,000", "2,000", "1,000", "2 asked for, 1 at work, 1 done (1 failed)", "4.00 s"):
        assert said in shown
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


def test_bars_are_measured_by_what_will_be_put() -> None:
    def bar(changes: int | None) -> str:
        out = Terminal()
        with picture(out, Clock(START), changes=changes) as show:
            show(looks((1, 1000, 0, 0))[0], [], busy=False)
        return next(line for line in out.getvalue().splitlines() if "put" in line)

    assert bar(None).count("━") == bar(1000).count("━") == 40
    assert bar(4000) != bar(1000)


def test_rates_are_those_of_the_last_five_seconds() -> None:
    rates = Rates()
    found = [rates.after(look) for look in looks((0, 0, 0, 0), (1, 1000, 0, 0), (6, 1500, 50, 5), (7, 1600, 150, 5))]
    assert found == [
        [0.0, 0.0, 0.0],
        [1000.0, 0.0, 0.0],
        [100.0, 10.0, 1.0],
        [pytest.approx(100.0), pytest.approx(25.0), pytest.approx(5 / 6)],
    ]


def test_two_looks_at_the_same_moment_have_no_rate() -> None:
    rates = Rates()
    assert [rates.after(look) for look in looks((0, 1, 1, 1), (0, 2, 2, 2))] == [[0.0] * 3] * 2


@pytest.mark.parametrize(
    ("runs", "busy", "said"),
    [
        ([], False, "0 asked for, 0 at work, 0 done"),
        ([run(0, 1, 2)], True, "2 asked for, 1 at work, 1 done"),
        (
            [run(0, 1, 2), run(0, 2, 3, outcome="failed"), run(0, 3, 4, outcome="killed")],
            False,
            "3 asked for, 0 at work, 3 done (1 failed, 1 killed)",
        ),
    ],
    ids=["none", "one over and one at work", "not all succeeded"],
)
def test_runs_are_counted(runs: list[JobRun], busy: bool, said: str) -> None:
    assert runs_text(runs, busy) == said
