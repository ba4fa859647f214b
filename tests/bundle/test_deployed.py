"""The bundle's tasks, run from the wheel with the parameters of the YAML over Spark Connect, and their results.

One process runs them all, by table name in Spark's session catalog, because Spark's start takes longer than they do;
the tests inspect its folders. Dashboards and alerts are queried there, too.
"""

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import ge, lt
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable, QueryBuilder
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from flatten.errors import FlattenError, IncompleteFilesError, StaleError
from flatten.run.status import require_complete, require_fresh
from flatten.tables import create, describe
from flatten.tables.names import TableName
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS
from flatten.views.fill import VIEWS, Flat, query
from support.bundle import ROOT, Bundle, given_for, load
from support.bundle_wheel import AS_A_TASK, build_wheel, clean_environment, run_there
from support.dashboards import asked_of, dashboard, datasets, runnable, tables_of
from support.job_world import content, key, line
from support.quick_spark import QUICK

pytestmark = [pytest.mark.spark, pytest.mark.process]
WHOLE, CUT = key(5), key(2, first=50)


@dataclass(frozen=True)
class Deployed:
    """What the process left below `root`. `told` is the script's last line; `said` and `complained` its output."""

    spark: SparkSession
    root: Path
    bundle: Bundle
    told: dict[str, Any]
    said: str
    complained: str

    @property
    def folder(self) -> Path:
        """Return the folder of the volumes."""
        return self.root / "Volumes" / "spark_catalog" / "dev_tester_telemetry_ops"

    def schema(self, key: str) -> Path:
        """Return the folder of a schema in the warehouse."""
        return self.root / "warehouse" / f"{self.bundle.resources('schemas')[key]['name']}.db"

    @property
    def table(self) -> TableName:
        """Return the flat table and its side tables, by path."""
        flat = self.schema("telemetry") / "car_telemetry_flattened"
        return TableName.of(str(flat), str(self.schema("telemetry_ops")))

    def side(self, kind: str) -> list[Row]:
        """Return the rows of a side table."""
        return self.spark.table(self.table.side(kind)).collect()

    def files(self, volume: str) -> list[str]:
        """Return the data files of a volume."""
        return sorted(str(path.relative_to(self.folder / volume)) for path in (self.folder / volume).rglob("*.gz"))


@pytest.fixture(scope="module")
def deployed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    """Run on an event and its change, signals, an error, a bad line and a truncated file."""
    root = tmp_path_factory.mktemp("deployed")
    (root / "dist").mkdir()
    bundle = load("dev", variables=given_for("dev") | {"catalog": "spark_catalog"}, volumes=str(root / "Volumes"))
    failed = {"code": "closure-islocked", "status": {"value": "ERROR", "error": {"type": "PERMISSION", "code": None}}}
    changed = line("e1", 3, name="MODIFY", signals={"vehicleidentification-vin": "V1"})
    changed["signals"].append(failed)
    first = line("e1", 1, signals={"odometer-traveleddistance": 7.5}, delivered=1_767_607_200_000)
    landing = root / "Volumes" / "spark_catalog" / "dev_tester_telemetry_ops" / "landing"
    _write(landing / WHOLE, content([first, line("e2", 2), changed, line("e3", 4), b"bad"]))
    _write(landing / CUT, content([line("e5", 50), line("e6", 51)])[:-9])
    done = run_there(
        clean_environment(root / "clean", build_wheel(root / "dist"), with_spark=True),
        AS_A_TASK,
        json.dumps([bundle.parameters(*task) for task in TASKS]),
        json.dumps(QUICK),
        home=root,
        FLATTEN_SESSION="connect",
        FLATTEN_WAREHOUSE=str(root / "warehouse"),
    )
    assert done.stdout, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    return Deployed(spark, root, bundle, told, done.stdout, done.stderr)


TASKS = (("flatten", "run"), ("maintain", "maintain"), ("maintain", "views"), ("maintain", "check"), ("check", "check"))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_a_task_returns_on_success_and_raises_on_failure(deployed: Deployed) -> None:
    assert deployed.told["results"] == [None, None, None, 1, None], deployed.complained
    assert "Traceback" not in deployed.complained
    assert "2 files, 5 lines: 3 applied, 1 superseded, 0 repeated, 0 ignored, 1 quarantined." in deployed.said
    assert "0 events had several rows; 0 days of the archive deleted." in deployed.said
    assert all(f"{view} created" in deployed.said for view in VIEWS)


