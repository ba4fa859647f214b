"""Expected rows in readable form, with times as ISO text, compared with the package's rows."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flatten.events.signals import Row
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STAMPS = ("_retrievedAt", "_oemUpdatedAt")
_TIMES = {name for name, (kind, _) in (EVENT_COLUMNS | LINEAGE_COLUMNS).items() if kind == "TIMESTAMP"}
_PARSED = ("unmapped_signals", "unmapped_attributes")


def micros(text: str) -> int:
    """Read an ISO-8601 time as microseconds since 1970 UTC."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def expected_row(expect: dict[str, Any]) -> Row:
    """Return the columns with times as whole microseconds and the date as a date; null stays None."""
    return {name: None if value is None else _cell(name, value) for name, value in expect.items()}


def _cell(name: str, value: Any) -> Any:
    if name in _TIMES or name.endswith(_STAMPS):
        return micros(value)
    return date.fromisoformat(value) if name == "event_date" else value


def shown(row: Row) -> Row:
    """Return a row with its unmapped values as parsed JSON."""
    return {name: json.loads(value) if name in _PARSED and value is not None else value for name, value in row.items()}
