"""The signals of an event become columns: contract 2, one test per sentence."""

import json
from typing import Any

import pytest

from flatten.events.catalogue import packaged, read_catalogue
from flatten.events.event import flatten
from flatten.events.signals import known_codes, path
from support.catalogue_events import CatalogueEvent, catalogue_events
from support.items import (
    JsonText,
    change_of,
    item,
    row_of,
    signal,
    signals_row,
    take_unmapped_signals,
    unmapped_attributes,
    unmapped_signals,
)
from support.rows import expected_row

SPEED = "motion-currentspeed"
CHARGING = "charge-ischarging"
COLOR = "vehicleidentification-exteriorcolor"
LIMITS = "charge-chargelimits"
ODOMETER = signal("odometer-traveleddistance", {"value": 42506.3, "unit": "km"})
ODOMETER_ROW = {
    "Odometer_TraveledDistance_value": 42506.3,
    "Odometer_TraveledDistance_unit": "km",
    "Odometer_TraveledDistance_status": "OK",
}

HOSTILE_TEXTS = ["", " ", "'; DROP TABLE t; --", '`"\\\n\x00', "../../x", "é🚗", "NULL", "x" * 5_000_000]


@pytest.mark.parametrize("event", catalogue_events(), ids=lambda event: event.code)
def test_each_signal_of_the_catalogue_fills_its_columns_and_no_other(event: CatalogueEvent) -> None:
    row = row_of(event.item)
    own = {"event_id", "event_date", "recorded_at", "signal_count"}
    filled = {column: value for column, value in event.expect.items() if value is not None}
    assert {column: value for column, value in row.items() if column not in own} == expected_row(filled)
    assert row["signal_count"] == 1


@pytest.mark.parametrize(
    ("given", "cell"),
    [
        (7, 7.0),
        (0, 0.0),
        (-7, -7.0),
        (JsonText("7.5"), 7.5),
        (JsonText("1E+2"), 100.0),
        (JsonText("-0.0"), -0.0),
        (JsonText("1e-400"), 0.0),
        (JsonText("1.7976931348623157e308"), 1.7976931348623157e308),
        (9_007_199_254_740_993, 9_007_199_254_740_992.0),
        (JsonText("0.1234567890123456789012345678901234567"), 0.12345678901234568),
        (10**308, 1e308),
    ],
    ids=lambda value: f"{value!r:.40}",
)
def test_a_number_is_a_double_and_digits_beyond_it_are_rounded(given: Any, cell: float) -> None:
    row = signals_row(signal(SPEED, {"value": given}))
    assert row == {"signal_count": 1, "Motion_CurrentSpeed_value": cell, "Motion_CurrentSpeed_status": "OK"}
    assert isinstance(row["Motion_CurrentSpeed_value"], float)


@pytest.mark.parametrize(
    "given",
    [
        *("7", "", "true", True, False, [7], [], {}, {"N": "7"}, 10**309),
        *(JsonText("1e309"), JsonText("-1e999999999999"), JsonText("9" * 5_000)),
    ],
    ids=lambda value: f"{value!r:.40}",
)
def test_a_number_column_is_null_for_other_values_and_the_signal_is_kept(given: Any) -> None:
    entry = signal(SPEED, {"value": given, "unit": "km/h"})
    row = signals_row(ODOMETER, entry)
    assert row.pop("Motion_CurrentSpeed_value") is None
    kept = take_unmapped_signals(row)
    assert (
        row
        == {"signal_count": 2, "Motion_CurrentSpeed_unit": "km/h", "Motion_CurrentSpeed_status": "OK"} | ODOMETER_ROW
    )
    assert kept == [entry]


@pytest.mark.parametrize("given", [True, False], ids=repr)
def test_a_boolean_is_a_boolean(given: bool) -> None:
    row = signals_row(signal(CHARGING, {"value": given}))
    assert row == {"signal_count": 1, "Charge_IsCharging": given, "Charge_IsCharging_status": "OK"}


