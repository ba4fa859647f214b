"""An event becomes one flat row: event columns, and everything else that was stored. Contract 2."""

from datetime import date
from typing import Any

import pytest

from flatten.events.envelope import METADATA
from support.items import AT, JsonText, item, metadata, row_of, signal, unmapped_attributes

EVENT = {"event_id": "event-1", "event_date": date(2025, 10, 28), "recorded_at": AT, "signal_count": 0}
WHOLE = {
    "eventType": "VEHICLE_STATE",
    "meta": {
        "deliveredAt": 1_761_682_265_846,
        "version": "4.0",
        "deliveryId": "delivery",
        "webhookId": "wh_1",
        "webhookName": "Fleet",
        "applicationId": "app_1",
        "sequence": 1_790_080_005_044,
        "mode": "LIVE",
        "signalCount": 0,
    },
    "vehicle": {
        "id": "vehicle",
        "make": "TOYOTA",
        "model": "118i",
        "year": 2023,
        "mode": "live",
        "powertrainType": "BEV",
    },
    "user": {"id": "user", "externalId": "external"},
    "triggers": [{"type": "SIGNAL_UPDATED", "signal": {"code": "a", "limit": JsonText("1.50")}}],
}

YEARS: list[Any] = [2**31, -(2**31) - 1, True, "", "2023.0", " 2023", "\u0662\u0660", "+1", "-0", "0123"]
YEARS += [[2023], {"N": "2023"}, JsonText("2023.5"), JsonText("2.0E+3")]
"""Each is something else than a year of four digits."""


def test_every_attribute_that_has_a_column_fills_it() -> None:
    assert row_of(item(**WHOLE)) == EVENT | {
        "event_type": "VEHICLE_STATE",
        "delivered_at": 1_761_682_265_846_000,
        "vehicle_id": "vehicle",
        "vehicle_make": "TOYOTA",
        "vehicle_model": "118i",
        "vehicle_year": 2023,
        "vehicle_mode": "live",
        "vehicle_powertrainType": "BEV",
        "user_id": "user",
        "user_externalId": "external",
        "triggers": '[{"type":"SIGNAL_UPDATED","signal":{"code":"a","limit":1.50}}]',
        "meta_version": "4.0",
        "meta_deliveryId": "delivery",
        "meta_webhookId": "wh_1",
        "meta_webhookName": "Fleet",
        "meta_applicationId": "app_1",
        "meta_sequence": 1_790_080_005_044,
        "meta_mode": "LIVE",
    }


def test_an_event_with_only_an_id_has_a_row() -> None:
    assert row_of({"event_id": "event-1"}) == {"event_id": "event-1", "event_date": None, "signal_count": 0}


@pytest.mark.parametrize(
    ("container", "key", "column"),
    [
        ("", "eventType", "event_type"),
        ("vehicle", "make", "vehicle_make"),
        ("user", "id", "user_id"),
        ("meta", "version", "meta_version"),
    ],
)
@pytest.mark.parametrize(
    ("given", "cell"),
    [
        ("", ""),
        ("'\"`\n\x00../é🚗", "'\"`\n\x00../é🚗"),
        (7, "7"),
        (JsonText("4.0"), "4.0"),
        (True, "true"),
        ({"S": [1]}, '{"S":[1]}'),
        ("x" * 5_000_000, "x" * 5_000_000),
    ],
    ids=["empty", "hostile", "whole number", "number", "boolean", "object", "5 MB"],
)
def test_a_text_attribute_takes_any_value(container: str, key: str, column: str, given: Any, cell: str) -> None:
    assert row_of(_with(container, key, given)) == EVENT | {column: cell}


@pytest.mark.parametrize(
    ("key", "column", "given", "cell"),
    [
        ("year", "vehicle_year", 2023, 2023),
        ("year", "vehicle_year", "2023", 2023),
        ("year", "vehicle_year", -1, -1),
        ("year", "vehicle_year", 2**31 - 1, 2**31 - 1),
        ("year", "vehicle_year", -(2**31), -(2**31)),
        ("sequence", "meta_sequence", 2**63 - 1, 2**63 - 1),
        ("sequence", "meta_sequence", str(2**63 - 1), 2**63 - 1),
        ("sequence", "meta_sequence", str(-(2**63)), -(2**63)),
        ("sequence", "meta_sequence", 0, 0),
        ("sequence", "meta_sequence", "0", 0),
    ],
    ids=repr,
)
def test_whole_numbers_are_read_also_from_text(key: str, column: str, given: Any, cell: int) -> None:
    assert row_of(_with("vehicle" if key == "year" else "meta", key, given)) == EVENT | {column: cell}


