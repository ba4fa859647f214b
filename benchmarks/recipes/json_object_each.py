"""Flatten by the usual recipe: signals into a map by code, then a get_json_object for each field of each signal."""

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks.recipes.schema import BY_CODE, EVENT, OWN, stamp_columns, status_column
from flatten.events.catalogue import Catalogue, Signal
from flatten.tables.sql import quoted


def flatten_field_by_field(lines: DataFrame, catalogue: Catalogue) -> DataFrame:
    """Return flat rows of `lines` (value STRING), with the columns of every signal."""
    parsed = lines.select(F.from_json("value", EVENT).alias("e")).select("e", F.expr(BY_CODE).alias("m"))
    return parsed.selectExpr(*OWN, *(column for signal in catalogue.signals.values() for column in _columns(signal)))


def _columns(signal: Signal) -> list[str]:
    found = f"m['{signal.code}']"
    values = [
        f"CAST(get_json_object({found}.body, '$.{key}') AS {field.sql_type}) AS {quoted(field.column)}"
        for key, field in signal.fields.items()
    ]
    return [*values, *stamp_columns(signal, f"{found}.meta"), status_column(signal, found)]
