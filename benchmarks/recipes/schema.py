"""The schema with which all recipes parse an event: fixed, bodies as text."""

from flatten.events.catalogue import Signal
from flatten.tables.sql import quoted

EVENT = """
    event_id STRING, recorded_at STRING, triggers STRING,
    meta STRUCT<deliveredAt: BIGINT, version: STRING, deliveryId: STRING, webhookId: STRING, webhookName: STRING,
                mode: STRING>,
    vehicle STRUCT<id: STRING, make: STRING, model: STRING, year: INT>,
    user STRUCT<id: STRING>,
    signals ARRAY<STRUCT<code: STRING, body: STRING,
                         status: STRUCT<value: STRING, error: STRUCT<type: STRING, code: STRING>>,
                         meta: STRUCT<retrievedAt: BIGINT, oemUpdatedAt: BIGINT>>>
"""

OWN = [
    "e.event_id",
    "e.recorded_at",
    "e.triggers",
    "e.meta.*",
    "e.vehicle.make",
    "e.vehicle.model",
    "e.vehicle.year",
]
"""The columns of the event."""

BY_CODE = "map_from_entries(transform(e.signals, s -> struct(s.code, s)))"
"""SQL: the signals of an event, by code."""


def stamp_columns(signal: Signal, stamps: str) -> list[str]:
    """Return SQL: the two times of a signal, from the struct `stamps`."""
    return [f"timestamp_millis({stamps}.{key}) AS {quoted(column)}" for key, column in signal.stamps.items()]


def status_column(signal: Signal, found: str) -> str:
    """Return SQL: the status column of a signal, `OK` or `TYPE:CODE`; NULL when the struct `found` is NULL."""
    error = f"nullif(concat_ws(':', {found}.status.error.type, {found}.status.error.code), '')"
    return f"if({found} IS NULL, NULL, coalesce({error}, 'OK')) AS {quoted(signal.status)}"
