"""An event with several rows, should one ever have them, keeps the newest.

How it can come to several: an event is removed, inserted anew under another date, and the line of its removal comes
after that of the insert, because its batch had failed and was sent again. An INSERT alone gives no reason to look
for a row under any other date than its own; the removal then finds both (`moves.found`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from flatten import moves, order
from flatten.columns import literal, quoted
from flatten.commits import retried
from flatten.tables import TableName

_AT_ONCE = 1_000


def mend_duplicates(spark: SparkSession, table: TableName, hold: Callable[[], None], now: datetime) -> list[str]:
    """Leave the newest row of every event that has several; return their ids, sorted."""
    counts = spark.table(table.sql).groupBy("event_id").count().where("count > 1")
    twice = sorted(row.event_id for row in counts.select("event_id").collect())
    keep_newest(spark, table, twice, hold, now)
    return twice


def met_twice(spark: SparkSession) -> list[str]:
    """Return the events whose lines `verdicts.judge` has just found to meet several rows."""
    lines = spark.table("flatten_judged").groupBy("event_id", "path", "line_number").count()
    return [row.event_id for row in lines.where(F.col("count") > 1).select("event_id").distinct().collect()]


def keep_newest(
    spark: SparkSession, table: TableName, event_ids: Sequence[str], hold: Callable[[], None], now: datetime
) -> None:
    """Leave the newest row of each of these events, a thousand in one commit.

    The days of all the rows are noted first: a line of a day whose row is gone, should it come again, must find the
    row that stays. `hold` asks for the table's lease: before each commit, because whatever came before it may have
    taken long.
    """
    for start in range(0, len(event_ids), _AT_ONCE):
        chosen = f"event_id IN ({', '.join(map(literal, event_ids[start : start + _AT_ONCE]))})"
        hold()
        standing = spark.table(table.sql).where(chosen).select("event_id", "event_date")
        moves.note(standing.withColumn("cause", F.lit("moved")), table, now)
        hold()
        retried(partial(_replace, spark, table, chosen))


def _replace(spark: SparkSession, table: TableName, chosen: str) -> None:
    """Take all rows of these events out and put the newest of each in, by one MERGE: equal rows have no key.

    REPLACE WHERE would say it in fewer words, but Delta has its condition parsed again, and Spark replaces ${...} in
    that text by a setting.
    """
    ranks = ", ".join(order.newest_rows_first("t"))
    rows = spark.sql(
        f"""
        SELECT * EXCEPT (flatten_place) FROM (
            SELECT t.*, row_number() OVER (PARTITION BY event_id ORDER BY {ranks}) AS flatten_place
            FROM {table.sql} t WHERE {chosen})
        WHERE flatten_place = 1
        """
    )
    gone = rows.select(F.col("event_id").alias("flatten_gone"))
    rows.unionByName(gone, allowMissingColumns=True).createOrReplaceTempView("flatten_newest")
    columns = [quoted(name) for name in rows.columns]
    spark.sql(
        f"""
        MERGE INTO {table.sql} t USING flatten_newest s ON t.{chosen} AND t.event_id = s.flatten_gone
        WHEN MATCHED THEN DELETE
        WHEN NOT MATCHED THEN INSERT ({", ".join(columns)}) VALUES ({", ".join(f"s.{name}" for name in columns)})
        """
    )
