"""From NDJSON objects to flat rows in Delta, against what people would use instead.

`flatten to Delta` is what the job does to lines that it has judged: flatten them, write them into its table. `whole
run` is the job as it is shipped: list, read, judge, flatten, MERGE, record, archive. The others flatten only, from
lines that they trust, into columns of the same names; the plain copy does not even that. DuckDB writes parquet. Two
parts of ours are measured alone: flattening without a write, and the write of rows that are flat already.
Spark's ways run in one session of as many cores as DuckDB has threads.
"""

import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import command, events
from benchmarks.bars import Bar, Result, at_least, at_most, ratio
from benchmarks.command import say
from benchmarks.flatten_ways import (
    COPY,
    DLT,
    DUCKDB,
    EACH_FIELD,
    FLATTEN,
    NAMES,
    RUN,
    UDF,
    UNWRITTEN,
    Ways,
)
from benchmarks.job_folder import JobFolder, Run, session, shared_parts
from benchmarks.recipes import dlt_beside
from benchmarks.rounds import best, in_turns
from flatten.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SHORT, FULL = ((20_000, 12), (5_000, 60)), ((200_000, 12), (50_000, 60))
EVENTS_A_SECOND = "{}: events a second"
_WARM = 1_000
_NOT_INSTALLED = "dlt is not installed: make bench-dlt"


@dataclass(frozen=True)
class Size:
    """How much is flattened."""

    events: int
    signals: int

    @property
    def name(self) -> str:
        """For people."""
        return f"flatten {self.events:,} events of {self.signals} signals"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("flatten", __doc__ or "", "python -m benchmarks.flatten --events 2000 --rounds 1", rounds=2)
    parser.add_argument("--events", type=command.at_least_one, help="events, in place of the usual sizes")
    parser.add_argument("--signals", type=command.at_least_one, default=12, help="signals of each (default: 12)")
    parser.add_argument("--cores", type=command.at_least_one, default=2, help="of Spark and DuckDB (default: 2)")
    parser.add_argument("--heap", default="4g", help="of Spark's JVM, as Java writes it (default: 4g)")
    parser.add_argument("--only", choices=NAMES, nargs="+", help="these contenders, beside ours")
    options = parser.parse_args(arguments)
    sizes = [Size(options.events, options.signals)] if options.events else _sizes(options.full)
    names = contenders(options.only, with_dlt=dlt_beside.is_installed())
    with command.work_folder(options) as work, spark_session(session(options.cores, options.heap)) as spark:
        results = [
            measure(spark, Path(work) / f"{number}", size, names, options.cores, options.rounds, warm=number == 0)
            for number, size in enumerate(sizes)
        ]
    return command.finish("flatten", results, options, arguments)


def _sizes(full: bool) -> list[Size]:
    return [Size(*size) for size in (FULL if full else SHORT)]


def contenders(only: Sequence[str] | None, *, with_dlt: bool) -> tuple[str, ...]:
    """The names of those that run: ours always, dlt where it is installed."""
    wanted = {*(only or NAMES), FLATTEN, RUN}
    return tuple(name for name in NAMES if name in wanted and (name != DLT or with_dlt))


def measure(
    spark: "SparkSession", work: Path, size: Size, names: tuple[str, ...], cores: int, rounds: int, *, warm: bool
) -> Result:
    """Write the events and let every contender flatten them in turns. `work` is a folder that is not there yet.

    With `warm`, a round over few events comes before, which does not count.
    """
    if warm:
        small = _ways(spark, work / "small", Size(min(_WARM, size.events), size.signals), cores)
        in_turns(small.contenders(names), 1, lambda text: say(f"warm-up, {text}"))
    say(f"{size.name}: writing the events")
    ways = _ways(spark, work / "big", size, cores)
    seconds = best(in_turns(ways.contenders(names), rounds, say))
    if DLT in seconds:
        seconds[DLT] = dlt_beside.said(ways.targets[DLT])["seconds"]
    wanted = events.expected_sum(events.fleet(size.events), size.signals)
    written = [name for name in names if name != UNWRITTEN]
    wrong = [name for name in written if not _same(ways.total(name), wanted)]
    shutil.rmtree(work)
    return result(size, seconds, ways.runs, wrong)


def _ways(spark: "SparkSession", folder: Path, size: Size, cores: int) -> Ways:
    blank = JobFolder(spark, folder / "blank")
    blank.make()
    events.write_objects(blank.source, events.fleet(size.events), size.signals)
    return Ways(spark, blank, folder, cores)


def _same(found: float, wanted: float) -> bool:
    return abs(found - wanted) <= 1e-6 * max(1.0, abs(wanted))


def result(size: Size, seconds: Mapping[str, float], runs: Sequence[Run], wrong: Sequence[str]) -> Result:
    """The table of one size; `wrong` are the contenders whose sum is not the one that was written."""
    notes = [f"{name}: the sum of a column is not the one that was written" for name in wrong]
    if not wrong:
        notes = ["The sum of one column came out the same in all."]
    figures = {f"whole run: {name}": taken for name, taken in shared_parts(list(runs)).items()} if runs else {}
    rates = {EVENTS_A_SECOND.format(name): size.events / seconds[name] for name in (FLATTEN, RUN) if name in seconds}
    return Result(size.name, seconds, FLATTEN, bars(seconds), rates | figures, notes)


def bars(seconds: Mapping[str, float]) -> list[Bar]:
    """What was promised of these seconds: of flattening alone, and of the whole run."""
    dlt = "" if DLT in seconds else _NOT_INSTALLED
    found = []
    for ours, called in ((FLATTEN, "flatten"), (RUN, "whole run")):
        found += [
            at_most(f"{called} / DuckDB", 2.0, ratio(seconds, ours, DUCKDB)),
            at_most(f"{called} / plain copy", 2.2, ratio(seconds, ours, COPY)),
            at_least(f"get_json_object / {called}", 2.0, ratio(seconds, EACH_FIELD, ours)),
            at_least(f"Python UDF / {called}", 4.0, ratio(seconds, UDF, ours)),
            at_least(f"dlt / {called}", 4.0, ratio(seconds, DLT, ours), why_not=dlt),
        ]
    return found


if __name__ == "__main__":
    sys.exit(command.guarded(main))
