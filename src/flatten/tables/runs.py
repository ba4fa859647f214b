"""The runs table: when each command began and ended, what it did, and why it failed."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime

from pyspark.sql import SparkSession

from flatten.errors import FlattenError
from flatten.tables.commits import SPARK_ENDED, SPARK_ERRORS, Patience, retried
from flatten.tables.names import TableName
from flatten.tables.sql import literal, moment_literal

_LONGEST_ERROR = 4_000


def record_run(
    spark: SparkSession,
    table: TableName,
    *,
    run_id: str,
    command: str,
    started_at: datetime,
    finished_at: datetime,
    counts: Mapping[str, int],
    error: str | None = None,
    patience: Patience | None = None,
) -> None:
    """Append the row of a command that has ended; with an `error` its outcome is failed."""
    values = (
        literal(run_id),
        literal(command),
        moment_literal(started_at),
        moment_literal(finished_at),
        literal("failed" if error else "succeeded"),
        literal(error[:_LONGEST_ERROR]) if error else "CAST(NULL AS STRING)",
        literal(json.dumps(dict(counts))),
    )
    columns = "run_id, command, started_at, finished_at, outcome, error, counts"
    insert = f"INSERT INTO {table.side('runs')} ({columns}) VALUES ({', '.join(values)})"
    retried(lambda: spark.sql(insert), patience)


def record_failed_run(
    spark: SparkSession,
    table: TableName,
    *,
    run_id: str,
    command: str,
    started_at: datetime,
    finished_at: datetime,
    error: str,
) -> None:
    """Do the same for a command that an error ended, as far as that can be done: the error itself is what matters."""
    with suppress(*SPARK_ERRORS, *SPARK_ENDED, FlattenError):
        record_run(
            spark,
            table,
            run_id=run_id,
            command=command,
            started_at=started_at,
            finished_at=finished_at,
            counts={},
            error=error,
            patience=Patience(attempts=1),
        )
