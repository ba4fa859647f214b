"""One stored event for each signal of the catalogue, with the columns that design's contract 2 gives it."""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

RETRIEVED, UPDATED = 1764142265000, 1764142204000
RETRIEVED_TEXT, UPDATED_TEXT = "2025-11-26T07:31:05.000000+00:00", "2025-11-26T07:30:04.000000+00:00"


@dataclass(frozen=True)
class CatalogueEvent:
    """An item whose only signal is the catalogue's example, and the columns that it fills (column -> value)."""

    code: str
    item: dict[str, Any]
    expect: dict[str, Any]


def catalogue() -> list[dict[str, Any]]:
    """Return the entries of the packaged catalogue."""
    entries: list[dict[str, Any]] = json.loads((files("flatten.events") / "signal_catalogue.json").read_text("utf-8"))
    return entries


def column(entry: dict[str, Any], field: str) -> str:
    """Return the column of a body field by the rule, independent of the catalogue."""
    stem = f"{entry['group']}_{entry['name']}"
    if list(entry["body"]) == ["value"]:
        return stem
    return f"{stem}_{'body_status' if field == 'status' else field}"


def catalogue_events() -> list[CatalogueEvent]:
    """Return an event for each signal, in the order of the catalogue."""
    return [_event(entry) for entry in catalogue()]


def _event(entry: dict[str, Any]) -> CatalogueEvent:
    stem = f"{entry['group']}_{entry['name']}"
    signal = {
        "code": entry["code"],
        "name": entry["name"],
        "group": entry["group"],
        "body": entry["example"],
        "meta": {"retrievedAt": RETRIEVED, "oemUpdatedAt": UPDATED},
        "status": {"value": "SUCCESS"},
    }
    expect = {column(entry, field): _cell(entry, field) for field in entry["body"]}
    expect |= {f"{stem}_retrievedAt": RETRIEVED_TEXT, f"{stem}_oemUpdatedAt": UPDATED_TEXT, f"{stem}_status": "OK"}
    item = {
        "event_id": f"event-of-{entry['code']}",
        "recorded_at": "2025-11-26 07:31:06",
        "signals": [signal],
    }
    return CatalogueEvent(entry["code"], item, expect)


def _cell(entry: dict[str, Any], field: str) -> Any:
    value, kind = entry["example"].get(field), entry["body"][field]["type"]
    if value is None:
        return None
    if kind in ("number", "integer"):
        return float(value)
    return value if kind in ("boolean", "string") else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
