"""Compare two flat tables, without the version and the run that wrote a row."""

from typing import Any

from pyspark.sql import SparkSession

from flatten.tables.names import TableName
from flatten.tables.sql import quoted

OF_THE_RUN = ("catalogue_version", "pipeline_version", "pipeline_processed_at")
_ROWS_NAMED = 10


def differences(spark: SparkSession, one: TableName, other: TableName) -> dict[str, Any]:
    """Return how many events only one table has (only_in_one, only_in_other), in how many rows a column differs
    (columns), columns that only one table has (columns_only_in_one, columns_only_in_other), and some ids of events that
    differ (events).
    """
    columns, others = spark.table(one.sql).columns, spark.table(other.sql).columns
    shared = [name for name in columns if name in others and name not in OF_THE_RUN]
    joined = f"FROM {one.sql} a FULL OUTER JOIN {other.sql} b ON a.event_id = b.event_id"
    both = "a.event_id IS NOT NULL AND b.event_id IS NOT NULL"
    differ = {name: f"{both} AND NOT (a.{quoted(name)} <=> b.{quoted(name)})" for name in shared}
    conditions = ["b.event_id IS NULL", "a.event_id IS NULL", *differ.values()]
    [counts] = spark.sql(
        f"SELECT {', '.join(f'count_if({each}) AS c{at}' for at, each in enumerate(conditions))} {joined}"
    ).collect()
    structs = (f"struct({', '.join(f'{alias}.{quoted(name)}' for name in shared)})" for alias in "ab")
    events = spark.sql(
        f"SELECT coalesce(a.event_id, b.event_id) AS event_id {joined} WHERE NOT ({' <=> '.join(structs)}) "
        f"ORDER BY event_id LIMIT {_ROWS_NAMED}"
    )
    return {
        "only_in_one": counts[0],
        "only_in_other": counts[1],
        "columns": {name: count for name, count in zip(differ, counts[2:], strict=True) if count},
        "columns_only_in_one": [name for name in columns if name not in others],
        "columns_only_in_other": [name for name in others if name not in columns],
        "events": [row.event_id for row in events.collect()],
    }
