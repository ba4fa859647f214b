"""Find each value of an event in its flat row, without the code that put it there."""

import math
import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from flatten.events import json_text, timestamps
from flatten.events.catalogue import Catalogue, Signal
from flatten.events.envelope import METADATA
from flatten.events.json_text import Number
from flatten.events.signals import Row

PLACES: dict[tuple[str, ...], str] = {
    ("event_id",): "event_id",
    ("recorded_at",): "recorded_at",
    ("eventType",): "event_type",
    **{(key,): key for key in ("record_type", "car_timezone", "smartcar_user_id")},
    ("triggers",): "triggers",
    ("meta", "deliveredAt"): "delivered_at",
    ("meta", "signalCount"): "signal_count",
    **{("vehicle", key): f"vehicle_{key}" for key in ("id", "make", "model", "year", "mode", "powertrainType")},
    **{("user", key): f"user_{key}" for key in ("id", "externalId")},
    **{
        ("meta", key): f"meta_{key}"
        for key in ("version", "deliveryId", "webhookId", "webhookName", "applicationId", "sequence", "mode")
    },
}
"""The attributes with a column in contract 2."""

Path = tuple[str, ...]


def lost(event: dict[str, Any], row: Row, catalogue: Catalogue) -> list[Path]:
    """Return the paths of the values that are neither in their column nor kept unmapped; null is not a value."""
    kept = json_text.parse(row.get("unmapped_attributes", "{}"))
    return [
        path
        for path, value, told in [*_attributes(event, row), *_signals(event, row, catalogue)]
        if value is not None and not told and kept.get(joined(path)) != value
    ]


def joined(path: Path) -> str:
    """Join the steps of a path as `unmapped_attributes` does."""
    return ".".join(re.sub(r"([\\.])", r"\\\1", step) for step in path)


Told = Iterator[tuple[Path, Any, bool]]
"""Path, value, and whether a column or `unmapped_signals` has the value."""


def _attributes(event: dict[str, Any], row: Row) -> Told:
    for key, value in event.items():
        if key in ("meta", "vehicle", "user") and isinstance(value, dict):
            yield from (((key, inner), part, _placed((key, inner), part, row)) for inner, part in value.items())
        elif key not in ("signals", METADATA):
            yield (key,), value, _placed((key,), value, row)


def _placed(path: Path, value: Any, row: Row) -> bool:
    cell = row.get(PLACES.get(path, ""))
    if cell is None:
        return False
    if path == ("recorded_at",):
        return bool(cell == timestamps.from_text(value))
    if path == ("meta", "deliveredAt"):
        return bool(cell == timestamps.from_stamp(value))
    if isinstance(cell, int):
        return not isinstance(value, bool) and (cell == value or str(cell) == value)
    return _holds(cell, value, "json" if path == ("triggers",) else "text")


def _signals(event: dict[str, Any], row: Row, catalogue: Catalogue) -> Told:
    entries = event.get("signals") or []
    whole = json_text.parse(row.get("unmapped_signals", "[]"))
    last = {code_of(entry, catalogue): entry for entry in entries}
    for position, entry in enumerate(entries):
        code = code_of(entry, catalogue)
        if entry in whole:
            continue
        if code is None or last[code] is not entry:
            yield ("signals", str(position)), entry, False
        else:
            yield from _signal(entry, catalogue.signals[code], row)


def code_of(entry: Any, catalogue: Catalogue) -> str | None:
    """Return the code of the catalogued signal of an entry; None for all others."""
    if not isinstance(entry, dict):
        return None
    if entry.get("code") is not None:
        return entry["code"] if isinstance(entry["code"], str) and entry["code"] in catalogue.signals else None
    named = [s for s in catalogue.signals.values() if (s.group, s.name) == (entry.get("group"), entry.get("name"))]
    return named[0].code if named else None


def _signal(entry: dict[str, Any], signal: Signal, row: Row) -> Told:
    at = ("signals", signal.code)
    for key, value in entry.items():
        if key == "body":
            yield from _body(value, signal, row)
        elif key == "meta" and isinstance(value, dict):
            yield from (
                ((*at, key, stamp), part, _stamped(stamp, part, value, signal, row)) for stamp, part in value.items()
            )
        elif key == "status":
            yield (*at, key), value, _says(row[signal.status], value)
        else:
            own = {"code": signal.code, "name": signal.name, "group": signal.group}
            yield (*at, key), value, own.get(key) == value


def _body(body: Any, signal: Signal, row: Row) -> Told:
    fields = json_text.parse(body) if isinstance(body, str) else body
    for key, value in (fields or {}).items():
        field = signal.fields.get(key)
        cell = row.get(field.column) if field else None
        told = field is not None and cell is not None and _holds(cell, value, field.kind)
        yield ("signals", signal.code, "body", key), value, told


def _holds(cell: Any, value: Any, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, int | Number) and cell == float(value)
    if kind == "boolean":
        return cell is value
    return cell == value if kind == "text" and isinstance(value, str) else bool(json_text.parse(cell) == value)


def _stamped(key: str, value: Any, meta: dict[str, Any], signal: Signal, row: Row) -> bool:
    name = "retrievedAt" if key == "fetchedAt" and "retrievedAt" not in meta else key
    at = timestamps.from_stamp(value)
    return name in signal.stamps and at is not None and at == (row.get(signal.stamps[name]) or 0)


def _says(text: str, status: Any) -> bool:
    """Return whether each text in a status can be read from its column."""
    if not isinstance(status, dict):
        return isinstance(status, str) and (status == text or (status, text) == ("SUCCESS", "OK"))
    return all(value is None or _said(text, key, value) for key, value in status.items())


def _said(text: str, key: str, value: Any) -> bool:
    if key == "error" and isinstance(value, dict):
        return all(part is None or _named(text, inner, part) for inner, part in value.items())
    if key != "value":
        return False
    if value in ("SUCCESS", "ERROR"):
        return bool(value == "SUCCESS") == (text == "OK")
    return text == (value if isinstance(value, str) else json_text.write(value))


def _named(text: str, key: str, part: Any) -> bool:
    if key == "type":
        return isinstance(part, str) and (text == part or text.startswith(f"{part}:"))
    return key == "code" and isinstance(part, str) and text.endswith(f":{part}")


def misfits(row: Row, columns: dict[str, str]) -> list[str]:
    """Return the columns of a row that are not in `columns`, or whose value does not fit their SQL type."""
    return [
        name for name, cell in row.items() if name not in columns or not (cell is None or _fits(cell, columns[name]))
    ]


def _fits(cell: Any, sql_type: str) -> bool:
    match sql_type:
        case "STRING":
            return isinstance(cell, str) and json_text.storable(cell)
        case "DOUBLE":
            return isinstance(cell, float) and math.isfinite(cell)
        case "BOOLEAN" | "DATE":
            return type(cell) is (bool if sql_type == "BOOLEAN" else date)
        case "TIMESTAMP":
            return type(cell) is int and timestamps.date_of(cell) is not None
        case "INT" | "BIGINT":
            return type(cell) is int and abs(cell) <= 2 ** (31 if sql_type == "INT" else 63)
    return False
