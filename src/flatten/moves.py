"""The dates under which events stood before: what lets a MERGE look at a few days only and still be exact.

The MERGE reads the rows under the batch's own dates. An event whose row may stand under another date is one whose
date changed, or one that was removed and may be inserted again: all dates of such events are kept here, of each of
their lines from then on, written before the MERGE that moves the row. The interleavings:

- killed after `moves`, before the rows: the dates are too many, which costs a little reading and changes nothing.
- the old line comes after the move (late, or replayed): it finds the new date here and so its row, and is older.
- the move comes before the insert (shards are read side by side): a MODIFY that meets no row notes its own date,
  so the late INSERT under the older date finds the row.
- a removal comes, then an insert under another date: the removal noted the date of the row that it closed, also
  where it has no image and the row is made by an insert of its own batch.
- insert, removal and insert under another date in one batch, then the first insert again: the winner's date is noted
  with those of the others.
- a removal or expiry comes before all else of its event, and an insert under another date: the event is noted, so
  the insert's date is, too, and an older insert finds its row.
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

_CAUSE = f"""CASE WHEN event_name IS NULL OR (action = 'ignore' AND expired) THEN '{PASSING}'
                 WHEN event_name = 'REMOVE' THEN 'removed' ELSE 'moved' END"""

_CLOCKS_DIFFER = timedelta(days=1)
"""`changed_at` is approximate, as DynamoDB says it."""


def noted_dates(staged: DataFrame, table: TableName) -> set[date | None]:
    """Return the dates noted earlier for the events of the batch, with None when one was noted without any."""
    return {row.event_date for row in _noted(staged, table).select("event_date").distinct().collect()}


def _noted(staged: DataFrame, table: TableName) -> DataFrame:
    events = staged.where("event_id IS NOT NULL").select("event_id").distinct()
    return staged.sparkSession.table(table.side("moves")).join(events, "event_id", "left_semi")


def telling(judged: DataFrame, staged: DataFrame, table: TableName) -> DataFrame:
    """Return the lines of `verdicts.judge` whose dates are to be noted, with the cause.

    Those are all lines of an event of which one is TELLING, astray or parted, or which is noted already: a line may
    come again when the row stands under the date of any other.
    """
    good = judged.where("reason IS NULL")
    lasting = F.bool_or(F.col("cause") != PASSING)
    noted = _noted(staged, table).groupBy("event_id").agg(lasting.alias("lasting"))
    good.selectExpr("*", f"CASE WHEN {TELLING} THEN {_CAUSE} END AS own").join(
        noted.withColumn("noted", F.lit(True)), "event_id", "left"
    ).createOrReplaceTempView("flatten_lines_told")
    return good.sparkSession.sql(
        f"""
        SELECT * EXCEPT (own, noted, lasting, any_own, any_lasting),
               coalesce(own, IF(any_lasting OR parted OR coalesce(lasting, false), 'moved', '{PASSING}')) AS cause
        FROM (SELECT *, bool_or(own IS NOT NULL) OVER (PARTITION BY event_id) AS any_own,
                     coalesce(bool_or(own <> '{PASSING}') OVER (PARTITION BY event_id), false) AS any_lasting
              FROM flatten_lines_told)
        WHERE any_own OR astray OR parted OR noted
        """
    )


def found(told: DataFrame, table: TableName, *, astray: bool, since: datetime | None) -> DataFrame:
    """Return (event_id, event_date, cause) of lines (`telling`), and of their events' rows that they did not meet.

    Events that are not where their lines say are looked for under all dates. So are those of removals that do not
    say where their row is: the one that they met need not be the only one. `since` is when the batch's oldest removal
    was made (None without any): an event may have been inserted again by a line that came before that of its removal.
    Its row has changed since, and the look for it reads few files, unless the removal is an old one.
    """
    dated = told.sparkSession.table(table.sql).where("event_date IS NOT NULL")
    rows = dated.select("event_id", "event_date", "changed_at")
    dates = "explode(array_distinct(array(event_date, coalesce(previous_date, event_date)))) AS event_date"
    looks = [told.selectExpr("event_id", dates, "cause")]
    if astray:
        looks += [_strayed(told), _unmet(rows, told.where("astray AND (NOT stands OR event_name = 'REMOVE')"))]
    if since is not None:
        lately = F.col("changed_at") >= F.lit(since - _CLOCKS_DIFFER)
        looks.append(_unmet(rows.where(lately), told.where("event_name = 'REMOVE'")))
    return reduce(DataFrame.unionByName, looks)


def _strayed(told: DataFrame) -> DataFrame:
    """Return the dates of the lines that are astray, and of the rows that those met."""
    dates = f"""
        inline(array(
            named_struct('event_date', event_date, 'cause', CASE
                WHEN (action = 'ignore' AND expired) OR (event_name IS NULL AND NOT stands) THEN '{PASSING}'
                ELSE 'moved' END),
            named_struct('event_date', row_date, 'cause', 'moved')))
        """
    return told.where("astray").selectExpr("event_id", dates).where("event_date IS NOT NULL")


def _unmet(rows: DataFrame, lines: DataFrame) -> DataFrame:
    """Return the rows of the lines' events under other dates than those of the rows that the lines met."""
    events = lines.select(F.col("event_id").alias("line_event"), F.col("row_date").alias("met_date")).distinct()
    other = (F.col("event_id") == F.col("line_event")) & ~F.col("event_date").eqNullSafe(F.col("met_date"))
    return rows.join(events, other, "left_semi").select("event_id", "event_date", F.lit("moved").alias("cause"))


def note(found: DataFrame, table: TableName, now: datetime) -> None:
    """Write what is not noted yet of (event_id, event_date, cause); doing it again changes nothing.

    A date may be noted in passing and for good: then `flatten maintain` forgets the one and keeps the other.
    Rows without a date are found without a note, every MERGE looks at those; a note without a date says that the
    event has a past, so that the dates of its later lines are noted (`telling`).
    """
    keys = ["event_id", "event_date", "cause"]
    add_new(found.dropDuplicates(keys).withColumn("noted_at", F.lit(now)), table.side("moves"), keys)
