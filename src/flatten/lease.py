"""One writer at a time: every command that writes a table holds its lease.

The lease is one row of a Delta table, so that a compare-and-swap is one overwrite: of two at once Delta refuses one.
It is taken over at once by a run on the same state folder (only one of those runs at a time: a file lock on one
machine, `max_concurrent_runs: 1` in the bundle), by others when it has expired.
"""

from datetime import datetime, timedelta

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from flatten.columns import ddl
from flatten.commits import retried
from flatten.errors import AlreadyRunning
from flatten.tables import SIDE_TABLES, TableName

TERM = timedelta(hours=1)
"""How long a lease lasts; it is renewed with each micro-batch once half of it is over."""


def hold(spark: SparkSession, table: TableName, holder: str, state: str, now: datetime) -> None:
    """Take the lease, or renew it. Raises AlreadyRunning when another holds it."""
    fresh = F.col("expires_at") > F.lit(now + TERM / 2)
    before = spark.table(table.side("lease")).select("holder", fresh.alias("fresh")).first()
    if before is not None and before.holder == holder and before.fresh:
        return
    retried(lambda: _swap(spark, table, holder, state, now))
    row = spark.table(table.side("lease")).first()
    if row is None or row.holder != holder:
        raise AlreadyRunning(
            f"Another writer ({row.holder if row else 'unknown'}) holds {table.text}; "
            "wait until it ends, or an hour after it was killed."
        )


def _swap(spark: SparkSession, table: TableName, holder: str, state: str, now: datetime) -> None:
    """Overwrite the row if it may be taken; Delta refuses it when another writer was quicker."""
    row = spark.table(table.side("lease")).where(F.col("expires_at") > F.lit(now)).first()
    if row is None or row.holder == holder or row.state == state:
        _overwrite(spark, table, (holder, state, now + TERM))


def is_held(spark: SparkSession, table: TableName, state: str, now: datetime) -> bool:
    """Return whether a run on this state folder holds the lease: on one that is locked, a run that was killed."""
    held = spark.table(table.side("lease")).where((F.col("state") == state) & (F.col("expires_at") > F.lit(now)))
    return held.first() is not None


def release(spark: SparkSession, table: TableName, holder: str, state: str, now: datetime) -> None:
    """Let the lease go, if it is still ours."""
    row = spark.table(table.side("lease")).first()
    if row is not None and row.holder == holder:
        _overwrite(spark, table, (holder, state, now))


def _overwrite(spark: SparkSession, table: TableName, lease: tuple[str, str, datetime]) -> None:
    spark.createDataFrame([lease], ddl(SIDE_TABLES["lease"])).createOrReplaceTempView("flatten_lease")
    spark.sql(f"INSERT OVERWRITE {table.side('lease')} SELECT * FROM flatten_lease")
