"""The stamps and the delivery status of a signal, and their parts without a column. Contract 2."""

from typing import Any

import pytest

from support.items import JsonText, signal, signals_row, unmapped_attributes

AT, AT_MICROS = 1_761_682_265_846, 1_761_682_265_846_000
STAMPS = "signals.charge-ischarging.meta"
STATUS = "signals.charge-ischarging.status"

ERROR = {"type": "VEHICLE_STATE", "code": "ASLEEP"}


def around(**parts: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns of a signal without a body, by the ends of their names, and what is kept by path."""
    row = signals_row(signal("charge-ischarging", **parts))
    columns = {name.removeprefix("Charge_IsCharging_"): value for name, value in row.items() if name.startswith("C")}
    assert "unmapped_signals" not in row
    return columns, unmapped_attributes(row)


@pytest.mark.parametrize(
    ("meta", "stamps"),
    [
        ({"retrievedAt": AT, "oemUpdatedAt": AT + 1}, {"retrievedAt": AT_MICROS, "oemUpdatedAt": AT_MICROS + 1_000}),
        ({"retrievedAt": "2025-10-28T20:11:05.846Z"}, {"retrievedAt": AT_MICROS}),
        ({"oemUpdatedAt": JsonText("1761682265846.5")}, {"oemUpdatedAt": AT_MICROS + 500}),
        ({"retrievedAt": -1}, {"retrievedAt": -1_000}),
        ({"fetchedAt": AT}, {"retrievedAt": AT_MICROS}),
        ({"retrievedAt": 0, "oemUpdatedAt": 0}, {}),
        ({"retrievedAt": JsonText("0.0"), "oemUpdatedAt": "1970-01-01T00:00:00Z"}, {}),
        ({"retrievedAt": JsonText("null")}, {}),
        ({}, {}),
        (None, {}),
        (JsonText("null"), {}),
    ],
    ids=[
        *("milliseconds", "ISO text", "fractions", "before 1970", "fetchedAt", "zero", "zero in other forms"),
        *("null", "empty meta", "no meta", "null meta"),
    ],
)
def test_stamps_are_times_and_0_or_missing_is_null(meta: Any, stamps: dict[str, int]) -> None:
    assert around(meta=meta) == (stamps | {"status": "OK"}, {})


@pytest.mark.parametrize(
    ("meta", "stamps", "kept"),
    [
        ({"retrievedAt": "yesterday"}, {}, {f"{STAMPS}.retrievedAt": "yesterday"}),
        ({"fetchedAt": "yesterday"}, {}, {f"{STAMPS}.fetchedAt": "yesterday"}),
        ({"oemUpdatedAt": True}, {}, {f"{STAMPS}.oemUpdatedAt": True}),
        ({"oemUpdatedAt": str(AT)}, {}, {f"{STAMPS}.oemUpdatedAt": str(AT)}),
        ({"oemUpdatedAt": 10**30}, {}, {f"{STAMPS}.oemUpdatedAt": 10**30}),
        ({"oemUpdatedAt": {"N": "1"}}, {}, {f"{STAMPS}.oemUpdatedAt": {"N": "1"}}),
        ({"retrievedAt": AT, "fetchedAt": 1}, {"retrievedAt": AT_MICROS}, {f"{STAMPS}.fetchedAt": 1}),
        ({"retrievedAt": AT, "a.b": [1]}, {"retrievedAt": AT_MICROS}, {f"{STAMPS}.a\\.b": [1]}),
        ("text", {}, {STAMPS: "text"}),
        ([AT], {}, {STAMPS: [AT]}),
    ],
    ids=lambda value: f"{value!r:.60}",
)
def test_an_invalid_stamp_is_kept_by_its_path(meta: Any, stamps: dict[str, int], kept: dict[str, Any]) -> None:
    assert around(meta=meta) == (stamps | {"status": "OK"}, kept)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (None, "OK"),
        (JsonText("null"), "OK"),
        ({}, "OK"),
        ({"value": "SUCCESS"}, "OK"),
        ({"value": "SUCCESS", "error": JsonText("null")}, "OK"),
        ("SUCCESS", "OK"),
        ({"value": "ERROR", "error": ERROR}, "VEHICLE_STATE:ASLEEP"),
        ({"error": ERROR}, "VEHICLE_STATE:ASLEEP"),
        ({"value": "ERROR", "error": {"type": "PERMISSION", "code": JsonText("null")}}, "PERMISSION"),
        ({"value": "ERROR", "error": {"type": "PERMISSION"}}, "PERMISSION"),
        ({"value": "ERROR", "error": {"type": "T", "code": ""}}, "T:"),
        ({"value": "ERROR", "error": {"type": "a`'\n", "code": "b:c"}}, "a`'\n:b:c"),
        ({"value": "ERROR"}, "ERROR"),
        ({"value": "ERROR", "error": {}}, "ERROR"),
        ({"value": "UNAVAILABLE"}, "UNAVAILABLE"),
        ("UNAVAILABLE", "UNAVAILABLE"),
        ({"value": "success"}, "success"),
        ({"value": JsonText("7.50")}, "7.50"),
        ({"value": True}, "true"),
        ({"value": {"a": 1}}, '{"a":1}'),
        ({"value": "x" * 5_000_000}, "x" * 5_000_000),
    ],
    ids=lambda value: f"{value!r:.60}",
)
def test_the_status_is_one_text(status: Any, text: str) -> None:
    assert around(status=status) == ({"status": text}, {})


@pytest.mark.parametrize(
    ("status", "text"),
    [
        ({"value": "SUCCESS", "error": ERROR}, "VEHICLE_STATE:ASLEEP"),
        ({"value": "UNAVAILABLE", "error": ERROR}, "VEHICLE_STATE:ASLEEP"),
        ({"value": "ERROR", "error": ERROR | {"title": "Asleep"}}, "VEHICLE_STATE:ASLEEP"),
        ({"value": "ERROR", "error": ERROR, "since": 1}, "VEHICLE_STATE:ASLEEP"),
        ({"value": "ERROR", "error": {"type": "T", "code": 7}}, "T"),
        ({"value": "ERROR", "error": {"type": "T", "code": "\ud83d"}}, "T"),
        ({"value": "ERROR", "error": {"type": "\ud83d", "code": "C"}}, "ERROR"),
        ({"value": "ERROR", "error": {"type": "", "code": "C"}}, "ERROR"),
        ({"value": "ERROR", "error": {"code": "C"}}, "ERROR"),
        ({"value": "ERROR", "error": {"type": JsonText("null"), "code": "C"}}, "ERROR"),
        ({"value": "ERROR", "error": {"type": 7}}, "ERROR"),
        ({"value": "ERROR", "error": "timeout"}, "ERROR"),
        ({"value": "ERROR", "error": []}, "ERROR"),
        ({"value": "SUCCESS", "error": {}}, "ERROR"),
        ({"error": {}}, "ERROR"),
        ({"value": "SUCCESS", "since": 1}, "OK"),
        ({"value": "\ud83d"}, "ERROR"),
        ({"value": ""}, "ERROR"),
        ("", "ERROR"),
        (7, "7"),
        (False, "false"),
        (["SUCCESS"], '["SUCCESS"]'),
    ],
    ids=lambda value: f"{value!r:.60}",
)
def test_a_status_with_more_than_its_text_is_kept_whole(status: Any, text: str) -> None:
    columns, kept = around(status=status)
    assert columns == {"status": text}
    assert kept.keys() == {STATUS}
    assert _without_nulls(kept[STATUS]) == _without_nulls(status)


def test_an_error_that_still_has_a_body_keeps_both() -> None:
    entry = signal(
        "charge-timetocomplete",
        {"value": 40},
        meta={"retrievedAt": AT},
        status={"value": "ERROR", "error": {"type": "COMPATIBILITY", "code": "VEHICLE_NOT_CAPABLE"}},
    )
    assert signals_row(entry) == {
        "signal_count": 1,
        "Charge_TimeToComplete_value": 40.0,
        "Charge_TimeToComplete_retrievedAt": AT_MICROS,
        "Charge_TimeToComplete_status": "COMPATIBILITY:VEHICLE_NOT_CAPABLE",
    }


def test_a_signal_that_is_absent_has_no_status() -> None:
    assert signals_row() == {"signal_count": 0}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(part) for key, part in value.items() if part not in (None, JsonText("null"))}
    return value
