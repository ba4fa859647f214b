"""Bars, ratios, tables, turns and exit codes."""

import pytest
from benchmarks.bars import Bar, Result, at_least, at_most, ratio
from benchmarks.recipes.dlt_process import DltError
from benchmarks.rounds import Contender, best, in_turns

from benchmarks import command
from flatten.errors import FlattenError

SLOW = Result("a < b", {"ours": 2.0, "theirs": 5.0}, "ours", [at_least("theirs / ours", 3.0, 2.5)], {"MB": 0.05})


@pytest.mark.parametrize(
    ("bar", "met"),
    [
        pytest.param(at_most("x", 2.0, 2.0), True, id="at most, just met"),
        pytest.param(at_most("x", 2.0, 2.01), False, id="at most, missed"),
        pytest.param(at_least("x", 2.0, 2.0), True, id="at least, just met"),
        pytest.param(at_least("x", 2.0, 1.99), False, id="at least, missed"),
        pytest.param(at_least("x", 2.0, None), None, id="not measured"),
    ],
)
def test_a_bar_is_met_up_to_its_limit(bar: Bar, met: bool | None) -> None:
    assert bar.met is met


def test_an_unmeasured_bar_has_a_reason() -> None:
    assert at_least("x", 4.0, None, why_not="no /proc").verdict == "not measured: no /proc"


@pytest.mark.parametrize(
    ("over", "under", "found"),
    [("theirs", "ours", 2.5), ("absent", "ours", None), ("ours", "absent", None), ("ours", "zero", None)],
)
def test_a_ratio_needs_both_sides(over: str, under: str, found: float | None) -> None:
    assert ratio({"ours": 2.0, "theirs": 5.0, "zero": 0.0}, over, under) == found


def test_the_table_shows_seconds_ratios_figures_and_verdicts() -> None:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in SLOW.as_text().splitlines()]
    assert ["theirs", "5.00 s", "2.50 times"] in rows
    assert ["MB", "0.05", ""] in rows
    assert ["theirs / ours", "2.50 times", "at least 3: not met"] in rows


def test_contenders_take_turns_and_preparation_is_not_timed() -> None:
    now, order = [0.0], list[str]()

    def does(name: str, seconds: float) -> None:
        order.append(name)
        now[0] += seconds

    ways = [
        Contender("a", lambda: does("a", 1.0), lambda: does("prepare a", 100.0)),
        Contender("b", lambda: does("b", 2.0 + now[0])),
    ]
    seconds = in_turns(ways, 2, lambda text: None, lambda: now[0])
    assert order == ["prepare a", "a", "b"] * 2
    assert seconds["a"] == [1.0, 1.0]
    assert best(seconds) == {"a": 1.0, "b": seconds["b"][0]}


@pytest.mark.parametrize(("strict", "code"), [([], 0), (["--strict"], 1)], ids=["told only", "strict"])
def test_a_missed_bar_ends_with_1_only_when_strict(
    strict: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    options = command.parser("some", "", "").parse_args(strict)
    assert command.finish("some", [SLOW], options, strict) == code
    assert "`python -m benchmarks.some" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "x", "", "²"])
def test_a_number_of_rounds_is_a_whole_number_of_1_or_more(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.parser("some", "", "", rounds=2).parse_args([f"--rounds={text}"])
    assert ended.value.code == 2
    assert "is not a whole number of 1 or more" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("wrong", "code", "said"),
    [
        pytest.param(FlattenError("no disk left"), 1, "Error: no disk left\n", id="the job"),
        pytest.param(DltError("no lake"), 1, "Error: no lake\n", id="dlt"),
        pytest.param(KeyboardInterrupt(), 130, "Stopped.\n", id="Ctrl-C"),
    ],
)
def test_an_error_is_one_sentence(
    wrong: BaseException, code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> int:
        raise wrong

    assert command.guarded(main) == code
    assert capsys.readouterr().err == said
