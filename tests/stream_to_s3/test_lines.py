"""A record becomes a line, or is quarantined with its reason."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_to_s3.errors import RecordError
from stream_to_s3.lines import line, to_lines
from support.stream_events import (
    ELEVEN_PAST_EIGHT,
    STREAM_ARN,
    STREAM_LABEL,
    TTL_IDENTITY,
    inserts,
    poison,
    record,
    sequence_number,
    typed_item,
)

NEW = {"event_id": {"S": "e"}, "recorded_at": {"S": "2025-10-28 20:11:06"}}
OLD = {"event_id": {"S": "e"}, "recorded_at": {"S": "2025-10-27 09:00:00"}}


def metadata(text: str) -> dict[str, Any]:
    found = json.loads(text)["_stream_metadata"]
    assert isinstance(found, dict)
    return found


def test_a_line_is_the_item_and_one_reserved_attribute() -> None:
    made = record(7, NEW, eventID="0123456789abcdef0123456789abcdef")
    assert line(made) == (
        '{"event_id":"e","recorded_at":"2025-10-28 20:11:06","_stream_metadata":{"event_name":"INSERT",'
        f'"stream":"{STREAM_LABEL}","sequence_number":"{sequence_number(7)}",'
        f'"approximate_creation_time":{ELEVEN_PAST_EIGHT},"stream_event_id":"0123456789abcdef0123456789abcdef",'
        '"expired_by_ttl":false}}'
    )


def test_an_empty_item_is_still_a_line() -> None:
    assert line(record(1, {})).startswith('{"_stream_metadata":{')


def test_a_modify_carries_the_new_image() -> None:
    made = json.loads(line(record(1, {**NEW, "mode": {"S": "LIVE"}}, NEW)))
    assert (made["mode"], made["_stream_metadata"]["event_name"]) == ("LIVE", "MODIFY")


def test_a_remove_carries_the_old_image() -> None:
    made = json.loads(line(record(1, None, OLD)))
    assert made["recorded_at"] == "2025-10-27 09:00:00"
    assert made["_stream_metadata"]["event_name"] == "REMOVE"


def test_a_remove_without_its_old_image_carries_the_keys() -> None:
    made = json.loads(line(record(1, Keys={"event_id": {"S": "gone"}})))
    assert {name for name in made if name != "_stream_metadata"} == {"event_id"}
    assert made["event_id"] == "gone"


def test_a_record_of_a_new_image_stream_is_a_line() -> None:
    made = record(1, NEW, NEW, OldImage=None, StreamViewType="NEW_IMAGE")
    assert "OldImage" not in made["dynamodb"]
    assert metadata(line(made))["event_name"] == "MODIFY"


PREVIOUS = [
    pytest.param(NEW, OLD, '"2025-10-27 09:00:00"', id="another time"),
    pytest.param(NEW, NEW, None, id="the same time"),
    pytest.param({"event_id": {"S": "e"}}, OLD, '"2025-10-27 09:00:00"', id="the time went away"),
    pytest.param(NEW, {"event_id": {"S": "e"}}, None, id="the old image had no recorded_at"),
    pytest.param(NEW, {"recorded_at": {"N": "1761682266.50"}}, "1761682266.50", id="the old one was a number"),
    pytest.param(NEW, {"recorded_at": {"NULL": True}}, "null", id="the old one was null"),
    pytest.param(NEW, None, None, id="an insert"),
    pytest.param(None, OLD, None, id="a remove"),
]


@pytest.mark.parametrize(("new", "old", "expected"), PREVIOUS)
def test_the_previous_recorded_at_is_given_only_when_it_differs(new: Any, old: Any, expected: str | None) -> None:
    text = line(record(1, new, old))
    assert ("previous_recorded_at" in metadata(text)) == (expected is not None)
    if expected is not None:
        assert f'"previous_recorded_at":{expected}}}}}' in text


EXPIRY = [
    pytest.param(TTL_IDENTITY, True, id="expired"),
    pytest.param(None, False, id="removed by a user"),
    pytest.param({"type": "Service", "principalId": "replication.dynamodb.amazonaws.com"}, False, id="replica"),
    pytest.param({"type": "User", "principalId": "dynamodb.amazonaws.com"}, False, id="a user of that name"),
    pytest.param("dynamodb.amazonaws.com", False, id="text"),
]


@pytest.mark.parametrize(("identity", "expected"), EXPIRY)
def test_a_removal_by_time_to_live_is_marked(identity: Any, expected: bool) -> None:
    assert metadata(line(record(1, None, OLD, userIdentity=identity)))["expired_by_ttl"] is expected


CREATED = ELEVEN_PAST_EIGHT


@pytest.mark.parametrize(
    ("expires_at", "expected"),
    [
        ({"N": str(CREATED)}, True),
        ({"N": str(CREATED - 3_600)}, True),
        ({"N": f"{CREATED - 3_600}.5"}, True),
        ({"N": str(CREATED - 5 * 365 * 86_400)}, True),
        ({"N": str(CREATED + 1)}, False),
        ({"N": str(CREATED * 1_000)}, False),
        ({"N": str(CREATED - 5 * 365 * 86_400 - 1)}, False),
        ({"N": "3600"}, False),
        ({"S": str(CREATED - 3_600)}, False),
        ({"M": {"N": {"N": "1"}}}, False),
        ({"NULL": True}, False),
    ],
    ids=repr,
)
def test_a_removal_of_an_item_whose_time_had_passed_is_an_expiry_where_the_attribute_is_named(
    expires_at: Any, expected: bool
) -> None:
    removal = record(1, None, {**OLD, "expires_at": expires_at}, ApproximateCreationDateTime=CREATED)
    assert _expiry(removal, "expires_at") is expected
    assert _expiry(removal, "") is False
    assert _expiry(removal, "another") is False


def test_only_a_removal_is_an_expiry_and_only_its_old_image_says_so() -> None:
    overdue = {**NEW, "expires_at": {"N": str(CREATED - 3_600)}}
    assert _expiry(record(1, overdue, overdue), "expires_at") is False
    assert _expiry(record(1, None, Keys=overdue), "expires_at") is False


def _expiry(removal: dict[str, Any], ttl_attribute: str) -> bool:
    return bool(metadata(line(removal, ttl_attribute))["expired_by_ttl"])


TIMES = [
    (1761682266, "1761682266"),
    (1761682266.0, "1761682266"),
    (1761682266.123, "1761682266.123"),
    (0, "0"),
]


@pytest.mark.parametrize(("sent", "written"), TIMES)
def test_the_time_is_written_as_it_was_sent(sent: float, written: str) -> None:
    assert f'"approximate_creation_time":{written},' in line(record(1, NEW, ApproximateCreationDateTime=sent))


REFUSED = {
    "an item with our attribute": (record(1, {**NEW, "_stream_metadata": {"M": {}}}), "reserved_attribute"),
    "a removed item with our attribute": (
        record(1, None, {"_stream_metadata": {"S": ""}}),
        "reserved_attribute",
    ),
    "an attribute that is not a value": (poison(1), "unconvertible"),
    "an image that is not an object": (record(1, NewImage=[], eventName="INSERT"), "unconvertible"),
    "an image that is text": (record(1, NewImage="{}", eventName="INSERT"), "unconvertible"),
    "an old recorded_at that is not a value": (record(1, NEW, {"recorded_at": "2025"}), "unconvertible"),
    "keys only": (record(1, NEW, NewImage=None, eventName="INSERT"), "malformed_record"),
    "old image only": (record(1, NEW, OLD, NewImage=None, eventName="MODIFY"), "malformed_record"),
    "a removal of nothing": (record(1, Keys=None), "malformed_record"),
    "no event name": (record(1, NEW, eventName=None), "malformed_record"),
    "an event name in lower case": (record(1, NEW, eventName="insert"), "malformed_record"),
    "an event name that is a list": (record(1, NEW, eventName=["INSERT"]), "malformed_record"),
    "nothing changed": ({**record(1, NEW), "dynamodb": []}, "malformed_record"),
    "no sequence number": (record(1, NEW, SequenceNumber=None), "malformed_record"),
    "a sequence number that is a number": (record(1, NEW, SequenceNumber=7), "malformed_record"),
    "a sequence number that leaves the folder": (record(1, NEW, SequenceNumber="../7"), "malformed_record"),
    "a sequence number of 41 digits": (record(1, NEW, SequenceNumber="1" * 41), "malformed_record"),
    "no time": (record(1, NEW, ApproximateCreationDateTime=None), "malformed_record"),
    "a time that is text": (record(1, NEW, ApproximateCreationDateTime="2025-10-28"), "malformed_record"),
    "a time that is true": (record(1, NEW, ApproximateCreationDateTime=True), "malformed_record"),
    "a time before 1970": (record(1, NEW, ApproximateCreationDateTime=-1), "malformed_record"),
    "a time after the year 9999": (record(1, NEW, ApproximateCreationDateTime=1e300), "malformed_record"),
    "a time that is not a number": (
        record(1, NEW, ApproximateCreationDateTime=float("nan")),
        "malformed_record",
    ),
    "no stream": (record(1, NEW, eventSourceARN=None), "malformed_record"),
    "a table instead of its stream": (
        record(1, NEW, eventSourceARN=STREAM_ARN.partition("/stream/")[0]),
        "malformed_record",
    ),
    "no eventID": (record(1, NEW, eventID=None), "malformed_record"),
}


@pytest.mark.parametrize(("refused", "reason"), REFUSED.values(), ids=REFUSED)
def test_an_unconvertible_record_is_quarantined_as_received(refused: dict[str, Any], reason: str) -> None:
    with pytest.raises(RecordError) as caught:
        line(refused)
    assert caught.value.reason == reason
    [quarantined] = to_lines([refused]).quarantined
    assert "\n" not in quarantined
    found = json.loads(quarantined)
    assert (found["reason"], found["detail"]) == (reason, str(caught.value))
    assert repr(found["record"]) == repr(json.loads(json.dumps(refused)))


def test_the_other_records_of_a_batch_keep_their_order() -> None:
    lines = to_lines([*inserts(2), poison(3), *inserts(1, start=4), poison(5)])
    assert [json.loads(text)["event_id"] for text in lines.converted] == ["event-1", "event-2", "event-4"]
    numbers = [json.loads(text)["record"]["dynamodb"]["SequenceNumber"] for text in lines.quarantined]
    assert numbers == [sequence_number(3), sequence_number(5)]


def test_a_record_nested_deeper_than_dynamodb_stores_is_quarantined_whole() -> None:
    value: Any = {"N": "1"}
    for _ in range(200):
        value = {"M": {"k": value}}
    [quarantined] = to_lines([record(1, {"deep": value})]).quarantined
    assert quarantined.count('{"M":{"k":') == 200
    assert '"reason":"unconvertible","detail":"deep.k.k' in quarantined
    assert '{"N":"1"}' + "}" * 400 in quarantined


@pytest.mark.parametrize("name", ["a\nb", 'a"b', "a`b", "../a", "_metadata", "_STREAM_METADATA", "\ud800"])
def test_hostile_attribute_names_stay_unchanged(name: str) -> None:
    text = line(record(1, typed_item({name: "value\n"})))
    assert json.loads(text)[name] == "value\n"
    assert "\n" not in text


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=4), children, max_size=3),
    max_leaves=6,
)
PARTS = ["eventName", "eventID", "eventSourceARN", "userIdentity", "dynamodb"]
IMAGES = ["NewImage", "OldImage", "Keys", "SequenceNumber", "ApproximateCreationDateTime"]


@given(st.sampled_from(PARTS + IMAGES), ODD)
def test_any_record_is_a_line_or_quarantined(part: str, odd: Any) -> None:
    for whole in (record(1, NEW, OLD), record(2, None, OLD)):
        (whole["dynamodb"] if part in IMAGES else whole)[part] = odd
        lines = to_lines([whole])
        assert len(lines.converted) + len(lines.quarantined) == 1
        assert isinstance(json.loads((lines.converted + lines.quarantined)[0]), dict)
