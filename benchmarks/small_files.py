"""A day of small files: objects of 20 events, by the pace of the schedule and all in one go.

By the pace of five minutes 5,000 objects a day are 17 a run. Between the runs nothing is waited for: what a schedule
waits is no cost. State is what the checkpoint and the side tables hold on disk.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks import command, events
from benchmarks.bars import Result, at_most
from benchmarks.command import say
from benchmarks.events import Change
from benchmarks.job_folder import PARTS, JobFolder, Run, session, shared_parts
from flatten.storage.location import open_location
from flatten.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LINES = 20
SIGNALS = 12
A_RUN = 17
SHORT, FULL = (400, 10), (5_000, 100)
OBJECTS = "objects"
_EMPTY_RUNS = 5


@dataclass(frozen=True)
class Day:
    """How many objects come at once, and how many runs take a few each."""

    objects: int
    runs: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("small_files", __doc__ or "", "python -m benchmarks.small_files --objects 50 --runs 4")
    parser.add_argument("--objects", type=command.at_least_one, help="objects in one go, in place of the usual number")
    parser.add_argument("--runs", type=command.at_least_one, help="runs by the pace, in place of the usual number")
    parser.add_argument("--heap", default="4g", help="of Spark's JVM, as Java writes it (default: 4g)")
    options = parser.parse_args(arguments)
    usual = FULL if options.full else SHORT
    day = Day(options.objects or usual[0], options.runs or usual[1])
    with command.work_folder(options) as work, spark_session(session(2, options.heap)) as spark:
        results = [*_by_the_pace(spark, Path(work) / "pace", day.runs), _in_one_go(spark, Path(work) / "go", day)]
    return command.finish("small_files", results, options, arguments)


def _objects(folder: JobFolder, first: int, count: int) -> None:
    changes = (Change(number, number) for number in range(first * LINES, (first + count) * LINES))
    events.write_objects(folder.source, changes, SIGNALS, LINES)


def _by_the_pace(spark: "SparkSession", root: Path, runs: int) -> list[Result]:
    folder = JobFolder(spark, root)
    folder.make()
    early = _empty(folder, 0)
    made, sizes = [], []
    for number in range(runs):
        _objects(folder, number * A_RUN, A_RUN)
        made.append(folder.run())
        sizes.append(size_of(folder))
        say(f"run {number + 1} of {runs}: {made[-1].seconds:.2f} s, state {sizes[-1] / 1e6:.2f} MB")
    return [pace(made, sizes), empty(early, _empty(folder, runs))]


def _empty(folder: JobFolder, after: int) -> list[Run]:
    """Runs that find nothing."""
    runs = [folder.run() for _ in range(_EMPTY_RUNS)]
    say(f"empty runs after {after} others: {', '.join(f'{run.seconds:.2f}' for run in runs)} s")
    return runs


def size_of(folder: JobFolder) -> int:
    """The bytes of the job's state and side tables."""
    places = (folder.state, Path(folder.table.ops))
    return sum(path.stat().st_size for place in places for path in place.rglob("*") if path.is_file())


def pace(runs: Sequence[Run], sizes: Sequence[int]) -> Result:
    """The table of runs of a few objects each: the first tenth (but the very first) beside the last tenth."""
    tenth = max(1, len(runs) // 10)
    early, late = [run.seconds for run in runs[1 : 1 + tenth] or runs], [run.seconds for run in runs[-tenth:]]
    seconds = {"a run at the beginning": median(early), f"a run after {len(runs)} runs": median(late)}
    grown = (sizes[-1] - sizes[0]) / max(1, len(runs) - 1)
    figures = {
        "the very first run, seconds": runs[0].seconds,
        "state after the first run, bytes": float(sizes[0]),
        f"state after {len(runs)} runs, bytes": float(sizes[-1]),
        "state that a run adds, bytes": grown,
        **shared_parts(list(runs)),
    }
    name = f"{len(runs)} runs of {A_RUN} objects of {LINES} events"
    return Result(name, seconds, "a run at the beginning", (), figures)


def empty(before: Sequence[Run], after: Sequence[Run]) -> Result:
    """The table of runs that find nothing, before the first object and after all of them."""
    seconds = {
        "before the first object": median(run.seconds for run in before),
        "after the last run": median(run.seconds for run in after),
    }
    bars = [at_most("an empty run", 2.0, max(seconds.values()), "s")]
    return Result("runs that find nothing, start-up of Spark aside", seconds, "before the first object", bars)


def _in_one_go(spark: "SparkSession", root: Path, day: Day) -> Result:
    folder = JobFolder(spark, root)
    folder.make()
    _objects(folder, 0, A_RUN)
    folder.run()
    say(f"{day.objects} objects in one go")
    _objects(folder, A_RUN, day.objects)
    started = perf_counter()
    listed = sum(1 for _ in open_location(str(folder.source)).names())
    listing = perf_counter() - started
    return in_one_go(day.objects, folder.run(), listing, listed)


def in_one_go(objects: int, run: Run, listing: float, listed: int) -> Result:
    """The table of one run over all objects; `listing` is the seconds of one listing of `listed` files."""
    archiving = run.parts.get(PARTS["moved"], 0.0)
    figures = {
        OBJECTS: float(objects),
        f"listing of {listed:,} files, seconds": listing,
        "moving to the archive, files a second": objects / archiving if archiving else 0.0,
        "lines a second": run.counts.get("lines", 0) / run.seconds,
        **shared_parts([run]),
    }
    return Result(f"{objects:,} objects of {LINES} events in one go", {"one run": run.seconds}, "one run", (), figures)


if __name__ == "__main__":
    sys.exit(command.guarded(main))
