"""Flatten with a Python UDF, one row at a time: from a line to a struct of all columns."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from flatten.events.catalogue import Catalogue
from flatten.tables.sql import ddl

_READ: dict[str, Callable[[Any], Any]] = {"number": float, "boolean": bool, "text": str, "json": json.dumps}


def flatten_with_udf(lines: DataFrame, catalogue: Catalogue) -> DataFrame:
    """Return flat rows of `lines` (value STRING), with the columns of every signal."""
    columns = {"event_id": "STRING", "recorded_at": "STRING", **catalogue.columns()}
    names = list(columns)

    def flattened(line: str) -> tuple[Any, ...]:
        return tuple(map(flat_row(line, catalogue).get, names))

    # Not Arrow, which handles whole columns: another recipe.
    one = F.udf(flattened, ddl(columns), useArrow=False).asNondeterministic()
    return lines.select(one("value").alias("r")).select("r.*")


def flat_row(line: str, catalogue: Catalogue) -> dict[str, Any]:
    """Return column -> value of one line; absent columns are NULL."""
    event = json.loads(line)
    row: dict[str, Any] = {"event_id": event["event_id"], "recorded_at": event["recorded_at"]}
    for entry in event["signals"]:
        signal, body, error = catalogue.signals[entry["code"]], json.loads(entry["body"]), entry["status"].get("error")
        for key, field in signal.fields.items():
            row[field.column] = None if body.get(key) is None else _READ[field.kind](body[key])
        for stamp, column in signal.stamps.items():
            row[column] = datetime.fromtimestamp(entry["meta"][stamp] / 1000, UTC)
        row[signal.status] = f"{error['type']}:{error['code']}" if error else "OK"
    return row
