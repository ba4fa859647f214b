"""The MERGE: one row per event, the newest change wins. Contract 3; otherwise as AUTO CDC, SCD type 1.

The condition is `event_id` equal AND the row's date among the literal dates of the batch, or no date. Literal
dates are what Delta prunes files by; they make the MERGE as cheap in a table of years as in one of a day. It is
exact all the same because `dates` holds every date under which a row of the batch's events may stand: those of
all lines (not only the newest per event), of their previous images, of `moves`, and, for events that were not
found where their lines say, of their rows wherever they are (`moves.found`). The interleavings:

- the same batch again after a kill: each row bears the same order, so no clause applies.
- an older line after a newer one, in any later batch: `newer` is false, the row stays.
- a late update after a removal: the row bears the removal's order, which is higher, so it stays deleted.
- two writers: the lease keeps them apart. If it fails, Delta refuses the second commit and the batch is judged and
  merged anew from what the first one left; only where a table has deletion vectors, and Databricks so looks for
  conflicts row by row, two inserts of one event may both pass, and upkeep mends them.
- a removal's line that comes after the insert of the same event under another date, in a later batch: `duplicates`.

A change replaces the whole row. `UPDATE SET *` with schema evolution would leave columns that the batch lacks at
their old value, so the rows are given every catalogued column of the table, NULL where no line of the batch has the
signal. Columns that somebody else added to the table stay as they are.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from flatten import __version__, catalogue, order
from flatten.columns import quoted
from flatten.tables import EVENT_COLUMNS, LINEAGE_COLUMNS, TableName
from flatten.verdicts import within

_SIGNAL_COLUMNS = catalogue.packaged().columns()


def merge_rows(rows: DataFrame, table: TableName, dates: Iterable[date | None], *, rows_met: bool) -> int:
    """Merge flat rows, at most one per event; return how many rows were written.

    New signal columns are added to the table.

    Where no row was met, only the insert is left: Delta then rewrites no file.
    """
    present = rows.sparkSession.table(table.sql).columns
    absent = {name: kind for name, kind in _SIGNAL_COLUMNS.items() if name in present and name not in rows.columns}
    # A text that has travelled through Spark Connect is `string collate UTF8_BINARY`; other engines cannot read that.
    texts = [name for name in rows.columns if name not in present and _SIGNAL_COLUMNS.get(name) == "STRING"]
    added = {name: F.lit(None).cast(kind) for name, kind in absent.items()} | {
        name: F.col(name).cast("string") for name in texts
    }
    whole = rows.withColumns(added) if added else rows
    whole.createOrReplaceTempView("flatten_rows")
    written = rows.sparkSession.sql(
        f"""
        MERGE WITH SCHEMA EVOLUTION INTO {table.sql} t USING flatten_rows s
        ON t.event_id = s.event_id AND {within(dates, "t")}
        {f"WHEN MATCHED AND {order.newer('s', 't')} THEN UPDATE SET *" if rows_met else ""}
        WHEN NOT MATCHED THEN INSERT *
        """
    )
    return int(written.collect()[0].num_affected_rows)


def merge_closures(lines: DataFrame, table: TableName, dates: Iterable[date | None], now: datetime) -> None:
    """Close the rows of removals that bring no values: marked, or erased to a tombstone; unknown ones inserted.

    `lines` are judged lines (`verdicts.judge`), one an event.
    """
    spark = lines.sparkSession
    lines.select(
        "event_id",
        "event_date",
        "delivered_at",
        "action",
        F.coalesce("changed_at", F.lit(now)).alias("deleted_at"),
        "stream",
        "sequence_number",
        "changed_at",
        F.col("path").alias("source_file"),
        F.lit(catalogue.VERSION).alias("catalogue_version"),
        F.lit(__version__).alias("pipeline_version"),
        F.lit(now).alias("pipeline_processed_at"),
    ).createOrReplaceTempView("flatten_closures")
    lineage = {name: f"s.{name}" for name in LINEAGE_COLUMNS}
    inserted = {name: f"s.{name}" for name in ("event_id", "event_date")} | lineage
    spark.sql(
        f"""
        MERGE INTO {table.sql} t USING flatten_closures s
        ON t.event_id = s.event_id AND {within(dates, "t")}
        WHEN MATCHED AND s.action = 'erase' AND {order.newer("s", "t")}
            THEN UPDATE SET {_assigned(lineage | _erased(spark.table(table.sql).columns))}
        WHEN MATCHED AND {order.newer("s", "t")} THEN UPDATE SET {_assigned(lineage)}
        WHEN NOT MATCHED THEN INSERT ({", ".join(inserted)}) VALUES ({", ".join(inserted.values())})
        """
    )


def _erased(present: Iterable[str]) -> dict[str, str]:
    kept = {"event_id", "event_date"} | LINEAGE_COLUMNS.keys()
    ours = EVENT_COLUMNS.keys() | _SIGNAL_COLUMNS.keys()
    return {name: "NULL" for name in present if name in ours - kept}


def _assigned(values: Mapping[str, str]) -> str:
    return ", ".join(f"t.{quoted(name)} = {value}" for name, value in values.items())
