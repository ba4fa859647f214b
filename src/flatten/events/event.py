"""Convert an event to one flat row: event columns, signal columns, and everything else that was stored."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flatten.events import json_text, timestamps
from flatten.events.catalogue import Catalogue
from flatten.events.envelope import METADATA, WRITTEN, Change
from flatten.events.signals import Row, map_signals, path, text_cell

_WHOLE = re.compile("0|-?[1-9][0-9]{0,18}")


def _integer(bits: int) -> Callable[[Any], int | None]:
    def read(value: Any) -> int | None:
        if isinstance(value, str) and _WHOLE.fullmatch(value):
            value = int(value)
        fits = isinstance(value, int) and not isinstance(value, bool) and -(2 ** (bits - 1)) <= value < 2 ** (bits - 1)
        return value if fits else None

    return read


@dataclass(frozen=True, slots=True)
class Attribute:
    """An event column: its container ("" for the item), its key, and how it is read."""

    container: str
    key: str
    column: str
    sql_type: str
    read: Callable[[Any], Any]
    about: str


_TEXT = ("STRING", text_cell)
ATTRIBUTES = (
    Attribute(
        "", "recorded_at", "recorded_at", "TIMESTAMP", timestamps.from_text, "When the app recorded the event, UTC"
    ),
    Attribute("", "eventType", "event_type", *_TEXT, "VEHICLE_STATE, VEHICLE_ERROR or VERIFY, if stored"),
    Attribute("", "record_type", "record_type", *_TEXT, "What the app stored, such as ALL"),
    Attribute("", "car_timezone", "car_timezone", *_TEXT, "Time zone of the car, if the app knows it"),
    Attribute("", "smartcar_user_id", "smartcar_user_id", *_TEXT, "Smartcar's id of the user, as the app stored it"),
    Attribute(
        "meta", "deliveredAt", "delivered_at", "TIMESTAMP", timestamps.from_stamp, "When Smartcar delivered the event"
    ),
    Attribute("vehicle", "id", "vehicle_id", *_TEXT, "Smartcar's id of the vehicle"),
    Attribute("vehicle", "make", "vehicle_make", *_TEXT, "Make, in the spelling of the delivery"),
    Attribute("vehicle", "model", "vehicle_model", *_TEXT, "Model"),
    Attribute("vehicle", "year", "vehicle_year", "INT", _integer(32), "Model year"),
    Attribute("vehicle", "mode", "vehicle_mode", *_TEXT, "live or test"),
    Attribute("vehicle", "powertrainType", "vehicle_powertrainType", *_TEXT, "BEV, PHEV, ..."),
    Attribute("user", "id", "user_id", *_TEXT, "Smartcar's id of the user"),
    Attribute("user", "externalId", "user_externalId", *_TEXT, "The app's own id of the user"),
    Attribute("", "triggers", "triggers", "STRING", json_text.write, "What made Smartcar send the event, JSON text"),
    Attribute("meta", "version", "meta_version", *_TEXT, "Version of the webhook's payload"),
    Attribute("meta", "deliveryId", "meta_deliveryId", *_TEXT, "Id of the delivery; another one for each attempt"),
    Attribute("meta", "webhookId", "meta_webhookId", *_TEXT, "Id of the webhook"),
    Attribute("meta", "webhookName", "meta_webhookName", *_TEXT, "Name of the webhook"),
    Attribute("meta", "applicationId", "meta_applicationId", *_TEXT, "Id of the Smartcar application"),
    Attribute("meta", "sequence", "meta_sequence", "BIGINT", _integer(64), "Smartcar's own order of deliveries"),
    Attribute("meta", "mode", "meta_mode", *_TEXT, "LIVE or TEST"),
)
"""The attributes of an item that have a column, in table order."""

_PLACES = {(attribute.container, attribute.key): attribute for attribute in ATTRIBUTES}
_CONTAINERS = frozenset(attribute.container for attribute in ATTRIBUTES if attribute.container)
_METADATA_KEYS = frozenset(
    {"event_name", "stream", "sequence_number", "approximate_creation_time", "stream_event_id", "expired_by_ttl"}
    | {"previous_recorded_at", WRITTEN}
)


def flatten(event: dict[str, Any], change: Change, catalogue: Catalogue) -> Row:
    """Return the flat row of an event that `read_change` accepted, without lineage.

    Every value of the event is in its column, in `unmapped_signals` or in `unmapped_attributes`; numbers with more
    digits than a DOUBLE are rounded in their column.
    """
    row: Row = {"event_id": change.event_id, "event_date": change.event_date}
    stray: dict[str, Any] = {}
    for key, value in event.items():
        if key in _CONTAINERS and isinstance(value, dict):
            for inner, part in value.items():
                _place(key, inner, part, row, stray)
        elif key == METADATA:
            stray.update({path(key, more): value[more] for more in value.keys() - _METADATA_KEYS})
        elif key not in ("event_id", "signals"):
            _place("", key, value, row, stray)
    _signals(event.get("signals") or [], catalogue, row, stray)
    if stray:
        row["unmapped_attributes"] = json_text.write(stray)
    return row


def _place(container: str, key: str, value: Any, row: Row, stray: dict[str, Any]) -> None:
    if value is None:
        return
    attribute = _PLACES.get((container, key))
    cell = attribute.read(value) if attribute else None
    if attribute and cell is not None:
        row[attribute.column] = cell
    else:
        stray[path(container, key) if container else path(key)] = value


def _signals(entries: list[Any], catalogue: Catalogue, row: Row, stray: dict[str, Any]) -> None:
    row["signal_count"] = sum(entry is not None for entry in entries)
    count = stray.get("meta.signalCount")
    if count == row["signal_count"] and not isinstance(count, bool):
        del stray["meta.signalCount"]
    unmapped = map_signals(entries, catalogue, row, stray)
    if unmapped:
        row["unmapped_signals"] = json_text.write(unmapped)