@pytest.mark.parametrize(
    ("container", "key", "given"),
    [
        *(("vehicle", "year", given) for given in YEARS),
        *(("meta", "sequence", given) for given in (2**63, str(2**63), "9" * 5_000, JsonText("9" * 5_000))),
        *(("meta", "deliveredAt", given) for given in ("yesterday", True, {"N": "1"}, 10**30, "1761682265846")),
        *(("", "recorded_at", given) for given in ("2025-10-28 20: 11: 06", 1_761_682_266, True, {"N": "1"})),
        *(("", "eventType", given) for given in ("\ud83d", "a\udc00b")),
    ],
    ids=lambda value: f"{value!r:.30}",
)
def test_a_value_that_its_column_cannot_hold_is_kept_by_its_path(container: str, key: str, given: Any) -> None:
    row = row_of(_with(container, key, given))
    assert unmapped_attributes(row) == {f"{container}.{key}" if container else key: given}
    own = {"event_id": "event-1", "signal_count": 0}
    assert row.items() >= (own if key == "recorded_at" else EVENT).items()
    assert row.keys() == (own if key == "recorded_at" else EVENT).keys() | {"event_date", "unmapped_attributes"}
    row["unmapped_attributes"].encode()


def test_an_invalid_recorded_at_leaves_the_date_null() -> None:
    row = row_of(item(recorded_at="2025-10-28 20: 11: 06"))
    assert row["event_date"] is None
    assert "recorded_at" not in row


@pytest.mark.parametrize(
    ("given", "text"),
    [([], "[]"), ({}, "{}"), ("text", '"text"'), (7, "7"), (False, "false"), ([None], "[null]")],
    ids=repr,
)
def test_triggers_of_any_type_are_json_text(given: Any, text: str) -> None:
    assert row_of(item(triggers=given)) == EVENT | {"triggers": text}


@pytest.mark.parametrize("container", ["meta", "vehicle", "user"])
@pytest.mark.parametrize("given", ["text", 7, True, [], [{"id": 1}]], ids=repr)
def test_a_container_of_another_kind_is_kept_whole(container: str, given: Any) -> None:
    row = row_of(item(**{container: given}))
    assert unmapped_attributes(row) == {container: given}
    assert row.keys() == EVENT.keys() | {"unmapped_attributes"}


@pytest.mark.parametrize("container", ["meta", "vehicle", "user"])
@pytest.mark.parametrize("given", [JsonText("null"), {}, {"id": JsonText("null")}, {"any": JsonText("null")}], ids=repr)
def test_a_container_without_values_leaves_nothing(container: str, given: Any) -> None:
    assert row_of(item(**{container: given})) == EVENT


def test_other_stored_values_are_kept_by_their_path() -> None:
    row = row_of(
        item(
            smartcar_user="user",
            car_zone={"name": "Europe/Berlin", "offsets": [JsonText("1.50")]},
            nothing=JsonText("null"),
            vehicle={"id": "vehicle", "colour": {"code": "\ud83d"}},
            meta={"a.b": 1, "deliveryTime": 1_758_238_783_185},
            **{"vehicle.id": "a key with a dot", "": "a key without a letter", "back\\slash": "x"},
        )
    )
    assert row["vehicle_id"] == "vehicle"
    assert unmapped_attributes(row) == {
        "smartcar_user": "user",
        "car_zone": {"name": "Europe/Berlin", "offsets": [JsonText("1.50")]},
        "vehicle.colour": {"code": "\ud83d"},
        "meta.a\\.b": 1,
        "meta.deliveryTime": 1_758_238_783_185,
        "vehicle\\.id": "a key with a dot",
        "": "a key without a letter",
        "back\\\\slash": "x",
    }
    row["unmapped_attributes"].encode()


@pytest.mark.parametrize(
    ("given", "kept"),
    [(2, False), (3, True), (0, True), ("2", True), (True, True), (JsonText("2.0"), True), ([2], True)],
    ids=repr,
)
def test_the_count_of_the_delivery_is_kept_if_it_differs_from_the_item(given: Any, kept: bool) -> None:
    row = row_of(item(signal("charge-ischarging"), None, {"code": "x"}, meta={"signalCount": given}))
    assert row["signal_count"] == 2
    assert unmapped_attributes(row) == ({"meta.signalCount": given} if kept else {})


@pytest.mark.parametrize("count", [0, 1])
def test_a_boolean_is_not_a_count(count: int) -> None:
    row = row_of(item(*[{"code": "x"}] * count, meta={"signalCount": bool(count)}))
    assert unmapped_attributes(row) == {"meta.signalCount": bool(count)}


def test_only_unknown_metadata_is_kept() -> None:
    assert row_of(item() | {METADATA: metadata(previous_recorded_at="2025-10-27 20:11:06")}) == EVENT
    row = row_of(item() | {METADATA: metadata(shard="1")})
    assert unmapped_attributes(row) == {"_stream_metadata.shard": "1"}


@pytest.mark.parametrize("signals", [JsonText("null"), [], [None]], ids=repr)
def test_an_event_without_signals_has_a_row(signals: Any) -> None:
    assert row_of(item(signals=signals)) == EVENT


@pytest.mark.parametrize("code", ["event_id", "vehicle_id", "source_file", "deleted_at", "`; DROP TABLE t"])
def test_no_payload_can_name_a_column(code: str) -> None:
    entry = {"code": code, "group": "event", "name": "id", "body": {"value": "x"}}
    row = row_of(item(entry) | {code: "y"} | {"event_id": "e"})
    assert row.keys() <= EVENT.keys() | {"unmapped_signals", "unmapped_attributes"}
    assert row["event_id"] == "e"


def _with(container: str, key: str, value: Any) -> dict[str, Any]:
    return item(**{container: {key: value}} if container else {key: value})
