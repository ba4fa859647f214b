"""A Python UDF, one row at a time: the line in, a struct of all columns out."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from flatten.events.catalogue import Catalogue, Signal
from flatten.tables.sql import ddl

_OWN = ("event_id", "recorded_at")
_READ: dict[str, Callable[[Any], Any]] = {"number": float, "boolean": bool, "text": str, "json": json.dumps}


def flatten_with_udf(lines: DataFrame, catalogue: Catalogue) -> DataFrame:
    """Return flat rows of `lines` (value STRING), with the columns of every signal."""
    columns = {**dict.fromkeys(_OWN, "STRING"), **catalogue.columns()}
    names = list(columns)

    def flattened(line: str) -> tuple[Any, ...]:
        row = flat_row(line, catalogue)
        return tuple(map(row.get, names))

    # Not Arrow: that is whole columns at a time, and another recipe.
    one = F.udf(flattened, ddl(columns), useArrow=False).asNondeterministic()
    return lines.select(one("value").alias("r")).select("r.*")


def flat_row(line: str, catalogue: Catalogue) -> dict[str, Any]:
    """Column -> value of one line; absent columns are NULL."""
    event = json.loads(line)
    row: dict[str, Any] = {name: event.get(name) for name in _OWN}
    for entry in event.get("signals") or []:
        signal = catalogue.signals.get(entry["code"])
        if signal is not None:
            _fill(row, signal, entry)
    return row


def _fill(row: dict[str, Any], signal: Signal, entry: dict[str, Any]) -> None:
    body = json.loads(entry["body"]) if entry.get("body") else {}
    for key, field in signal.fields.items():
        value = body.get(key)
        row[field.column] = None if value is None else _READ[field.kind](value)
    for stamp, column in signal.stamps.items():
        millis = (entry.get("meta") or {}).get(stamp)
        row[column] = datetime.fromtimestamp(millis / 1000, UTC) if millis else None
    error = (entry.get("status") or {}).get("error")
    row[signal.status] = f"{error['type']}:{error['code']}" if error else "OK"
