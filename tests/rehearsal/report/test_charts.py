"""The charts of a rehearsal's page: scales, ticks, the places of a small trace's points, and that they are XML."""

from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest

from rehearsal.report import charts, svg
from rehearsal.report.svg import Scale
from rehearsal.report.trace import JobRun
from support.traces import EMPTY, SMALL, looks, run


def read(text: str) -> Element:
    return ElementTree.fromstring(text)  # noqa: S314 # our own text


def texts(drawing: Element, style: str) -> list[str]:
    return [found.text or "" for found in drawing.findall("text") if found.get("class") == style]


def places(shape: Element) -> tuple[float, ...]:
    return tuple(float(shape.attrib[name]) for name in ("x", "y", "width", "height"))


def styled(drawing: Element, tag: str, style: str) -> list[Element]:
    return [found for found in drawing.findall(tag) if found.get("class") == style]


def test_a_scale_maps_one_range_to_the_other_and_beyond() -> None:
    upwards = Scale(0, 10, 200, 100)
    assert [upwards(value) for value in (0, 5, 10, 20)] == [200, 150, 100, 0]


def test_a_range_of_no_width_lies_at_its_start() -> None:
    assert Scale(3, 3, 7, 9)(3) == 7


@pytest.mark.parametrize(
    ("high", "most", "whole", "expected"),
    [
        (60, 6, False, [0, 10, 20, 30, 40, 50, 60]),
        (61, 6, False, [0, 20, 40, 60, 80]),
        (3000, 5, True, [0, 1000, 2000, 3000]),
        (2, 5, True, [0, 1, 2]),
        (0, 5, True, [0, 1]),
        (0.3, 3, False, [0, 0.1, 0.2, 0.3]),
        (1000, 1, False, [0, 1000]),
    ],
    ids=["even", "one more", "thousands", "no fractions of changes", "nothing", "tenths", "a power of ten"],
)
def test_ticks_are_round_and_reach_the_highest_value(
    high: float, most: int, whole: bool, expected: Sequence[float]
) -> None:
    assert svg.ticks(high, most, whole=whole) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "apart", "said"),
    [
        (3000, 1000, "3,000"),
        (5, 5, "5"),
        (0.3, 0.1, "0.3"),
        (0.25, 0.05, "0.25"),
        (1, 0.5, "1.0"),
        (0.001, 0.001, "0.001"),
    ],
)
def test_a_tick_has_the_decimals_of_its_distance(value: float, apart: float, said: str) -> None:
    assert svg.tick_text(value, apart) == said


def test_a_path_goes_through_its_points() -> None:
    assert svg.path([(0, 1), (2.04, 3.06), (4, 5)]) == "M0.0,1.0 L2.0,3.1 L4.0,5.0"
    assert svg.path([]) == ""


def test_a_value_on_an_edge_counts_in_the_later_span_and_one_beyond_in_the_nearest() -> None:
    assert svg.spans([0, 1, 2, 3], [-1, 0, 0.5, 1, 2.9, 3, 9]) == [3, 1, 3]


def test_the_lines_pass_where_the_looks_say() -> None:
    drawing = read(charts.timeline(SMALL, 560, 100, "t"))
    x, y = Scale(0, 10, 56, 546), Scale(0, 4, 126, 26)
    for style, counts in (("put", (0, 4, 4)), ("stored", (0, 2, 3)), ("in_table", (0, 0, 2))):
        expected = svg.path([(x(at), y(count)) for at, count in zip((0, 5, 10), counts, strict=True)])
        assert [line.get("d") for line in styled(drawing, "path", f"stage {style}")] == [expected]


def test_the_axes_have_ticks_and_units() -> None:
    drawing = read(charts.timeline(SMALL, 560, 100, "t"))
    assert texts(drawing, "middle") == ["0", "2", "4", "6", "8", "10", "seconds since the start"]
    assert texts(drawing, "end") == ["0", "1", "2", "3", "4", "runs"]
    assert texts(drawing, "unit") == ["changes"]


def test_runs_lie_below_on_the_same_axis_waiting_before_working() -> None:
    drawing = read(charts.timeline(SMALL, 560, 100, "t"))
    x = Scale(0, 10, 56, 546)
    (first, second), (worked,), (failed,) = (
        styled(drawing, "rect", style) for style in ("waiting", "succeeded", "failed")
    )
    assert places(first) == pytest.approx((x(1.5), 140, 0.5 * 49, 6), abs=0.06)
    assert places(worked) == pytest.approx((x(2), 134, 4 * 49, 18), abs=0.06)
    assert places(second)[0] == pytest.approx(x(6.5), abs=0.06)
    assert places(failed)[:2] == pytest.approx((x(7), 134), abs=0.06)
    assert failed.findtext("title") == "Run 2: failed, asked for at 6.50 s, waited 0.50 s, worked 1.00 s, 0 files"


