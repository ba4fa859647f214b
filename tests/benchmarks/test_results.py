"""The results of the benchmarks: batches and tables."""

from collections import Counter

import pytest
from benchmarks.flatten import DUCKDB, EACH_FIELD, OURS
from benchmarks.job_folder import LOOK_UP, MERGE, Run
from benchmarks.made_table import Size
from benchmarks.scale import Assumed, figures
from benchmarks.small_run import EMPTY, MIXED, NEW, RECIPE
from benchmarks.small_run import OURS as OURS_OF

from benchmarks import flatten, growing_table, million, small_run

SIZE = Size(2_000, 4)


def run(total: float, jobs: int = 0, commits: int = 0, look_up: float = 0.0) -> Run:
    return Run(
        {LOOK_UP: look_up, MERGE: total - look_up}, {LOOK_UP: 0, MERGE: jobs}, {"rows": commits}, {"applied": 100}
    )


def test_a_mixed_batch_has_new_events_a_tenth_of_updates_and_a_hundredth_of_removals() -> None:
    changes = list(SIZE.batch(1, 200))
    assert Counter(change.kind for change in changes) == {"INSERT": 178, "MODIFY": 20, "REMOVE": 2}
    assert {change.day for change in changes} == {SIZE.last_day}
    assert all(change.number >= SIZE.rows for change in changes if change.kind == "INSERT")
    assert all(1_500 <= change.number < 2_000 for change in changes if change.kind != "INSERT")


@pytest.mark.parametrize("mixed", [True, False])
def test_a_batch_has_each_event_once_and_comes_after_all_before(mixed: bool) -> None:
    batches = [list(SIZE.batch(number, 200, mixed=mixed)) for number in (0, 1)]
    orders = [change.order for changes in batches for change in changes]
    assert orders == sorted(set(orders))
    assert [len({change.number for change in changes}) for changes in batches] == [200, 200]


def test_a_small_run_is_compared_with_the_recipe() -> None:
    seconds = {OURS_OF.format(MIXED): 6.0, RECIPE.format(MIXED): 4.0, OURS_OF.format(NEW): 6.0, RECIPE.format(NEW): 4.0}
    runs = {OURS_OF.format(MIXED): [run(7.0, 90, 9), run(6.0, 31, 3)], EMPTY: [Run(listings=1)]}
    bars = {bar.what: (bar.found, bar.met) for bar in small_run.result(seconds, runs).bars}
    assert bars == {
        "ours / recipe, mixed lines": (1.5, True),
        "ours / recipe, new events": (1.5, False),
        "Delta commits, mixed lines": (3, True),
        "Spark jobs, mixed lines": (31, False),
        "Delta commits, nothing new": (0, True),
        "listings, nothing new": (1, True),
    }


def test_the_whole_run_is_compared_with_alternatives_and_a_wrong_sum_is_reported() -> None:
    made = flatten.result("100 events", {OURS: 5.2, EACH_FIELD: 4.0, DUCKDB: 1.0}, [run(5.2)], [DUCKDB])
    assert [bar.met for bar in made.bars] == [True, False]
    assert made.notes == ["DuckDB to parquet: the sum of a column is not the one that was written."]


def test_the_last_table_is_compared_with_the_first() -> None:
    made = growing_table.result({"small": [run(5.0), run(4.0, look_up=1.0)], "large": [run(6.5, look_up=2.0)]})
    assert [(bar.found, bar.met) for bar in made.bars] == [(1.625, False)]
    assert made.figures[f"{LOOK_UP}, large, seconds"] == 2.0
    assert made.figures[f"{MERGE}, small, seconds"] == 3.0


@pytest.mark.parametrize(("lines", "met"), [(100, True), (101, False)])
def test_a_million_needs_all_its_lines(lines: int, met: bool) -> None:
    bars = {bar.what: bar.met for bar in million.result(lines, run(10.0), 2_000_000_000, 900_000_000).bars}
    assert bars == {"lines applied": met, "peak of the Python driver": True}


def test_more_vehicles_never_use_less_of_a_limit() -> None:
    columns = [figures(10**power, Assumed()) for power in range(3, 9)]
    for name in columns[0]:
        values = [column[name] for column in columns]
        assert values == sorted(values)


def test_a_run_costs_its_fixed_part_and_its_events() -> None:
    found = figures(1_000_000, Assumed(86.4, 1.0, 10.0, 0.1))
    assert found["events of a run"] == pytest.approx(300_000)
    assert found["seconds of a run, 2 cores"] == pytest.approx(40.0)
