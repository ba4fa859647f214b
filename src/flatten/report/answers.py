"""What the report shows, as plain data: what the views say of the days before the newest event."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from flatten.errors import TableError
from flatten.tables.names import TableName
from flatten.tables.sql import moment_literal
from flatten.views.fill import Flat, query
from flatten.views.update import flat_table

Plain = Mapping[str, Any]
_LATEST = (
    *("vehicle_id", "vehicle_make", "vehicle_model", "newest_event_at", "Charge_IsCharging", "Location_IsAtHome"),
    *("TractionBattery_StateOfCharge_value", "Location_PreciseLocation_latitude", "Location_PreciseLocation_longitude"),
)


@dataclass(frozen=True)
class Answers:
    """The rows of the views as JSON has them, times as texts with a zone: `latest`, `health` and `calendar` in the
    order of vehicles (and days), `sessions` newest first. `now` is the time of the newest event.
    """

    table: str
    now: datetime
    days: int
    latest: Sequence[Plain]
    health: Sequence[Plain]
    sessions: Sequence[Plain]
    calendar: Sequence[Plain]


def ask(spark: SparkSession, table: TableName, days: int) -> Answers:
    """Ask the views about the days before the newest event that is not in the future.

    Raises TableError when the table does not exist, has no such event, or this job did not create it.
    """
    flat = flat_table(spark, table, days)
    now = _newest(spark, flat)
    if now is None:
        raise TableError(f"{table.text} has no event with a time: run again when the job has written some.")
    flat = replace(flat, now=moment_literal(now))
    return Answers(
        table=table.text,
        now=now,
        days=days,
        latest=_rows(spark.sql(query("vehicle_latest", flat)).select(*_LATEST).orderBy("vehicle_id")),
        health=_rows(spark.sql(query("vehicle_health", flat)).drop("errors").orderBy("vehicle_id")),
        sessions=_rows(spark.sql(query("charging_sessions", flat)).orderBy(F.desc("started_at"), "vehicle_id")),
        calendar=_rows(spark.sql(query("vehicle_day", flat)).orderBy("vehicle_id", "day")),
    )


def _newest(spark: SparkSession, flat: Flat) -> datetime | None:
    at = F.coalesce("delivered_at", "recorded_at")
    known = spark.table(flat.table).where(F.expr("deleted_at IS NULL AND vehicle_id IS NOT NULL"))
    [found] = _rows(known.where(at <= F.current_timestamp()).select(F.max(at).alias("at")))
    return found["at"] and datetime.fromisoformat(found["at"])


def _rows(asked: DataFrame) -> list[Plain]:
    """Return the rows by way of JSON: Python would show times in the machine's zone."""
    as_json = F.to_json(F.struct("*"), {"ignoreNullFields": "false"})
    return [json.loads(row.row) for row in asked.select(as_json.alias("row")).collect()]
