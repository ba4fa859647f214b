"""The files table: what became of each line of each file."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from flatten import quarantine
from flatten.columns import ddl
from flatten.commits import retried
from flatten.errors import FlattenError
from flatten.lines import promised_lines
from flatten.tables import SIDE_TABLES, TableName, add_new
from flatten.verdicts import VERDICTS

COMMITTED, QUARANTINED, MISSING, VANISHED = "committed", "quarantined", "missing", "vanished"
"""Outcomes of a file. missing: listed by the engine, gone before it was read; vanished: gone before its archiving."""

REMOVED = "removed"
"""Outcome of a file whose archived copy was deleted because of its age."""

_BROKEN_PROMISE = "file_incomplete", "the name says lines, the file is empty"
_NOTHING = hashlib.sha256(b"").hexdigest()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def write_files(
    spark: SparkSession, files: Iterable[Row], table: TableName, run_id: str, batch_id: int, now: datetime
) -> None:
    """Record the files of a micro-batch; one that is recorded already stays as it is.

    `files` are rows of `Verdicts.files`. Raises FlattenError when a file's lines are not all accounted for,
    which would be a fault of this job: nothing is recorded then, and the batch is tried again.
    """
    add_files(spark, [_entry(row, run_id, batch_id, now) for row in files], table)


def _entry(row: Row, run_id: str, batch_id: int, now: datetime) -> dict[str, Any]:
    counts = {verdict: row[verdict] or 0 for verdict in VERDICTS}
    if row.reason is not None:
        counts["quarantined"] = row.line_count
    if sum(counts.values()) != row.line_count:
        raise FlattenError(f"{row.path}: {row.line_count} lines, but {counts} account for {sum(counts.values())}.")
    return {
        "path": row.path,
        "size": row.size,
        "modified_at": _EPOCH + timedelta(microseconds=row.modified_at),
        "sha256": row.sha256,
        "lines": row.line_count,
        **counts,
        "run_id": run_id,
        "batch_id": batch_id,
        "committed_at": now,
        "outcome": QUARANTINED if row.reason is not None else COMMITTED,
    }


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that the engine listed and that gave no row: what stands there now, None for nothing.

    `limit` is how many bytes it may have; `may_come` says that a later run may read it.
    """

    sha256: str | None
    size: int | None
    limit: int
    may_come: bool

    def broken(self, path: str) -> tuple[str, str] | None:
        """Return reason and detail when it cannot be used: it is too large, or its name promises lines."""
        if self.sha256 is not None and (self.size or 0) > self.limit:
            return "file_unreadable", f"has more than {self.limit} bytes"
        return _BROKEN_PROMISE if self.sha256 == _NOTHING and promised_lines(path) else None


def write_unread(
    spark: SparkSession, unread: Mapping[str, Unread], table: TableName, run_id: str, now: datetime
) -> list[str]:
    """Record files that gave no row, by path; return the missing ones.

    An empty file is a file without lines. Of any other nobody has read a line: one that cannot be used is
    quarantined as a file; from under the name of a missing one the archiver takes what stands there.
    """
    settled = {path: file for path, file in unread.items() if file.sha256 in (None, _NOTHING) or not file.may_come}
    entries = [_unread_entry(path, file, run_id, now) for path, file in settled.items()]
    broken = [(path, *why) for path, file in settled.items() if (why := file.broken(path))]
    if broken:
        quarantine.add_files(spark, broken, table, now)
    if entries:
        add_files(spark, entries, table)
    return [entry["path"] for entry in entries if entry["outcome"] == MISSING]


def _unread_entry(path: str, file: Unread, run_id: str, now: datetime) -> dict[str, Any]:
    entry = {"path": path, "run_id": run_id, "committed_at": now}
    broken = file.broken(path)
    if file.sha256 != _NOTHING and not broken:
        return entry | {"outcome": MISSING}
    counts = dict.fromkeys(("lines", *VERDICTS), 0)
    outcome = QUARANTINED if broken else COMMITTED
    return entry | counts | {"size": file.size, "sha256": file.sha256, "outcome": outcome}


def add_files(spark: SparkSession, entries: Sequence[dict[str, Any]], table: TableName) -> None:
    """Add rows of the files table whose path is not there yet; missing columns are NULL."""
    add_new(_frame(spark, entries, SIDE_TABLES["files"]), table.side("files"), ["path"])


def counts_of(spark: SparkSession, table: TableName, run_id: str) -> dict[str, int]:
    """Return what a run committed: files, batches, lines, and lines by verdict."""
    sums = [F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("lines", *VERDICTS)]
    mine = spark.table(table.side("files")).where(F.col("run_id") == run_id)
    counted = mine.agg(F.count("*").alias("files"), F.count_distinct("batch_id").alias("batches"), *sums)
    return {name: int(value) for name, value in counted.collect()[0].asDict().items()}


def unarchived(spark: SparkSession, table: TableName, source: str) -> list[Row]:
    """Return the committed files (path, sha256, outcome) of a source that no run has archived yet.

    Other sources may share the table: their files are for their own jobs to move.
    """
    waiting = F.expr(f"archived_at IS NULL AND outcome IN ('{COMMITTED}', '{QUARANTINED}')")
    ours = spark.table(table.side("files")).where(waiting & F.col("path").startswith(f"{source}/"))
    return ours.select("path", "sha256", "outcome").collect()


def known_files(spark: SparkSession, table: TableName, paths: Iterable[str]) -> list[Row]:
    """Return (path, sha256, outcome) of those among `paths` that an engine listed before; sha256 NULL: unread."""
    asked = spark.createDataFrame([(path,) for path in paths], "path STRING")
    known = spark.table(table.side("files")).join(asked, "path", "left_semi")
    return known.select("path", "sha256", "outcome").collect()


def mark_archived(spark: SparkSession, moved: Sequence[dict[str, Any]], table: TableName) -> None:
    """Record (path, archived_at, archive_path, outcome) of files that the archiver has dealt with.

    Files that were archived before are left out: then Delta reads the newest part of the table only.
    """
    kinds = {name: SIDE_TABLES["files"][name] for name in ("path", "archived_at", "archive_path", "outcome")}
    _frame(spark, moved, kinds).createOrReplaceTempView("flatten_archived")
    merge = f"""
        MERGE INTO {table.side("files")} t USING flatten_archived s ON t.path = s.path AND t.archived_at IS NULL
        WHEN MATCHED THEN UPDATE SET
            archived_at = s.archived_at, archive_path = s.archive_path, outcome = s.outcome
        """
    retried(lambda: spark.sql(merge))


def mark_removed(spark: SparkSession, paths: Sequence[str], table: TableName) -> None:
    """Record that the archived copies of these files were deleted because of their age."""
    spark.createDataFrame([(path,) for path in paths], "path STRING").createOrReplaceTempView("flatten_removed")
    merge = f"""
        MERGE INTO {table.side("files")} t USING flatten_removed s ON t.path = s.path
        WHEN MATCHED THEN UPDATE SET outcome = '{REMOVED}'
        """
    retried(lambda: spark.sql(merge))


def _frame(spark: SparkSession, rows: Sequence[dict[str, Any]], kinds: dict[str, str]) -> DataFrame:
    return spark.createDataFrame([tuple(row.get(column) for column in kinds) for row in rows], ddl(kinds))
