"""A million events at once in a heap of 4 GB, and what a second core is worth: the whole job, as it is shipped.

Each run has a session and folders of its own. The run must commit every line; a heap that is too small would end it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import command, events
from benchmarks.bars import Result, at_least, at_most, ratio
from benchmarks.command import say
from benchmarks.job_folder import JobFolder, Run, session, shared_parts
from benchmarks.machine import peak_bytes
from flatten.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHORT, FULL = (4_000, 20_000), (200_000, 1_000_000)
_SIGNALS = 12
_WARM = 1_000


@dataclass(frozen=True)
class Taken:
    """A run, and the most memory that Spark's JVM held in it (bytes; None where the system does not say)."""

    run: Run
    peak: int | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("million", __doc__ or "", "python -m benchmarks.million --full --work /data/bench")
    parser.add_argument("--few", type=command.at_least_one, help="the smaller number of events")
    parser.add_argument("--many", type=command.at_least_one, help="the larger number of events")
    parser.add_argument("--heap", default="4g", help="of Spark's JVM, as Java writes it (default: 4g)")
    options = parser.parse_args(arguments)
    usual = FULL if options.full else SHORT
    few, many = options.few or usual[0], options.many or usual[1]
    with command.work_folder(options) as work:
        one = _measured(Path(work) / "one", few, 1, options.heap)
        two = _measured(Path(work) / "two", few, 2, options.heap)
        all_of_them = _measured(Path(work) / "many", many, 2, options.heap)
    return command.finish("million", [result(few, many, one, two, all_of_them, options.heap)], options, arguments)


def _measured(root: Path, count: int, cores: int, heap: str) -> Taken:
    say(f"{count:,} events with local[{cores}], {heap} of heap: writing them")
    with spark_session(session(cores, heap)) as spark:
        _warmed(spark, root / "warm")
        folder = JobFolder(spark, root / "job")
        folder.make()
        events.write_objects(folder.source, events.fleet(count), _SIGNALS)
        run = folder.run()
        say(f"{count:,} events with local[{cores}]: {run.seconds:.1f} s")
        return Taken(run, peak_bytes(_process_of(spark)))


def _warmed(spark: "SparkSession", root: Path) -> None:
    folder = JobFolder(spark, root)
    folder.make()
    events.write_objects(folder.source, events.fleet(_WARM), _SIGNALS)
    folder.run()


def _process_of(spark: "SparkSession") -> int:
    jvm = spark.sparkContext._jvm
    assert jvm is not None  # noqa: S101 # a classic session has one
    return int(jvm.java.lang.ProcessHandle.current().pid())


def result(few: int, many: int, one: Taken, two: Taken, all_of_them: Taken, heap: str) -> Result:
    """The table of the three runs."""
    names = f"{few:,} events, local[1]", f"{few:,} events, local[2]", f"{many:,} events, local[2]"
    taken = dict(zip(names, (one, two, all_of_them), strict=True))
    seconds = {name: each.run.seconds for name, each in taken.items()}
    committed = all_of_them.run.counts.get("applied", 0)
    bars = [
        at_most(f"{many:,} events / {few:,}", 5.5, ratio(seconds, names[2], names[1])),
        at_least("local[1] / local[2]", 1.6, ratio(seconds, names[0], names[1])),
        at_least(f"lines applied of {many:,}", many, committed, "lines"),
    ]
    peaks = {f"{name}: peak of the JVM, GB": each.peak / 1e9 for name, each in taken.items() if each.peak}
    rates = {f"{names[2]}: events a second": many / seconds[names[2]]}
    parts = {f"{names[2]}: {part}": value for part, value in shared_parts([all_of_them.run]).items()}
    return Result(f"{many:,} events at once, {heap} of heap", seconds, names[1], bars, rates | peaks | parts)


if __name__ == "__main__":
    sys.exit(command.guarded(main))
