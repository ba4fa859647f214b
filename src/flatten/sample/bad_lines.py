"""Lines that no event can be read from, one for each way in which a reason for quarantine comes about."""

from collections.abc import Callable
from typing import Any, NamedTuple

from flatten.sample.lines import to_json

Event = dict[str, Any]


class BadLineError(NamedTuple):
    """A kind of bad line: why it is quarantined, its name, how it is made from a good line's event."""

    reason: str
    kind: str
    make: Callable[[Event], bytes]


def _without(event: Event, key: str) -> Event:
    return {name: value for name, value in event.items() if name != key}


def _metadata(event: Event, **parts: Any) -> bytes:
    return to_json({**event, "_stream_metadata": {**event["_stream_metadata"], **parts}})


def _not_a_number(event: Event) -> bytes:
    return to_json({**event, "odd": "?"}).replace(b'"?"', b"NaN")


def _single_quoted(event: Event) -> bytes:
    return to_json({"event_id": event["event_id"], "signals": []}).replace(b'"', b"'")


BAD_LINES = (
    BadLineError(
        "not_utf8",
        "line_in_latin_1",
        lambda event: to_json({**event, "odd": "?"}).replace(b'"?"', b'"CITRO\xcbN"'),
    ),
    BadLineError(
        "not_utf8",
        "line_of_gzip",
        lambda event: b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xab\xae\xe5\x02\x00",
    ),
    BadLineError("not_json", "line_cut_off", lambda event: to_json(event)[:-25]),
    BadLineError("not_json", "line_with_text_after", lambda event: to_json(event) + b" -- end"),
    BadLineError("not_json", "line_of_two_objects", lambda event: to_json(event) + to_json(event)),
    BadLineError("not_json", "line_with_nan", _not_a_number),
    BadLineError("not_json", "line_in_single_quotes", _single_quoted),
    BadLineError("not_json", "line_of_plain_text", lambda event: b"Traceback (most recent call last):"),
    BadLineError("not_an_object", "line_an_array", lambda event: to_json([event])),
    BadLineError("not_an_object", "line_a_string", lambda event: to_json(to_json(event).decode())),
    BadLineError("not_an_object", "line_a_number", lambda event: b"1762905600"),
    BadLineError("not_an_object", "line_null", lambda event: b"null"),
    BadLineError("bad_event_id", "event_id_absent", lambda event: to_json(_without(event, "event_id"))),
    BadLineError("bad_event_id", "event_id_empty", lambda event: to_json({**event, "event_id": ""})),
    BadLineError("bad_event_id", "event_id_a_number", lambda event: to_json({**event, "event_id": 17})),
    BadLineError("bad_event_id", "event_id_too_long", lambda event: to_json({**event, "event_id": "é" * 513})),
    BadLineError("bad_signals", "signals_an_object", lambda event: to_json({**event, "signals": {"0": None}})),
    BadLineError("bad_signals", "signals_a_string", lambda event: to_json({**event, "signals": "[]"})),
    BadLineError("bad_metadata", "metadata_a_string", lambda event: to_json({**event, "_stream_metadata": "INSERT"})),
    BadLineError("bad_metadata", "sequence_number_not_digits", lambda event: _metadata(event, sequence_number="12e3")),
    BadLineError("bad_metadata", "event_name_unknown", lambda event: _metadata(event, event_name="UPSERT")),
    BadLineError("bad_metadata", "stream_absent", lambda event: _metadata(event, stream=None)),
)
"""Reasons and kinds stand in the report. What JSON is: https://www.rfc-editor.org/rfc/rfc8259"""
