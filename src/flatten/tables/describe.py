"""Describe the columns of a table by name: comments, and tags on those with personal data.

`create` executes the statements: for all columns when the version changes, for a signal's columns before their first
row.
"""

import re
from collections.abc import Mapping

from flatten.events import catalogue
from flatten.events.catalogue import STAMPS, Field, Signal
from flatten.tables.sql import literal, quoted

TAG = "personal_data"
"""Key of the tag; its values are those of `PERSONAL`."""

PERSONAL = {
    "vehicle_id": "vehicle",
    "smartcar_user_id": "person",
    "user_id": "person",
    "user_externalId": "person",
    "unmapped_signals": "any",
    "unmapped_attributes": "any",
    "Charge_ChargeLimits_values": "location",
    "Charge_ChargeRecords_values": "location",
    "Charge_ChargeTimers_values": "location",
    "Location_PreciseLocation_latitude": "location",
    "Location_PreciseLocation_longitude": "location",
    "Location_PreciseLocation_heading": "location",
    "Location_PreciseLocation_direction": "location",
    "Location_PreciseLocation_locationType": "location",
    "VehicleIdentification_Nickname": "person",
    "VehicleIdentification_VIN": "vin",
}
"""Columns with personal data, and of which kind; `any` may hold whatever the app stored."""

_STAMP_MEANINGS = ("When Smartcar read {} from the maker", "When the car last reported {} to its maker")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def signal_comments() -> dict[str, str]:
    """Return the comment of every column of the catalogue's signals: meaning, unit, source signal."""
    comments: dict[str, str] = {}
    for signal in catalogue.packaged().signals.values():
        for key, field in signal.fields.items():
            unit = f", in {field.unit}" if field.unit else ""
            comments[field.column] = f"{meaning(signal, key, field)}{unit}; signal {signal.code}"
        stamps = zip((signal.stamps[stamp] for stamp in STAMPS), _STAMP_MEANINGS, strict=True)
        comments |= {column: about.format(signal.code) for column, about in stamps}
        comments[signal.status] = f"How {signal.code} was delivered: OK, TYPE:CODE or TYPE of an error"
    return comments


def meaning(signal: Signal, key: str, field: Field) -> str:
    """Return a description of a field of a signal's body, from Smartcar's names and listed values."""
    parts = [_words(signal.group), _words(signal.name)]
    if len(signal.fields) > 1 or key != "value":
        parts.append(_words(key))
    form = ", JSON text" if field.kind == "json" else ""
    values = f", such as {', '.join(field.values[:4])}" if field.values else ""
    told = ": ".join([parts[0], ", ".join(parts[1:])])
    return told[:1].upper() + told[1:] + form + values


def _words(name: str) -> str:
    words = _WORDS.findall(name)
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)


def statements(table: str, missing: Mapping[str, str], *, tags: bool) -> list[str]:
    """Return the SQL that describes the columns of `missing`, name -> comment; `table` as in SQL.

    The comments come last, so that a column with a comment has its tag, too.
    https://docs.databricks.com/aws/en/sql/language-manual/sql-ref-syntax-ddl-alter-table
    """
    tagged = [
        f"ALTER TABLE {table} ALTER COLUMN {quoted(name)} SET TAGS ({literal(TAG)} = {literal(PERSONAL[name])})"
        for name in missing
        if tags and name in PERSONAL
    ]
    told = ", ".join(f"{quoted(name)} COMMENT {literal(about)}" for name, about in missing.items())
    return [*tagged, f"ALTER TABLE {table} ALTER COLUMN {told}"] if missing else []
