"""Run the job: its steps and their order.

The engine delivers the files in micro-batches; each is committed (`run.batch`) before its checkpoint. When the query
has ended, landing is compared with the files table (`run.settle`). So the next run completes a crashed one, and nothing
depends on the engine's checkpoint alone.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from pyspark.sql import SparkSession

from flatten.decide.decision import VERDICTS
from flatten.errors import FlattenError
from flatten.run import owner, source
from flatten.run.archive import Ended, left_because
from flatten.run.batch import Around, process_batch
from flatten.run.settle import settle
from flatten.screen import counted
from flatten.settings import Settings
from flatten.storage import open_location
from flatten.storage.location import Barred, has_literal
from flatten.tables import create, files
from flatten.tables.commits import SPARK_ENDED, SPARK_ERRORS
from flatten.tables.runs import Run, as_failure

_POLL_SECONDS = 1
_FILES_NAMED = 5
_SHOWN = {
    "archived": "archived",
    "rejected": "moved to the quarantine folder",
    "read": "read by the run itself, not by Spark",
    "changed": "changed after reading",
    "gone": "gone before reading or moving",
    "failed": "left in landing",
}


@dataclass
class Report:
    """What a run did.

    `waiting` counts the files that existed when it began; `counts` has the committed files, micro-batches (batches) and
    lines, and the lines by verdict; `ended` what happened to files, see `run.archive` and `run.passed_over`.
    """

    waiting: int
    counts: dict[str, int] = field(default_factory=dict)
    ended: list[Ended] = field(default_factory=list)

    def paths(self, kind: str) -> list[str]:
        """Return the files with this ending; for failed ones a sentence each."""
        return [path for each, path in self.ended if each == kind]

    def as_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        ended = {kind: self.paths(kind) for kind, _ in self.ended}
        return {"waiting": self.waiting, "counts": self.counts, "files": ended}

    def as_text(self) -> str:
        """Return it as a few lines of text."""
        head = "Nothing new."
        if self.counts.get("files"):
            verdicts = ", ".join(f"{self.counts[verdict]:,} {verdict}" for verdict in VERDICTS)
            head = f"{counted(self.counts['files'], 'file')}, {counted(self.counts['lines'], 'line')}: {verdicts}."
        ended = ((self.paths(kind), text) for kind, text in _SHOWN.items())
        return "\n".join([head, *(f"{counted(len(paths), 'file')} {text}" for paths, text in ended if paths)])

    @property
    def problem(self) -> str | None:
        """Return the sentence with which the run ends when files had to stay in landing, else ""."""
        failed = self.paths("failed")
        if not failed:
            return None
        more = f" ({len(failed) - _FILES_NAMED} more)" if len(failed) > _FILES_NAMED else ""
        return f"{counted(len(failed), 'file')} left in landing: {' '.join(failed[:_FILES_NAMED])}{more}"


def run(
    spark: SparkSession,
    settings: Settings,
    around: Around,
    *,
    auto_loader: bool = False,
    progress: Callable[[int], None] = lambda batches: None,
) -> Report:
    """Process every file that exists, then stop. `progress` gets the number of finished micro-batches.

    Raises FlattenError: UsageError before anything is written; after any other error the next run completes the work.
    Files that cannot be read or moved do not stop the others: the report names them.
    """
    exists = create.check(spark, settings.table)
    with owner.only_run(settings.state):
        owner.claim(settings)
        barred: list[Barred] = []
        there = list(open_location(settings.source).names(barred))
        closed = [(settings.path_of(folder), wrong) for folder, wrong in barred if wrong]
        report = Report(len(there), ended=[("failed", left_because(path, "listed", wrong)) for path, wrong in closed])
        if not there:
            return report
        create.ensure(spark, settings.table, exists=exists, change_data_feed=settings.change_data_feed)
        this = Run(settings.table, settings.run_id, "run", settings.started_at)
        try:
            # Spark's own file source would follow links, in circles too, or fail at what it cannot list.
            if auto_loader or (not barred and has_literal(settings.source)):
                _stream(spark, settings, around, progress, auto_loader)
            around.reached("query")
            known, ended = settle(spark, settings, around, there)
            report.ended += ended
            report.counts = files.summed(row for row in known if row.run_id == settings.run_id)
            counts = report.counts | Counter(kind for kind, _ in report.ended)
            if any(counts.values()):
                this.record(spark, around.clock(), counts, report.problem, around.patience)
        except (*SPARK_ERRORS, *SPARK_ENDED, OSError, FlattenError) as wrong:
            failure = as_failure(wrong)
            this.record_failure(spark, around.clock(), str(failure))
            raise failure from wrong
        return report


def _stream(
    spark: SparkSession, settings: Settings, around: Around, progress: Callable[[int], None], auto_loader: bool
) -> None:
    """Run the query until all existing files are committed."""
    query = (
        source.new_files(spark, settings, auto_loader=auto_loader)
        .writeStream.foreachBatch(partial(process_batch, settings=settings, around=around))
        .option("checkpointLocation", settings.checkpoint)
        .trigger(availableNow=True)
        .start()
    )
    try:
        done: set[int] = set()
        while not query.awaitTermination(_POLL_SECONDS):
            done |= {report["batchId"] for report in query.recentProgress if report["numInputRows"]}
            progress(len(done))
    finally:
        query.stop()
