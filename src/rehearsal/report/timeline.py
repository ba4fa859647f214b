"""Draw a rehearsal: changes at each stage over time, and the job's runs below them, as SVG in HTML."""

import math
from collections.abc import Iterator
from html import escape
from typing import Final

from rehearsal.databricks.job import JobRun
from rehearsal.report.summary import duration
from rehearsal.report.trace import Trace

LINES: Final = {"put": "put", "stored": "in S3", "in_table": "in the table"}
"""By field of a Snapshot, which is also the CSS class: the text of the legend."""
_LEFT, _RIGHT, _TOP, _BASE, _LANE = 56, 946, 16, 316, 24
_BOTTOM: Final = _BASE + 2 * _LANE + 8


def timeline(trace: Trace) -> str:
    """Return the picture, 960 wide: a run is narrow and grey while it waits, wide while it works."""
    ends = [trace.start + trace.seconds, *(run.ended for run in trace.runs)]
    times = ticks(max(ends) - trace.start, 10)
    counts = ticks(
        max([max(snapshot.put, snapshot.stored, snapshot.in_table) for snapshot in trace.snapshots], default=0), 5
    )
    drawn = [*_grid(times, counts)]
    for stage in LINES:
        points = " ".join(
            f"{_x(snapshot.at - trace.start, times):.1f},{_y(getattr(snapshot, stage), counts):.1f}"
            for snapshot in trace.snapshots
        )
        drawn.append(f'<polyline class="stage {stage}" points="{points}"/>')
    for number, run in enumerate(trace.runs):
        drawn += _run(number, run, trace.start, times)
    return f'<svg viewBox="0 0 960 {_BOTTOM + 40}" role="img" aria-label="Changes over time">{"".join(drawn)}</svg>'


def ticks(high: float, most: int) -> list[float]:
    """Return 0 and up to `most` multiples of 1, 2 or 5 times a power of ten, the last one not below `high`."""
    power = 10.0 ** max(0, math.floor(math.log10(max(high, 1) / most)))
    step = next(nice * power for nice in (1, 2, 5, 10) if nice * power * most >= high)
    return [number * step for number in range(max(1, math.ceil(high / step)) + 1)]


def _x(seconds: float, times: list[float]) -> float:
    return _LEFT + seconds / times[-1] * (_RIGHT - _LEFT)


def _y(count: float, counts: list[float]) -> float:
    return _BASE - count / counts[-1] * (_BASE - _TOP)


def _grid(times: list[float], counts: list[float]) -> Iterator[str]:
    for count in counts:
        y = _y(count, counts)
        yield f'<path class="grid" d="M{_LEFT},{y:.1f}H{_RIGHT}"/>'
        yield f'<text class="end" x="{_LEFT - 8}" y="{y + 4:.1f}">{count:,.0f}</text>'
    for time in times:
        x = _x(time, times)
        yield f'<path class="grid" d="M{x:.1f},{_TOP}V{_BOTTOM}"/>'
        yield f'<text class="middle" x="{x:.1f}" y="{_BOTTOM + 16}">{time:,.0f}</text>'
    yield f'<text class="end" x="{_LEFT - 8}" y="{_BASE + _LANE + 4}">runs</text>'
    yield f'<text class="middle" x="{(_LEFT + _RIGHT) / 2}" y="{_BOTTOM + 34}">seconds since the start</text>'


def _run(number: int, run: JobRun, start: float, times: list[float]) -> Iterator[str]:
    """Draw a run. One may wait while another works, so runs alternate between two lanes."""
    top = _BASE + 6 + number % 2 * _LANE
    called, began, ended = (_x(at - start, times) for at in (run.called, run.began, run.ended))
    waited, worked = duration(run.began - run.called), duration(run.ended - run.began)
    said = escape(f"Run {number + 1}: {run.outcome}, waited {waited}, worked {worked}, {run.files:,} files")
    yield f'<g><title>{said}</title><rect class="waiting" x="{called:.1f}" y="{top + 6}"'
    yield f' width="{max(0, began - called):.1f}" height="6"/><rect class="{run.outcome}" x="{began:.1f}" y="{top}"'
    yield f' width="{max(2, ended - began):.1f}" height="18" rx="3"/></g>'
