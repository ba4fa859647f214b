"""Insert rows of a side table once: rows that exist already stay unchanged."""

from collections.abc import Iterable

from pyspark.sql import DataFrame

from flatten.events.landing_file import hour_of
from flatten.tables.commits import Patience, retried
from flatten.tables.names import TableName
from flatten.tables.schema import SIDE_TABLES
from flatten.tables.sql import hours_among, named, quoted


def insert_missing(
    rows: DataFrame, table: TableName, kind: str, same: str, paths: Iterable[str], patience: Patience
) -> None:
    """Insert the rows that do not exist yet: `same` is SQL that compares a new row, `n`, with one of the table, `t`.

    `paths` are their files: only their hours are read.

    Raises ConflictError when other writers come first in every attempt.
    """
    side, columns = table.side(kind), ", ".join(f"n.{quoted(name)}" for name in SIDE_TABLES[kind])
    known = f"(SELECT * FROM {side} WHERE {hours_among('hour', map(hour_of, paths))})"
    with named(rows) as source:
        insert = f"INSERT INTO {side} SELECT {columns} FROM {source} n LEFT ANTI JOIN {known} t ON {same}"
        retried(lambda: rows.sparkSession.sql(insert), patience)
