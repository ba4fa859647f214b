"""A line becomes an event and its place in the order of changes, or the reason for quarantine."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatten.events.envelope import (
    MAX_EVENT_ID_BYTES,
    METADATA,
    ORDER_DIGITS,
    BadLineError,
    Change,
    read_change,
    read_line,
)
from flatten.events.json_text import Number
from flatten.events.landing_file import MAX_LINE_BYTES
from support.items import AT, SEQUENCE, STREAM, JsonText, change_of, item, line, metadata

REASONS = {
    *("not_utf8", "not_json", "equal_keys", "not_an_object", "line_too_long"),
    *("bad_event_id", "bad_signals", "bad_metadata"),
}


@pytest.mark.parametrize(
    ("content", "event"),
    [
        (b"{}", {}),
        (b' {"a": 1}\r', {"a": 1}),
        (b'{"a":1.50}', {"a": Number("1.50")}),
        ('{"a":"é\u2028"}'.encode(), {"a": "é\u2028"}),
    ],
    ids=["empty", "spaces and CR", "digits", "Unicode"],
)
def test_a_line_is_one_object(content: bytes, event: dict[str, Any]) -> None:
    assert read_line(content) == event


@pytest.mark.parametrize(
    ("content", "reason", "detail"),
    [
        (b'{"a":"\xff"}', "not_utf8", "byte 7: invalid start byte"),
        (b"\xed\xa0\xbd", "not_utf8", "byte 1: invalid continuation byte"),
        (b'{"a":"\xc3', "not_utf8", "byte 7: unexpected end of data"),
        (b"\xff\xfe{\x00}\x00", "not_utf8", "byte 1: invalid start byte"),
        (b"", "not_json", "column 1: Expecting value"),
        (b'{"a":1', "not_json", "column 7: Expecting ',' delimiter"),
        (b'{"a":1} x', "not_json", "column 9: Extra data"),
        (b'{"a":NaN}', "not_json", "NaN is not JSON"),
        (b"{'a':1}", "not_json", "column 2: Expecting property name enclosed in double quotes"),
        (b'\xef\xbb\xbf{"a":1}', "not_json", "column 1: Expecting value"),
        (b'{"a":' + b"[" * 5_000, "not_json", "nested deeper than 256 levels"),
        (b'{"a":' + b"1" * 10_000, "not_json", "column 10006: Expecting ',' delimiter"),
        (b'{"event_id":"a","event_id":"b"}', "equal_keys", '"event_id" twice in one object'),
        (b'{"a":{"b":1,"\\u0062":1}}', "equal_keys", '"b" twice in one object'),
        (b'{"a":[{"\\ud83d":1,"\\ud83d":2}]}', "equal_keys", '"\\ud83d" twice in one object'),
        (b'[{"a":1,"a":2}]', "equal_keys", '"a" twice in one object'),
        (b"null", "not_an_object", "a JSON null"),
        (b"true", "not_an_object", "a JSON boolean"),
        (b"7", "not_an_object", "a JSON number"),
        (b"7.5", "not_an_object", "a JSON number"),
        (b'"{}"', "not_an_object", "a JSON string"),
        (b"[{}]", "not_an_object", "a JSON array"),
    ],
    ids=lambda value: f"{value!r:.40}",
)
def test_a_line_that_is_not_an_object_is_refused_with_the_reason(content: bytes, reason: str, detail: str) -> None:
    with pytest.raises(BadLineError) as bad:
        read_line(content)
    assert (bad.value.reason, bad.value.detail) == (reason, detail)


def test_a_line_beyond_the_limit_is_not_parsed() -> None:
    assert read_line(b'{"a":1}', limit=7) == {"a": 1}
    with pytest.raises(BadLineError, match="7 bytes, at most 6") as bad:
        read_line(b'{"a":1}', limit=6)
    assert bad.value.reason == "line_too_long"


def test_a_line_of_5_mb_is_read() -> None:
    assert MAX_LINE_BYTES > 5_000_000
    assert len(read_line(b'{"a":"' + b"x" * 5_000_000 + b'"}')["a"]) == 5_000_000


def test_a_line_of_the_lambda_becomes_a_change() -> None:
    stored = item(meta={"deliveredAt": 1_761_682_265_846})
    added = metadata(previous_recorded_at="2025-10-27T23:00:00-02:00")
    assert change_of(stored | {METADATA: added}) == Change(
        event_id="event-1",
        event_name="MODIFY",
        expired=False,
        stream=STREAM,
        sequence_number=SEQUENCE,
        changed_at=AT,
        delivered_at=1_761_682_265_846_000,
        event_date=date(2025, 10, 28),
        previous_date=date(2025, 10, 28),
        keys_only=False,
    )


def test_a_line_of_the_older_pipeline_has_no_sequence_number() -> None:
    assert change_of(item(meta={"deliveredAt": "2025-10-28T20:11:05.846Z"})) == Change(
        event_id="event-1",
        event_name=None,
        expired=False,
        stream=None,
        sequence_number=None,
        changed_at=None,
        delivered_at=1_761_682_265_846_000,
        event_date=date(2025, 10, 28),
        previous_date=None,
        keys_only=False,
    )


@pytest.mark.parametrize(
    ("event_id", "detail"),
    [
        (None, "missing"),
        (JsonText("null"), "missing"),
        ("", "empty"),
        (7, "a JSON number, not text"),
        (JsonText("7.5"), "a JSON number, not text"),
        (True, "a JSON boolean, not text"),
        (["event-1"], "a JSON array, not text"),
        ({"S": "event-1"}, "a JSON object, not text"),
        ("x" * (MAX_EVENT_ID_BYTES + 1), "1025 bytes, at most 1024"),
        ("é" * 513, "1026 bytes, at most 1024"),
        ("a\ud83d", "has half of a surrogate pair"),
        ("x" * 5_000_000, "5000000 bytes, at most 1024"),
    ],
    ids=lambda value: f"{value!r:.30}",
)
def test_an_event_needs_an_id(event_id: Any, detail: str) -> None:
    with pytest.raises(BadLineError) as bad:
        change_of(item(event_id=event_id))
    assert (bad.value.reason, bad.value.detail) == ("bad_event_id", detail)


@pytest.mark.parametrize(
    "event_id",
    ["x" * MAX_EVENT_ID_BYTES, "é" * 512, " ", "'; DROP TABLE t; --", "`\n\x00", "../../etc", "🚗"],
    ids=lambda value: f"{value!r:.30}",
)
def test_any_other_text_is_an_id_and_stays_unchanged(event_id: str) -> None:
    assert change_of(item(event_id=event_id)).event_id == event_id


@pytest.mark.parametrize(
    ("signals", "kind"),
    [({}, "object"), ("[]", "string"), (0, "number"), (False, "boolean"), (JsonText("1e5"), "number")],
    ids=["object", "text", "zero", "false", "number"],
)
def test_signals_must_be_an_array(signals: Any, kind: str) -> None:
    with pytest.raises(BadLineError) as bad:
        change_of(item(signals=signals))
    assert (bad.value.reason, bad.value.detail) == ("bad_signals", f"signals is a JSON {kind}, not an array")


@pytest.mark.parametrize("signals", [None, JsonText("null"), [], [None, 7, "text", []]], ids=repr)
def test_signals_may_be_missing_null_or_hold_anything(signals: Any) -> None:
    assert change_of(item(signals=signals)).event_id == "event-1"


@pytest.mark.parametrize(
    ("added", "detail"),
    [
        (JsonText("null"), "_stream_metadata is a JSON null, not an object"),
        ([], "_stream_metadata is a JSON array, not an object"),
        ("{}", "_stream_metadata is a JSON string, not an object"),
        ({}, "event_name null is not one of INSERT, MODIFY, REMOVE"),
        (metadata(event_name="modify"), 'event_name "modify" is not one of INSERT, MODIFY, REMOVE'),
        (metadata(event_name=["MODIFY"]), 'event_name ["MODIFY"] is not one of INSERT, MODIFY, REMOVE'),
        (metadata(event_name=JsonText("1.5")), "event_name 1.5 is not one of INSERT, MODIFY, REMOVE"),
        (metadata(event_name="x" * 5_000_000), f'event_name "{"x" * 56}... is not one of INSERT, MODIFY, REMOVE'),
        (metadata(event_name="\ud83d"), 'event_name "\\ud83d" is not one of INSERT, MODIFY, REMOVE'),
        (metadata(stream=None), "stream null is not the label of a stream"),
        (metadata(stream=""), 'stream "" is not the label of a stream'),
        (metadata(stream="\ud83d"), 'stream "\\ud83d" is not the label of a stream'),
        (metadata(stream=7), "stream 7 is not the label of a stream"),
        (metadata(sequence_number=None), "sequence_number null is not 1 to 40 digits"),
        (metadata(sequence_number=""), 'sequence_number "" is not 1 to 40 digits'),
        (metadata(sequence_number=49), "sequence_number 49 is not 1 to 40 digits"),
        (metadata(sequence_number="-49"), 'sequence_number "-49" is not 1 to 40 digits'),
        (metadata(sequence_number="4.9"), 'sequence_number "4.9" is not 1 to 40 digits'),
        (metadata(sequence_number="49\n"), 'sequence_number "49\\n" is not 1 to 40 digits'),
        (metadata(sequence_number="\u0664\u0669"), 'sequence_number "\u0664\u0669" is not 1 to 40 digits'),
        (metadata(sequence_number="9" * 41), f'sequence_number "{"9" * 41}" is not 1 to 40 digits'),
    ],
    ids=lambda value: f"{value!r:.50}",
)
def test_metadata_with_an_invalid_order_is_refused(added: Any, detail: str) -> None:
    with pytest.raises(BadLineError) as bad:
        change_of(item() | {METADATA: added})
    assert (bad.value.reason, bad.value.detail) == ("bad_metadata", detail)


@pytest.mark.parametrize("number", ["0", "1", "9" * 21, "9" * 22, "9" * ORDER_DIGITS, "007"], ids=lambda text: text[:9])
def test_a_sequence_number_stays_unchanged(number: str) -> None:
    assert change_of(item() | {METADATA: metadata(sequence_number=number)}).sequence_number == number


@pytest.mark.parametrize("name", ["INSERT", "MODIFY", "REMOVE"])
def test_the_names_of_changes_are_those_of_the_stream(name: str) -> None:
    assert change_of(item() | {METADATA: metadata(event_name=name)}).event_name == name


@pytest.mark.parametrize(
    ("flag", "expired"), [(True, True), (False, False), (None, False), ("true", False), (1, False)], ids=repr
)
def test_only_true_says_that_an_item_expired(flag: Any, expired: bool) -> None:
    assert change_of(item() | {METADATA: metadata(event_name="REMOVE", expired_by_ttl=flag)}).expired is expired


@pytest.mark.parametrize(
    ("seconds", "at"),
    [(1_761_682_266, AT), (JsonText("1761682266.5"), AT + 500_000), (None, None), ("1761682266", None), (10**30, None)],
    ids=repr,
)
def test_the_time_of_a_change_is_in_seconds(seconds: Any, at: int | None) -> None:
    assert change_of(item() | {METADATA: metadata(approximate_creation_time=seconds)}).changed_at == at


@pytest.mark.parametrize(
    ("stored", "keys_only"),
    [
        ({"event_id": "a"}, True),
        ({"event_id": "a", "recorded_at": "2025-10-28 20:11:06"}, True),
        ({"event_id": "a", "user_id": "u"}, True),
        ({"event_id": "a", "at": 5}, True),
        ({"event_id": "a", "recorded_at": "2025-10-28 20:11:06", "user_id": "u"}, False),
        ({"event_id": "a", "user": {}}, False),
        ({"event_id": "a", "expired": True}, False),
        ({"event_id": "a", "signals": []}, False),
    ],
    ids=[
        *("the key", "the keys of a table that is sorted by time", "of another table", "with a number"),
        *("three attributes", "an object", "a boolean", "signals"),
    ],
)
def test_an_item_with_only_its_keys_is_recognised(stored: dict[str, Any], keys_only: bool) -> None:
    assert change_of(stored | {METADATA: metadata(event_name="REMOVE")}).keys_only is keys_only
    assert change_of(stored).keys_only is keys_only


@pytest.mark.parametrize(
    ("recorded_at", "day"),
    [
        ("2025-10-28 20:11:06", date(2025, 10, 28)),
        ("2025-10-28T23:30:00-02:00", date(2025, 10, 29)),
        ("9999-12-31T23:00:00-01:00", None),
        ("2025-10-28 20: 11: 06", None),
        (1_761_682_266, None),
        (None, None),
    ],
    ids=repr,
)
def test_the_date_of_an_event_is_that_of_recorded_at_in_utc(recorded_at: Any, day: date | None) -> None:
    assert change_of(item(recorded_at=recorded_at)).event_date == day
    assert change_of(item() | {METADATA: metadata(previous_recorded_at=recorded_at)}).previous_date == day


@pytest.mark.parametrize("meta", [None, {}, [], "text", {"deliveredAt": []}, {"deliveredAt": "yesterday"}], ids=repr)
def test_a_delivery_without_a_valid_time_has_no_time(meta: Any) -> None:
    assert change_of(item(meta=meta)).delivered_at is None


pieces = st.sampled_from(
    [
        *(b'{"event_id":"a"', b'"signals":', b"[", b"]", b"{", b"}", b",", b":", b'"_stream_metadata":', b'"meta":'),
        *(b'"stream":"s"', b'"sequence_number":"1"', b'"event_name":"INSERT"', b"null", b"1", b"NaN", b"\xff", b"\n"),
        *(b"1" * 5_000, b'"recorded_at":"9999-12-31T23:00:00-01:00"', b'"\\ud83d"', b'"', b"\\", b"1e99999"),
    ]
)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(["2025-10-28 20:11:06", "MODIFY", "7"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
parts = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("event_id", "signals", "recorded_at", "meta"), values),
        METADATA: values | st.fixed_dictionaries({}, optional=dict.fromkeys(metadata(previous_recorded_at=""), values)),
    },
)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60) | st.lists(pieces, max_size=20).map(b"".join) | parts.map(line))
def test_any_bytes_are_a_change_or_a_bad_line(content: bytes) -> None:
    change, bad = _read(content)
    if change is not None:
        assert 0 < len(change.event_id.encode()) <= MAX_EVENT_ID_BYTES
        assert (change.stream is None) == (change.sequence_number is None) == (change.event_name is None)
    else:
        assert bad is not None
        assert bad.reason in REASONS
        assert bad.detail.encode()


def _read(content: bytes) -> tuple[Change | None, BadLineError | None]:
    try:
        return read_change(read_line(content)), None
    except BadLineError as bad:
        return None, bad