@pytest.mark.parametrize("given", [0, 1, JsonText("1.0"), "true", "", [], {}, {"BOOL": True}], ids=repr)
def test_a_boolean_column_is_null_for_another_type_and_the_signal_is_kept(given: Any) -> None:
    entry = signal(CHARGING, {"value": given})
    row = signals_row(entry)
    assert row["Charge_IsCharging"] is None
    assert unmapped_signals(row) == [entry]


@pytest.mark.parametrize("given", [*HOSTILE_TEXTS, "4.2.13", "007", "true", "null"], ids=lambda value: f"{value!r:.20}")
def test_text_stays_unchanged(given: str) -> None:
    assert signals_row(signal(COLOR, {"value": given})) == {
        "signal_count": 1,
        "VehicleIdentification_ExteriorColor": given,
        "VehicleIdentification_ExteriorColor_status": "OK",
    }


@pytest.mark.parametrize(
    ("given", "cell"),
    [
        (7, "7"),
        (JsonText("7.50"), "7.50"),
        (JsonText("9" * 5_000), "9" * 5_000),
        (True, "true"),
        ({"S": "é"}, '{"S":"é"}'),
        ([], "[]"),
        (["\ud83d"], '["\\ud83d"]'),
    ],
    ids=lambda value: f"{value!r:.30}",
)
def test_a_text_column_takes_any_value_as_its_json_text(given: Any, cell: str) -> None:
    row = signals_row(signal(COLOR, {"value": given}))
    assert row["VehicleIdentification_ExteriorColor"] == cell
    assert "unmapped_signals" not in row


def test_text_that_utf_8_cannot_represent_is_null_and_the_signal_is_kept() -> None:
    row = signals_row(signal(COLOR, {"value": "a\ud83d"}))
    assert row["VehicleIdentification_ExteriorColor"] is None
    assert unmapped_signals(row)[0]["body"] == {"value": "a\ud83d"}
    row["unmapped_signals"].encode()


@pytest.mark.parametrize(
    ("given", "cell"),
    [
        ([], "[]"),
        ([{"type": "GLOBAL", "limit": JsonText("80.50"), "condition": None}], None),
        ({"activeLimit": 90, "values": []}, '{"activeLimit":90,"values":[]}'),
        ("text", '"text"'),
        (7, "7"),
    ],
    ids=["empty", "objects", "object", "text", "number"],
)
def test_arrays_and_objects_are_json_text_with_every_digit(given: Any, cell: str | None) -> None:
    row = signals_row(signal(LIMITS, {"values": given}))
    assert row["Charge_ChargeLimits_values"] == (cell or '[{"type":"GLOBAL","limit":80.50,"condition":null}]')
    assert "unmapped_signals" not in row


@pytest.mark.parametrize(
    "body", [None, JsonText("null"), {}, "{}", "null", {"value": None}, '{"value":null}'], ids=repr
)
def test_a_body_without_values_fills_no_column_and_the_signal_is_not_kept(body: Any) -> None:
    assert signals_row(signal(SPEED, body)) == {"signal_count": 1, "Motion_CurrentSpeed_status": "OK"}


@pytest.mark.parametrize("text", [False, True], ids=["object", "text"])
def test_a_body_is_read_as_an_object_and_as_json_text(text: bool) -> None:
    body = {"value": 7, "unit": "km/h"}
    assert signals_row(signal(SPEED, json.dumps(body) if text else body)) == {
        "signal_count": 1,
        "Motion_CurrentSpeed_value": 7.0,
        "Motion_CurrentSpeed_unit": "km/h",
        "Motion_CurrentSpeed_status": "OK",
    }


@pytest.mark.parametrize(
    "body",
    [
        *("", " ", "text", "{", '{"value":7', "{'value':7}", '{"value":NaN}', '{"value":7},"odometer":{"value":1}'),
        *('{"value":7} {"value":8}', '\ufeff{"value":7}', '"{}"', "7", "true", "[]", '[{"value":7}]'),
        *("[" * 5_000, "[" * 300 + '"' + '\\"' * 100_000, '{"value":' + "9" * 5_000, "x" * 5_000_000),
        *(7, JsonText("7.5"), True, [], [{"value": 7}]),
    ],
    ids=lambda value: f"{value!r:.30}",
)
def test_an_invalid_body_is_kept_and_does_not_change_other_signals(body: Any) -> None:
    entry = signal(SPEED, body)
    row = signals_row(ODOMETER, entry)
    assert take_unmapped_signals(row) == [entry]
    assert row == {"signal_count": 2, "Motion_CurrentSpeed_status": "OK"} | ODOMETER_ROW


