"""Queries of dashboards, alerts and the hourly check read few files of a table with many days."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from flatten.events.catalogue import packaged
from flatten.tables.names import TableName
from flatten.views.fill import VIEWS, Flat, query
from support.bundle import given_for, load
from support.dashboards import dashboard, datasets, tables_of
from support.job_world import World

pytestmark = pytest.mark.spark
DAYS = 30
TWO_DAYS = {":period.min": "current_timestamp() - INTERVAL 2 DAYS", ":period.max": "current_timestamp()"}
WHOLE = {"quarantine_waiting", "quarantine_total", "newest"}
"""All lines that can be redriven, however old (the quarantine is small), and the newest row of 30 days."""


@pytest.fixture(scope="module")
def table(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> TableName:
    """Return tables with one file for each of thirty days."""
    name = World(spark, tmp_path_factory.mktemp("days")).furnished(blank).table
    days = spark.range(0, DAYS, 1, DAYS)
    at = (F.lit(datetime.now(UTC)).cast("timestamp").cast("long") - F.col("id") * 86_400).cast("timestamp")
    moments = {
        name.sql: ["recorded_at", "pipeline_processed_at", "changed_at", "delivered_at"],
        name.side("files"): ["hour", "committed_at"],
        name.side("quarantine"): ["hour", "quarantined_at"],
        name.side("runs"): ["started_at"],
    }
    for each, columns in moments.items():
        rows = days.withColumns(dict.fromkeys(columns, at))
        if each == name.sql:
            event_id = F.col("id").cast("string")
            own = {"event_date": F.to_date("recorded_at"), "event_id": event_id, "vehicle_id": F.lit("a")}
            # Without a reading Spark knows that there is no session, and reads no file.
            kinds = packaged().columns(["charge-ischarging"])
            reading = {column: F.lit(None).cast(kind) for column, kind in kinds.items()}
            reading |= {"Charge_IsCharging": F.lit(True), "Charge_IsCharging_status": F.lit("OK")}
            rows = rows.withColumns(own | reading)
        rows.drop("id").write.format("delta").mode("append").option("mergeSchema", "true").save(
            re.sub("^delta.`|`$", "", each)
        )
    return name


def queries(table: TableName) -> Iterator[tuple[str, str]]:
    """Yield every query of the bundle over these tables, by name; those over the views are the views' own."""
    bundle = load("prod", variables=given_for("prod"))
    flat = bundle.variables["table"]
    of = {flat: table.sql} | {f"{flat}_{kind}": table.side(kind) for kind in ("files", "quarantine", "runs")}
    for key in ("fleet", "pipeline"):
        for name, sql in datasets(dashboard(key)).items():
            if tables_of(sql) & VIEWS.keys():
                continue
            for parameter, value in TWO_DAYS.items():
                sql = sql.replace(parameter, value)
            for read in tables_of(sql):
                sql = re.sub(rf"\b(FROM|JOIN)\s+{read}\b", rf"\1 {of[read]}", sql)
            yield name, sql
    for name, alert in bundle.resources("alerts").items():
        yield name, re.sub(r"`main`\.`\w+`\.`(\w+)`", lambda met: of[met[1]], alert["query_text"])


def test_a_query_of_two_days_reads_the_files_of_these_days(spark: Any, table: TableName) -> None:
    read = {name: len(spark.sql(sql).inputFiles()) for name, sql in queries(table)}
    assert len(read) == 22
    assert {name: count for name, count in read.items() if count > 3} == dict.fromkeys(WHOLE, DAYS)


def test_a_view_reads_the_files_of_its_look_back(spark: Any, table: TableName) -> None:
    flat = Flat(table.sql, frozenset(spark.table(table.sql).columns), days=2)
    read = {view: len(spark.sql(query(view, flat)).inputFiles()) for view in VIEWS}
    assert read == dict.fromkeys(VIEWS, 3)


def test_the_hourly_check_reads_the_newest_file(spark: Any, table: TableName) -> None:
    since = datetime.now(UTC) - timedelta(minutes=120)
    fresh = spark.table(table.sql).where(F.col("pipeline_processed_at") >= F.lit(since))
    assert len(fresh.inputFiles()) == 1