@pytest.mark.parametrize(
    ("seconds", "labels"), [(40.0, ["1 failed"]), (5.0, ["1"]), (0.1, [""])], ids=["long", "short", "too short"]
)
def test_a_label_is_as_long_as_its_run_allows(seconds: float, labels: list[str]) -> None:
    drawing = read(
        charts.timeline(
            replace(EMPTY, looks=looks((60, 1, 1, 1)), runs=[run(0, 1, 1 + seconds, outcome="failed")]), 300, 100, "t"
        )
    )
    assert texts(drawing, "onbar") == labels


@pytest.mark.parametrize(
    ("runs", "lanes"),
    [
        ([], []),
        ([run(0, 0, 5), run(5, 5, 9)], [0, 0]),
        ([run(0, 0, 5), run(1, 5, 9), run(6, 9, 12), run(9, 12, 13)], [0, 1, 0, 1]),
        ([run(0, 0, 9), run(1, 9, 10), run(2, 10, 11), run(9.5, 11, 12)], [0, 1, 2, 0]),
    ],
    ids=["none", "one after the other", "asked for during another", "two waiting"],
)
def test_runs_that_overlap_lie_in_lanes_of_their_own(runs: list[JobRun], lanes: list[int]) -> None:
    assert charts.laid_out(runs) == lanes


def test_a_second_lane_lies_below_the_first_and_pushes_the_axis_down() -> None:
    def drawn(*runs: JobRun) -> Element:
        return read(charts.timeline(replace(SMALL, runs=runs), 560, 100, "t"))

    one, two = drawn(run(0, 0, 5)), drawn(run(0, 0, 5), run(1, 5, 9))
    assert [places(shape)[1] for shape in styled(two, "rect", "succeeded")] == [134, 158]
    heights = [float(drawing.attrib["viewBox"].split()[3]) for drawing in (one, two)]
    assert heights[1] - heights[0] == 24


def test_a_histogram_counts_each_event_once_and_marks_the_percentiles() -> None:
    drawing = read(charts.histogram([0.5, 1.5, 1.6, 3.0], 400, 100, "h", "How long"))
    said = [shape.findtext("title") for shape in styled(drawing, "rect", "bin")]
    assert said == [
        "0.5 to 0.6 s: 1",
        "1.5 to 1.6 s: 1",
        "1.6 to 1.7 s: 1",
        "2.9 to 3.0 s: 1",
    ]
    marks = {float(line.attrib["x1"]) for line in styled(drawing, "line", "mark")}
    x = Scale(0, 3, 56, 386)
    assert marks == {x(1.5), x(3.0)}
    assert texts(drawing, "strong") == ["p50 1.50 s"]
    assert texts(drawing, "end strong") == ["p95 3.00 s"]


def test_a_hundred_equal_delays_are_one_full_bar() -> None:
    drawing = read(charts.histogram([2.0] * 100, 400, 100, "h", "How long"))
    (only,) = styled(drawing, "rect", "bin")
    assert places(only)[3] == 100


@pytest.mark.parametrize("seconds", [[], [0.0], [-0.5], [-1.0, 0.0001]], ids=["none", "zero", "before", "both"])
def test_a_histogram_of_little_is_drawn_nevertheless(seconds: list[float]) -> None:
    drawing = read(charts.histogram(seconds, 400, 100, "h", "How long"))
    counted = [shape.findtext("title", "").split()[-1] for shape in styled(drawing, "rect", "bin")]
    assert sum(map(int, counted)) == len(seconds)
    assert texts(drawing, "middle") == ["0.00", "0.02", "0.04", "0.06", "0.08", "0.10", "seconds from the put"]


def test_an_empty_trace_has_axes_and_no_runs() -> None:
    drawing = read(charts.timeline(EMPTY, 400, 100, "t"))
    assert texts(drawing, "end") == ["0", "1"]
    assert drawing.findtext("desc") == "Nothing was seen."


@pytest.mark.parametrize("name", ["timeline", "phone"])
def test_a_picture_says_what_it_shows_to_who_cannot_see_it(name: str) -> None:
    drawing = read(charts.timeline(SMALL, 400, 100, name))
    titled, described = drawing.attrib["aria-labelledby"].split()
    said = {found.get("id"): found.text for found in drawing if found.get("id")}
    assert drawing.get("role") == "img"
    assert said[titled] == "Changes at each stage over time, and the job's runs"
    assert said[described] == "After 10.0 s: 4 put, 3 in S3, 2 in the table. 2 runs of the job."
