"""The simulation: what must be true of any day of any fleet."""

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from benchmarks.bars import Report, Result
from benchmarks.flatten_ways import FLATTEN, RUN
from benchmarks.job_folder import PARTS
from benchmarks.scale_costs import MissingResults, costs, measured
from benchmarks.scale_model import DAY, Costs, Fleet, Setup, loads, runs

from benchmarks import command, scale

COSTS = Costs(run=6.0, file=0.002, event=0.0003, merge=0.0002, doubling=1.7)
SMALL, LARGE = Fleet(10_000), Fleet(50_000_000)
FLAT = Result(
    "flatten 20,000 events of 12 signals",
    {FLATTEN: 4.0, RUN: 12.0},
    FLATTEN,
    (),
    {f"{RUN}: events a second": 20_000 / 12.0, f"whole run: {PARTS['values']}, seconds": 4.0},
)
PACE = Result("runs", {"a run at the beginning": 6.102})
AT_ONCE = Result("at once", {"one run": 10.0}, figures={"objects": 400.0})


@pytest.mark.parametrize("fleet", [SMALL, Fleet(1_000_000), LARGE], ids=lambda fleet: f"{fleet.vehicles:,}")
def test_every_event_is_in_one_run_and_runs_never_overlap(fleet: Fleet) -> None:
    day = list(runs(fleet, Setup(cores=256), COSTS))
    last = day[-1].began
    assert sum(run.events for run in day) == pytest.approx(fleet.mean * last, rel=0.02)
    assert all(one.ended <= two.began and one.began == two.first for one, two in pairwise(day))
    assert last >= DAY


def test_a_run_that_lasts_too_long_delays_the_next_which_finds_more() -> None:
    slow = list(runs(LARGE, Setup(), COSTS))
    assert len(slow) < 20
    assert slow[1].began == slow[0].ended
    assert slow[1].events > slow[0].events


def test_the_load_has_its_mean_and_its_peak() -> None:
    rates = [LARGE.rate(minute * 60) for minute in range(1440)]
    assert sum(rates) / len(rates) == pytest.approx(LARGE.mean)
    assert max(rates) == pytest.approx(LARGE.mean * LARGE.peak)


def test_more_vehicles_never_use_less_of_a_limit() -> None:
    used = [loads(replace(SMALL, vehicles=10**power), Setup(), COSTS) for power in range(3, 9)]
    for name in used[0]:
        values = [each[name] for each in used if name != "time of a shard's calls"]
        assert values == sorted(values)


def test_twice_the_cores_are_worth_what_was_measured() -> None:
    assert COSTS.speed(2) == 1.0
    assert COSTS.speed(8) == pytest.approx(1.7**2)
    assert COSTS.run_seconds(0, 0, 64) == 6.0


def test_a_small_fleet_needs_nothing_turned_and_a_large_one_keeps_up_once_it_is() -> None:
    assert scale.answer(SMALL, COSTS).turned == []
    large = scale.answer(LARGE, COSTS)
    assert large.setup.cores > 2
    assert max(run.seconds for run in large.day) <= 0.8 * large.setup.interval


def test_what_breaks_first_is_named_first_and_just_reached() -> None:
    found = scale.breaks_first(SMALL, COSTS)
    assert [vehicles for vehicles, _ in found] == sorted(vehicles for vehicles, _ in found)
    for vehicles, name in found:
        assert loads(Fleet(vehicles), Setup(), COSTS)[name] >= 1
        assert loads(Fleet(vehicles - 1), Setup(), COSTS)[name] < 1


def test_the_costs_give_back_what_was_measured() -> None:
    found = costs(FLAT, PACE, AT_ONCE, 1.7)
    assert found.run_seconds(0, 20_000, 2) == pytest.approx(12.0)
    assert found.run_seconds(0, 340, 2) == pytest.approx(6.102)
    assert found.run_seconds(400, 8_000, 2) == pytest.approx(10.0)
    assert found.merge == pytest.approx(4.0 / 20_000)


def _written(folder: Path, **results: list[Result]) -> None:
    for name, made in results.items():
        command.write(Report(name, "", "", {}, made), folder)


def test_a_benchmark_that_was_not_run_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _written(tmp_path, flatten=[FLAT])
    with pytest.raises(MissingResults, match=r"has no small_files\.json: run python -m benchmarks\.small_files first"):
        measured(tmp_path)
    assert scale.main(["--results", str(tmp_path), "--out", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("Error: ")


def test_the_command_writes_a_table_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _written(tmp_path, flatten=[FLAT], small_files=[PACE, Result("empty"), AT_ONCE])
    arguments = ["--results", str(tmp_path), "--out", str(tmp_path), "--json", "--vehicles", "10000"]
    assert scale.main(arguments) == 0
    told = json.loads(capsys.readouterr().out)
    assert [result["name"] for result in told["results"]][-1] == "10,000 vehicles"
    drawing = ElementTree.parse(tmp_path / "scale.svg").getroot()  # noqa: S314 # our own file
    paths = [path for path in drawing.iter() if path.get("class") == "line"]
    assert len(paths) == 2 * len(loads(SMALL, Setup(), COSTS)) + 2


@pytest.mark.parametrize("wrong", [["--peak", "3"], ["--events-a-day", "0"], ["--vehicles", "0"]])
def test_what_cannot_be_is_refused(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        scale.main(wrong)
    assert ended.value.code == 2
