"""What the benchmarks make of what they measured: batches, tables, bars and pages."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from benchmarks.bars import Report, Result, at_most
from benchmarks.events import FIRST_DAY
from benchmarks.flatten_ways import COPY, DLT, DUCKDB, EACH_FIELD, FLATTEN, NAMES, RUN, UDF
from benchmarks.job_folder import PARTS, Run

from benchmarks import flatten, merge, million, page, small_files

SECONDS = {FLATTEN: 4.0, RUN: 5.0, DUCKDB: 2.5, COPY: 2.0, EACH_FIELD: 8.0, UDF: 15.0}
SIZE = merge.Size(2_000, 4)


def run(seconds: float, **parts: float) -> Run:
    return Run(seconds, {PARTS[name]: taken for name, taken in parts.items()}, {"lines": 100, "applied": 100})


def test_each_bar_of_flattening_is_told_for_flattening_alone_and_for_the_whole_run() -> None:
    met = {bar.what: bar.met for bar in flatten.bars(SECONDS)}
    assert met == {
        "flatten / DuckDB": True,
        "flatten / plain copy": True,
        "get_json_object / flatten": True,
        "Python UDF / flatten": False,
        "dlt / flatten": None,
        "whole run / DuckDB": True,
        "whole run / plain copy": False,
        "get_json_object / whole run": False,
        "Python UDF / whole run": False,
        "dlt / whole run": None,
    }


def test_a_wrong_sum_is_told() -> None:
    made = flatten.result(flatten.Size(100, 12), SECONDS, [run(5.0, values=3.0)], [DUCKDB])
    assert made.notes == ["DuckDB to parquet: the sum of a column is not the one that was written"]
    assert made.figures["ours: whole run, with MERGE: events a second"] == 20.0
    assert made.figures["whole run: flatten and MERGE, seconds"] == 3.0


@pytest.mark.parametrize(
    ("only", "with_dlt", "names"),
    [
        pytest.param(None, True, NAMES, id="all"),
        pytest.param(None, False, NAMES[:-1], id="dlt is not installed"),
        pytest.param([UDF], True, (FLATTEN, RUN, UDF), id="ours beside those asked for"),
        pytest.param([DLT], False, (FLATTEN, RUN), id="asked for and not there"),
    ],
)
def test_ours_always_takes_part(only: list[str] | None, with_dlt: bool, names: tuple[str, ...]) -> None:
    assert flatten.contenders(only, with_dlt=with_dlt) == names


def test_a_batch_has_new_events_a_tenth_of_updates_and_a_hundredth_of_deletes() -> None:
    changes = list(merge.batch(SIZE, 1, 200))
    assert Counter(change.kind for change in changes) == {"INSERT": 178, "MODIFY": 20, "REMOVE": 2}
    assert {change.day for change in changes} == {SIZE.last_day}
    assert all(change.number >= SIZE.rows for change in changes if change.kind == "INSERT")
    assert all(1_500 <= change.number < 2_000 for change in changes if change.kind != "INSERT")


@pytest.mark.parametrize("old_days", [0, 1, 3])
def test_a_batch_has_each_event_once_and_comes_after_all_before(old_days: int) -> None:
    batches = [list(merge.batch(SIZE, number, 200, old_days)) for number in (0, 1)]
    orders = [change.order for changes in batches for change in changes]
    assert orders == sorted(set(orders))
    for changes in batches:
        assert len({change.number for change in changes}) == 200


def test_a_batch_with_old_days_updates_events_where_they_stand() -> None:
    old = [change for change in merge.batch(SIZE, 0, 200, 3) if change.day != SIZE.last_day]
    assert {SIZE.last_day - change.day for change in old} == {timedelta(days=back) for back in (1, 2, 3)}
    for change in old:
        assert change.kind == "MODIFY"
        assert change.day == FIRST_DAY + timedelta(days=change.number // SIZE.rows_a_day)


def test_the_last_table_is_held_against_the_first() -> None:
    runs = {"small": [run(5, values=2.0), run(4, values=3.0)], "large": [run(6, values=2.5, moves=0.5)]}
    assert [(bar.found, bar.met) for bar in merge.growing(runs, 200).bars] == [(1.5, False), (1.5, False)]


def test_an_empty_run_is_held_against_two_seconds() -> None:
    found = small_files.empty([run(0.5), run(0.7), run(9.0)], [run(1.9), run(2.1), run(2.1)])
    assert (found.bars[0].found, found.bars[0].met) == (2.1, False)


def test_the_pace_compares_the_first_runs_with_the_last() -> None:
    runs = [run(9.0), *(run(2.0) for _ in range(10)), *(run(3.0) for _ in range(9))]
    found = small_files.pace(runs, [1_000 + 10 * number for number in range(20)])
    assert list(found.seconds.values()) == [2.0, 3.0]
    assert found.figures["state that a run adds, bytes"] == 10.0


def test_a_million_needs_all_its_lines() -> None:
    one, two, many = (million.Taken(run(seconds), 2_000_000_000) for seconds in (16.0, 10.0, 55.0))
    bars = {bar.what: bar.met for bar in million.result(20, 100, one, two, many, "4g").bars}
    assert bars == {"100 events / 20": True, "local[1] / local[2]": True, "lines applied of 100": True}
    bars = {bar.what: bar.met for bar in million.result(20, 101, one, two, many, "4g").bars}
    assert bars["lines applied of 101"] is False


PAGE = f"# Title\n\n{page.BEGIN}\nold figures\n{page.END}\n\nafter\n"


def test_figures_replace_those_that_stood_in_the_page() -> None:
    report = Report("some", "a command", "now", {}, [Result("one", bars=[at_most("x", 2, 1.0)])])
    text = page.with_figures(PAGE, [report])
    assert "old figures" not in text
    assert "| x | at most 2 | 1.00 | met |" in text
    assert page.with_figures(text, [report]) == text
    assert text.endswith(f"{page.END}\n\nafter\n")


@pytest.mark.parametrize("text", ["", page.BEGIN, f"{page.END} {page.BEGIN}"])
def test_a_page_without_a_place_is_refused(text: str) -> None:
    with pytest.raises(page.NoPlace, match="the page has no"):
        page.with_figures(text, [])


def test_both_pages_of_the_docs_have_a_place() -> None:
    docs = Path(__file__).parents[2] / "docs"
    for name in page.parts([]):
        page.with_figures((docs / name).read_text("utf-8"), [])
