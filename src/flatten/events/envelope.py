"""Read a line as an event with its place in the order of changes, or the reason for quarantine."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from flatten.events import json_text, timestamps
from flatten.events.json_text import Number
from flatten.events.landing_file import MAX_LINE_BYTES

ORDER_DIGITS = 40
"""DynamoDB's sequence numbers have 21 to 40 digits; padded to 40 they compare as text.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html
"""

MAX_EVENT_ID_BYTES = 1024
_LONGEST_LABEL = 100
METADATA = "_stream_metadata"
_MOST_KEYS = 2
"""A table's key has one or two attributes, text, number or binary; a REMOVE without an image has nothing else.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.CoreComponents.html
"""

EVENT_NAMES = ("INSERT", "MODIFY", "REMOVE")

WRITTEN = "write_timestamp_micros"
"""In the metadata of an item of an incremental export, in place of the stream's label and number: `events.export`."""


class BadLineError(Exception):
    """Raised for a line to quarantine, with a reason of docs/reference/quarantine.md and a detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Change:
    """What the MERGE must know of a line.

    `event_name`, `stream` and `sequence_number` are None for lines without `_stream_metadata`; an exported item has
    only the time at which it was written. Times are microseconds since 1970 UTC.
    """

    event_id: str
    event_name: str | None
    expired: bool
    stream: str | None
    sequence_number: str | None
    changed_at: int | None
    delivered_at: int | None
    event_date: date | None
    previous_date: date | None
    keys_only: bool


def read_line(content: bytes, limit: int = MAX_LINE_BYTES) -> dict[str, Any]:
    """Return the object on a line.

    Raises BadLineError: line_too_long, not_utf8, not_json, equal_keys, not_an_object.
    """
    if len(content) > limit:
        raise BadLineError(
            "line_too_long", f"{len(content)} bytes, at most {limit}; the archived file has the whole line"
        )
    try:
        event = json_text.parse(content.decode())
    except UnicodeDecodeError as wrong:
        raise BadLineError("not_utf8", f"byte {wrong.start + 1}: {wrong.reason}") from None
    except json_text.EqualKeysError as wrong:
        raise BadLineError("equal_keys", str(wrong)) from None
    except json_text.NotJsonError as wrong:
        raise BadLineError("not_json", str(wrong)) from None
    if not isinstance(event, dict):
        raise BadLineError("not_an_object", f"a JSON {_kind(event)}")
    return event


def read_change(event: dict[str, Any]) -> Change:
    """Return the change that an event represents.

    Raises BadLineError: unconvertible, bad_event_id, bad_signals, bad_metadata.
    """
    if "event_id" not in event and ("Item" in event or "Keys" in event):
        raise BadLineError("unconvertible", f"the item of an exported line is not DynamoDB JSON or has {METADATA}")
    event_id = event_id_of(event)
    if not isinstance(event.get("signals"), list | None):
        raise BadLineError("bad_signals", f"signals is a JSON {_kind(event['signals'])}, not an array")
    metadata = event.get(METADATA) if METADATA in event else None
    if METADATA in event and not isinstance(metadata, dict):
        raise BadLineError("bad_metadata", f"{METADATA} is a JSON {_kind(metadata)}, not an object")
    name, stream, number = _order(metadata) if metadata is not None else (None, None, None)
    known = metadata or {}
    return Change(
        event_id=event_id,
        event_name=name,
        expired=known.get("expired_by_ttl") is True,
        stream=stream,
        sequence_number=number,
        changed_at=_changed_at(known, number),
        delivered_at=_delivered_at(event),
        event_date=timestamps.date_of(timestamps.from_text(event.get("recorded_at"))),
        previous_date=timestamps.date_of(timestamps.from_text(known.get("previous_recorded_at"))),
        keys_only=_has_only_keys(event),
    )


def event_id_of(event: dict[str, Any]) -> str:
    """Return an event's id. Raises BadLineError: bad_event_id."""
    event_id = event.get("event_id")
    if not isinstance(event_id, str):
        raise BadLineError("bad_event_id", "missing" if event_id is None else f"a JSON {_kind(event_id)}, not text")
    if not event_id:
        raise BadLineError("bad_event_id", "empty")
    if not json_text.storable(event_id):
        raise BadLineError("bad_event_id", "has half of a surrogate pair")
    if len(event_id.encode()) > MAX_EVENT_ID_BYTES:
        raise BadLineError("bad_event_id", f"{len(event_id.encode())} bytes, at most {MAX_EVENT_ID_BYTES}")
    return event_id


def _has_only_keys(event: dict[str, Any]) -> bool:
    attributes = [value for name, value in event.items() if name != METADATA]
    return len(attributes) <= _MOST_KEYS and all(type(value) in (str, int, Number) for value in attributes)


def _order(metadata: dict[str, Any]) -> tuple[str, str | None, str | None]:
    name, stream, number = (metadata.get(key) for key in ("event_name", "stream", "sequence_number"))
    if name not in EVENT_NAMES:
        raise BadLineError("bad_metadata", f"event_name {_shown(name)} is not one of {', '.join(EVENT_NAMES)}")
    if number is None and _changed_at(metadata, None) is not None:
        return name, None, None
    if not isinstance(stream, str) or not 0 < len(stream) <= _LONGEST_LABEL or not json_text.storable(stream):
        raise BadLineError("bad_metadata", f"stream {_shown(stream)} is not the label of a stream")
    if not (isinstance(number, str) and number.isascii() and number.isdigit() and len(number) <= ORDER_DIGITS):
        raise BadLineError("bad_metadata", f"sequence_number {_shown(number)} is not 1 to {ORDER_DIGITS} digits")
    return name, stream, number


def _changed_at(metadata: dict[str, Any], number: str | None) -> int | None:
    if number is None:
        return timestamps.from_number(metadata.get(WRITTEN), 1)
    return timestamps.from_number(metadata.get("approximate_creation_time"), 1_000_000)


def _delivered_at(event: dict[str, Any]) -> int | None:
    meta = event.get("meta")
    return timestamps.from_stamp(meta.get("deliveredAt")) if isinstance(meta, dict) else None


def _shown(value: Any) -> str:
    text = json_text.write(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", Number: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]
