"""Write the runs table: when each command began and ended, what it did, and why it failed."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import SparkSession

from flatten.errors import FlattenError
from flatten.tables.commits import SPARK_ENDED, SPARK_ERRORS, Patience, last_words, retried
from flatten.tables.names import TableName
from flatten.tables.sql import literal, moment_literal

_LONGEST_ERROR = 4_000


@dataclass(frozen=True, slots=True)
class Run:
    """A run of a command on a table."""

    table: TableName
    run_id: str
    command: str
    started_at: datetime

    def record(
        self,
        spark: SparkSession,
        finished_at: datetime,
        counts: Mapping[str, int],
        error: str | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Append its row; with an `error` its outcome is failed."""
        values = {
            "run_id": literal(self.run_id),
            "command": literal(self.command),
            "started_at": moment_literal(self.started_at),
            "finished_at": moment_literal(finished_at),
            "outcome": literal("failed" if error else "succeeded"),
            "error": literal(error[:_LONGEST_ERROR]) if error else "CAST(NULL AS STRING)",
            "counts": literal(json.dumps(dict(counts))),
        }
        insert = f"INSERT INTO {self.table.side('runs')} ({', '.join(values)}) VALUES ({', '.join(values.values())})"
        retried(lambda: spark.sql(insert), patience)

    def record_failure(self, spark: SparkSession, finished_at: datetime, error: str) -> None:
        """Append its row after an error, and ignore failures: the error itself matters more."""
        with suppress(*SPARK_ERRORS, *SPARK_ENDED, FlattenError):
            self.record(spark, finished_at, {}, error, Patience(attempts=1))

    @contextmanager
    def recorded(
        self, spark: SparkSession, clock: Callable[[], datetime], counts: Mapping[str, int], patience: Patience
    ) -> Iterator[None]:
        """Append its row after the `with`, with the counts as they are then, or with the error that ended it."""
        try:
            yield
        except (*SPARK_ERRORS, *SPARK_ENDED, OSError, FlattenError) as wrong:
            failure = as_failure(wrong)
            self.record_failure(spark, clock(), str(failure))
            raise failure from wrong
        self.record(spark, clock(), counts, patience=patience)


def as_failure(wrong: Exception) -> FlattenError:
    """Return the error with which a command ends that an error has ended."""
    if isinstance(wrong, FlattenError):
        return wrong
    cause = last_words(wrong).rstrip(".")
    return FlattenError(f"The run failed: {cause}. Its commits stay; run again to complete it.")
