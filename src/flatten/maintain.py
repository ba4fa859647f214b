"""Keeping the table sound: one row per event, few files, short side tables, an archive no older than asked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from flatten import lease, ledger, moves, owner, tables
from flatten.commits import retried
from flatten.duplicates import mend_duplicates
from flatten.locations import open_location
from flatten.runs import end_failed_run, end_run
from flatten.tables import SIDE_TABLES, TableName

PASSING_DAYS = 30


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

    Raises BadTable when there is no table of ours, AlreadyRunning when a run is at work. A run on the same state folder
    would lose its lease at once: the folder's lock comes first.
    """
    tables.require(spark, keeping.table)
    with owner.only_run(keeping.state):
        return _maintained(spark, keeping, clock)


def _maintained(spark: SparkSession, keeping: Keeping, clock: Callable[[], datetime]) -> dict[str, Any]:
    table, now = keeping.table, clock()

    def hold() -> None:
        lease.hold(spark, table, keeping.run_id, keeping.state, clock())

    steps: dict[str, Callable[[], Any]] = {
        "duplicates_mended": lambda: mend_duplicates(spark, table, hold, now),
        "moves_forgotten": lambda: _forget_moves(spark, table, now),
        "archive_removed": lambda: _thin_archive(spark, keeping, now),
        "compacted": lambda: _compact(spark, table) if keeping.compact else [],
    }
    found = {}
    hold()
    try:
        for name, step in steps.items():
            hold()
            found[name] = step()
    except BaseException:
        end_failed_run(spark, table, keeping.run_id, "maintain", now, clock())
        raise
    end_run(spark, table, keeping.run_id, "maintain", now, clock(), "succeeded")
    return found


def _forget_moves(spark: SparkSession, table: TableName, now: datetime) -> int:
    noted = spark.table(table.side("moves"))
    old = (F.col("cause") == moves.PASSING) & (F.col("noted_at") < F.lit(now - timedelta(days=PASSING_DAYS)))
    count = noted.where(old).count()
    if count:
        limit = (now - timedelta(days=PASSING_DAYS)).isoformat()
        forget = f"DELETE FROM {table.side('moves')} WHERE cause = '{moves.PASSING}' AND noted_at < TIMESTAMP'{limit}'"
        retried(lambda: spark.sql(forget))
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
