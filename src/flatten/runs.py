"""The end of what writes a table: its row in the runs table, and the lease let go."""

from contextlib import suppress
from datetime import datetime

from pyspark.sql import SparkSession

from flatten import lease
from flatten.columns import literal, moment_literal
from flatten.commits import SPARK_ENDED, SPARK_ERRORS, retried
from flatten.errors import FlattenError
from flatten.tables import TableName


def end_run(
    spark: SparkSession,
    table: TableName,
    run_id: str,
    command: str,
    started_at: datetime,
    finished_at: datetime,
    outcome: str,
) -> None:
    """Record that a run has ended, unless it is recorded already, and let the lease go.

    Of the runs table only the files are read that may have a run which started when this one did.
    """
    runs, run, started = table.side("runs"), literal(run_id), moment_literal(started_at)
    record = f"""
        INSERT INTO {runs} (run_id, command, started_at, finished_at, outcome)
        SELECT {run}, {literal(command)}, {started}, {moment_literal(finished_at)}, {literal(outcome)}
        WHERE NOT EXISTS (SELECT 1 FROM {runs} WHERE run_id = {run} AND started_at = {started})
        """
    try:
        retried(lambda: spark.sql(record))
    finally:
        lease.release(spark, table, run_id, finished_at)


def end_failed_run(
    spark: SparkSession, table: TableName, run_id: str, command: str, started_at: datetime, finished_at: datetime
) -> None:
    """Do the same for a run that an error ended, as far as that can be done: the error is what must be told."""
    with suppress(*SPARK_ERRORS, *SPARK_ENDED, FlattenError):
        end_run(spark, table, run_id, command, started_at, finished_at, "failed")
