"""Flattening with two `from_json` calls, without any of the exactness.

The whole event by one fixed schema, then all bodies by a second call over one text keyed by signal code, so that
every column is a plain field access. It has no unmapped signals or attributes, no check of RFC 8259, no body as
text and no second look at events with a value of another type: the least that the recipe can cost.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from benchmarks.recipes.schema import EVENT, OWN
from flatten.events.catalogue import Catalogue, Signal
from flatten.columns import quoted


def flatten_with_from_json(lines: DataFrame, catalogue: Catalogue) -> DataFrame:
    """Return flat rows of `lines` (value STRING), with the columns of every signal."""
    known = ", ".join(f"'{code}'" for code in catalogue.signals)
    one = (
        "concat('\"', s.code, '\":{\"b\":', coalesce(get_json_object(s.body, '$'), 'null'), ',\"r\":', "
        "coalesce(string(s.meta.retrievedAt), 'null'), ',\"o\":', coalesce(string(s.meta.oemUpdatedAt), 'null'), '}')"
    )
    text = f"concat('{{', array_join(transform(filter(e.signals, s -> s.code IN ({known})), s -> {one}), ','), '}}')"
    bodies = ", ".join(f"{quoted(code)} {_body_schema(signal)}" for code, signal in catalogue.signals.items())
    parsed = lines.select(F.from_json("value", EVENT).alias("e"))
    with_text = parsed.select("e", F.expr(text).alias("text"))
    both = with_text.select("e", F.from_json("text", bodies).alias("s"), _statuses().alias("status"))
    return both.select(*OWN, *(column for signal in catalogue.signals.values() for column in _columns(signal)))


def _body_schema(signal: Signal) -> str:
    fields = ", ".join(f"{quoted(key)}: {field.sql_type}" for key, field in signal.fields.items())
    return f"STRUCT<b: STRUCT<{fields}>, r: BIGINT, o: BIGINT>"


def _statuses() -> Column:
    status = "coalesce(concat_ws(':', s.status.error.type, s.status.error.code), '')"
    entries = f"transform(e.signals, s -> struct(s.code, if({status} = '', 'OK', {status})))"
    return F.expr(f"map_from_entries(array_distinct({entries}))")


def _columns(signal: Signal) -> list[Column]:
    body = f"s.{quoted(signal.code)}"
    values = [F.col(f"{body}.b.{quoted(key)}").alias(field.column) for key, field in signal.fields.items()]
    stamps = [F.timestamp_millis(F.col(f"{body}.{key}")) for key in ("r", "o")]
    named = [stamp.alias(name) for stamp, name in zip(stamps, signal.stamps.values(), strict=True)]
    return [*values, *named, F.col("status")[signal.code].alias(signal.status)]