@pytest.mark.parametrize(
    ("body", "columns"),
    [
        ('{"value":1,"value":2}', {"Motion_CurrentSpeed_value": 2.0}),
        ('{"value":2,"value":2,"unit":"m"}', {"Motion_CurrentSpeed_value": 2.0, "Motion_CurrentSpeed_unit": "m"}),
        ('{"value":{"a":1,"a":2},"unit":"m"}', {"Motion_CurrentSpeed_value": None, "Motion_CurrentSpeed_unit": "m"}),
    ],
    ids=["two values", "the same value twice", "inside a value"],
)
def test_a_body_with_equal_keys_gives_the_last_and_is_kept_unchanged(body: str, columns: dict[str, Any]) -> None:
    entry = signal(SPEED, body)
    row = signals_row(ODOMETER, entry)
    assert take_unmapped_signals(row) == [entry]
    assert row == {"signal_count": 2, "Motion_CurrentSpeed_status": "OK"} | columns | ODOMETER_ROW


def test_a_field_that_the_catalogue_lacks_keeps_the_signal_and_the_others_fill_their_columns() -> None:
    entry = signal(SPEED, {"value": 7, "accuracy": JsonText("0.50")})
    row = signals_row(entry)
    assert row["Motion_CurrentSpeed_value"] == 7.0
    assert unmapped_signals(row) == [entry]


def test_a_body_field_called_status_has_another_column_than_the_delivery_status() -> None:
    entry = signal("diagnostics-abs", {"status": "WARNING", "description": None}, status={"value": "UNAVAILABLE"})
    assert signals_row(entry) == {
        "signal_count": 1,
        "Diagnostics_ABS_body_status": "WARNING",
        "Diagnostics_ABS_status": "UNAVAILABLE",
    }


def test_a_field_that_a_signal_gains_renames_no_column() -> None:
    """`value` alone makes the column `A_B`; it stays `A_B` after the catalogue has gained `since`."""
    entry = {"code": "a-b", "group": "A", "name": "B"}
    before = read_catalogue([entry | {"columns": {"value": "A_B"}, "body": {"value": {"type": "boolean"}}}])
    columns = {"value": "A_B", "since": "A_B_since"}
    after = read_catalogue(
        [entry | {"columns": columns, "body": {"value": {"type": "boolean"}, "since": {"type": "string"}}}]
    )
    event = item(entry | {"body": {"value": True}})
    assert row_of(event, before)["A_B"] is row_of(event, after)["A_B"] is True


def test_a_code_decides_regardless_of_name_and_group() -> None:
    row = signals_row(signal(SPEED, {"value": 7}, name="FuelLevel", group="InternalCombustionEngine"))
    assert row["Motion_CurrentSpeed_value"] == 7.0
    assert not any(column.startswith("InternalCombustionEngine") for column in row)
    assert unmapped_attributes(row) == {
        "signals.motion-currentspeed.name": "FuelLevel",
        "signals.motion-currentspeed.group": "InternalCombustionEngine",
    }


@pytest.mark.parametrize("code", [None, JsonText("null")], ids=["missing", "null"])
def test_only_a_signal_without_a_code_falls_back_to_group_and_name(code: Any) -> None:
    entry = {"name": "CurrentSpeed", "group": "Motion", "body": {"value": 7}}
    assert signals_row(entry | ({"code": code} if code else {})) == {
        "signal_count": 1,
        "Motion_CurrentSpeed_value": 7.0,
        "Motion_CurrentSpeed_status": "OK",
    }


