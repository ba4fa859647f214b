"""The dates under which events stood before: what lets a MERGE look at a few days only and still be exact.

The MERGE reads the rows under the batch's own dates. An event whose row may stand under another date is one whose
date changed, or one that was removed and may be inserted again: all dates of such events are kept here, written
before the MERGE that moves the row. The interleavings:

- killed after `moves`, before the rows: the dates are too many, which costs a little reading and changes nothing.
- the old line comes after the move (late, or replayed): it finds the new date here and so its row, and is older.
- the move comes before the insert (shards are read side by side): a MODIFY that meets no row notes its own date,
  so the late INSERT under the older date finds the row.
- a removal comes, then an insert under another date: the removal noted the date of the row that it closed.
- an expiry comes, then the move to its date: noted in passing first, then for good, or upkeep would forget it.
"""

from collections.abc import Sequence
from datetime import date, datetime
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from flatten.tables import TableName, add_new

PASSING = "passing"
"""The cause of dates that `flatten maintain` forgets after 30 days: of expiries and lines without metadata."""

TELLING = "event_name IS NULL OR event_name = 'REMOVE' OR previous_date IS NOT NULL"
"""SQL: whether a good line by itself says that its event moved, went, or has an unknown past."""


def noted_dates(staged: DataFrame, table: TableName) -> set[date]:
    """Return the dates noted earlier for the events of the batch."""
    events = staged.where("event_id IS NOT NULL").select("event_id").distinct()
    noted = staged.sparkSession.table(table.side("moves")).join(events, "event_id", "left_semi")
    return {row.event_date for row in noted.select("event_date").distinct().collect()}


def told(staged: DataFrame) -> DataFrame:
    """Return (event_id, event_date, cause) as the batch's own lines tell them."""
    staged.where(f"line_number > 0 AND reason IS NULL AND ({TELLING})").createOrReplaceTempView("flatten_telling")
    return staged.sparkSession.sql(
        """
        SELECT event_id, explode(array(event_date, previous_date)) AS event_date,
               CASE WHEN event_name IS NULL OR (action = 'ignore' AND expired) THEN 'passing'
                    WHEN event_name = 'REMOVE' THEN 'removed' ELSE 'moved' END AS cause
        FROM flatten_telling
        """
    )


def astray(spark: SparkSession, table: TableName) -> DataFrame:
    """Return (event_id, event_date, cause) of the events that `judge` found astray, whatever their rows' dates.

    This is the look without dates: only for events that are not where their lines say.
    """
    spark.table("flatten_judged").where("astray").createOrReplaceTempView("flatten_astray")
    dates = spark.sql(
        """
        SELECT event_id, inline(array(
            named_struct('event_date', event_date, 'cause', CASE
                WHEN (action = 'ignore' AND expired) OR (event_name IS NULL AND row_date IS NULL) THEN 'passing'
                ELSE 'moved' END),
            named_struct('event_date', row_date, 'cause', 'moved')))
        FROM flatten_astray
        """
    )
    unmet = spark.table("flatten_astray").where("row_date IS NULL").select("event_id").distinct()
    standing = spark.table(table.sql).select("event_id", "event_date").join(unmet, "event_id", "left_semi")
    return dates.unionByName(standing.withColumn("cause", F.lit("moved")))


def note(found: Sequence[DataFrame], table: TableName, now: datetime) -> None:
    """Write what is not noted yet of frames (event_id, event_date, cause); doing it again changes nothing.

    A date may be noted in passing and for good: then `flatten maintain` forgets the one and keeps the other.
    A row without a date needs no note: every MERGE looks at those.
    """
    keys = ["event_id", "event_date", "cause"]
    dated = reduce(DataFrame.unionByName, found).where("event_date IS NOT NULL").dropDuplicates(keys)
    add_new(dated.withColumn("noted_at", F.lit(now)), table.side("moves"), keys)
