"""Measure one run over a million new events in a heap of 4 GB: the whole job, and its memory.

The run must commit every line; a heap that is too small would end it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import command, events
from benchmarks.bars import Result, at_least, at_most
from benchmarks.command import say
from benchmarks.job_folder import SESSION, JobFolder, Run
from benchmarks.machine import peak_bytes
from flatten.session import spark_session

SHORT, FULL = 20_000, 1_000_000
_SIGNALS, _WARM = 12, 1_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("million", __doc__ or "", "python -m benchmarks.million --full --work /data/bench")
    parser.add_argument("--events", type=command.at_least_one, help="events (default: 20000, with --full 1000000)")
    options = parser.parse_args(arguments)
    count = options.events or (FULL if options.full else SHORT)
    with command.work_folder(options) as work, spark_session(SESSION) as spark:
        for name, lines in (("warm", _WARM), ("job", count)):
            say(f"{lines:,} events: writing them, then a run")
            folder = JobFolder(spark, Path(work) / name).make()
            events.write_objects(folder.source, events.fleet(lines), _SIGNALS)
            run = folder.run()
        java = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]  # classic
        made = result(count, run, peak_bytes(java), peak_bytes())
    return command.finish("million", [made], options, arguments)


def result(count: int, run: Run, java_bytes: int | None, python_bytes: int | None) -> Result:
    """Return the table; the peaks are of Spark's JVM and of the Python driver, None if unknown."""
    figures = run.figures() | {"events a second": count / run.total}
    if java_bytes:
        figures["peak of Spark's JVM, GB"] = java_bytes / 1e9
    peak = python_bytes / 1e9 if python_bytes else None
    bars = [
        at_least("lines applied", count, run.counts.get("applied", 0), "lines"),
        at_most("peak of the Python driver", 1, peak, "GB", "the system does not say"),
    ]
    return Result(f"{count:,} new events at once, 4 GB of heap", {"whole run": run.total}, "", bars, figures)


if __name__ == "__main__":
    sys.exit(command.guarded(main))
