"""The costs of the simulation, from what the other benchmarks measured."""

from collections.abc import Mapping
from pathlib import Path

from benchmarks import command, flatten, small_files
from benchmarks.bars import Report, Result
from benchmarks.flatten_ways import RUN
from benchmarks.job_folder import PARTS
from benchmarks.scale_model import Costs


class MissingResults(Exception):
    """Raised when a benchmark that the simulation needs has not been run; the message says which command runs it."""


def measured(folder: Path) -> Costs:
    """The costs that the reports of a folder give. Raises MissingResults, and ValueError for a file that is none."""
    reports = {report.benchmark: report for report in command.read(folder)}
    for name in ("flatten", "small_files"):
        if name not in reports:
            raise MissingResults(f"{folder} has no {name}.json: run python -m benchmarks.{name} first")
    flat, (pace, _, at_once) = _of_twelve(reports["flatten"]), reports["small_files"].results
    doubling = _doubling(reports["million"].results[0]) if "million" in reports else None
    return costs(flat, pace, at_once, doubling)


def _of_twelve(report: Report) -> Result:
    """The largest table of the flatten benchmark: that of 12 signals, where both are there."""
    return max(report.results, key=_events)


def _events(result: Result) -> float:
    """How many events a table of the flatten benchmark is about."""
    return result.figures[flatten.EVENTS_A_SECOND.format(RUN)] * result.seconds[RUN]


def costs(flat: Result, pace: Result, at_once: Result, doubling: float | None) -> Costs:
    """Take apart what was measured: a run's fixed part, then an event's, then an object's.

    A run by the pace is almost all fixed part; a run over large objects gives the events; what a run over many small
    objects takes beyond these two is the objects'.
    """
    early = next(iter(pace.seconds.values()))
    a_run = small_files.A_RUN * small_files.LINES
    events, objects = _events(flat), at_once.figures[small_files.OBJECTS]
    event = max(0.0, (flat.seconds[RUN] - early) / (events - a_run)) if events > a_run else 0.0
    fixed = max(0.0, early - a_run * event)
    whole = next(iter(at_once.seconds.values()))
    file = max(0.0, whole - fixed - objects * small_files.LINES * event) / objects
    merge = flat.figures.get(f"whole run: {PARTS['values']}, seconds", 0.0) / events
    return Costs(fixed, file, event, min(event, merge), doubling=doubling or 2.0)


def _doubling(result: Result) -> float:
    """What the second core was worth."""
    one, two = _first(result.seconds, "local[1]"), _first(result.seconds, "local[2]")
    return max(1.0, one / two)


def _first(seconds: Mapping[str, float], ending: str) -> float:
    return next(taken for name, taken in seconds.items() if name.endswith(ending))
