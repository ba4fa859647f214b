"""The end of what writes a table: its row in the runs table, and the lease let go."""

from datetime import datetime

from pyspark.sql import SparkSession

from flatten import lease
from flatten.columns import ddl
from flatten.tables import SIDE_TABLES, TableName, append_once


def end_run(
    spark: SparkSession,
    table: TableName,
    run_id: str,
    *,
    command: str,
    started_at: datetime,
    finished_at: datetime,
    outcome: str,
) -> None:
    """Record that a run has ended, unless it is recorded already, and let the lease go."""
    run = spark.createDataFrame([(run_id, command, started_at, finished_at, outcome)], ddl(SIDE_TABLES["runs"]))
    append_once(run, table.side("runs"), run_id)
    lease.release(spark, table, run_id, finished_at)
