"""Explode and pivot: a row for each signal, then grouped back into a row for each event."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks.recipes.schema import EVENT, OWN, STATUS, stamp_columns, value_columns
from flatten.events.catalogue import Catalogue, Signal
from flatten.columns import quoted

_GROUPED = ["event_id", "recorded_at", "triggers", "deliveredAt", "version", "deliveryId", "webhookId", "webhookName"]
_GROUPED += ["mode", "make", "model", "year"]


def flatten_by_pivot(lines: DataFrame, catalogue: Catalogue) -> DataFrame:
    """Return flat rows of `lines` (value STRING), with the columns of every signal. An event without any is lost."""
    parsed = lines.select(F.from_json("value", EVENT).alias("e"))
    rows = parsed.select(*OWN, F.explode("e.signals").alias("s"))
    pivoted = rows.groupBy(*_GROUPED).pivot("s.code", list(catalogue.signals)).agg(F.first("s"))
    columns = [column for signal in catalogue.signals.values() for column in _columns(signal)]
    return pivoted.selectExpr(*_GROUPED, *columns)


def _columns(signal: Signal) -> list[str]:
    found = quoted(signal.code)
    status = f"if({found} IS NULL, NULL, {STATUS.format(found)}) AS {quoted(signal.status)}"
    return [*value_columns(signal, f"{found}.body"), *stamp_columns(signal, f"{found}.meta"), status]
