"""Look up the rows of a batch's events, in narrow columns and under few dates."""

from collections.abc import Iterable, Iterator

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from flatten.decide.lines import FoundRow
from flatten.decide.windows import Search
from flatten.tables.names import TableName
from flatten.tables.sql import dates_within


def look_up(spark: SparkSession, table: TableName, search: Search) -> list[FoundRow]:
    """Return the rows of the events of a search; an event may have several.

    The ids are broadcast, so the table's rows are not shuffled; the dates decide which files are read.
    """
    found = list(_rows(spark, table, search.near, dates_within("event_date", search.windows)))
    found += _rows(spark, table, search.everywhere, "true")
    return found


def _rows(spark: SparkSession, table: TableName, event_ids: Iterable[str], where: str) -> Iterator[FoundRow]:
    ids = pa.table({"event_id": pa.array(sorted(event_ids), pa.string())})
    if not len(ids):
        return
    rows = spark.table(table.sql).where(where)
    narrow = rows.select(
        "event_id",
        "event_date",
        "stream",
        "sequence_number",
        F.unix_micros("delivered_at").alias("delivered_at"),
        F.unix_micros("changed_at").alias("changed_at"),
        "source_file",
        "catalogue_version",
        "pipeline_version",
    )
    met = narrow.join(F.broadcast(spark.createDataFrame(ids)), "event_id", "left_semi").toArrow()
    yield from map(FoundRow._make, zip(*(column.to_pylist() for column in met.columns), strict=True))
