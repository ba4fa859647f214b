"""One writer at a time: every command that writes a table holds its lease.

The lease is one row of a Delta table, taken by one UPDATE that reads and writes it in one transaction: of two at
once Delta refuses one, which tries again and finds the other's row. The first writer of all puts the row in, by a
MERGE that likewise reads the table in its transaction; of two such Delta refuses one, too. Who finds a row that is
another's at the UPDATE, and let go before the MERGE, is told of that other: the next run gets the lease. A lease is
taken over at once by a run on the same state folder (only one of those runs at a time: a file lock on one machine,
`max_concurrent_runs: 1` in the bundle), by others when it has expired.
"""

from datetime import datetime, timedelta

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from flatten.columns import literal, moment_literal
from flatten.commits import retried
from flatten.errors import AlreadyRunning
from flatten.tables import TableName

TERM = timedelta(hours=1)
"""How long a lease lasts. Its holder asks for it before each commit, and it is renewed once a quarter is over: a step
between two commits may take three quarters, and one that took longer ends before its commit if another had the lease
meanwhile, also one that has let it go: what was judged before is no longer what stands in the table."""

_renewals: dict[tuple[str, str], datetime] = {}
"""Table and holder of each lease that this process has taken: when it is to be renewed. Until then nothing is read."""


def hold(spark: SparkSession, table: TableName, holder: str, state: str, now: datetime) -> None:
    """Take the lease, or renew it. `holder` must be new for each run. Raises AlreadyRunning when another holds it."""
    held = table.side("lease"), holder
    if held in _renewals and now < _renewals[held]:
        return
    ours = f"holder = {literal(holder)}"
    free = f"expires_at <= {moment_literal(now)} OR state = {literal(state)} OR {ours}"
    if not retried(lambda: _taken(spark, table, holder, state, now, ours if held in _renewals else free)):
        row = spark.table(table.side("lease")).first()
        other = f"Another writer ({row.holder if row else 'unknown'})"
        if held in _renewals:
            raise AlreadyRunning(
                f"{other} has taken {table.text} over, because a step took longer than the lease of this run; "
                "what was committed stays, run again to complete it."
            )
        raise AlreadyRunning(f"{other} holds {table.text}; wait until it ends, or an hour after it was killed.")
    _renewals[held] = now + TERM / 4


def _taken(spark: SparkSession, table: TableName, holder: str, state: str, now: datetime, condition: str) -> bool:
    """Take the one row over if it may be; insert it where there is none, which a MERGE alone would do more slowly."""
    lease, mine, whose = table.side("lease"), literal(holder), literal(state)
    until = moment_literal(now + TERM)
    taken_over = spark.sql(
        f"UPDATE {lease} SET holder = {mine}, state = {whose}, expires_at = {until} WHERE {condition}"
    )
    return _changed(taken_over) or _changed(
        spark.sql(
            f"""
            MERGE INTO {lease} t
            USING (SELECT {mine} AS holder, {whose} AS state, {until} AS expires_at) s ON true
            WHEN NOT MATCHED THEN INSERT *
            """
        )
    )


def _changed(written: DataFrame) -> bool:
    return bool(written.collect()[0].num_affected_rows)


def is_held(spark: SparkSession, table: TableName, state: str, now: datetime) -> bool:
    """Return whether a run on this state folder holds the lease: on one that is locked, a run that was killed."""
    held = spark.table(table.side("lease")).where((F.col("state") == state) & (F.col("expires_at") > F.lit(now)))
    return held.first() is not None


def release(spark: SparkSession, table: TableName, holder: str, now: datetime) -> None:
    """Let the lease go, if it is still ours."""
    _renewals.pop((table.side("lease"), holder), None)
    end = f"UPDATE {table.side('lease')} SET expires_at = {moment_literal(now)} WHERE holder = {literal(holder)}"
    retried(lambda: spark.sql(end).collect())
