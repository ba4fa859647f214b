"""The usual recipe: signals into a map by code, then a get_json_object for each field of each signal."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks.recipes.schema import EVENT, OWN, STATUS, stamp_columns, value_columns
from flatten.events.catalogue import Catalogue, Signal
from flatten.columns import quoted


def flatten_field_by_field(lines: DataFrame, catalogue: Catalogue) -> DataFrame:
    """Return flat rows of `lines` (value STRING), with the columns of every signal."""
    parsed = lines.select(F.from_json("value", EVENT).alias("e"))
    by_code = F.expr("map_from_entries(transform(e.signals, s -> struct(s.code, s)))")
    columns = [column for signal in catalogue.signals.values() for column in _columns(signal)]
    return parsed.select("e", by_code.alias("m")).selectExpr(*OWN, *columns)


def _columns(signal: Signal) -> list[str]:
    found = f"m['{signal.code}']"
    status = f"if({found} IS NULL, NULL, {STATUS.format(found)}) AS {quoted(signal.status)}"
    return [*value_columns(signal, f"{found}.body"), *stamp_columns(signal, f"{found}.meta"), status]
