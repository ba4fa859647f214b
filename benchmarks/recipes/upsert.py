"""A minimal streaming upsert: from_json for each signal, then a MERGE on the key. It trusts its input."""

from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks.recipes.schema import BY_CODE, EVENT, OWN, stamp_columns, status_column
from flatten.events.catalogue import Catalogue, Signal
from flatten.tables.sql import quoted


def upsert_new_files(spark: SparkSession, folder: Path, catalogue: Catalogue) -> None:
    """Merge the lines of all new files below `landing` into the Delta table `table`, which has the columns already."""

    def upsert(batch: DataFrame, _: int) -> None:
        flatten_with_from_json(batch, catalogue).createOrReplaceTempView("upserted")
        batch.sparkSession.sql(
            f"MERGE INTO delta.`{folder}/table` t USING upserted s ON t.event_id = s.event_id "
            "WHEN MATCHED THEN UPDATE SET * WHEN NOT MATCHED THEN INSERT *"
        )

    lines = spark.readStream.format("text").option("recursiveFileLookup", "true").load(f"{folder}/landing")
    stream = lines.writeStream.foreachBatch(upsert).option("checkpointLocation", f"{folder}/state")
    stream.trigger(availableNow=True).start().awaitTermination()


def flatten_with_from_json(lines: DataFrame, catalogue: Catalogue) -> DataFrame:
    """Return flat rows of `lines` (value STRING), with the columns of every signal."""
    signals = catalogue.signals.values()
    parsed = lines.select(F.from_json("value", EVENT).alias("e")).select("e", F.expr(BY_CODE).alias("m"))
    bodies = [F.expr(f"from_json(m['{each.code}'].body, '{_schema(each)}')").alias(each.code) for each in signals]
    columns = [column for each in signals for column in _columns(each)]
    return parsed.select("e", "m", *bodies).selectExpr(*OWN, *columns)


def _schema(signal: Signal) -> str:
    return ", ".join(f"{quoted(key)} {field.sql_type}" for key, field in signal.fields.items())


def _columns(signal: Signal) -> list[str]:
    found = f"m['{signal.code}']"
    values = [f"{quoted(signal.code)}.{quoted(key)} AS {quoted(field.column)}" for key, field in signal.fields.items()]
    return [*values, *stamp_columns(signal, f"{found}.meta"), status_column(signal, found)]
