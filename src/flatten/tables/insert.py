"""Insert rows of a side table once: rows that exist already, by some of the columns, stay unchanged."""

from collections.abc import Iterable, Sequence

from pyspark.sql import DataFrame

from flatten.events.landing_file import hour_of
from flatten.tables.commits import Patience, retried
from flatten.tables.names import TableName
from flatten.tables.schema import SIDE_TABLES
from flatten.tables.sql import hours_among, named, quoted


def insert_missing(
    rows: DataFrame, table: TableName, kind: str, keys: Sequence[str], paths: Iterable[str], patience: Patience
) -> None:
    """Insert the rows whose `keys` do not exist yet. `paths` are their files: only their hours are read.

    Raises ConflictError when other writers come first in every attempt.
    """
    side, columns = table.side(kind), ", ".join(f"n.{quoted(name)}" for name in SIDE_TABLES[kind])
    known = f"(SELECT {', '.join(keys)} FROM {side} WHERE {hours_among('hour', map(hour_of, paths))})"
    matched = " AND ".join(f"n.{key} <=> t.{key}" for key in keys)
    with named(rows) as source:
        insert = f"INSERT INTO {side} SELECT {columns} FROM {source} n LEFT ANTI JOIN {known} t ON {matched}"
        retried(lambda: rows.sparkSession.sql(insert), patience)
