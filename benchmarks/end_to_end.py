"""The whole rehearsed pipeline at a steady rate: how long an event takes from its put to its row.

DynamoDB stream, mapping, Lambda's zip, S3, the job: all on this machine, sharing its cores, the application too. The
Lambda starts the job (Option A). A rate that the machine cannot make is shown as the one that it made.
"""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from benchmarks import command
from benchmarks.bars import Result
from benchmarks.command import say
from rehearsal.demo import rehearse
from rehearsal.errors import RehearsalError
from rehearsal.pipeline import Plan
from rehearsal.producer import Change, made_up_changes
from rehearsal.summary import STAGES, delays, percentile
from rehearsal.trace import Trace

SHORT, FULL = ((10.0, 100.0), 20), ((1.0, 10.0, 100.0, 500.0), 60)
_PERCENTS = (50, 95, 99)
_VEHICLES, _SEED = 100, 1


@dataclass(frozen=True)
class Load:
    """So many changes a second for so many seconds."""

    rate: float
    seconds: int

    @property
    def changes(self) -> int:
        """All of them."""
        return max(1, round(self.rate * self.seconds))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("end_to_end", __doc__ or "", "python -m benchmarks.end_to_end --rates 5 --seconds 10")
    parser.add_argument("--rates", type=float, nargs="+", help="changes a second, in place of the usual ones")
    parser.add_argument("--seconds", type=command.at_least_one, help="for how long each, in place of the usual time")
    options = parser.parse_args(arguments)
    if any(rate <= 0 for rate in options.rates or ()):
        parser.error(f"--rates {options.rates}: each must be more than 0")
    rates, seconds = FULL if options.full else SHORT
    loads = [Load(rate, options.seconds or seconds) for rate in options.rates or rates]
    changes = made_up_changes(max(load.changes for load in loads), _VEHICLES, _SEED)
    with command.work_folder(options) as work:
        results = [_measured(Path(work) / f"{load.rate:g}", load, changes) for load in loads]
    return command.finish("end_to_end", results, options, arguments)


def _measured(folder: Path, load: Load, changes: Sequence[Change]) -> Result:
    say(name_of(load))
    folder.mkdir(parents=True)
    try:
        found = rehearse(folder, Plan(rate=load.rate), list(changes[: load.changes]), StringIO())
    except RehearsalError as wrong:
        return Result(name_of(load), notes=[f"Not sustained: {wrong}"])
    finally:
        shutil.rmtree(folder)
    return result(load, found)


def name_of(load: Load) -> str:
    """For people."""
    return f"{load.rate:g} changes a second for {load.seconds} s"


def result(load: Load, trace: Trace) -> Result:
    """The table of one rate: latencies from the put to each stage, and what was sustained from the first put on."""
    figures: dict[str, float] = {}
    for stage in STAGES:
        ordered = delays(trace.passages, stage)
        for percent in _PERCENTS:
            value = percentile(ordered, percent)
            if value is not None:
                figures[f"put to {stage}, p{percent}, seconds"] = value
    figures |= _rates(trace)
    figures["runs of the job"] = float(len(trace.runs))
    figures["objects"] = float(trace.objects)
    notes = [f"Problem: {problem}" for problem in trace.problems] or ["Every change was where it has to be."]
    return Result(name_of(load), figures=figures, notes=notes)


def _rates(trace: Trace) -> dict[str, float]:
    put = [passage.put for passage in trace.passages]
    rows = [passage.in_table for passage in trace.passages if passage.in_table is not None]
    if len(put) < 2 or not rows:
        return {}
    return {
        "events put a second": (len(put) - 1) / max(1e-9, max(put) - min(put)),
        "events a second from the first put to the last row": len(rows) / max(1e-9, max(rows) - min(put)),
    }


if __name__ == "__main__":
    sys.exit(command.guarded(main))
