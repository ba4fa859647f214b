"""Measure a batch of 5,000 mixed lines into growing tables: its cost must follow the batch, not the table.

Each day of a table is one file of the same size. The whole job is timed, look-up and MERGE separately; the look-back is
the default.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks import command, events
from benchmarks.bars import Result, at_most, ratio
from benchmarks.command import say
from benchmarks.job_folder import LOOK_UP, MERGE, SESSION, JobFolder, Run
from benchmarks.made_table import Size, sample_changes
from flatten.session import spark_session

LINES = 5_000
SHORT = (Size(50_000, 1), Size(200_000, 4), Size(500_000, 10))
FULL = (Size(100_000, 1), Size(1_000_000, 10), Size(10_000_000, 100))
_SIGNALS, _SIGNALS_OF_ROWS = 12, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("growing_table", __doc__ or "", "python -m benchmarks.growing_table --shrink 10", rounds=3)
    parser.add_argument("--shrink", type=command.at_least_one, default=1, help="divide the rows of the tables by this")
    options = parser.parse_args(arguments)
    sizes = [replace(size, rows=size.rows // options.shrink) for size in (FULL if options.full else SHORT)]
    runs: dict[str, list[Run]] = {size.name: [] for size in sizes}
    with command.work_folder(options) as work, spark_session(SESSION) as spark:
        sample = JobFolder(spark, Path(work) / "sample").make()
        events.write_objects(sample.source, sample_changes(), _SIGNALS_OF_ROWS)
        sample.run()
        folders = {size: _made(sample, Path(work) / f"{size.rows}", size) for size in sizes}
        for number in range(options.rounds + 1):
            for size, folder in folders.items():
                events.write_objects(folder.source, size.batch(number, LINES), _SIGNALS)
                runs[size.name].append(folder.run())
                say(f"round {number} of {options.rounds}: {size.name} {runs[size.name][-1].total:.2f} s")
    counted = {name: made[1:] for name, made in runs.items()}  # the first adds columns
    return command.finish("growing_table", [result(counted)], options, arguments)


def _made(sample: JobFolder, root: Path, size: Size) -> JobFolder:
    say(f"making a table of {size.name}")
    folder = JobFolder(sample.spark, root).make()
    size.write(sample.spark.table(sample.table.sql), folder.table.text)
    return folder


def result(runs: Mapping[str, Sequence[Run]]) -> Result:
    """Return the table of runs by size, the smallest size first."""
    seconds = {name: min(run.total for run in made) for name, made in runs.items()}
    figures = {
        f"{part}, {name}, seconds": min(run.seconds[part] for run in made)
        for part in (LOOK_UP, MERGE)
        for name, made in runs.items()
    }
    first, *_, last = seconds
    bars = [at_most("last table / first", 1.5, ratio(seconds, last, first))]
    return Result(f"batches of {LINES:,} lines", seconds, first, bars, figures)


if __name__ == "__main__":
    sys.exit(command.guarded(main))
