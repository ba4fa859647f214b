"""The charts of a rehearsal's page: events over time with the job's runs below, and how long events took."""

import math
from collections.abc import Sequence
from typing import Final
from xml.etree.ElementTree import Element, SubElement

from rehearsal.report import svg
from rehearsal.report.report import duration
from rehearsal.report.summary import latency, start
from rehearsal.report.svg import Scale
from rehearsal.report.trace import JobRun, Look, Trace

LINES: Final = (("put", "put"), ("stored", "in S3"), ("in_table", "in the table"))
"""Of a Look: the field, which is the style's name too, and what the legend says."""
_LEFT: Final = 56
_RIGHT: Final = 14
_TOP: Final = 26
_LANE: Final = 24
_BINS: Final = 30
_SHORTEST_AXIS: Final = 0.1


def timeline(trace: Trace, width: int, height: int, name: str) -> str:
    """Changes at each stage over the seconds since the start, and the runs below on the same axis; sizes in pixels.

    `height` is that of the lines' plot. A run is thin while it waits, from when it was asked for, and thick at work.
    """
    begin = start(trace)
    lanes = laid_out(trace.runs)
    ends = [look.at for look in trace.looks] + [run.ended for run in trace.runs]
    times = svg.ticks(max(ends, default=begin) - begin, max(4, width // 90))
    base = _TOP + height
    bottom = base + (_LANE * (max(lanes) + 1) + 8 if lanes else 0)
    x = Scale(0, times[-1], _LEFT, width - _RIGHT)
    said = _told(trace, begin)
    drawing = svg.picture(width, bottom + 40, name, "Changes at each stage over time, and the job's runs", said)
    _time_axis(drawing, x, times, _TOP, bottom, "seconds since the start")
    _counts(drawing, trace.looks, begin, x, Scale(0, 1, base, _TOP))
    if lanes:
        svg.text(drawing, _LEFT - 8, base + 8 + _LANE / 2, "runs", "end")
    for number, (run, lane) in enumerate(zip(trace.runs, lanes, strict=True), 1):
        _run(drawing, run, f"{number}", begin, x, base + 8 + lane * _LANE)
    return svg.drawn(drawing)


def _told(trace: Trace, begin: float) -> str:
    if not trace.looks:
        return "Nothing was seen."
    last = trace.looks[-1]
    counts = ", ".join(f"{getattr(last, stage):,} {said}" for stage, said in LINES)
    return f"After {duration(last.at - begin)}: {counts}. {len(trace.runs):,} runs of the job."


def _counts(drawing: Element, looks: Sequence[Look], begin: float, x: Scale, upwards: Scale) -> None:
    highest = max([max(look.put, look.stored, look.in_table) for look in looks], default=0)
    counts = svg.ticks(highest, 5, whole=True)
    y = Scale(0, counts[-1], upwards.start, upwards.end)
    for count in counts:
        svg.line(drawing, (x.start, y(count), x.end, y(count)), "axis" if count == 0 else "grid")
        svg.text(drawing, x.start - 8, y(count) + 4, svg.tick_text(count, counts[1]), "end")
    svg.text(drawing, 0, upwards.end - 14, "changes", "unit")
    for stage, _ in LINES:
        points = [(x(look.at - begin), y(getattr(look, stage))) for look in looks]
        SubElement(drawing, "path", {"d": svg.path(points), "class": f"stage {stage}"})


def _run(drawing: Element, run: JobRun, number: str, begin: float, x: Scale, top: float) -> None:
    called, began, ended = (x(at - begin) for at in (run.called, run.began, run.ended))
    said = (
        f"Run {number}: {run.outcome}, asked for at {duration(run.called - begin)}, "
        f"waited {duration(run.began - run.called)}, worked {duration(run.ended - run.began)}, {run.files:,} files"
    )
    svg.bar(drawing, called, top + 6, (began - called, 6), "waiting", said)
    svg.bar(drawing, began, top, (max(1.5, ended - began), 18), run.outcome, said)
    labels = [number] if run.outcome == "succeeded" else [f"{number} {run.outcome}", number]
    fitting = next((label for label in labels if ended - began > 8 * len(label)), "")
    svg.text(drawing, (began + ended) / 2, top + 13, fitting, "onbar")


def laid_out(runs: Sequence[JobRun]) -> list[int]:
    """The lane of each run, in order: the first one that is free from when it was asked for."""
    free: list[float] = []
    lanes = []
    for run in runs:
        lane = next((number for number, since in enumerate(free) if since <= run.called), len(free))
        free[lane : lane + 1] = [run.ended]
        lanes.append(lane)
    return lanes


def _time_axis(drawing: Element, x: Scale, times: Sequence[float], top: float, bottom: float, unit: str) -> None:
    svg.line(drawing, (x.start, bottom, x.end, bottom), "axis")
    for time in times:
        svg.line(drawing, (x(time), top, x(time), bottom + 4), "grid")
        svg.text(drawing, x(time), bottom + 17, svg.tick_text(time, times[1]), "middle")
    svg.text(drawing, (x.start + x.end) / 2, bottom + 35, unit, "middle")


def histogram(seconds: Sequence[float], width: int, height: int, name: str, title: str) -> str:
    """How many events took how long, in order, with p50 and p95 marked; sizes in pixels, `height` that of the plot."""
    found = latency(seconds)
    longest = seconds[-1] if seconds else 0.0
    apart = svg.step(max(longest, _SHORTEST_AXIS), _BINS)
    edges = [number * apart for number in range(max(1, math.ceil(longest / apart - 1e-9)) + 1)]
    counts = svg.spans(edges, seconds)
    top = 44
    told = f"{found.count:,} events: half within {duration(found.p50)}, 95 of 100 within {duration(found.p95)}."
    drawing = svg.picture(width, top + height + 40, name, title, told)
    times = svg.ticks(max(edges[-1], _SHORTEST_AXIS), 6)
    x = Scale(0, times[-1], _LEFT, width - _RIGHT)
    _time_axis(drawing, x, times, top + height, top + height, "seconds from the put")
    svg.text(drawing, 0, top - 14, "events", "unit")
    _bins(drawing, edges, counts, x, Scale(0, 1, top + height, top))
    for number, (percent, value) in enumerate((("p50", found.p50), ("p95", found.p95))):
        if value is not None:
            _mark(drawing, x(value), (14 + 16 * number, top + height), f"{percent} {duration(value)}", x.end)
    return svg.drawn(drawing)


def _bins(drawing: Element, edges: Sequence[float], counts: Sequence[int], x: Scale, upwards: Scale) -> None:
    levels = svg.ticks(max(counts), 4, whole=True)
    y = Scale(0, levels[-1], upwards.start, upwards.end)
    for level in levels:
        svg.line(drawing, (x.start, y(level), x.end, y(level)), "grid")
        svg.text(drawing, x.start - 8, y(level) + 4, svg.tick_text(level, levels[1]), "end")
    for left, right, count in zip(edges, edges[1:], counts, strict=False):
        said = f"{svg.tick_text(left, right - left)} to {svg.tick_text(right, right - left)} s: {count:,}"
        size = (x(right) - x(left) - 1, y(0) - y(count))
        if count:
            svg.bar(drawing, x(left) + 0.5, y(count), size, "bin", said)


def _mark(drawing: Element, x: float, ends: tuple[float, float], said: str, right: float) -> None:
    top, bottom = ends
    svg.line(drawing, (x, top - 10, x, bottom), "mark")
    beyond = x + 7 * len(said) > right
    svg.text(drawing, x - 5 if beyond else x + 5, top, said, "end strong" if beyond else "strong")
