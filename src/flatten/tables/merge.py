"""Write the decision with one MERGE, which compares the order again in its own transaction.

Delta prunes files by literal dates: those of all rows found and of all chosen lines. So the MERGE costs the same in a
table of years as in one of a day. The interleavings:

- the same batch again after a crash: each row has the same order, so no clause applies.
- another writer committed a newer row after the look-up: the clause does not apply, fewer rows change than expected,
  and the caller looks up again. An older row: it is replaced.
- another writer inserts the same event at the same time: both have read files that the other one changes, so Delta
  refuses the second commit, and its caller looks up again. This requires tables without deletion vectors, with which
  Databricks would detect conflicts row by row.
- a file was changed or removed after its lines were judged: its rows are missing, fewer rows change than expected.
- another job moved the event to a date outside the literal ones, after the look-up: the insert adds a second row, which
  maintenance removes. A removal without values adds no row when one was found: as the newest row it would replace the
  values. Fewer rows change than expected, and the caller looks up again.

A change replaces the whole row. `UPDATE SET *` with schema evolution would keep the old values of columns that the
batch lacks, so the rows get every catalogued column of the table, NULL where no line of the batch has the signal.
Columns that another program added to the table stay unchanged.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from flatten import __version__
from flatten.decide import order
from flatten.decide.lines import Closing, Versions
from flatten.events import catalogue
from flatten.tables.names import TableName
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS
from flatten.tables.sql import assigned, dates_among, literal, named

_SIGNAL_COLUMNS = catalogue.packaged().columns()
_STAMP = pa.timestamp("us", "UTC")
_ORDER = pa.struct(
    [("stream", pa.string()), ("sequence_number", pa.string()), ("delivered_at", _STAMP), ("changed_at", _STAMP)]
)


def merge_rows(
    rows: DataFrame, table: TableName, dates: Iterable[date], *, meets_rows: bool, renewed: Iterable[Versions] = ()
) -> int:
    """Merge flat rows, at most one per event; return how many rows of the table were written.

    New signal columns are added to the table. When no event has a row yet, the statement is only an insert: Delta then
    rewrites no file. A row of the same change is replaced when `renewed` has its versions.
    """
    replaced = " OR ".join([order.newer("s", "t"), *(_is_of(each) for each in sorted(set(renewed), key=str))])
    present = rows.sparkSession.table(table.sql).columns
    added = _plain_texts(rows, present) | (_absent(rows, present) if meets_rows else {})
    with named(rows.withColumns(added) if added else rows) as source:
        return _changed(
            rows.sparkSession,
            f"""
            MERGE WITH SCHEMA EVOLUTION INTO {table.sql} t USING {source} s
            ON t.event_id = s.event_id AND {dates_among("t.event_date", dates)}
            {f"WHEN MATCHED AND ({replaced}) THEN UPDATE SET *" if meets_rows else ""}
            WHEN NOT MATCHED THEN INSERT *
            """,
        )


def _is_of(versions: Versions) -> str:
    """SQL: whether a row of the table is of the same change, and was written by these versions."""
    catalogue_version, pipeline_version = ("NULL" if each is None else literal(each) for each in versions)
    return (
        f"({order.same_change('s', 't')} AND t.catalogue_version IS NOT DISTINCT FROM {catalogue_version} "
        f"AND t.pipeline_version IS NOT DISTINCT FROM {pipeline_version})"
    )


def _absent(rows: DataFrame, present: Iterable[str]) -> dict[str, Column]:
    """Return the catalogued columns of the table that the rows lack, as NULL."""
    given = set(rows.columns)
    absent = [name for name in present if name in _SIGNAL_COLUMNS and name not in given]
    return {name: F.lit(None).cast(_SIGNAL_COLUMNS[name]) for name in absent}


def _plain_texts(rows: DataFrame, present: Iterable[str]) -> dict[str, Column]:
    """Return the new text columns without a collation.

    After Spark Connect a text column is `string collate UTF8_BINARY`; other engines cannot read that.
    """
    known = set(present)
    new = [name for name in rows.columns if name not in known and _SIGNAL_COLUMNS.get(name) == "STRING"]
    return {name: F.col(name).cast("string") for name in new}


def close_rows(
    spark: SparkSession,
    closings: Sequence[Closing],
    table: TableName,
    dates: Iterable[date],
    processed_at: datetime,
) -> int:
    """Close the rows of removals without values; return how many rows of the table were written.

    A row is marked, or erased to a tombstone; an event without a row gets a tombstone. Of several rows, those that are
    older than what the removal closes stay older: only `deleted_at` is set.
    """
    lineage = {name: f"s.{name}" for name in LINEAGE_COLUMNS}
    inserted = {name: f"s.{name}" for name in ("event_id", "event_date")} | lineage
    erased = lineage | dict.fromkeys(_values(spark.table(table.sql).columns), "NULL")
    with named(spark.createDataFrame(_closing_rows(closings, processed_at))) as source:
        return _changed(
            spark,
            f"""
            MERGE INTO {table.sql} t USING {source} s
            ON t.event_id = s.event_id AND {dates_among("t.event_date", dates)}
            WHEN MATCHED AND s.action = 'erase' AND {order.newer("s", "t")} THEN UPDATE SET {assigned(erased)}
            WHEN MATCHED AND {order.newer("s", "t")} AND {order.newer("s.newest", "t")}
                THEN UPDATE SET t.deleted_at = s.deleted_at
            WHEN MATCHED AND {order.newer("s", "t")} THEN UPDATE SET {assigned(lineage)}
            WHEN NOT MATCHED AND s.newest IS NULL
                THEN INSERT ({", ".join(inserted)}) VALUES ({", ".join(inserted.values())})
            """,
        )


def _closing_rows(closings: Sequence[Closing], processed_at: datetime) -> pa.Table:
    lines, actions, newest = zip(*closings, strict=True)
    changed = pa.array([line.changed_at for line in lines], pa.int64()).cast(_STAMP)
    texts = ("event_id", "stream", "sequence_number")
    orders = [each and {part.name: getattr(each, part.name) for part in _ORDER} for each in newest]
    return pa.table(
        {
            **{name: pa.array([getattr(line, name) for line in lines], pa.string()) for name in texts},
            "event_date": pa.array([line.event_date for line in lines], pa.date32()),
            "delivered_at": pa.array([line.delivered_at for line in lines], pa.int64()).cast(_STAMP),
            "newest": pa.array(orders, _ORDER),
            "changed_at": changed,
            "deleted_at": changed.fill_null(pa.scalar(processed_at, _STAMP)),
            "source_file": pa.array([line.path for line in lines], pa.string()),
            "action": pa.array(actions, pa.string()),
            "catalogue_version": pa.array([catalogue.VERSION] * len(lines)),
            "pipeline_version": pa.array([__version__] * len(lines)),
            "pipeline_processed_at": pa.array([processed_at] * len(lines), _STAMP),
        }
    )


def _values(present: Iterable[str]) -> list[str]:
    """Return the columns of a table with values of an event."""
    kept = {"event_id", "event_date"} | LINEAGE_COLUMNS.keys()
    ours = EVENT_COLUMNS.keys() | _SIGNAL_COLUMNS.keys()
    return [name for name in present if name in ours - kept]


def _changed(spark: SparkSession, merge: str) -> int:
    return int(spark.sql(merge).collect()[0].num_affected_rows)
