"""Dashboards use datasets, tables and columns that exist. test_deployed.py executes their SQL."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS, SIDE_TABLES
from support.bundle import TARGETS, given_for, load
from support.dashboards import dashboard, dashboard_mistakes, dashboards, datasets, tables_of, widgets

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
    del content["datasets"][0]["parameters"]


def _unused(content: dict[str, Any]) -> None:
    content["datasets"].append({"name": "spare", "queryLines": ["SELECT 1"]})


def _moved(content: dict[str, Any]) -> None:
    content["pages"][0]["layout"][2]["position"]["x"] += 1


def _too_wide(content: dict[str, Any]) -> None:
    content["pages"][0]["layout"][1]["position"]["width"] += 1


def _same_name(content: dict[str, Any]) -> None:
    content["pages"][0]["layout"][2]["widget"]["name"] = "period"


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
    of_schema = {"telemetry": {table}, "telemetry_ops": {f"{table}_{kind}" for kind in SIDE_TABLES}}
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
