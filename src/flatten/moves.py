"""The dates under which events stood before: what lets a MERGE look at a few days only and still be exact.

The MERGE reads the rows under the batch's own dates. An event whose row may stand under another date is one whose
date changed, or one that was removed and may be inserted again: all dates of such events are kept here, written
before the MERGE that moves the row. The interleavings:

- killed after `moves`, before the rows: the dates are too many, which costs a little reading and changes nothing.
- the old line comes after the move (late, or replayed): it finds the new date here and so its row, and is older.
- the move comes before the insert (shards are read side by side): a MODIFY that meets no row notes its own date,
  so the late INSERT under the older date finds the row.
- a removal comes, then an insert under another date: the removal noted the date of the row that it closed.
- that insert comes before the removal (whose batch failed and was sent again): both rows stand, because an insert is
  no reason to look at other dates, until the removal comes and finds the other row: `duplicates` leaves the newer.
- an expiry comes, then the move to its date: noted in passing first, then for good, or upkeep would forget it.
"""

from datetime import date, datetime, timedelta
from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from flatten.tables import TableName, add_new

PASSING = "passing"
"""The cause of dates that `flatten maintain` forgets after 30 days: of expiries and lines without metadata."""

TELLING = "event_name IS NULL OR event_name = 'REMOVE' OR previous_date IS NOT NULL"
"""SQL: whether a good line by itself says that its event moved, went, or has an unknown past."""

_CLOCKS_DIFFER = timedelta(days=1)
"""`changed_at` is approximate, as DynamoDB says it."""


def noted_dates(staged: DataFrame, table: TableName) -> set[date]:
    """Return the dates noted earlier for the events of the batch."""
    events = staged.where("event_id IS NOT NULL").select("event_id").distinct()
    noted = staged.sparkSession.table(table.side("moves")).join(events, "event_id", "left_semi")
    return {row.event_date for row in noted.select("event_date").distinct().collect()}


def found(telling: DataFrame, table: TableName, *, astray: bool, since: datetime | None) -> DataFrame:
    """Return (event_id, event_date, cause) of what lines tell, and of their events' rows that they did not meet.

    `telling` are the lines of `verdicts.judge` that are TELLING or astray. Events that are not where their lines say
    are looked for under all dates. `since` is when the batch's oldest removal was made (None without any): an event
    may have been inserted again by a line that came before that of its removal. Its row has changed since, so the
    look for it reads few files.
    """
    looks = [_told(telling)]
    rows = telling.sparkSession.table(table.sql)
    if astray:
        looks += [_strayed(telling), _unmet(rows, telling.where("astray AND row_date IS NULL"))]
    if since is not None:
        lately = (F.col("changed_at") >= F.lit(since - _CLOCKS_DIFFER)) | F.col("changed_at").isNull()
        looks.append(_unmet(rows.where(lately), telling.where("event_name = 'REMOVE'")))
    return reduce(DataFrame.unionByName, looks)


def _told(telling: DataFrame) -> DataFrame:
    """Return what the lines tell by themselves."""
    dates = "explode(array(event_date, previous_date)) AS event_date"
    cause = """
        CASE WHEN event_name IS NULL OR (action = 'ignore' AND expired) THEN 'passing'
             WHEN event_name = 'REMOVE' THEN 'removed' ELSE 'moved' END AS cause
        """
    return telling.where(TELLING).selectExpr("event_id", dates, cause)


def _strayed(telling: DataFrame) -> DataFrame:
    """Return the dates of the lines that are astray, and of the rows that those met."""
    dates = """
        inline(array(
            named_struct('event_date', event_date, 'cause', CASE
                WHEN (action = 'ignore' AND expired) OR (event_name IS NULL AND row_date IS NULL) THEN 'passing'
                ELSE 'moved' END),
            named_struct('event_date', row_date, 'cause', 'moved')))
        """
    return telling.where("astray").selectExpr("event_id", dates)


def _unmet(rows: DataFrame, lines: DataFrame) -> DataFrame:
    """Return the rows of the lines' events under other dates than those of the rows that the lines met."""
    events = lines.select(F.col("event_id").alias("id"), "row_date").distinct()
    other = (F.col("event_id") == F.col("id")) & ~F.col("event_date").eqNullSafe(F.col("row_date"))
    return rows.join(events, other, "left_semi").select("event_id", "event_date", F.lit("moved").alias("cause"))


def note(found: DataFrame, table: TableName, now: datetime) -> None:
    """Write what is not noted yet of (event_id, event_date, cause); doing it again changes nothing.

    A date may be noted in passing and for good: then `flatten maintain` forgets the one and keeps the other.
    A row without a date needs no note: every MERGE looks at those.
    """
    keys = ["event_id", "event_date", "cause"]
    dated = found.where("event_date IS NOT NULL").dropDuplicates(keys)
    add_new(dated.withColumn("noted_at", F.lit(now)), table.side("moves"), keys)
