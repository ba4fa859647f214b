"""Run the job on separate folders, as the bundle does, and record seconds, Spark jobs and Delta commits of each run."""

import os
import sys
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flatten import job
from flatten.local.settings import SessionSettings
from flatten.run.batch import Around
from flatten.settings import Settings
from flatten.tables import create
from flatten.tables.names import TableName

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOOK_UP, MERGE = "look up and decide", "flatten and MERGE"
PARTS = {
    "envelopes": "list, start the query, read envelopes",
    "found": LOOK_UP,
    "values": MERGE,
    "rows": "close removed rows",
    "quarantine": "quarantine",
    "files": "record the files",
    "query": "checkpoint, end the query",
    "copied": "compare landing with the files table",
    "archived": "move the files",
    "end": "record the run",
}
"""The part of a run until each boundary that it passes (`flatten.run.batch.Reached`), in order."""


@dataclass
class Run:
    """One run.

    Seconds and Spark jobs by the names of `PARTS` that it passed, Delta commits by table, counts as the run reports
    them, and how often it listed the landing folder.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    jobs: dict[str, int] = field(default_factory=dict)
    commits: dict[str, int] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    listings: int = 0

    @property
    def total(self) -> float:
        """Return the total of the seconds."""
        return sum(self.seconds.values())

    def figures(self) -> dict[str, float]:
        """Return the seconds of each part that took at least a hundredth of a second, for a table."""
        parts = {f"of it {name}, seconds ({self.jobs[name]} jobs)": taken for name, taken in self.seconds.items()}
        return {name: taken for name, taken in parts.items() if taken >= 0.01}


@dataclass(frozen=True)
class JobFolder:
    """The folders of one job below `root`."""

    spark: "SparkSession"
    root: Path

    @property
    def source(self) -> Path:
        """Return the landing folder."""
        return self.root / "landing"

    @property
    def table(self) -> TableName:
        """Return the flat table's path."""
        return TableName.of(str(self.root / "tables" / "telemetry"))

    def make(self) -> "JobFolder":
        """Create the empty tables, as only the first run does."""
        self.source.mkdir(parents=True, exist_ok=True)
        create.ensure(self.spark, self.table, exists=False)
        return self

    def run(self) -> Run:
        """Run the job over the existing files. Raises FlattenError as `job.run` does."""
        _listed.clear()
        before = self._commits()
        marks = [("", time.perf_counter(), jobs_so_far(self.spark))]

        def reached(boundary: str) -> None:  # also from threads that move files: the first of them counts
            if boundary in PARTS and boundary != marks[-1][0]:
                marks.append((boundary, time.perf_counter(), jobs_so_far(self.spark)))

        report = job.run(self.spark, self._settings(), Around(reached=reached))
        reached("end")
        run = Run(counts=report.counts, listings=_listed[str(self.source)])
        for (_, began, jobs_before), (boundary, ended, jobs) in pairwise(marks):
            run.seconds[PARTS[boundary]] = run.seconds.get(PARTS[boundary], 0.0) + ended - began
            run.jobs[PARTS[boundary]] = run.jobs.get(PARTS[boundary], 0) + jobs - jobs_before
        run.commits = {name: count - before[name] for name, count in self._commits().items()}
        return run

    def _commits(self) -> dict[str, int]:
        """Return how many versions each table has: files of its log, of which a short history loses none."""
        folders = [Path(place) for place in self.table.places()]
        return {folder.name: len(list((folder / "_delta_log").glob("*.json"))) for folder in folders}

    def _settings(self) -> Settings:
        return Settings(
            source=str(self.source),
            archive=str(self.root / "archive"),
            rejects=str(self.root / "rejects"),
            table=self.table,
            state=str(self.root / "state"),
            run_id=uuid.uuid4().hex,
            started_at=datetime.now(UTC),
        )


_listed: Counter[str] = Counter()


def _note_listing(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "os.scandir":
        _listed[str(arguments[0])] += 1


sys.addaudithook(_note_listing)


def jobs_so_far(spark: "SparkSession") -> int:
    """Return how many jobs Spark has started in this session."""
    return int(spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs())


SESSION = replace(SessionSettings.from_environment(os.environ), kind="classic", cores=2, driver_memory="4g")
