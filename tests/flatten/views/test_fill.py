"""The SQL files become queries over the columns that a table has."""

import re
from importlib.resources import files

import pytest

from flatten.events import catalogue
from flatten.views.fill import VIEWS, Flat, query

ALL = frozenset(catalogue.packaged().columns())
STEMS = {f"{signal.group}_{signal.name}" for signal in catalogue.packaged().signals.values()}


@pytest.mark.parametrize("columns", [frozenset[str](), ALL], ids=["no signal", "every signal"])
@pytest.mark.parametrize("view", VIEWS)
def test_every_mark_of_a_file_is_filled(view: str, columns: frozenset[str]) -> None:
    text = query(view, Flat("t", columns, 7, "now()"))
    assert not re.findall(r"[{}]|for each signal", text)


@pytest.mark.parametrize("view", VIEWS)
def test_a_file_names_only_columns_that_the_catalogue_has(view: str) -> None:
    text = (files("flatten.views") / f"{view}.sql").read_text("utf-8")
    named = set(re.findall(r"\b[A-Z][A-Za-z]+_[A-Z]\w+", text)) - {"TIMESTAMP_NTZ"}
    assert {each for each in named if each.removesuffix("_measuredAt") not in ALL | STEMS} == set()


def test_a_column_that_the_table_lacks_is_null_of_its_type() -> None:
    text = query("charging_sessions", Flat("t", frozenset()))
    assert "CAST(NULL AS BOOLEAN) AS Charge_IsCharging," in text
    assert "CAST(NULL AS TIMESTAMP) AS Charge_IsCharging_measuredAt" in text


def test_a_value_counts_only_when_its_status_is_ok() -> None:
    text = query("charging_sessions", Flat("t", ALL))
    assert "IF(Charge_IsCharging_status = 'OK', Charge_IsCharging, NULL) AS Charge_IsCharging," in text


def test_a_view_has_every_signal_of_the_table() -> None:
    text = query("vehicle_latest", Flat("t", ALL))
    assert {stem for stem in STEMS if f"    {stem}.*" not in text} == set()


def test_a_view_calls_another_by_name_or_has_it_as_a_subquery() -> None:
    assert "FROM `s`.`charging_sessions`)" in query(
        "vehicle_day", Flat("t", ALL), {"charging_sessions": "`s`.`charging_sessions`"}
    )
    assert "-- One row per charging session" in query("vehicle_day", Flat("t", ALL))


def test_a_table_s_name_is_not_a_mark() -> None:
    table = "delta.`/{table} {now} {days} {charging_sessions}`"
    assert query("vehicle_day", Flat(table, ALL)).count(f"FROM {table}") == 2
