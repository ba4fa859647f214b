"""The run: what is done, and in which order it is committed.

Three commits a micro-batch, rows, then quarantine, then files, each keyed by content so that doing it again
changes nothing; then the engine commits its checkpoint; after the last batch the files are archived. Killed

- before the rows: nothing has happened; the batch is replayed whole.
- between rows, quarantine and files: the replay finds its own rows and bad lines and adds what is missing.
- between files and the checkpoint: the replay changes nothing at all.
- after the checkpoint: the files are committed and still in the landing folder; the next run archives them.

An exception in `process_batch` must leave it: a batch that returns is committed, and its files may be moved.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from flatten import lease, ledger, owner, quarantine, source, staging, tables
from flatten.archive import Archiver, Moved
from flatten.commits import SPARK_ENDED, SPARK_ERRORS, last_words, retried
from flatten.errors import FlattenError
from flatten.locations import open_location
from flatten.rows import RowsCommit, facts_of
from flatten.runs import end_failed_run, end_run
from flatten.settings import Settings
from flatten.verdicts import VERDICTS

Clock = Callable[[], datetime]
Reached = Callable[[str], None]
"""Told the name of each boundary that is passed: staged, moves, values, rows, quarantine, files, query, copied,
deleted, moved, archived."""

_POLL_SECONDS = 1


def unobserved(boundary: str) -> None:
    """Take no note of a boundary."""


@dataclass
class Report:
    """What a run did.

    `waiting` counts the files that were there when it began; `counts` says how many files, micro-batches (batches)
    and lines it committed, and the lines by verdict.
    """

    waiting: int
    counts: dict[str, int] = field(default_factory=dict)
    moved: Moved = field(default_factory=Moved)
    missing: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, object]:
        """Return it as plain data."""
        return asdict(self)

    def as_text(self) -> str:
        """Return it as a few lines for a person."""
        if not self.counts.get("files"):
            head = "Nothing new."
        else:
            verdicts = ", ".join(f"{self.counts[verdict]:,} {verdict}" for verdict in VERDICTS)
            head = f"{self.counts['files']:,} files, {self.counts['lines']:,} lines: {verdicts}."
        told = {name: paths for name, paths in asdict(self.moved).items() if paths} | {"missing": self.missing}
        return "\n".join([head, *(f"{len(paths):,} files {name}" for name, paths in told.items() if paths)])


def run(
    spark: SparkSession,
    settings: Settings,
    clock: Clock,
    *,
    auto_loader: bool = False,
    progress: Callable[[int], None] = lambda batches: None,
    reached: Reached = unobserved,
) -> Report:
    """Handle every file that is there, then stop. `progress` is told how many micro-batches are done.

    Raises FlattenError: UsageError before anything is written; whatever another one leaves, the next run
    completes.
    """
    tables.check(spark, settings.table)
    with owner.only_run(settings.state):
        owner.claim(settings)
        report = Report(waiting=sum(1 for _ in open_location(settings.source).names()))
        if report.waiting:
            tables.ensure(spark, settings.table)
        elif tables.columns_of(spark, settings.table.sql) is None:
            return report
        try:
            _stream(spark, settings, clock, progress, auto_loader, reached)
            reached("query")
            _settle(spark, settings, clock, report, auto_loader, reached)
        except (*SPARK_ERRORS, *SPARK_ENDED, OSError, FlattenError) as wrong:
            end_failed_run(spark, settings.table, settings.run_id, "run", settings.started_at, clock())
            if isinstance(wrong, FlattenError):
                raise
            raise FlattenError(
                f"The run stopped: {last_words(wrong)} What it had committed stays; run again to complete it."
            ) from wrong
        return report


def _stream(
    spark: SparkSession,
    settings: Settings,
    clock: Clock,
    progress: Callable[[int], None],
    auto_loader: bool,
    reached: Reached,
) -> None:
    """Run the query until all files that are there are committed."""
    handle = partial(process_batch, settings=settings, clock=clock, reached=reached)
    query = (
        source.new_files(spark, settings, auto_loader=auto_loader)
        .writeStream.foreachBatch(handle)
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


def process_batch(batch: DataFrame, batch_id: int, settings: Settings, clock: Clock, reached: Reached) -> None:
    """Commit one micro-batch: rows, quarantine, files.

    A module-level function of plain data: Spark Connect runs it in a process of its own, with the session of
    the batch. What it has to report goes through the tables.
    """
    spark = batch.sparkSession
    hold = partial(_hold, spark, settings, clock)
    hold()
    staged = staging.stage(batch, batch_id, settings)
    facts = facts_of(staged)
    reached("staged")
    rows = RowsCommit(batch, batch_id, staged, facts, settings, hold, reached)
    judged = retried(partial(rows.run, clock()))
    reached("rows")
    hold()
    if facts.any_bad:
        quarantine.write(staged, settings.table, clock())
    reached("quarantine")
    hold()
    ledger.write_files(spark, judged.files, settings.table, settings.run_id, batch_id, clock())
    reached("files")


def _hold(spark: SparkSession, settings: Settings, clock: Clock) -> None:
    """Ask for the lease: before each commit, because whatever came before it may have taken long."""
    lease.hold(spark, settings.table, settings.run_id, settings.state, clock())


def _settle(
    spark: SparkSession, settings: Settings, clock: Clock, report: Report, auto_loader: bool, reached: Reached
) -> None:
    """After the query: record what it could not read, archive what it committed, let the table go."""
    if not (report.waiting or _left_over(spark, settings, clock())):
        return
    hold = partial(_hold, spark, settings, clock)
    hold()
    report.missing = _record_unread(spark, settings, clock(), auto_loader)
    report.counts = ledger.counts_of(spark, settings.table, settings.run_id)
    staging.clear(settings)
    report.moved = Archiver(spark, settings, clock(), reached, hold).run()
    end_run(spark, settings.table, settings.run_id, "run", settings.started_at, clock(), "succeeded")


def _left_over(spark: SparkSession, settings: Settings, now: datetime) -> bool:
    """Return whether this run, without a file at its start, or a killed one before it left something to do."""
    return (
        staging.is_left(settings)
        or bool(ledger.unarchived(spark, settings.table, settings.source))
        or lease.is_held(spark, settings.table, settings.state, now)
    )


def _record_unread(spark: SparkSession, settings: Settings, now: datetime, auto_loader: bool) -> list[str]:
    files, here = spark.table(settings.table.side("files")), open_location(settings.source)
    unread = {}
    for path, may_come in source.unread_paths(spark, settings, files, auto_loader=auto_loader).items():
        name = path.removeprefix(f"{settings.source}/")
        unread[path] = ledger.Unread(here.sha256(name), here.size(name), settings.max_file_bytes, may_come)
    return ledger.write_unread(spark, unread, settings.table, settings.run_id, now)
