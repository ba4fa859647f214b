"""Keep the newest row of an event that has several.

An event has several rows when its dates are further apart than the look-back, or when another writer moved it to
another date while a batch was written. Of rows with the same order, the one with the latest delivery stays.
"""

from collections.abc import Sequence
from functools import partial

from pyspark.sql import SparkSession

from flatten.decide import order
from flatten.tables.commits import Patience, retried
from flatten.tables.names import TableName
from flatten.tables.sql import literal, named, quoted

_AT_ONCE = 1_000


def remove_duplicates(spark: SparkSession, table: TableName, patience: Patience) -> list[str]:
    """Keep the newest row of every event that has several; return their ids, sorted."""
    counts = spark.table(table.sql).groupBy("event_id").count().where("count > 1")
    event_ids = sorted(row.event_id for row in counts.select("event_id").collect())
    for start in range(0, len(event_ids), _AT_ONCE):
        retried(partial(_keep_newest, spark, table, event_ids[start : start + _AT_ONCE]), patience)
    return event_ids


def _keep_newest(spark: SparkSession, table: TableName, event_ids: Sequence[str]) -> None:
    """Replace all rows of these events by the newest of each, with one MERGE: equal rows have no key.

    REPLACE WHERE would be shorter, but Delta parses its condition again, and Spark replaces ${...} in that text by a
    setting.
    """
    chosen = f"event_id IN ({', '.join(map(literal, event_ids))})"
    ranks = ", ".join(order.newest_first("r", "flatten_stream"))
    rows = spark.sql(
        f"""
        SELECT * EXCEPT (flatten_stream, flatten_place) FROM (
            SELECT r.*, row_number() OVER (PARTITION BY event_id ORDER BY {ranks}) AS flatten_place FROM (
                SELECT t.*, {order.newest_numbered("t")} AS flatten_stream FROM {table.sql} t WHERE {chosen}) r)
        WHERE flatten_place = 1
        """
    )
    gone = rows.selectExpr("event_id AS flatten_gone")
    columns = [quoted(name) for name in rows.columns]
    with named(rows.unionByName(gone, allowMissingColumns=True)) as source:
        spark.sql(
            f"""
            MERGE INTO {table.sql} t USING {source} s ON t.{chosen} AND t.event_id = s.flatten_gone
            WHEN MATCHED THEN DELETE
            WHEN NOT MATCHED THEN INSERT ({", ".join(columns)}) VALUES ({", ".join(f"s.{name}" for name in columns)})
            """
        )
