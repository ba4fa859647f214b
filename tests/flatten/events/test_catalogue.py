"""The catalogue names every column once and permanently. Contract 2 has the rule of the names."""

import hashlib
from importlib.resources import files
from typing import Any

import pytest

from flatten.errors import CatalogueError
from flatten.events.catalogue import STAMPS, VERSION, Field, packaged, read_catalogue
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS
from support.catalogue_events import catalogue as entries
from support.catalogue_events import column

SHA256_OF = {"1": "37ee7484f694a03638249f7dc4dc7fced0801d06b1246d4a2689d9fa3e1cf4fe"}
"""Each released version, with the digest of its file. Add lines, never change one."""

ENTRY = {
    "code": "charge-amperage",
    "group": "Charge",
    "name": "Amperage",
    "columns": {"value": "Charge_Amperage_value", "unit": "Charge_Amperage_unit"},
    "body": {"value": {"type": "number", "unit": "ampere"}, "unit": {"type": "string"}},
}


def test_a_change_of_the_catalogue_is_a_new_version() -> None:
    content = (files("flatten.events") / "signal_catalogue.json").read_bytes()
    assert SHA256_OF[VERSION] == hashlib.sha256(content).hexdigest()
    assert max(SHA256_OF, key=int) == VERSION


def test_it_has_the_93_documented_signals() -> None:
    assert len(packaged().signals) == len(entries()) == 93
    assert list(packaged().signals) == [entry["code"] for entry in entries()]


def test_no_two_columns_of_the_table_differ_only_in_case() -> None:
    own = [*EVENT_COLUMNS, *LINEAGE_COLUMNS]
    names = own + [name for signal in packaged().signals.values() for name in signal.column_names()]
    assert len(own) + len(packaged().columns()) == len(names)
    assert len({name.lower() for name in names}) == len(names)


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry["code"])
def test_every_column_has_the_name_of_the_rule(entry: dict[str, Any]) -> None:
    signal = packaged().signals[entry["code"]]
    stem = f"{entry['group']}_{entry['name']}"
    assert {key: field.column for key, field in signal.fields.items()} == {
        field: column(entry, field) for field in entry["body"]
    }
    assert signal.stamps == {"retrievedAt": f"{stem}_retrievedAt", "oemUpdatedAt": f"{stem}_oemUpdatedAt"}
    assert signal.status == f"{stem}_status"


@pytest.mark.parametrize(
    ("code", "field", "name", "sql_type"),
    [
        ("charge-ischarging", "value", "Charge_IsCharging", "BOOLEAN"),
        ("charge-timetocomplete", "value", "Charge_TimeToComplete_value", "DOUBLE"),
        ("charge-timetocomplete", "unit", "Charge_TimeToComplete_unit", "STRING"),
        ("location-preciselocation", "latitude", "Location_PreciseLocation_latitude", "DOUBLE"),
        ("closure-doors", "values", "Closure_Doors_values", "STRING"),
        ("closure-doors", "rowCount", "Closure_Doors_rowCount", "DOUBLE"),
        ("diagnostics-abs", "status", "Diagnostics_ABS_body_status", "STRING"),
        ("vehicleidentification-vin", "value", "VehicleIdentification_VIN", "STRING"),
    ],
)
def test_the_columns_that_the_contract_gives_as_examples(code: str, field: str, name: str, sql_type: str) -> None:
    found = packaged().signals[code].fields[field]
    assert (found.column, found.sql_type) == (name, sql_type)


def test_21_signals_have_a_body_field_called_status_with_another_column() -> None:
    hazards = [signal for signal in packaged().signals.values() if "status" in signal.fields]
    assert len(hazards) == 21
    for signal in hazards:
        assert signal.group == "Diagnostics"
        assert signal.fields["status"].column == f"Diagnostics_{signal.name}_body_status" != signal.status


