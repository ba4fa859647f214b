"""Keeping the table sound: one row per event, few files, short side tables, an archive no older than asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from flatten import lease, ledger, moves, order, owner, tables
from flatten.columns import literal
from flatten.errors import BadTable
from flatten.runs import end_run
from flatten.storage import open_location
from flatten.tables import SIDE_TABLES, TableName

PASSING_DAYS = 30
_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Keeping:
    """What to do. `archive_days` of None keeps the archive for ever; `compact` is for tables nobody else tends."""

    table: TableName
    state: str
    run_id: str
    compact: bool
    archive: str | None = None
    archive_days: int | None = None


def maintain(spark: SparkSession, keeping: Keeping, clock: Callable[[], datetime]) -> dict[str, Any]:
    """Do it and return what was found: duplicates_mended (event ids), moves_forgotten, archive_removed, compacted.

    Raises BadTable when there is no table, AlreadyRunning when a run is at work. A run on the same state folder
    would lose its lease at once: the folder's lock comes first.
    """
    if tables.columns_of(spark, keeping.table.sql) is None:
        raise BadTable(f"There is no table {keeping.table.text} yet: `flatten run` makes it.")
    with owner.only_run(keeping.state):
        return _maintained(spark, keeping, clock)


def _maintained(spark: SparkSession, keeping: Keeping, clock: Callable[[], datetime]) -> dict[str, Any]:
    table, now = keeping.table, clock()
    lease.hold(spark, table, keeping.run_id, keeping.state, now)
    outcome = "failed"
    try:
        found = {
            "duplicates_mended": mend_duplicates(spark, table),
            "moves_forgotten": _forget_moves(spark, table, now),
            "archive_removed": _thin_archive(spark, keeping, now),
            "compacted": _compact(spark, table) if keeping.compact else [],
        }
        outcome = "succeeded"
        return found
    finally:
        end_run(spark, table, keeping.run_id, command="maintain", started_at=now, finished_at=clock(), outcome=outcome)


def mend_duplicates(spark: SparkSession, table: TableName) -> list[str]:
    """Leave the newest row of every event that has several; return their ids, sorted."""
    counts = spark.table(table.sql).groupBy("event_id").count().where("count > 1")
    twice = sorted(row.event_id for row in counts.select("event_id").collect())
    for start in range(0, len(twice), _AT_ONCE):
        _keep_newest(spark, table, twice[start : start + _AT_ONCE])
    return twice


def _keep_newest(spark: SparkSession, table: TableName, event_ids: Sequence[str]) -> None:
    """Replace the rows of these events by the newest of each, in one commit."""
    chosen = f"event_id IN ({', '.join(map(literal, event_ids))})"
    ranks = ", ".join(order.newest_rows_first("t"))
    spark.sql(
        f"""
        INSERT INTO {table.sql} REPLACE WHERE {chosen}
        SELECT * EXCEPT (place) FROM (
            SELECT t.*, row_number() OVER (PARTITION BY event_id ORDER BY {ranks}) AS place
            FROM {table.sql} t WHERE {chosen})
        WHERE place = 1
        """
    )


def _forget_moves(spark: SparkSession, table: TableName, now: datetime) -> int:
    noted = spark.table(table.side("moves"))
    old = (F.col("cause") == moves.PASSING) & (F.col("noted_at") < F.lit(now - timedelta(days=PASSING_DAYS)))
    count = noted.where(old).count()
    if count:
        limit = (now - timedelta(days=PASSING_DAYS)).isoformat()
        spark.sql(
            f"DELETE FROM {table.side('moves')} WHERE cause = '{moves.PASSING}' AND noted_at < TIMESTAMP'{limit}'"
        )
    return count


def _thin_archive(spark: SparkSession, keeping: Keeping, now: datetime) -> int:
    if keeping.archive is None or keeping.archive_days is None:
        return 0
    archive = open_location(keeping.archive)
    old = F.col("archived_at") < F.lit(now - timedelta(days=keeping.archive_days))
    ours = F.col("archive_path").startswith(f"{keeping.archive}/") & (F.col("outcome") == ledger.COMMITTED)
    files = spark.table(keeping.table.side("files")).where(old & ours)
    entries = [row.asDict() for row in files.select("path", "archived_at", "archive_path").collect()]
    for entry in entries:
        archive.remove(entry["archive_path"].removeprefix(f"{keeping.archive}/"))
    if entries:
        ledger.mark_removed(spark, [entry["path"] for entry in entries], keeping.table)
    return len(entries)


def _compact(spark: SparkSession, table: TableName) -> list[str]:
    names = [table.sql, *(table.side(kind) for kind in SIDE_TABLES)]
    for name in names:
        spark.sql(f"OPTIMIZE {name}")
        spark.sql(f"VACUUM {name}")
    return names
