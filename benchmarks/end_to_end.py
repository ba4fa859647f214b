"""Measure the whole rehearsed pipeline at a steady rate: the time of an event from its put to its object and its row.

DynamoDB stream, mapping, Lambda's zip, S3, the job and the application share the cores of this machine. The Lambda
starts the job. The actual rate is shown when the machine cannot reach the requested one.
"""

import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from benchmarks import command, events
from benchmarks.bars import Result
from benchmarks.command import say
from rehearsal.demo import rehearse
from rehearsal.errors import RehearsalError
from rehearsal.pipeline import Setup
from rehearsal.producer import Action
from rehearsal.report.summary import delays, percentile
from rehearsal.report.trace import Trace

SHORT, FULL = ((10.0, 100.0), 20), ((1.0, 10.0, 100.0), 60)
_STAGES, _PERCENTS = ("object", "row"), (50, 95)
_SIGNALS = 12


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("end_to_end", __doc__ or "", "python -m benchmarks.end_to_end --rates 5 --seconds 10")
    parser.add_argument("--rates", type=float, nargs="+", help="changes per second, instead of the usual rates")
    parser.add_argument("--seconds", type=command.at_least_one, help="seconds of each rate, instead of the usual time")
    options = parser.parse_args(arguments)
    if any(rate <= 0 for rate in options.rates or ()):
        parser.error(f"--rates {options.rates}: each must be more than 0")
    rates, seconds = FULL if options.full else SHORT
    rates, seconds = options.rates or rates, options.seconds or seconds
    figures: dict[str, float] = {}
    notes = []
    with command.work_folder(options) as work:
        for rate in rates:
            say(f"{rate:g} changes a second for {seconds} s")
            folder = Path(work) / f"{rate:g}"
            folder.mkdir()
            try:
                trace = rehearse(folder, Setup(rate=rate), changes(max(1, round(rate * seconds))), StringIO())
            except RehearsalError as wrong:
                notes.append(f"{rate:g} a second was not sustained: {wrong}")
            else:
                figures |= {f"{rate:g} a second: {name}": value for name, value in figures_of(trace).items()}
                notes += [f"{rate:g} a second: {problem}" for problem in trace.problems]
    name = f"from the put to the object and to the row, {seconds} s of changes"
    result = Result(name, figures=figures, notes=notes or ["Every change was where it has to be."])
    return command.finish("end_to_end", [result], options, arguments)


def changes(count: int) -> list[Action]:
    """Return this many new items."""
    return [Action("put", item["event_id"], item) for item in map(_item, events.fleet(count))]


def _item(change: events.Change) -> events.Json:
    return events.item(change, _SIGNALS)


def figures_of(trace: Trace) -> dict[str, float]:
    """Return seconds from the put to each stage, and the actual rates."""
    figures = {}
    for stage in _STAGES:
        ordered = delays(trace.event_times, stage)
        for percent in _PERCENTS:
            value = percentile(ordered, percent)
            if value is not None:
                figures[f"put to {stage}, p{percent}, seconds"] = value
    put = [times.put for times in trace.event_times]
    rows = [times.in_table for times in trace.event_times if times.in_table is not None]
    if len(put) > 1 and rows:
        figures["events put a second"] = (len(put) - 1) / max(1e-9, max(put) - min(put))
        figures["rows a second, from the first put to the last row"] = len(rows) / max(1e-9, max(rows) - min(put))
    return figures | {"runs of the job": float(len(trace.runs))}


if __name__ == "__main__":
    sys.exit(command.guarded(main))
