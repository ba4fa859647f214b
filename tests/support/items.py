"""Items of the source table as lines of a file, and their flat rows."""

import json
from dataclasses import dataclass
from typing import Any

from flatten.events.catalogue import Catalogue, packaged
from flatten.events.envelope import Change, read_change, read_line
from flatten.events.event import flatten
from flatten.events.signals import Row

STREAM = "2025-10-01T08:00:00.000"
SEQUENCE = "4900000000040012345678901"
AT_SECONDS = 1_761_682_266
"""2025-10-28T20:11:06Z."""
AT = AT_SECONDS * 1_000_000

Json = dict[str, Any]


@dataclass(frozen=True)
class JsonText:
    """JSON that is put into a line unchanged, for what `json.dumps` cannot write."""

    text: str


def item(*signals: Any, **attributes: Any) -> Json:
    """Return an item with these signals; `attributes` are added or replaced, None removes one."""
    whole = {"event_id": "event-1", "recorded_at": "2025-10-28 20:11:06", "signals": list(signals)} | attributes
    return {key: value for key, value in whole.items() if value is not None}


def signal(code: str, body: Any = None, /, **parts: Any) -> Json:
    """Return a signal of the catalogue with its name and group; None removes a part."""
    known = packaged().signals[code]
    whole = {"code": code, "name": known.name, "group": known.group, "body": body} | parts
    return {key: value for key, value in whole.items() if value is not None}


def metadata(**changes: Any) -> Json:
    """Return what the Lambda adds to a line; None removes a key."""
    whole = {
        "event_name": "MODIFY",
        "stream": STREAM,
        "sequence_number": SEQUENCE,
        "approximate_creation_time": AT_SECONDS,
        "stream_event_id": "0123456789abcdef0123456789abcdef",
        "expired_by_ttl": False,
    }
    return {key: value for key, value in (whole | changes).items() if value is not None}


def line(value: Any) -> bytes:
    """Write a value as a line without its end; `JsonText` stays unchanged, lone surrogates become escapes."""
    return _text(value).encode()


def _text(value: Any) -> str:
    match value:
        case JsonText():
            return value.text
        case dict():
            return "{" + ",".join(f"{json.dumps(key)}:{_text(part)}" for key, part in value.items()) + "}"
        case list():
            return "[" + ",".join(map(_text, value)) + "]"
    return json.dumps(value)


def change_of(value: Json) -> Change:
    """Return the change that an item's line represents."""
    return read_change(read_line(line(value)))


def row_of(value: Json, catalogue: Catalogue | None = None) -> Row:
    """Return the flat row of an item, from its line."""
    event = read_line(line(value))
    return flatten(event, read_change(event), catalogue or packaged())


def signals_row(*signals: Any) -> Row:
    """Return the row of an item with only these signals, without the event columns."""
    row = row_of(item(*signals))
    return {key: value for key, value in row.items() if key not in ("event_id", "event_date", "recorded_at")}


def unmapped_signals(row: Row) -> list[Any]:
    """Return the signals that the row keeps unchanged; numbers beyond int come as `JsonText`."""
    found: list[Any] = _exact(row.get("unmapped_signals", "[]"))
    return found


def take_unmapped_signals(row: Row) -> list[Any]:
    """Remove the unchanged signals from the row and return them."""
    found = unmapped_signals(row)
    row.pop("unmapped_signals", None)
    return found


def unmapped_attributes(row: Row) -> Json:
    """Return what else the row keeps, by path; numbers beyond int come as `JsonText`."""
    found: Json = _exact(row.get("unmapped_attributes", "{}"))
    return found


def _exact(text: str) -> Any:
    return json.loads(text, parse_float=JsonText, parse_int=_integer)


def _integer(digits: str) -> int | JsonText:
    return int(digits) if len(digits) < 1_000 else JsonText(digits)