def test_the_check_names_the_file_that_is_not_complete(deployed: Deployed) -> None:
    table = "spark_catalog.dev_tester_telemetry.car_telemetry_flattened"
    assert f"flatten: Not completely in {table}: 1 file of the last 1 day: " in deployed.complained
    assert f"{CUT} (quarantined)" in deployed.complained


def test_the_wheel_ran_over_spark_connect(deployed: Deployed) -> None:
    assert deployed.told["session"] == "pyspark.sql.connect.session"
    assert Path(deployed.told["home"]).is_relative_to(deployed.root / "clean")
    assert not {"rich", "boto3", "yaml", "requests", "databricks"} & set(deployed.told["loaded"])


def test_files_end_in_the_volumes_of_the_bundle(deployed: Deployed) -> None:
    assert deployed.files("landing") == []
    assert deployed.files("archive") == [WHOLE]
    assert deployed.files("quarantine") == [f"files/{CUT}"]
    assert {row.outcome for row in deployed.side("files")} == {"committed", "quarantined"}
    assert [(row.command, row.outcome) for row in sorted(deployed.side("runs"), key=lambda row: row.started_at)] == [
        ("run", "succeeded"),
        ("maintain", "succeeded"),
    ]


def test_rows_of_a_table_by_name_are_readable_by_others(deployed: Deployed) -> None:
    """delta-rs reads it: a table that Spark Connect has widened must have no type that others lack."""
    asked = "SELECT event_id, VehicleIdentification_VIN AS vin, Odometer_TraveledDistance_value AS km FROM t"
    found = QueryBuilder().register("t", DeltaTable(deployed.table.text)).execute(asked + " ORDER BY event_id")
    rows = found.read_all()
    assert [{name: rows[name][at].as_py() for name in rows.schema.names} for at in range(rows.num_rows)] == [
        {"event_id": "e1", "vin": "V1", "km": None},
        {"event_id": "e2", "vin": None, "km": None},
        {"event_id": "e3", "vin": None, "km": None},
    ]


def test_the_table_is_clustered_and_has_its_properties(deployed: Deployed) -> None:
    detail = deployed.spark.sql(f"DESCRIBE DETAIL {deployed.table.sql}").collect()[0]
    assert detail.clusteringColumns == ["event_date"]
    with_statistics = detail.properties["delta.dataSkippingStatsColumns"].split(",")
    assert {"event_date", "recorded_at", "pipeline_processed_at", "event_id"} <= set(with_statistics)
    assert "delta.columnMapping.mode" not in detail.properties  # other engines would misread it


def _comments(deployed: Deployed) -> dict[str, str | None]:
    fields = deployed.spark.table(deployed.table.sql).schema.fields
    return {field.name: field.metadata.get("comment") for field in fields}


def test_every_column_is_described_before_its_first_row(deployed: Deployed) -> None:
    own = {name: about for name, (_, about) in (EVENT_COLUMNS | LINEAGE_COLUMNS).items()}
    found = _comments(deployed)
    assert {"Odometer_TraveledDistance_value", "VehicleIdentification_VIN", "Closure_IsLocked_status"} <= found.keys()
    assert found == {name: (own | describe.signal_comments())[name] for name in found}
    assert create.description(deployed.spark, deployed.table, tags=True) == []


@pytest.fixture(scope="module")
def bare(deployed: Deployed) -> TableName:
    """Return the table without a comment."""
    copy = TableName.of(f"{deployed.table.text}_copy", deployed.table.ops)
    rows = deployed.spark.table(deployed.table.sql)
    plain = rows.select(*(F.expr(f"nullif(`{name}`, NULL) AS `{name}`") for name in rows.columns))
    plain.write.format("delta").save(copy.text)
    return copy


