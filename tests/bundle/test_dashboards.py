"""Dashboards use datasets, tables and columns that exist. test_deployed.py executes their SQL."""

import copy
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS, SIDE_TABLES
from flatten.tables.sql import moment_literal
from flatten.views.fill import VIEWS, Flat, query
from support.answers import COLUMNS, after, said, table_of
from support.bundle import TARGETS, given_for, load
from support.dashboards import (
    asked_of,
    dashboard,
    dashboard_mistakes,
    dashboards,
    datasets,
    runnable,
    tables_of,
    widgets,
)

KEYS = ("fleet", "pipeline")
CONTENT = {key: dashboard(key) for key in KEYS}


@pytest.mark.parametrize("key", KEYS)
def test_a_dashboard_has_no_mistakes(key: str) -> None:
    assert list(dashboard_mistakes(CONTENT[key])) == []


def _first_query(content: dict[str, Any], name: str) -> dict[str, Any]:
    query: dict[str, Any] = next(widget for widget, _ in widgets(content) if widget["name"] == name)["queries"][0]
    return query


def _ask_elsewhere(content: dict[str, Any]) -> None:
    _first_query(content, "events_total")["query"]["datasetName"] = "gone"


def _ask_for_less(content: dict[str, Any]) -> None:
    _first_query(content, "events_total")["query"]["fields"] = []


def _wrong_parameter(content: dict[str, Any]) -> None:
    _first_query(content, "period")["query"]["parameters"][0]["keyword"] = "month"


def _wrong_query_name(content: dict[str, Any]) -> None:
    _first_query(content, "period")["name"] = "other"


def _no_parameter(content: dict[str, Any]) -> None:
    del next(each for each in content["datasets"] if each["name"] == "events")["parameters"]


def _unused(content: dict[str, Any]) -> None:
    content["datasets"].append({"name": "spare", "queryLines": ["SELECT 1"]})


def _moved(content: dict[str, Any]) -> None:
    content["pages"][-1]["layout"][2]["position"]["x"] += 1


def _too_wide(content: dict[str, Any]) -> None:
    content["pages"][-1]["layout"][1]["position"]["width"] += 1


def _same_name(content: dict[str, Any]) -> None:
    content["pages"][-1]["layout"][2]["widget"]["name"] = "period"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_ask_elsewhere, "events_total asks for the dataset gone"),
        (_ask_for_less, "events_total shows events, which it does not ask for"),
        (_wrong_parameter, "period sets month, which events lacks"),
        (_wrong_query_name, "period names the query period_events"),
        (_no_parameter, "events lacks the parameter period"),
        (_unused, "nobody shows the dataset spare"),
        (_moved, "cars_total lies over events_total"),
        (_too_wide, "period is wider than the page"),
        (_same_name, "two widgets are called period"),
    ],
)
def test_a_mistake_in_a_dashboard_is_found(change: Callable[[dict[str, Any]], None], said: str) -> None:
    content = copy.deepcopy(CONTENT["fleet"])
    change(content)
    assert said in list(dashboard_mistakes(content))


@pytest.mark.parametrize("target", TARGETS)
def test_dashboards_read_the_tables_that_the_job_writes(target: str) -> None:
    bundle = load(target, variables=given_for(target))
    table = bundle.variables["table"]
    of_schema = {"telemetry": {table, *VIEWS}, "telemetry_ops": {f"{table}_{kind}" for kind in SIDE_TABLES}}
    schemas = {each["name"]: of_schema[key] for key, each in bundle.resources("schemas").items()}
    for key, content in dashboards(bundle).items():
        settings = bundle.resources("dashboards")[key]
        assert settings["dataset_catalog"] == bundle.variables["catalog"]
        for sql in datasets(content).values():
            assert tables_of(sql), sql
            assert tables_of(sql) <= schemas[settings["dataset_schema"]]


def test_a_dashboard_with_its_owners_permissions_shows_no_line() -> None:
    """Viewers see what its owner may see: no raw line or detail, no event, no person."""
    lending = [
        key
        for key, each in load("prod", variables=given_for("prod")).resources("dashboards").items()
        if each["embed_credentials"]
    ]
    assert lending == ["pipeline"]
    told = "\n".join(datasets(CONTENT["pipeline"]).values())
    personal = {"raw", "raw_base64", "detail", "event_id", *(EVENT_COLUMNS | LINEAGE_COLUMNS)} - {"source_file"}
    assert not {name for name in personal if re.search(rf"\b{name}\b", told)}


def test_dashboards_use_only_columns_of_every_table() -> None:
    """A signal's columns exist after its first event; a dashboard that used one would fail until then."""
    told = "\n".join(datasets(CONTENT["fleet"]).values())
    assert not re.findall(r"\b[A-Z][a-z]+[A-Za-z]*_[A-Z][A-Za-z]+", told)


@pytest.mark.spark
def test_the_queries_over_the_views_give_what_the_widgets_show(spark: SparkSession) -> None:
    """The others run in test_deployed.py, on what the job wrote."""
    soc = "TractionBattery_StateOfCharge_value"
    events = [
        said("a", 0, Charge_IsCharging=True, Charge_EnergyAdded_value=0.0, **{soc: 50.0}),
        said("a", 2, Charge_IsCharging=False, Charge_EnergyAdded_value=9.0, **{soc: 70.0}),
        said("b", 47, **{soc: 40.0}),
    ]
    shown: dict[str, set[str]] = {}
    for _, dataset, column in asked_of(CONTENT["fleet"]):
        shown.setdefault(dataset, set()).add(column)
    with table_of(spark, events) as table:
        flat = Flat(table, COLUMNS, now=moment_literal(after(48)))
        views = {view: query(view, flat) for view in VIEWS}
        found = {
            name: [row.asDict() for row in spark.sql(runnable(sql, Path(), views)).collect()]
            for name, sql in datasets(CONTENT["fleet"]).items()
            if tables_of(sql) <= VIEWS.keys()
        }
    assert {name: set(rows[0]) >= shown[name] for name, rows in found.items()} == dict.fromkeys(found, True)
    assert [(row["vehicle"], row["energy_kwh"], row["soc_to"]) for row in found["sessions"]] == [("a", 9, 70)]
    assert sorted(row["hour"] for row in found["charging"]) == [
        found["charging"][0]["hour"] + timedelta(hours=each) for each in range(3)
    ]
    assert [(row["vehicle"], row["is_quiet"]) for row in found["health"]] == [("a", 1), ("b", 0)]
    assert sorted(row["percent"] for row in found["levels"]) == [40, 50, 70]
    assert sum(row["energy_kwh"] for row in found["days"]) == 9
