"""The event as all recipes parse it: by one fixed schema, bodies as text."""

from flatten.events.catalogue import Signal
from flatten.columns import quoted

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
"""The columns of the event itself."""

STATUS = "coalesce(nullif(concat_ws(':', {0}.status.error.type, {0}.status.error.code), ''), 'OK')"
"""SQL: the status column of a signal, `OK` or `TYPE:CODE`."""


def value_columns(signal: Signal, body: str) -> list[str]:
    """SQL: the value columns of a signal, each by a get_json_object of its own over the text `body`."""
    return [
        f"CAST(get_json_object({body}, '$.{key}') AS {field.sql_type}) AS {quoted(field.column)}"
        for key, field in signal.fields.items()
    ]


def stamp_columns(signal: Signal, stamps: str) -> list[str]:
    """SQL: the two times of a signal, from the struct `stamps`."""
    return [f"timestamp_millis({stamps}.{key}) AS {quoted(column)}" for key, column in signal.stamps.items()]
