"""Map the signals of an event to columns, and return what fits no column. Contract 2.

Codes, bodies and stamps are untrusted: no signal may change its neighbours.
https://smartcar.com/docs/api-reference/webhooks/events/vehicle-state
"""

import math
from collections.abc import Iterator
from typing import Any

from flatten.events import json_text, timestamps
from flatten.events.catalogue import Catalogue, Signal
from flatten.events.json_text import Number

Row = dict[str, Any]
"""Column -> value: str, float, int, bool, or whole microseconds for TIMESTAMP. An absent column is NULL."""

_SUCCESS = {"value": "SUCCESS"}
_OUTER = frozenset({"code", "name", "group", "body", "meta", "status"})


def path(*steps: str) -> str:
    """Join keys to the path of a value in `unmapped_attributes`; a dot inside a key is escaped."""
    return ".".join(step.replace("\\", "\\\\").replace(".", "\\.") for step in steps)


def map_signals(entries: list[Any], catalogue: Catalogue, row: Row, stray: dict[str, Any]) -> list[Any]:
    """Fill `row` from an event's signals; return the signals that no column holds completely, unchanged.

    `stray` gets the values outside a signal's body that have no column, by path. Null entries are ignored; of two with
    the same code the last wins.
    """
    chosen: dict[str, int] = {}
    unmapped: set[int] = set()
    for position, entry in enumerate(entries):
        code = _code(entry, catalogue)
        if code is None:
            unmapped.update(() if entry is None else (position,))
        else:
            unmapped.update({chosen[code]} if code in chosen else ())
            chosen[code] = position
    for code, position in chosen.items():
        if not _map_signal(entries[position], catalogue.signals[code], row, stray):
            unmapped.add(position)
    return [entries[position] for position in sorted(unmapped)]


def known_codes(entries: list[Any] | None, catalogue: Catalogue) -> Iterator[str]:
    """Return the codes of the catalogued signals among an event's signals."""
    for entry in entries or ():
        code = _code(entry, catalogue)
        if code is not None:
            yield code


def _code(entry: Any, catalogue: Catalogue) -> str | None:
    if not isinstance(entry, dict):
        return None
    code = entry.get("code")
    if code is None:
        group, name = entry.get("group"), entry.get("name")
        if isinstance(group, str) and isinstance(name, str):
            return catalogue.code_of.get((group, name))
        return None
    return code if isinstance(code, str) and code in catalogue.signals else None


def _map_signal(entry: dict[str, Any], signal: Signal, row: Row, stray: dict[str, Any]) -> bool:
    _map_meta(entry.get("meta"), signal, row, stray)
    status = entry.get("status")
    row[signal.status], whole = _status(status)
    if not whole:
        stray[path("signals", signal.code, "status")] = status
    if not entry.keys() <= _OUTER or entry.get("name") != signal.name or entry.get("group") != signal.group:
        for key, value in entry.items():
            if key not in _OUTER or (key in ("name", "group") and value != getattr(signal, key)):
                stray[path("signals", signal.code, key)] = value
    return _map_body(entry.get("body"), signal, row)


def _map_body(body: Any, signal: Signal, row: Row) -> bool:
    fits = True
    if isinstance(body, str):
        try:
            body, fits = _read_body(body)
        except json_text.NotJsonError:
            return False
    if body is None:
        return True
    if not isinstance(body, dict):
        return False
    for key, value in body.items():
        field = signal.fields.get(key)
        if field is None:
            fits = False
        elif value is not None:
            cell = row[field.column] = _CELLS[field.kind](value)
            fits = fits and cell is not None
    return fits


def _read_body(text: str) -> tuple[Any, bool]:
    """Return what a body's text has, and whether that is all of it: of equal keys the last has the column."""
    body = json_text.parse(text, unique=False)
    if not isinstance(body, dict) or text.count(":") == len(body):  # each key has one colon
        return body, True
    return body, json_text.has_unique_keys(text)


def text_cell(value: Any) -> str | None:
    """Return text unchanged and any other JSON value as JSON text; None for text that UTF-8 cannot represent."""
    if isinstance(value, str):
        return value if json_text.storable(value) else None
    return json_text.write(value)


def _boolean(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _double(value: Any) -> float | None:
    if type(value) is not Number and type(value) is not int:  # True is not a number
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


_CELLS = {"text": text_cell, "json": json_text.write, "boolean": _boolean, "number": _double}
"""Field kind -> function that converts a value for its column, or returns None."""


def _map_meta(meta: Any, signal: Signal, row: Row, stray: dict[str, Any]) -> None:
    if not isinstance(meta, dict):
        if meta is not None:
            stray[path("signals", signal.code, "meta")] = meta
        return
    for key, value in meta.items():
        # Smartcar's event page calls it `fetchedAt`, all deliveries call it `retrievedAt`.
        renamed = key == "fetchedAt" and "retrievedAt" not in meta
        column = signal.stamps.get("retrievedAt" if renamed else key)
        micros = timestamps.from_stamp(value)
        if column is None or (micros is None and value is not None):
            stray[path("signals", signal.code, "meta", key)] = value
        elif micros:
            row[column] = micros


def _status(status: Any) -> tuple[str, bool]:
    """Return the text of the status column, and whether it has everything that the status has."""
    if status == _SUCCESS:
        return "OK", True
    value, error = (status.get("value"), status.get("error")) if isinstance(status, dict) else (status, None)
    kind, code = (error.get("type"), error.get("code")) if isinstance(error, dict) else (None, None)
    alone = not _has_more(status, error)
    if kind and isinstance(kind, str) and json_text.storable(kind):
        coded = isinstance(code, str) and json_text.storable(code)
        whole = value in ("ERROR", None) and (coded or code is None)
        return f"{kind}:{code}" if coded else kind, alone and whole
    if value in ("SUCCESS", None) and error is None:
        return "OK", alone
    text = None if value in ("SUCCESS", None) else text_cell(value)
    return text or "ERROR", alone and bool(text) and kind is None and code is None


def _has_more(status: Any, error: Any) -> bool:
    if not isinstance(status, dict):
        return not isinstance(status, str | None)
    return bool(status.keys() - {"value", "error"}) or (
        error is not None and (not isinstance(error, dict) or bool(error.keys() - {"type", "code"}))
    )
