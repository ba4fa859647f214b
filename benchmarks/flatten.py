"""Measure the whole job over new events, next to common ways to flatten them.

Ours lists, reads, checks, looks up, merges, records and archives. The others only flatten, from lines that they trust,
into columns of the same names; the plain copy does not even flatten. DuckDB writes parquet. Spark's ways run in one
session with as many cores as DuckDB has threads. The sum of a column shows that each has flattened.
"""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks import command, events
from benchmarks.bars import Result, at_most, ratio
from benchmarks.command import say
from benchmarks.job_folder import SESSION, JobFolder, Run
from benchmarks.recipes import dlt_process
from benchmarks.recipes.in_duckdb import flatten_in_duckdb, parquet_sum
from benchmarks.recipes.json_object_each import flatten_field_by_field
from benchmarks.recipes.python_udf import flatten_with_udf
from benchmarks.recipes.schema import EVENT
from benchmarks.rounds import Contender, best, in_turns
from flatten.events import catalogue
from flatten.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OURS = "ours, whole run"
EACH_FIELD = "get_json_object each field, to Delta"
DUCKDB = "DuckDB to parquet"
COPY = "plain copy to Delta"
UDF = "Python UDF, row at a time, to Delta"
DLT = "dlt, merge into Delta"
NAMES = (OURS, EACH_FIELD, DUCKDB, COPY, UDF, DLT)
_SUM_OF_COPY = (
    f"aggregate(filter(signals, s -> s.code = '{events.SUMMED_CODE}'), 0D, "
    "(sum, s) -> sum + CAST(get_json_object(s.body, '$.value') AS DOUBLE))"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("flatten", __doc__ or "", "python -m benchmarks.flatten --events 5000 --signals 60", 2)
    parser.add_argument("--events", type=command.at_least_one, help="events (default: 20000, with --full 200000)")
    parser.add_argument("--signals", type=command.at_least_one, default=12, help="of an event (default: 12)")
    parser.add_argument("--only", choices=NAMES, nargs="+", default=NAMES, help="the others to run; dlt if installed")
    options = parser.parse_args(arguments)
    count = options.events or (200_000 if options.full else 20_000)
    names = [name for name in NAMES if name in {OURS, *options.only} and (name != DLT or dlt_process.is_installed())]
    with command.work_folder(options) as work, spark_session(SESSION) as spark:
        warm = Ways.over(spark, Path(work) / "warm", min(2_000, count), options.signals)
        in_turns(warm.contenders(names), 1, lambda text: say(f"warm-up, {text}"))
        ways = Ways.over(spark, Path(work) / "big", count, options.signals)
        seconds = best(in_turns(ways.contenders(names), options.rounds, say))
        if DLT in seconds:  # without the start of its process
            seconds[DLT] = dlt_process.said(ways.targets[DLT])["seconds"]
        wanted = events.expected_sum(events.fleet(count), options.signals)
        wrong = [name for name in names if abs(ways.total(name) - wanted) > 1e-6 * wanted]
    name = f"{count:,} new events of {options.signals} signals"
    return command.finish("flatten", [result(name, seconds, ways.runs, wrong)], options, arguments)


@dataclass
class Ways:
    """All ways over the objects of `blank`, a job that has not run yet.

    Each round writes to a new folder, because Delta remembers a table by its path, even a deleted one. `runs` are the
    job's.
    """

    blank: JobFolder
    work: Path
    runs: list[Run] = field(default_factory=list)
    targets: dict[str, Path] = field(default_factory=dict)
    _made: int = 0

    @classmethod
    def over(cls, spark: "SparkSession", work: Path, count: int, signals: int) -> "Ways":
        """Write this many events, each with this many signals."""
        say(f"writing {count:,} events of {signals} signals")
        blank = JobFolder(spark, work / "blank").make()
        events.write_objects(blank.source, events.fleet(count), signals)
        return cls(blank, work)

    def contenders(self, names: Sequence[str]) -> list[Contender]:
        """Return the contenders of these names."""
        spark, source, known = self.blank.spark, self.blank.source, catalogue.packaged()

        def lines() -> DataFrame:
            return spark.read.text(str(source), recursiveFileLookup=True)

        ways: dict[str, Callable[[Path], object]] = {
            OURS: lambda target: self.runs.append(JobFolder(spark, target).run()),
            EACH_FIELD: lambda target: _to_delta(flatten_field_by_field(lines(), known), target),
            DUCKDB: lambda target: flatten_in_duckdb(source, target, known, 2),
            COPY: lambda target: _to_delta(spark.read.json(str(source), EVENT, recursiveFileLookup=True), target),
            UDF: lambda target: _to_delta(flatten_with_udf(lines(), known), target),
            DLT: lambda target: dlt_process.merge(source, target),
        }
        return [
            Contender(name, lambda name=name: ways[name](self.targets[name]), partial(self._renew, name))  # type: ignore[misc]  # bound here, not when called
            for name in names
        ]

    def total(self, name: str) -> float:
        """Return the sum of the odometers in what a way wrote last."""
        target = self.targets[name]
        if name == DUCKDB:
            return parquet_sum(target, events.SUMMED)
        if name == DLT:
            return dlt_process.said(target)["total"]
        table = JobFolder(self.blank.spark, target).table.text if name == OURS else str(target)
        summed = _SUM_OF_COPY if name == COPY else events.SUMMED
        [row] = self.blank.spark.read.format("delta").load(table).agg(F.sum(F.expr(summed))).collect()
        return float(row[0] or 0)

    def _renew(self, name: str) -> None:
        shutil.rmtree(self.targets.get(name, self.work / "nothing"), ignore_errors=True)
        self._made += 1
        self.targets[name] = self.work / f"out-{self._made}"
        if name == OURS:
            shutil.copytree(self.blank.root, self.targets[name])


def _to_delta(rows: DataFrame, target: Path) -> None:
    rows.write.format("delta").save(str(target))


def result(name: str, seconds: Mapping[str, float], runs: Sequence[Run], wrong: Sequence[str]) -> Result:
    """Return the table; `wrong` are the contenders whose sum is wrong."""
    notes = [f"{each}: the sum of a column is not the one that was written." for each in wrong]
    figures = min(runs, key=lambda run: run.total).figures()
    bars = [
        at_most("whole run / get_json_object", 1.3, ratio(seconds, OURS, EACH_FIELD)),
        at_most("whole run / DuckDB", 3.2, ratio(seconds, OURS, DUCKDB)),
    ]
    return Result(name, seconds, OURS, bars, figures, notes or ["The sum of one column is the same in all."])


if __name__ == "__main__":
    sys.exit(command.guarded(main))
