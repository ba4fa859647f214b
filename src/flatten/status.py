"""How things stand: read from the tables, changing nothing."""

from datetime import datetime, timedelta
from typing import Any

from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F

from flatten import ledger, tables
from flatten.errors import FilesIncomplete
from flatten.locations import open_location
from flatten.tables import TableName
from flatten.verdicts import VERDICTS

_RUNS_SHOWN = 5
_FILES_NAMED = 5
_TO_ARCHIVE = timedelta(hours=2)


def status(spark: SparkSession, table: TableName, source: str | None) -> dict[str, Any]:
    """Return rows, deleted, newest_event, files by outcome, waiting (None without a source), quarantined lines
    and files by reason, and the last runs (started_at, seconds, outcome). Moments are text, in UTC.

    Raises BadTable when there is no table of ours.
    """
    tables.require(spark, table)
    newest = F.max("recorded_at")
    rows = spark.table(table.sql).agg(
        F.count("*").alias("rows"), F.count("deleted_at").alias("deleted"), _text(newest).alias("newest_event")
    )
    return {
        "table": table.text,
        **rows.collect()[0].asDict(),
        "waiting": None if source is None else _waiting(spark, table, source),
        "files": _files(spark, table),
        "quarantined": _quarantined(spark, table),
        "runs": _last_runs(spark, table),
    }


def require_complete(spark: SparkSession, table: TableName, days: int, now: datetime) -> None:
    """Raise FilesIncomplete when a file that was met in the last `days` is not wholly in the table.

    That is one that was quarantined, missing or vanished, has a line that is not accounted for, or was committed
    two hours ago and is still to be archived.
    """
    lost = F.col("outcome").isin(ledger.QUARANTINED, ledger.MISSING, ledger.VANISHED)
    unaccounted = F.expr(f"lines <> {' + '.join(VERDICTS)}")
    stuck = F.col("archived_at").isNull() & (F.col("committed_at") < F.lit(now - _TO_ARCHIVE))
    recent = spark.table(table.side("files")).where(F.col("committed_at") >= F.lit(now - timedelta(days=days)))
    found = recent.where(lost | unaccounted | stuck).select("path", "outcome").orderBy("path").collect()
    if found:
        named = "; ".join(f"{row.path} ({row.outcome})" for row in found[:_FILES_NAMED])
        raise FilesIncomplete(
            f"{len(found)} files of the last {days} days are not wholly in {table.text}: {named}"
            f"{', ...' if len(found) > _FILES_NAMED else ''}. docs/runbook.md, incomplete_files, says what to do."
        )


def _waiting(spark: SparkSession, table: TableName, source: str) -> int:
    paths = [f"{source}/{name}" for name in open_location(source).names()]
    return len(paths) - len(ledger.known_files(spark, table, paths)) if paths else 0


def _files(spark: SparkSession, table: TableName) -> dict[str, int]:
    """Count files: archived, to_archive, and incomplete (no line of theirs is in the table)."""
    files = spark.table(table.side("files"))
    whole, moved = F.col("outcome") == ledger.COMMITTED, F.col("archived_at").isNotNull()
    counted = files.agg(
        F.count_if(whole & moved).alias("archived"),
        F.count_if(whole & ~moved).alias("to_archive"),
        F.count_if(F.col("outcome") == ledger.QUARANTINED).alias("incomplete"),
        F.count_if(F.col("outcome") == ledger.MISSING).alias("missing"),
        F.count_if(F.col("outcome") == ledger.VANISHED).alias("vanished"),
    )
    return dict(counted.collect()[0].asDict())


def _quarantined(spark: SparkSession, table: TableName) -> dict[str, int]:
    waiting = spark.table(table.side("quarantine")).where("redriven_at IS NULL")
    return {row.reason: row["count"] for row in waiting.groupBy("reason").count().orderBy("reason").collect()}


def _last_runs(spark: SparkSession, table: TableName) -> list[dict[str, Any]]:
    seconds = (F.unix_millis("finished_at") - F.unix_millis("started_at")) / 1000
    newest = spark.table(table.side("runs")).orderBy(F.desc("started_at")).limit(_RUNS_SHOWN)
    runs = newest.select("command", _text(F.col("started_at")).alias("started_at"), "outcome", seconds.alias("seconds"))
    return [row.asDict() for row in runs.collect()]


def _text(moment: Column) -> Column:
    """Write a moment out in Spark, whose sessions are in UTC: Python would show it in the machine's zone."""
    return F.date_format(moment, "yyyy-MM-dd'T'HH:mm:ss'Z'")
