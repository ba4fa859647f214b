"""Test whether the later of two simultaneous inserts of one key is refused.

All promises about parallel runs depend on it. Delta detects conflicts by file, or, on Databricks in tables with
deletion vectors, row by row; then both may be committed.
https://docs.databricks.com/aws/en/optimizations/isolation/row-level-concurrency
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

from pyspark.sql import SparkSession

from flatten.tables.commits import SPARK_ERRORS, is_conflict

_ROUNDS = 3
_WAIT_SECONDS = 60


def overlapping_inserts(spark: SparkSession, table: str, *, deletion_vectors: bool) -> str:
    """Create a table (as named in SQL), and return the result of two inserts of one key: refused, both, or one when
    they did not overlap. The first round that is not `one` counts.
    """
    vectors = str(deletion_vectors).lower()
    spark.sql(
        f"CREATE TABLE {table} (event_id STRING, writer INT) USING DELTA TBLPROPERTIES "
        f"('delta.enableDeletionVectors' = '{vectors}', 'delta.isolationLevel' = 'Serializable')"
    )
    spark.sql(f"INSERT INTO {table} VALUES ('first', 0)")
    for number in range(_ROUNDS):
        outcome = _one_round(spark, table, f"event {number}")
        if outcome != "one":
            return outcome
    return "one"


def _one_round(spark: SparkSession, table: str, key: str) -> str:
    together = Barrier(2)
    with ThreadPoolExecutor(2) as writers:
        refused = list(writers.map(partial(_insert, spark, table, key, together), (1, 2)))
    rows = spark.sql(f"SELECT 1 FROM {table} WHERE event_id = '{key}'").collect()
    if len(rows) > 1:
        return "both"
    return "refused" if any(refused) else "one"


def _insert(spark: SparkSession, table: str, key: str, together: Barrier, writer: int) -> bool:
    """Insert a key if it does not exist; return whether that was refused."""
    together.wait(_WAIT_SECONDS)
    try:
        spark.sql(
            f"MERGE INTO {table} t USING (SELECT '{key}' AS event_id, {writer} AS writer) s "
            "ON t.event_id = s.event_id WHEN NOT MATCHED THEN INSERT *"
        )
    except SPARK_ERRORS as met:
        if not is_conflict(met):
            raise
        return True
    return False