def test_personal_data_is_tagged_before_it_is_described(deployed: Deployed, bare: TableName) -> None:
    """Check the printed the tags: Spark has none."""
    *tags, comments = create.description(deployed.spark, bare, tags=True)
    assert [tag for tag in tags if tag.endswith("`VehicleIdentification_VIN` SET TAGS ('personal_data' = 'vin')")]
    assert create.description(deployed.spark, bare, tags=False) == [comments]
    with pytest.raises(FlattenError, match=r"could not be described \(.*TAGS.*\): make .* APPLY TAG\.$"):
        create.run_description(deployed.spark, bare, tags)
    create.run_description(deployed.spark, bare, [comments])
    assert create.description(deployed.spark, bare, tags=True) == []


@pytest.fixture(scope="module")
def answers(deployed: Deployed) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return the results of all queries of the dashboards over tables: dashboard -> dataset -> rows."""
    return {
        name: {
            dataset: [row.asDict() for row in deployed.spark.sql(runnable(sql, deployed.schema(schema))).collect()]
            for dataset, sql in datasets(dashboard(name)).items()
            if not tables_of(sql) & VIEWS.keys()
        }
        for name, schema in {"fleet": "telemetry", "pipeline": "telemetry_ops"}.items()
    }


@pytest.mark.parametrize("name", ["fleet", "pipeline"])
def test_the_queries_of_a_dashboard_return_the_columns_of_its_widgets(answers: dict[str, Any], name: str) -> None:
    shown: dict[str, set[str]] = {}
    for _, dataset, column in asked_of(dashboard(name)):
        shown.setdefault(dataset, set()).add(column)
    for dataset, rows in answers[name].items():
        assert rows, dataset
        assert shown[dataset] <= rows[0].keys(), dataset


def test_dashboards_have_the_right_counts(answers: dict[str, Any]) -> None:
    fleet, pipeline = answers["fleet"], answers["pipeline"]
    assert fleet["totals"] == [{"events": 3, "cars": 0, "signals": 2}]
    seen = {(row["signal"], row["outcome"]): row["events"] for row in fleet["signals"]}
    assert seen == {("VehicleIdentification_VIN", "OK"): 1, ("Closure_IsLocked", "PERMISSION"): 1}
    assert [row["status"] for row in fleet["worst"]] == ["PERMISSION"]
    assert pipeline["file_totals"] == [{"files": 2, "lines": 5, "incomplete": 1}]
    assert {row["verdict"]: row["lines"] for row in pipeline["lines"]} == {
        "applied": 3,
        "superseded": 1,
        "quarantined": 1,
    }
    assert {row["reason"]: row["lines"] for row in pipeline["quarantine_waiting"]} == {
        "not_json": 1,
        "file_unreadable": 1,
    }


@pytest.fixture(scope="module")
def now(deployed: Deployed) -> datetime:
    """Return when the newest row was written."""
    (row,) = deployed.spark.table(deployed.table.sql).selectExpr("max(pipeline_processed_at) AS at").collect()
    at: datetime = row.at
    return at.astimezone(UTC)


def _asked(deployed: Deployed, alert: dict[str, Any], now: datetime) -> float:
    """Return what an alert's query returns at a time."""
    sql = alert["query_text"].replace("current_timestamp()", f"TIMESTAMP'{now.isoformat()}'")
    for name, schema in deployed.bundle.resources("schemas").items():
        named = rf"`spark_catalog`\.`{schema['name']}`\.`(\w+)`"
        sql = re.sub(named, rf"delta.`{deployed.schema(name)}/\1`", sql)
    (row,) = deployed.spark.sql(sql).collect()
    value: float = row[alert["evaluation"]["source"]["name"]]
    return value


@pytest.mark.parametrize(
    ("key", "after", "value", "fires"),
    [
        ("freshness", timedelta(minutes=119), 3, False),
        ("freshness", timedelta(minutes=121), 0, True),
        ("quarantined_lines", timedelta(hours=1), 2, True),
        ("quarantined_lines", timedelta(hours=25), 0, False),
        ("incomplete_files", timedelta(hours=1), 1, True),
        ("incomplete_files", timedelta(hours=25), 0, False),
    ],
    ids=["fresh", "stale", "quarantined", "long ago quarantined", "incomplete", "long ago incomplete"],
)
def test_when_an_alert_fires(
    deployed: Deployed, now: datetime, key: str, after: timedelta, value: float, fires: bool
) -> None:
    alert = deployed.bundle.resources("alerts")[key]
    assert _asked(deployed, alert, now + after) == value
    compare = {"GREATER_THAN_OR_EQUAL": ge, "LESS_THAN": lt}[alert["evaluation"]["comparison_operator"]]
    assert compare(value, alert["evaluation"]["threshold"]["value"]["double_value"]) is fires


