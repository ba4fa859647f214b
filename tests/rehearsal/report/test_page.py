"""The page of a rehearsal is one file without scripts that shows all data as text."""

from dataclasses import replace

import pytest

from rehearsal.check import Unprocessed
from rehearsal.report.page import page
from rehearsal.report.timeline import ticks, timeline
from rehearsal.report.trace import Trace
from support.html_reader import Reader
from support.traces import EMPTY, HOSTILE, SMALL, run, snapshots

EVIL = replace(
    SMALL,
    settings={HOSTILE: HOSTILE},
    runs=[run(1, 2, 3, lines={HOSTILE: 1})],
    unprocessed=[Unprocessed("job", HOSTILE, 1)],
    problems=[HOSTILE],
)


@pytest.mark.parametrize("trace", [EMPTY, SMALL, EVIL], ids=["empty", "small", "hostile"])
def test_it_is_whole_and_has_no_script_and_loads_nothing(trace: Trace) -> None:
    read = Reader(page(trace))
    assert read.open == []
    assert not {tag for tag, _ in read.seen} & {"script", "link", "img", "iframe", "object"}
    assert not [name for _, attributes in read.seen for name in attributes if name in ("src", "href", "onload")]
    assert [attributes["content"] for _, attributes in read.seen if "http-equiv" in attributes] == [
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    ]


def test_whatever_is_in_the_data_is_shown_as_it_is() -> None:
    assert Reader(page(EVIL)).text.count(HOSTILE) == 5


def test_it_shows_the_verdict_the_facts_and_every_run() -> None:
    read = Reader(page(SMALL))
    for said in (
        "Everything arrived: 4 changes",
        "from put to row",
        "7.00 s",
        "1,500 bytes each",
        "2 applied",
        "batch_size",
    ):
        assert said in read.text
    assert "2027-01-15 08:00:00 UTC" in read.text


@pytest.mark.parametrize(("problems", "tone"), [([], "good"), (["lost"], "bad")])
def test_the_verdict_is_coloured_by_the_result(problems: list[str], tone: str) -> None:
    assert len(Reader(page(replace(SMALL, problems=problems))).all("h1", tone)) == 1


@pytest.mark.parametrize(
    ("high", "most", "found"),
    [
        (0, 5, [0, 1]),
        (1, 5, [0, 1]),
        (3, 5, [0, 1, 2, 3]),
        (7, 5, [0, 2, 4, 6, 8]),
        (95, 5, [0, 20, 40, 60, 80, 100]),
        (1500, 5, [0, 500, 1000, 1500]),
    ],
)
def test_ticks_are_round_and_reach_the_highest(high: float, most: int, found: list[float]) -> None:
    assert ticks(high, most) == found


def test_a_line_goes_through_every_snapshot() -> None:
    read = Reader(timeline(replace(SMALL, snapshots=snapshots((0, 0, 0, 0), (10, 4, 2, 1)), runs=[])))
    [line] = read.all("polyline", "stage stored")
    assert line["points"] == "56.0,316.0 946.0,166.0"


def test_a_run_is_drawn_from_its_call_to_its_end() -> None:
    read = Reader(timeline(replace(SMALL, snapshots=snapshots((0, 0, 0, 0), (10, 4, 3, 2)))))
    [first, second] = read.all("rect", "waiting")
    [worked] = read.all("rect", "succeeded")
    assert (float(first["x"]), float(worked["x"]), float(worked["width"])) == (189.5, 234.0, 356.0)
    assert second["y"] != first["y"]
    assert len(read.all("rect", "failed")) == 1
