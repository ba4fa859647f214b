"""A million events at once in a heap of 4 GB, beside a fifth of them: the whole job, and the memory that it takes.

Each count has a session of its own, in a process of its own. The run must commit every line.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import command, events
from benchmarks.bars import Result, at_least, at_most
from benchmarks.command import say
from benchmarks.job_folder import SESSION, JobFolder, Run
from benchmarks.machine import peak_bytes
from flatten.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHORT, FULL = 20_000, 1_000_000
_SIGNALS = 12
_WARM = 1_000


@dataclass(frozen=True)
class Taken:
    """A run, and the most memory that Spark's JVM and the Python driver held in it; None where that is unknown."""

    run: Run
    jvm_bytes: int | None
    driver_bytes: int | None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("million", __doc__ or "", "python -m benchmarks.million --full --work /data/bench")
    parser.add_argument("--events", type=command.at_least_one, help="events (default: 20000, with --full 1000000)")
    options = parser.parse_args(arguments)
    many = options.events or (FULL if options.full else SHORT)
    with command.work_folder(options) as work, get_context("spawn").Pool(1, maxtasksperchild=1) as apart:
        few, all_of_them = (apart.apply(measured, (Path(work) / f"{count}", count)) for count in (many // 5, many))
    return command.finish("million", [result(many, few, all_of_them)], options, arguments)


def measured(root: Path, count: int) -> Taken:
    """Run the job over so many new events, after one over few."""
    with spark_session(SESSION) as spark:
        for name, lines in (("warm", _WARM), ("job", count)):
            say(f"writing {lines:,} events")
            folder = JobFolder(spark, root / name).make()
            events.write_objects(folder.source, events.fleet(lines), _SIGNALS)
            run = folder.run()
        say(f"{count:,} events: {run.total:.1f} s")
        return Taken(run, peak_bytes(_process_of(spark)), peak_bytes("self"))


def _process_of(spark: "SparkSession") -> int:
    jvm = spark.sparkContext._jvm
    assert jvm is not None  # noqa: S101 # a classic session has one
    return int(jvm.java.lang.ProcessHandle.current().pid())


def result(many: int, fifth: Taken, taken: Taken) -> Result:
    """Return the table of the two runs."""
    by_name = {f"{many // 5:,} events": fifth, f"{many:,} events": taken}
    figures: dict[str, float] = {f"{many:,} events: events a second": many / taken.run.total}
    for name, each in by_name.items():
        figures |= {f"{name}: peak of Spark's JVM, GB": each.jvm_bytes / 1e9} if each.jvm_bytes else {}
        figures |= {f"{name}: peak of the Python driver, GB": each.driver_bytes / 1e9} if each.driver_bytes else {}
    figures |= taken.run.figures()
    bars = [
        at_least(f"lines applied of {many:,}", many, taken.run.counts.get("applied", 0), "lines"),
        at_most(
            "peak of the Python driver", 1, taken.driver_bytes / 1e9 if taken.driver_bytes else None, "GB", "no /proc"
        ),
    ]
    seconds = {name: each.run.total for name, each in by_name.items()}
    return Result(f"{many:,} events at once, 4 GB of heap", seconds, f"{many // 5:,} events", bars, figures)


if __name__ == "__main__":
    sys.exit(command.guarded(main))
