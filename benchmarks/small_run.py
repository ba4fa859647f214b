"""Measure a run over 400 lines into a table of 100,000 rows in 30 days, in turns with a minimal recipe, in one session.

The recipe: the same files, a stream of their lines, from_json for each signal, a MERGE on event_id. It checks,
quarantines, records and archives nothing. Then a run without new files.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import command, events
from benchmarks.bars import Result, at_most, ratio
from benchmarks.command import say
from benchmarks.job_folder import SESSION, JobFolder, Run
from benchmarks.made_table import Size, sample_changes
from benchmarks.recipes.upsert import flatten_with_from_json, upsert_new_files
from benchmarks.rounds import Contender, best, in_turns
from flatten.events import catalogue
from flatten.session import spark_session

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LINES, SIGNALS, LINES_A_FILE = 400, 12, 20
TABLE = Size(100_020, 30)
OURS, RECIPE = "ours, {}", "bare recipe, {}"
MIXED, NEW = "mixed lines", "new events"
EMPTY = "ours, nothing new"
_WARM = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("small_run", __doc__ or "", "python -m benchmarks.small_run --rounds 3", rounds=5)
    options = parser.parse_args(arguments)
    with command.work_folder(options) as work, spark_session(SESSION) as spark:
        sides = Sides.made(spark, Path(work), TABLE)
        in_turns(sides.contenders(), _WARM, lambda text: say(f"warm-up, {text}"))
        sides.runs.clear()
        seconds = best(in_turns(sides.contenders(), options.rounds, say))
    return command.finish("small_run", [result(seconds, sides.runs)], options, arguments)


@dataclass
class Sides:
    """Our job and the recipe, each with a separate landing folder and table. `runs` are ours, by contender."""

    job: JobFolder
    recipe: Path
    size: Size
    runs: dict[str, list[Run]] = field(default_factory=dict)
    _batches: int = 0

    @classmethod
    def made(cls, spark: "SparkSession", work: Path, size: Size) -> "Sides":
        """Make both tables, with the same rows."""
        say(f"making two tables of {size.name}")
        sample = JobFolder(spark, work / "sample").make()
        events.write_objects(sample.source, sample_changes(), SIGNALS)
        sample.run()
        job = JobFolder(spark, work / "job").make()
        size.write(spark.table(sample.table.sql), job.table.text)
        lines = spark.read.option("recursiveFileLookup", "true").text(str(sample.root / "archive"))
        size.write(flatten_with_from_json(lines, catalogue.packaged()), str(work / "recipe" / "table"))
        (work / "recipe" / "landing").mkdir()
        return cls(job, work / "recipe", size)

    def contenders(self) -> list[Contender]:
        """Return both sides with mixed lines, both with new events, and our run without new files."""
        found = []
        for kind in (MIXED, NEW):
            found.append(self._ours(OURS.format(kind), lambda kind=kind: self._land(kind)))  # type: ignore[misc]  # bound here
            found.append(Contender(RECIPE.format(kind), self._upsert))
        return [*found, self._ours(EMPTY, lambda: None)]

    def _ours(self, name: str, prepare: Callable[[], None]) -> Contender:
        return Contender(name, lambda: self.runs.setdefault(name, []).append(self.job.run()), prepare)

    def _land(self, kind: str) -> None:
        """Write the next batch of lines into both landing folders."""
        for folder in (self.job.source, self.recipe / "landing"):
            changes = self.size.batch(self._batches, LINES, mixed=kind == MIXED)
            events.write_objects(folder, changes, SIGNALS, LINES_A_FILE)
        self._batches += 1

    def _upsert(self) -> None:
        upsert_new_files(self.job.spark, self.recipe, catalogue.packaged())


def result(seconds: dict[str, float], runs: dict[str, list[Run]]) -> Result:
    """Return the table. Seconds of the parts, jobs and commits are those of the fastest of our runs."""
    fastest = {name: min(made, key=lambda run: run.total) for name, made in runs.items()}
    mixed, empty = fastest[OURS.format(MIXED)], fastest[EMPTY]
    bars = [
        at_most(f"ours / recipe, {MIXED}", 1.5, _ratio(seconds, MIXED)),
        at_most(f"ours / recipe, {NEW}", 1.3, _ratio(seconds, NEW)),
        at_most(f"Delta commits, {MIXED}", 3, sum(mixed.commits.values()), "commits"),
        at_most(f"Spark jobs, {MIXED}", 30, sum(mixed.jobs.values()), "jobs"),
        at_most("Delta commits, nothing new", 0, sum(empty.commits.values()), "commits"),
        at_most("listings, nothing new", 1, empty.listings, "listings"),
    ]
    return Result(f"{LINES} lines into {TABLE.name}", seconds, OURS.format(MIXED), bars, mixed.figures())


def _ratio(seconds: dict[str, float], kind: str) -> float | None:
    return ratio(seconds, OURS.format(kind), RECIPE.format(kind))


if __name__ == "__main__":
    sys.exit(command.guarded(main))
