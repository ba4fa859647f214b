"""Read the state of a table without changing anything."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from flatten.decide.decision import VERDICTS
from flatten.errors import IncompleteFilesError, StaleError
from flatten.events.timestamps import micros_of
from flatten.screen import counted
from flatten.storage import open_location
from flatten.storage.location import path_of
from flatten.tables import create, files
from flatten.tables.names import TableName

_RUNS_SHOWN = 5
_FILES_NAMED = 5
LATE = timedelta(hours=1)
"""A file that waits longer than this for a run is reported."""


def status(spark: SparkSession, table: TableName, source: str | None, now: datetime) -> dict[str, Any]:
    """Return rows, deleted, newest_event, files by outcome, searched (lines whose event was looked up under all
    dates), quarantined lines and files by reason, the last runs, and landing (None without a source): waiting,
    to_archive, late. Times are text, in UTC.

    Raises TableError when the table does not exist or this job did not create it.
    """
    create.require(spark, table)
    newest = F.max("recorded_at")
    rows = spark.table(table.sql).agg(
        F.count("*").alias("rows"), F.count("deleted_at").alias("deleted"), _text(newest).alias("newest_event")
    )
    return {
        "table": table.text,
        **rows.collect()[0].asDict(),
        **_files(spark, table),
        "landing": None if source is None else _landing(spark, table, source, now),
        "quarantined": _quarantined(spark, table),
        "runs": _last_runs(spark, table),
    }


def require_complete(spark: SparkSession, table: TableName, days: int, late: Sequence[str], now: datetime) -> None:
    """Raise IncompleteFilesError when a file of the last `days` is not completely in the table, or a line of these
    days is quarantined, or `status` found `late` files.

    Not completely: it was quarantined, or has a line without a verdict.
    """
    since = F.lit(now - timedelta(days=days))
    lost = (F.col("outcome") == files.QUARANTINED) | F.expr(f"lines <> {' + '.join(VERDICTS)}")
    recent = spark.table(table.side("files")).where(F.col("committed_at") >= since)
    found = [f"{row.path} ({row.outcome})" for row in recent.where(lost).orderBy("path").collect()]
    found += [f"{path} (in landing)" for path in late]
    if found:
        raise IncompleteFilesError(
            f"Not completely in {table.text}: {counted(len(found), 'file')} of the last {counted(days, 'day')}: "
            f"{'; '.join(found[:_FILES_NAMED])}{', ...' if len(found) > _FILES_NAMED else ''}. See "
            "docs/troubleshooting.md#incomplete_files."
        )
    waiting = spark.table(table.side("quarantine")).where("redriven_at IS NULL AND line_number IS NOT NULL")
    lines = waiting.where(F.col("quarantined_at") >= since).count()
    if lines:
        raise IncompleteFilesError(
            f"{counted(lines, 'line')} of the last {counted(days, 'day')} quarantined in {table.text}_quarantine: see "
            "docs/troubleshooting.md#quarantined_lines."
        )


def require_fresh(spark: SparkSession, table: TableName, minutes: int, source: str | None, now: datetime) -> None:
    """Raise StaleError when no row was written for this long, or a file of the source waits for more than an hour.

    Reads only the data files of that time.
    """
    create.require(spark, table)
    since = F.lit(now - timedelta(minutes=minutes))
    if spark.table(table.sql).where(F.col("pipeline_processed_at") >= since).isEmpty():
        raise StaleError(
            f"No row was written to {table.text} for {counted(minutes, 'minute')}: see "
            "docs/troubleshooting.md#freshness."
        )
    late = [] if source is None else _late(source, open_location(source).names(), now)
    if late:
        raise StaleError(
            f"{counted(len(late), 'file')} in {source} for more than an hour: {'; '.join(late[:_FILES_NAMED])}. See "
            "docs/troubleshooting.md#incomplete_files."
        )


def _late(source: str, names: Iterable[str], now: datetime) -> list[str]:
    """Return the source's files that wait for more than an hour to be read and archived."""
    landing = open_location(source)
    written = ((name, landing.stat(name)) for name in names)
    return [path_of(source, name) for name, stat in written if stat and stat.modified_at < micros_of(now - LATE)]


def _landing(spark: SparkSession, table: TableName, source: str, now: datetime) -> dict[str, Any]:
    """Return how many files wait to be read and to be archived, and which of them wait too long."""
    names = list(open_location(source).names())
    paths = {path_of(source, name) for name in names}
    known = {row.path for row in files.recorded(spark, table, paths)}
    return {"waiting": len(paths - known), "to_archive": len(paths & known), "late": _late(source, names, now)}


def _files(spark: SparkSession, table: TableName) -> dict[str, Any]:
    counted = spark.table(table.side("files")).agg(
        F.count_if(F.col("outcome") == files.COMMITTED).alias(files.COMMITTED),
        F.count_if(F.col("outcome") == files.QUARANTINED).alias(files.QUARANTINED),
        F.coalesce(F.sum("searched"), F.lit(0)).alias("searched"),
    )
    found = counted.collect()[0].asDict()
    searched = found.pop("searched")
    return {"files": found, "searched": searched}


def _quarantined(spark: SparkSession, table: TableName) -> dict[str, int]:
    waiting = spark.table(table.side("quarantine")).where("redriven_at IS NULL")
    return {row.reason: row["count"] for row in waiting.groupBy("reason").count().orderBy("reason").collect()}


def _last_runs(spark: SparkSession, table: TableName) -> list[dict[str, Any]]:
    """Return the newest runs (command, started_at, outcome, error, seconds, counts)."""
    seconds = (F.unix_millis("finished_at") - F.unix_millis("started_at")) / 1000
    newest = spark.table(table.side("runs")).orderBy(F.desc("started_at")).limit(_RUNS_SHOWN)
    runs = newest.select(
        "command",
        _text(F.col("started_at")).alias("started_at"),
        "outcome",
        "error",
        seconds.alias("seconds"),
        "counts",
    )
    return [{**row.asDict(), "counts": json.loads(row.counts or "{}")} for row in runs.collect()]


def _text(moment: Column) -> Column:
    """Format a time in Spark, whose sessions are in UTC: Python would use the machine's zone."""
    return F.date_format(moment, "yyyy-MM-dd'T'HH:mm:ss'Z'")
