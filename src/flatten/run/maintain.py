"""Maintain the tables: one row per event, few files, no archive older than allowed.

It needs no lock against runs: its changes are Delta commits, which are refused and retried when they conflict with a
run's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from flatten.errors import FlattenError
from flatten.run import owner
from flatten.run.batch import Around
from flatten.run.duplicates import remove_duplicates
from flatten.storage import open_location
from flatten.tables import create, files
from flatten.tables.commits import SPARK_ENDED, SPARK_ERRORS, Patience, last_words, retried
from flatten.tables.names import TableName
from flatten.tables.runs import Run
from flatten.tables.schema import SIDE_TABLES


@dataclass(frozen=True, slots=True)
class MaintenanceOptions:
    """What to do. `compact` is for tables that no platform compacts; `archive_days` of None keeps the archive."""

    table: TableName
    run_id: str
    compact: bool
    archive: str | None = None
    archive_days: int | None = None


def maintain(spark: SparkSession, keeping: MaintenanceOptions, around: Around) -> dict[str, Any]:
    """Maintain, and return the result: duplicates (event ids that had several rows), archive_deleted (folders
    of days), compacted (tables).

    Raises TableError when the table does not exist or this job did not create it.
    """
    create.require(spark, keeping.table)
    this = Run(keeping.table, keeping.run_id, "maintain", around.clock())
    steps: dict[str, Callable[[], Any]] = {
        "duplicates": lambda: remove_duplicates(spark, keeping.table, around.patience),
        "archive_deleted": lambda: _delete_expired(spark, keeping, this.started_at),
        "compacted": lambda: _compact(spark, keeping.table, around.patience) if keeping.compact else [],
    }
    found: dict[str, Any] = {}
    try:
        for name, step in steps.items():
            found[name] = step()
    except (*SPARK_ERRORS, *SPARK_ENDED, OSError, FlattenError) as wrong:
        this.record_failure(spark, around.clock(), last_words(wrong))
        raise
    this.record(spark, around.clock(), {name: len(each) for name, each in found.items()}, patience=around.patience)
    return found


def _delete_expired(spark: SparkSession, keeping: MaintenanceOptions, now: datetime) -> list[str]:
    """Delete the days of the archive whose files were all recorded more than `archive_days` ago; return their folders.

    A file's day is in its name; files with other names stay. Whole days, because finding and deleting single files on a
    volume takes long; a day that is already deleted costs one check.
    """
    if keeping.archive is None or keeping.archive_days is None:
        return []
    owner.confirm_archive(keeping.archive, keeping.table)
    archive, limit = open_location(keeping.archive), F.lit(now - timedelta(days=keeping.archive_days))
    recorded = spark.table(keeping.table.side("files")).where(F.col("outcome") == files.COMMITTED)
    days = recorded.groupBy(F.to_date("hour").alias("day")).agg(F.max("committed_at").alias("newest"))
    found = []
    for row in days.where(F.col("day").isNotNull() & (F.col("newest") < limit)).orderBy("day").collect():
        folder = f"{row.day:%Y/%m/%d}"
        if archive.remove_tree(folder):
            found.append(folder)
    return found


def _compact(spark: SparkSession, table: TableName, patience: Patience) -> list[str]:
    names = [table.sql, *(table.side(kind) for kind in SIDE_TABLES)]
    for name in names:
        retried(partial(spark.sql, f"OPTIMIZE {name}"), patience)
        spark.sql(f"VACUUM {name}")
    return names