@pytest.mark.parametrize(("minutes", "fires"), [(119, False), (121, True)])
def test_the_check_and_the_alert_agree_on_rows(deployed: Deployed, now: datetime, minutes: int, fires: bool) -> None:
    try:
        require_fresh(deployed.spark, deployed.table, 120, None, now + timedelta(minutes=minutes))
        said = ""
    except StaleError as stale:
        said = str(stale)
    assert said.startswith(f"No row was written to {deployed.table.text} for 120 minutes") is fires


def test_a_file_that_waits_for_more_than_an_hour_fails_the_check(
    deployed: Deployed, now: datetime, tmp_path: Path
) -> None:
    _write(tmp_path / "waits", b"")
    os.utime(tmp_path / "waits", (now.timestamp() - 3_599, now.timestamp() - 3_599))
    require_fresh(deployed.spark, deployed.table, 120, str(tmp_path), now)
    with pytest.raises(StaleError, match=rf"^1 file in {tmp_path} for more than an hour: {tmp_path}/waits\."):
        require_fresh(deployed.spark, deployed.table, 120, str(tmp_path), now + timedelta(seconds=2))


def test_the_daily_check_counts_lines_in_quarantine(deployed: Deployed, now: datetime) -> None:
    """No file may be incomplete: here the check includes only files that were recorded later, of which it has none."""
    spark, table = deployed.spark, deployed.table
    spark.sql(f"UPDATE {table.side('quarantine')} SET quarantined_at = quarantined_at + INTERVAL 9 DAYS")
    later = now + timedelta(days=9, hours=1)
    try:
        with pytest.raises(IncompleteFilesError, match=r"^1 line of the last 1 day quarantined in "):
            require_complete(spark, table, 1, (), later)
    finally:
        spark.sql(f"UPDATE {table.side('quarantine')} SET quarantined_at = quarantined_at - INTERVAL 9 DAYS")


def test_the_check_and_the_alert_agree_on_files(deployed: Deployed, now: datetime) -> None:
    with pytest.raises(IncompleteFilesError, match=r"^Not completely in .*: 1 file of the last 1 day: .*\(quar"):
        require_complete(deployed.spark, deployed.table, 1, (), now + timedelta(hours=1))
    require_complete(deployed.spark, deployed.table, 1, (), now + timedelta(hours=25))


PAGES = sorted((ROOT / "docs").rglob("*.md"))
SQL = [
    (page.name, one.strip())
    for page in PAGES
    for block in re.findall(r"(?s)```sql\n(.*?)```", page.read_text("utf-8"))
    for one in block.split(";")
    if one.strip() and not one.strip().startswith("SHOW GRANTS")
]
USAGE = "SELECT current_date() AS usage_date, 0.15 AS usage_quantity, named_struct('job_id', '1') AS usage_metadata"


@pytest.mark.parametrize(("page", "text"), SQL, ids=[f"{page} {text[:40]}" for page, text in SQL])
def test_the_sql_of_the_pages_runs_on_what_the_job_wrote(deployed: Deployed, page: str, text: str) -> None:
    table = deployed.table
    text = re.sub(r"<catalog>\.\w*(?:<user>_)?telemetry\.car_telemetry_flattened\b", lambda _: table.sql, text)
    text = re.sub(r"<ops>\.car_telemetry_flattened_(\w+)", lambda side: table.side(side[1]), text)
    text = text.replace("system.billing.usage", f"({USAGE})").replace("<number>", "1").replace("<id>", "e1")
    if tables_of(text) & VIEWS.keys():
        flat = Flat(table.sql, frozenset(deployed.spark.table(table.sql).columns))
        text = runnable(text, Path(), {view: query(view, flat) for view in VIEWS})
    deployed.spark.sql(text).collect()


def test_the_pages_have_sql() -> None:
    assert {page for page, _ in SQL} >= {"troubleshooting.md", "quickstart.md", "upgrading.md", "signals.md"}
