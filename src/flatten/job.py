"""The run: what is done, and in which order.

The engine hands the files over in micro-batches, each of which is committed (`run.batch`) before its checkpoint. When
the query has ended, landing is compared with the files table: what was there when the run began and is not recorded
is read by the run itself, and what is recorded is archived. So a crash anywhere is completed by the next run, and
nothing depends on the engine's memory alone.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from functools import partial

from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from flatten.decide.decision import VERDICTS
from flatten.errors import FlattenError
from flatten.run import owner, source
from flatten.run.archive import Moved, archive
from flatten.run.batch import Around, process_batch
from flatten.run.passed_over import PassedOver, read_passed_over
from flatten.settings import Settings
from flatten.storage import open_location
from flatten.tables import create, files
from flatten.tables.commits import SPARK_ENDED, SPARK_ERRORS, last_words
from flatten.tables.runs import record_failed_run, record_run

_POLL_SECONDS = 1
_FILES_NAMED = 5


@dataclass
class Report:
    """What a run did.

    `waiting` counts the files that were there when it began; `counts` says how many files, micro-batches (batches)
    and lines it committed, and the lines by verdict.
    """

    waiting: int
    counts: dict[str, int] = field(default_factory=dict)
    moved: Moved = field(default_factory=Moved)
    passed_over: PassedOver = field(default_factory=PassedOver)

    @property
    def failed(self) -> list[str]:
        """A sentence for each file that could not be read or moved; the next run tries again."""
        return [*self.passed_over.failed, *self.moved.failed]

    def as_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return asdict(self) | {"failed": self.failed}

    def as_text(self) -> str:
        """Return it as a few lines for a person."""
        if not self.counts.get("files"):
            head = "Nothing new."
        else:
            verdicts = ", ".join(f"{self.counts[verdict]:,} {verdict}" for verdict in VERDICTS)
            head = f"{self.counts['files']:,} files, {self.counts['lines']:,} lines: {verdicts}."
        shown = {name: paths for name, paths in asdict(self.moved).items() if name != "failed"}
        shown |= {"gone before they were read": self.passed_over.gone, "left in landing": self.failed}
        return "\n".join([head, *(f"{len(paths):,} files {name}" for name, paths in shown.items() if paths)])

    @property
    def problem(self) -> str | None:
        """The sentence with which the run ends, when files had to be left in landing."""
        if not self.failed:
            return None
        more = f" ({len(self.failed) - _FILES_NAMED} more)" if len(self.failed) > _FILES_NAMED else ""
        return f"{len(self.failed)} files stay in landing: {' '.join(self.failed[:_FILES_NAMED])}{more}"


def run(
    spark: SparkSession,
    settings: Settings,
    around: Around,
    *,
    auto_loader: bool = False,
    progress: Callable[[int], None] = lambda batches: None,
) -> Report:
    """Handle every file that is there, then stop. `progress` is told how many micro-batches are done.

    Raises FlattenError: UsageError before anything is written; whatever another one leaves, the next run
    completes. Files that cannot be read or moved stop no others: the report names them.
    """
    exists = create.check(spark, settings.table)
    with owner.only_run(settings.state):
        owner.claim(settings)
        there = list(open_location(settings.source).names())
        report = Report(waiting=len(there))
        if not there:
            return report
        create.ensure(spark, settings.table, exists=exists)
        try:
            _stream(spark, settings, around, progress, auto_loader)
            around.reached("query")
            _settle(spark, settings, around, there, report)
            _record(spark, settings, around, report)
        except (*SPARK_ERRORS, *SPARK_ENDED, OSError, FlattenError) as wrong:
            raise _recorded_failure(spark, settings, around, wrong) from wrong
        return report


def _stream(
    spark: SparkSession, settings: Settings, around: Around, progress: Callable[[int], None], auto_loader: bool
) -> None:
    """Run the query until all files that are there are committed."""
    query = (
        source.new_files(spark, settings, auto_loader=auto_loader)
        .writeStream.foreachBatch(partial(process_batch, settings=settings, around=around))
        .option("checkpointLocation", settings.checkpoint)
        .trigger(availableNow=True)
        .start()
    )
    try:
        while not query.awaitTermination(_POLL_SECONDS):
            progress(_done(query))
    finally:
        query.stop()


def _done(query: StreamingQuery) -> int:
    return len({report["batchId"] for report in query.recentProgress if report["numInputRows"]})


def _settle(spark: SparkSession, settings: Settings, around: Around, there: Iterable[str], report: Report) -> None:
    """After the query: read what the engine passed over, archive what is recorded. What has come since is left."""
    landing = open_location(settings.source)
    here = list(landing.names())
    before = dict.fromkeys(there)
    known = files.recorded(spark, settings.table, _paths(settings, {**before, **dict.fromkeys(here)}))
    recorded = {row.path for row in known}
    left = [name for name in before if f"{settings.source}/{name}" not in recorded]
    if left:
        report.passed_over = read_passed_over(spark, settings, around, landing, left)
        known += files.recorded(spark, settings.table, _paths(settings, left))
    report.counts = files.summed(row for row in known if row.run_id == settings.run_id)
    report.moved = archive(spark, settings, around, here, known)


def _paths(settings: Settings, names: Iterable[str]) -> list[str]:
    return [f"{settings.source}/{name}" for name in names]


def _record(spark: SparkSession, settings: Settings, around: Around, report: Report) -> None:
    """Write the row of a run that did something, or could not."""
    counts = report.counts | {name: len(paths) for name, paths in asdict(report.moved).items()}
    counts |= {name: len(paths) for name, paths in asdict(report.passed_over).items()} | {"failed": len(report.failed)}
    if any(counts.values()):
        record_run(
            spark,
            settings.table,
            run_id=settings.run_id,
            command="run",
            started_at=settings.started_at,
            finished_at=around.clock(),
            counts=counts,
            error=report.problem,
            patience=around.patience,
        )


def _recorded_failure(spark: SparkSession, settings: Settings, around: Around, wrong: Exception) -> FlattenError:
    """Record that an error ended the run; return what is to be raised."""
    if isinstance(wrong, FlattenError):
        failure = wrong
    else:
        failure = FlattenError(
            f"The run failed: {last_words(wrong)} What it had committed stays; run again to complete it."
        )
    record_failed_run(
        spark,
        settings.table,
        run_id=settings.run_id,
        command="run",
        started_at=settings.started_at,
        finished_at=around.clock(),
        error=str(failure),
    )
    return failure
