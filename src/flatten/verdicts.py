"""What becomes of each line: applied, superseded, repeated, ignored or quarantined. Contract 4.

A row that bears a line's own file and number was written by that line in a run that was killed before it could
record its files: the line counts as applied, as if it had not been tried before. docs/merge.md names the two cases
in which a replay counts a line under another verdict; each line is counted once all the same.
"""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from flatten import order
from flatten.tables import TableName

VERDICTS = ("applied", "superseded", "repeated", "ignored", "quarantined")


@dataclass(frozen=True)
class Verdicts:
    """`files`: a row a file, as the files table counts it. `winners`: path -> SHA-256 of
    the file and the lines to flatten.

    `rows_met` is how many winners have a row already. `closes` says that a row is closed without new values.
    `astray` says that an event has no row under the dates although it must have had one (its oldest line in the
    batch is no INSERT), or has it under another date than its line; `parted`, that lines of one event have different
    dates. `doubled` says that a line met several rows.
    """

    files: list[Row]
    winners: dict[str, tuple[str, "array[int]"]]
    rows_met: int
    closes: bool
    astray: bool
    parted: bool
    doubled: bool


def judge(staged: DataFrame, table: TableName, dates: Iterable[date | None]) -> Verdicts:
    """Judge each staged line against the batch and against the table's rows under `dates`.

    Leaves the temporary view `flatten_judged`: a row a line and row that it met (`stands`, under `row_date`), with
    its verdict.
    """
    _against_table(_ranked(staged), table, dates).createOrReplaceTempView("flatten_judged")
    per_file = (
        staged.sparkSession.table("flatten_judged")
        .groupBy("path")
        .agg(
            *(F.count_if(F.col("verdict") == verdict).cast("int").alias(verdict) for verdict in VERDICTS),
            F.collect_list(F.when(F.col("flattens"), F.col("line_number"))).alias("winners"),
            F.count_if("met").alias("met"),
            F.bool_or("closes").alias("closes"),
            F.bool_or("astray").alias("astray"),
            F.bool_or("parted").alias("parted"),
        )
    )
    files = staged.where("line_number = 0").select("path", "size", "modified_at", "sha256", "line_count", "reason")
    rows = files.join(per_file, "path", "left").collect()
    return Verdicts(
        files=rows,
        winners={row.path: (row.sha256, array("I", sorted(row.winners))) for row in rows if row.winners},
        rows_met=sum(row.met or 0 for row in rows),
        closes=any(row.closes for row in rows),
        astray=any(row.astray for row in rows),
        parted=any(row.parted for row in rows),
        doubled=any(row.reason is None and sum(row[each] or 0 for each in VERDICTS) > row.line_count for row in rows),
    )


def _ranked(staged: DataFrame) -> DataFrame:
    """Number the lines of each event, newest first; ignored and quarantined ones take no part.

    `place` is among the lines with values or among those without (a REMOVE without an image keeps the values
    that an older line of its batch brings), `overall` among all; `inserted` says that the oldest is an INSERT,
    `parted` that they have different dates.
    """
    staged.where("line_number > 0").createOrReplaceTempView("flatten_lines")
    ranks = ", ".join(order.newest_first("l"))
    part = "l.event_id, l.counts"
    all_of_it = f"OVER (PARTITION BY {part} ORDER BY {ranks} ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
    dated = "coalesce(l.event_date, DATE'9999-12-31')"
    return staged.sparkSession.sql(
        f"""
        SELECT l.*, row_number() OVER (PARTITION BY {part} ORDER BY {ranks}) AS overall,
               row_number() OVER (PARTITION BY {part}, l.valueless ORDER BY {ranks}) AS place,
               first(struct(stream, sequence_number)) OVER (
                   PARTITION BY {part}, l.valueless ORDER BY {ranks}) AS best,
               last(l.event_name) {all_of_it} <=> 'INSERT' AS inserted,
               min({dated}) {all_of_it} <> max({dated}) {all_of_it} AS parted
        FROM (SELECT *, reason IS NULL AND action <> 'ignore' AS counts,
                     coalesce(action IN ('mark', 'erase'), false) AS valueless FROM flatten_lines) l
        """
    )


def _against_table(ranked: DataFrame, table: TableName, dates: Iterable[date | None]) -> DataFrame:
    ranked.createOrReplaceTempView("flatten_ranked")
    return ranked.sparkSession.sql(
        f"""
        SELECT l.*, t.event_date AS row_date, t.event_id IS NOT NULL AS stands,
               CASE WHEN l.reason IS NOT NULL THEN 'quarantined'
                    WHEN NOT l.counts THEN 'ignored'
                    WHEN l.place > 1 AND l.sequence_number IS NULL THEN 'ignored'
                    WHEN l.place > 1 AND {order.same("l", "l.best")} THEN 'repeated'
                    WHEN l.place > 1 OR (l.valueless AND l.overall > 1) THEN 'superseded'
                    WHEN t.event_id IS NULL OR {order.newer("l", "t")} THEN 'applied'
                    WHEN {order.same("l", "t")} AND t.source_file = l.path THEN 'applied'
                    WHEN l.sequence_number IS NULL THEN 'ignored'
                    WHEN {order.same("l", "t")} THEN 'repeated'
                    ELSE 'superseded' END AS verdict,
               l.counts AND l.place = 1 AND NOT l.valueless
                   AND (t.event_id IS NULL OR {order.newer("l", "t")}) AS flattens,
               l.counts AND l.overall = 1 AND l.valueless AS closes,
               l.counts AND l.place = 1 AND t.event_id IS NOT NULL AS met,
               l.reason IS NULL AND CASE WHEN t.event_id IS NULL THEN NOT l.inserted
                                         ELSE NOT l.event_date <=> t.event_date END AS astray
        FROM flatten_ranked l LEFT JOIN
             (SELECT event_id, event_date, stream, sequence_number, delivered_at, source_file
              FROM {table.sql} WHERE {within(dates)}) t
        ON l.event_id = t.event_id
        """
    )


def within(dates: Iterable[date | None], alias: str = "") -> str:
    """SQL: whether a row stands under one of the dates, or under none, which need not be among them."""
    column = f"{alias}.event_date" if alias else "event_date"
    listed = ", ".join(f"DATE'{each.isoformat()}'" for each in sorted(each for each in dates if each))
    return f"({column} IN ({listed}) OR {column} IS NULL)" if listed else f"{column} IS NULL"
