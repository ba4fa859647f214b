"""A batch of 5,000 lines into tables of more and more days: does it cost what the batch is, or what the table is?

Nine lines of ten are new, one is an update of an event of the last day, one in a hundred a delete. Each day of a table
is one file of the same size. What is timed is the whole job, and in it the part from staged lines to rows.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import command, events
from benchmarks.bars import Result, at_most, ratio
from benchmarks.command import say
from benchmarks.events import EVENT_ID_SQL, FIRST_DAY, SEQUENCE_NUMBER_SQL, STREAM, Change, Kind
from benchmarks.job_folder import JobFolder, Run, session
from flatten.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BATCH = 5_000
_SIGNALS = 12
_OLD_EVERY = 10


@dataclass(frozen=True)
class Size:
    """A table: its rows, over how many days."""

    rows: int
    days: int

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.rows / 1_000_000:g} million rows, {self.days} day{'s' if self.days > 1 else ''}"

    @property
    def last_day(self) -> date:
        """The day of the newest rows, and of the batches."""
        return FIRST_DAY + timedelta(days=self.days - 1)

    @property
    def rows_a_day(self) -> int:
        """How many rows each day has."""
        return self.rows // self.days


SHORT = (Size(50_000, 1), Size(200_000, 4), Size(500_000, 10))
FULL = (Size(100_000, 1), Size(1_000_000, 10), Size(10_000_000, 100))
SHORT_OLD, FULL_OLD = (1, 4, 9), (1, 10, 50)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("merge", __doc__ or "", "python -m benchmarks.merge --rounds 2", rounds=3)
    parser.add_argument("--heap", default="4g", help="of Spark's JVM, as Java writes it (default: 4g)")
    parser.add_argument("--batch", type=command.at_least_one, default=BATCH, help="lines of a batch (default: 5000)")
    parser.add_argument("--shrink", type=command.at_least_one, default=1, help="divide the rows of the tables by this")
    options = parser.parse_args(arguments)
    sizes = [replace(size, rows=size.rows // options.shrink) for size in (FULL if options.full else SHORT)]
    old = FULL_OLD if options.full else SHORT_OLD
    with command.work_folder(options) as work, spark_session(session(2, options.heap)) as spark:
        folders = {size: _made(spark, Path(work) / f"{size.rows}", size) for size in sizes}
        results = [_growing(folders, options.batch, options.rounds)]
        results.append(_old_days(folders[sizes[-1]], sizes[-1], old, options.batch, options.rounds + 1))
    return command.finish("merge", results, options, arguments)


def _made(spark: "SparkSession", root: Path, size: Size) -> JobFolder:
    """A job whose table has its rows already: the values of two signals in each."""
    say(f"making a table of {size.name}")
    folder = JobFolder(spark, root)
    folder.make()
    rows = spark.range(0, size.rows, 1, size.days).selectExpr(
        f"{EVENT_ID_SQL} AS event_id",
        f"date_add(DATE'{FIRST_DAY}', CAST(id DIV {size.rows_a_day} AS INT)) AS event_date",
        "concat('vehicle-', id % 1000) AS vehicle_id",
        f"'{STREAM}' AS stream",
        f"{SEQUENCE_NUMBER_SQL} AS sequence_number",
        "timestamp_seconds(1761682265 + id) AS changed_at",
        "'made up' AS source_file",
        f"CAST(id % 99991 AS DOUBLE) AS {events.SUMMED}",
        "CAST(id % 101 AS DOUBLE) AS TractionBattery_StateOfCharge_value",
    )
    rows.write.format("delta").mode("append").option("mergeSchema", "true").save(folder.table.text)
    return folder


def batch(size: Size, number: int, lines: int, old_days: int = 0) -> Iterator[Change]:
    """The lines of the batch of this number (from 0): every id once, later in the stream than all before.

    With `old_days`, each tenth line is an update of an event of one of so many days before the last.
    """
    for place in range(lines):
        order = size.rows + number * lines + place
        kind = _kind(place)
        if old_days and place % _OLD_EVERY == 1:
            back = 1 + place // _OLD_EVERY % old_days
            met = size.rows - 1 - back * size.rows_a_day - (number * lines + place) % size.rows_a_day
            yield Change(met, order, size.last_day - timedelta(days=back), "MODIFY")
        elif kind == "INSERT":
            yield Change(order, order, size.last_day, kind)
        else:
            yield Change(size.rows - 1 - (number * lines + place) % size.rows_a_day, order, size.last_day, kind)


def _kind(place: int) -> Kind:
    if place % 100 == 0:
        return "REMOVE"
    return "MODIFY" if place % 10 == 5 else "INSERT"


def _growing(folders: dict[Size, JobFolder], lines: int, rounds: int) -> Result:
    """One batch after the other into each table in turns; the first round, which adds columns, does not count."""
    runs: dict[str, list[Run]] = {size.name: [] for size in folders}
    for number in range(rounds + 1):
        for size, folder in folders.items():
            run = _merged(folder, batch(size, number, lines))
            say(f"round {number} of {rounds}: {size.name} {run.seconds:.2f} s, of it {run.merging():.2f} s to merge")
            runs[size.name].append(run)
    counted = {name: made[1:] for name, made in runs.items()}
    return growing(counted, lines)


def growing(runs: dict[str, list[Run]], lines: int) -> Result:
    """The table of runs by size, the smallest size first."""
    whole = {name: min(run.seconds for run in made) for name, made in runs.items()}
    merging = {name: min(run.merging() for run in made) for name, made in runs.items()}
    first, last = next(iter(whole)), list(whole)[-1]
    bars = [
        at_most("MERGE, last table / first", 1.3, ratio(merging, last, first)),
        at_most("whole run, last table / first", 1.3, ratio(whole, last, first)),
    ]
    figures = {f"judge and MERGE into {name}, seconds": taken for name, taken in merging.items()}
    return Result(f"batches of {lines:,} lines", whole, first, bars, figures)


def _old_days(folder: JobFolder, size: Size, days: Sequence[int], lines: int, begin: int) -> Result:
    """Batches with updates of old days into the largest table: seconds by how many old days they touch."""
    seconds: dict[str, float] = {}
    reachable = [0, *(count for count in days if count < size.days)]
    for number, count in enumerate([*reachable, *reachable], begin):
        run = _merged(folder, batch(size, number, lines, count))
        say(f"a batch with {count} old days: {run.seconds:.2f} s, of it {run.merging():.2f} s to merge")
        seconds[f"{count} old days"] = min(run.merging(), seconds.get(f"{count} old days", run.merging()))
    return Result(f"judge and MERGE into {size.name}, with old days in the batch", seconds, "0 old days")


def _merged(folder: JobFolder, changes: Iterator[Change]) -> Run:
    events.write_objects(folder.source, changes, _SIGNALS)
    return folder.run()


if __name__ == "__main__":
    sys.exit(command.guarded(main))
