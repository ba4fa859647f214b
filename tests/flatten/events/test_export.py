"""A line of an export becomes the same text as the Lambda's line of the same item."""

import json
from pathlib import Path
from typing import Any

import pytest

from flatten.events.catalogue import packaged
from flatten.events.dynamodb_json import item_text as ours
from flatten.events.envelope import BadLineError, Change, read_change, read_line
from flatten.events.event import flatten
from flatten.events.export import converted
from rehearsal.fleet.export import exported_change
from rehearsal.fleet.export import typed_item as item
from stream_to_s3 import dynamodb_json
from stream_to_s3.dynamodb_json import item_text

T = 1_767_607_200_123_456
NOW, LONG_AGO = T // 1_000_000, T // 1_000_000 - 6 * 366 * 86_400
EVENT = {"event_id": "e1", "recorded_at": "2026-01-05 10:00:00", "signals": [], "meta": {"deliveredAt": 1}}


def exported(**images: Any) -> bytes:
    """Return a line of an incremental export."""
    change = exported_change(T, {"event_id": "e1"}, images.get("NewImage"), images.get("OldImage"))
    return json.dumps(change).encode()


def change(line: bytes, ttl_attribute: str | None = None) -> Change:
    return read_change(read_line(converted(line, ttl_attribute)))


def test_the_conversion_is_the_module_of_the_lambda() -> None:
    module = Path(ours.__code__.co_filename)
    assert module.name == "dynamodb_json.py"
    assert module.read_bytes() == Path(dynamodb_json.__file__).read_bytes()


@pytest.mark.parametrize(
    "value",
    [
        *({"N": "1.50"}, {"N": "12345678901234567890123456789012345678"}, {"S": "é🚗"}, {"B": "AAE="}),
        *({"SS": ["b", "a"]}, {"NS": ["2", "1.0"]}, {"BOOL": False}, {"NULL": True}, {"L": [{"M": {}}, {"S": ""}]}),
    ],
    ids=str,
)
def test_an_item_of_a_full_export_is_the_text_that_the_lambda_writes(value: dict[str, Any]) -> None:
    typed = {"event_id": {"S": "e1"}, "value": value}
    assert converted(json.dumps({"Item": typed}).encode()) == item_text(typed).encode()


def test_an_item_of_a_full_export_has_no_place_in_the_order() -> None:
    found = change(json.dumps({"Item": item(EVENT)}).encode())
    assert (found.event_name, found.stream, found.sequence_number, found.changed_at) == (None, None, None, None)


@pytest.mark.parametrize(
    ("images", "name", "keys_only"),
    [
        ({"NewImage": item(EVENT)}, "MODIFY", False),
        ({"NewImage": item(EVENT), "OldImage": item(EVENT | {"signals": None})}, "MODIFY", False),
        ({"OldImage": item(EVENT)}, "REMOVE", False),
        ({}, "REMOVE", True),
    ],
    ids=["new", "new and old", "removed, with its image", "removed, its keys alone"],
)
def test_an_item_of_an_incremental_export_is_a_change_at_its_time(
    images: dict[str, Any], name: str, keys_only: bool
) -> None:
    found = change(exported(**images))
    assert (found.event_name, found.changed_at, found.keys_only, found.expired) == (name, T, keys_only, False)
    assert (found.stream, found.sequence_number) == (None, None)


def test_the_row_of_an_exported_item_has_no_trace_of_the_export() -> None:
    event = read_line(converted(exported(NewImage=item(EVENT))))
    row = flatten(event, read_change(event), packaged())
    assert row.keys() == {"event_id", "event_date", "recorded_at", "delivered_at", "signal_count"}


@pytest.mark.parametrize(
    ("image", "expires", "expired"),
    [
        ("OldImage", NOW, True),
        ("OldImage", NOW + 1, False),
        ("OldImage", LONG_AGO, False),
        ("OldImage", "soon", False),
        ("NewImage", NOW, False),
    ],
    ids=["over", "not over yet", "over for more than five years", "no number", "not removed"],
)
def test_a_removal_after_the_items_time_to_live_is_an_expiry(image: str, expires: Any, expired: bool) -> None:
    line = exported(**{image: item(EVENT | {"expires": expires})})
    assert change(line, "expires").expired is expired
    assert change(line).expired is False


@pytest.mark.parametrize(
    "line",
    [
        b'{"Item": {"event_id": {"X": "e1"}}}',
        b'{"Item": ["event_id"]}',
        b'{"Item": {"event_id": {"S": "e1"}, "_stream_metadata": {"S": "x"}}}',
        b'{"Keys": {"event_id": {"S": "e1"}}}',
        b'{"Metadata": {"WriteTimestampMicros": {"N": "soon"}}, "Keys": {"event_id": {"S": "e1"}}}',
    ],
    ids=["unknown type", "no item", "our own attribute", "no time", "not a time"],
)
def test_an_unconvertible_item_is_quarantined_unchanged(line: bytes) -> None:
    assert converted(line) == line
    with pytest.raises(BadLineError) as refused:
        change(line)
    assert refused.value.reason == "unconvertible"


@pytest.mark.parametrize("line", [b"{broken", b"[]", b"1", b'{"Other": {}}'])
def test_an_invalid_line_of_an_export_keeps_its_reason(line: bytes) -> None:
    assert converted(line) == line


@pytest.mark.parametrize("written", [{"N": str(T)}, str(T), T], ids=["a typed number", "text", "a number"])
def test_the_time_of_a_write_is_read_in_every_form(written: Any) -> None:
    line = json.dumps({"Metadata": {"WriteTimestampMicros": written}, "NewImage": item(EVENT)}).encode()
    assert change(line).changed_at == T


def test_a_removal_without_an_image_keeps_the_values_under_any_key_schema() -> None:
    removal = exported_change(T, {"event_id": "e1", "user_id": "u"}, None)
    found = change(json.dumps(removal).encode())
    assert (found.event_id, found.keys_only) == ("e1", True)


def test_a_removal_by_keys_without_an_event_id_is_quarantined_with_its_keys() -> None:
    removal = exported_change(T, {"user_id": "u", "time": 5}, None)
    event = read_line(converted(json.dumps(removal).encode()))
    assert event["user_id"] == "u"
    with pytest.raises(BadLineError, match="missing"):
        read_change(event)