@pytest.mark.parametrize(
    "changes",
    [
        *(
            {"code": code}
            for code in ("", "motion-current speed", "Motion-CurrentSpeed", "motion-currentspeed ", "a`b")
        ),
        *({"code": code} for code in (7, True, ["motion-currentspeed"], {"S": "motion-currentspeed"}, "\ud83d")),
        *({"code": None, "name": name} for name in ("currentspeed", "Other", 7, None, ["CurrentSpeed"])),
        {"code": None, "group": {"a": "Motion"}},
    ],
    ids=repr,
)
def test_an_unknown_signal_is_kept_unchanged_and_makes_no_columns(changes: dict[str, Any]) -> None:
    entry = signal(SPEED, {"value": JsonText("7.50")}, **changes)
    row = signals_row(entry, ODOMETER)
    assert take_unmapped_signals(row) == [entry]
    assert row == {"signal_count": 2} | ODOMETER_ROW


def test_the_last_of_two_equal_codes_wins_and_the_earlier_is_kept() -> None:
    first = signal(SPEED, {"value": 1, "unit": "km/h"}, meta={"retrievedAt": 1000}, status={"value": "X"})
    second = signal(SPEED, {"value": 2})
    third = {"name": "CurrentSpeed", "group": "Motion", "body": {"value": 3}}
    row = signals_row(first, ODOMETER, second, third)
    assert take_unmapped_signals(row) == [first, second]
    assert (
        row == {"signal_count": 4, "Motion_CurrentSpeed_value": 3.0, "Motion_CurrentSpeed_status": "OK"} | ODOMETER_ROW
    )


def test_null_entries_are_not_signals() -> None:
    assert signals_row(JsonText("null"), ODOMETER, JsonText("null")) == {"signal_count": 1} | ODOMETER_ROW


@pytest.mark.parametrize("entry", [7, JsonText("7.50"), True, "odometer-traveleddistance", [], [[]], {}], ids=repr)
def test_an_entry_that_is_not_a_signal_is_kept_unchanged(entry: Any) -> None:
    row = signals_row(entry, ODOMETER)
    assert take_unmapped_signals(row) == [entry]
    assert row == {"signal_count": 2} | ODOMETER_ROW


def test_unmapped_signals_come_in_the_order_of_the_event() -> None:
    entries = [{"code": "z"}, signal(SPEED, {"value": "x"}), {"code": "a"}, ODOMETER | {"body": "{"}]
    assert unmapped_signals(signals_row(*entries)) == entries


def test_keys_outside_the_body_are_kept_by_their_path() -> None:
    entry = signal(SPEED, {"value": 7}, quality={"a.b": [1]}, **{"odd.key": 1, "body.unit": 2})
    assert unmapped_attributes(signals_row(entry)) == {
        "signals.motion-currentspeed.quality": {"a.b": [1]},
        "signals.motion-currentspeed.odd\\.key": 1,
        "signals.motion-currentspeed.body\\.unit": 2,
    }


@pytest.mark.parametrize(
    ("steps", "joined"),
    [(("a", "b"), "a.b"), (("a.b",), "a\\.b"), (("a\\", "b"), "a\\\\.b"), (("a\\.b",), "a\\\\\\.b"), (("", ""), ".")],
    ids=repr,
)
def test_a_path_escapes_a_dot_in_a_key(steps: tuple[str, ...], joined: str) -> None:
    assert path(*steps) == joined


def test_the_catalogued_signals_of_an_event_are_named() -> None:
    entries: list[Any] = [
        None,
        7,
        {"code": "x"},
        {"code": []},
        signal(SPEED),
        {"group": "Charge", "name": "IsCharging"},
        signal(SPEED),
    ]
    assert list(known_codes(entries, packaged())) == [SPEED, CHARGING, SPEED]
    assert list(known_codes(None, packaged())) == []


def test_a_row_has_columns_of_the_signals_that_are_named() -> None:
    """`known_codes` decides which columns the batch has, `flatten` which the row fills: they must agree."""
    event = item(*(signal(code, {"value": "x"}) for code in packaged().signals))
    row = flatten(event, change_of(event), packaged())
    named = packaged().columns(known_codes(event["signals"], packaged()))
    assert {column for column in row if "_" in column and column[0].isupper()} <= named.keys()