def test_groups_and_names_are_plain_letters_and_make_the_code() -> None:
    for code, signal in packaged().signals.items():
        assert signal.group.isascii()
        assert signal.group.isalpha()
        assert signal.name.isascii()
        assert signal.name.isalpha()
        assert code == f"{signal.group}-{signal.name}".lower()
        assert packaged().code_of[signal.group, signal.name] == code


def test_every_kind_of_value_has_the_type_of_the_contract() -> None:
    types = {"number": "DOUBLE", "boolean": "BOOLEAN", "text": "STRING", "json": "STRING"}
    fields = [field for signal in packaged().signals.values() for field in signal.fields.values()]
    assert {field.kind for field in fields} == set(types)
    assert all(field.sql_type == types[field.kind] for field in fields)


def test_the_columns_of_some_signals_come_in_the_order_of_the_catalogue() -> None:
    assert list(packaged().columns(["charge-amperage", "no-such-code"])) == [
        "Charge_Amperage_value",
        "Charge_Amperage_unit",
        "Charge_Amperage_retrievedAt",
        "Charge_Amperage_oemUpdatedAt",
        "Charge_Amperage_status",
    ]
    chosen = packaged().columns(["wheel-tires", "charge-amperage"])
    assert list(chosen) == [name for name in packaged().columns() if name in chosen]
    assert set(chosen.values()) == {"DOUBLE", "STRING", "TIMESTAMP"}
    assert packaged().columns([]) == {}


def test_a_field_that_a_signal_gains_renames_no_column() -> None:
    switch = {
        "code": "a-b",
        "group": "A",
        "name": "B",
        "columns": {"value": "A_B"},
        "body": {"value": {"type": "boolean"}},
    }
    gained = switch | {
        "columns": {"value": "A_B", "since": "A_B_since"},
        "body": {"value": {"type": "boolean"}, "since": {"type": "integer"}},
    }
    before, after = read_catalogue([switch]).columns(), read_catalogue([gained]).columns()
    assert before.items() <= after.items()
    assert after.keys() - before.keys() == {"A_B_since"}


def test_an_entry_becomes_a_signal() -> None:
    signal = read_catalogue([ENTRY]).signals["charge-amperage"]
    assert signal.fields == {
        "value": Field("Charge_Amperage_value", "number", "DOUBLE", "ampere"),
        "unit": Field("Charge_Amperage_unit", "text", "STRING", None),
    }
    assert tuple(signal.stamps) == STAMPS


def _same_code() -> list[Any]:
    return [ENTRY, ENTRY | {"name": "Other", "columns": {"value": "Charge_Other_value", "unit": "Charge_Other_unit"}}]


def _same_column_but_for_case() -> list[Any]:
    other = {"value": "charge_amperage_VALUE", "unit": "Charge_Other_unit"}
    return [ENTRY, ENTRY | {"code": "charge-other", "name": "Other", "columns": other}]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (_same_code(), "names a code twice: charge-amperage"),
        (_same_column_but_for_case(), "names a column twice: charge_amperage_value"),
        (
            [ENTRY | {"columns": {"value": "Charge_Amperage_status", "unit": "Charge_Amperage_unit"}}],
            "names a column twice: charge_amperage_status",
        ),
        ([ENTRY | {"columns": {"value": "same", "unit": "same"}}], "names a column twice: same"),
        ([ENTRY | {"columns": {"value": "Charge_Amperage"}}], "entry 'charge-amperage' lacks 'unit'"),
        ([{key: part for key, part in ENTRY.items() if key != "group"}], "entry 'charge-amperage' lacks 'group'"),
        ([{}], "entry None lacks"),
        ([ENTRY | {"body": {"value": {}}}], "lacks 'type'"),
        (
            [ENTRY | {"body": {"value": {"type": "float"}}}],
            "column Charge_Amperage_value has the unknown type 'float'",
        ),
    ],
    ids=["code", "case", "delivery status", "two fields", "no column", "no group", "empty", "no type", "odd type"],
)
def test_a_catalogue_that_contradicts_itself_is_refused(given: list[Any], message: str) -> None:
    with pytest.raises(CatalogueError, match=message):
        read_catalogue(given)
