"""What could not be used is kept, with its reason: in the quarantine table, keyed by where it stood."""

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from flatten.tables import TableName, add_new

REASONS = {
    "not_utf8": "The line is not UTF-8; its bytes stand in raw_base64.",
    "not_json": "The line is not one JSON value by RFC 8259, or is nested deeper than 256 levels.",
    "not_an_object": "The line is JSON but not an object.",
    "bad_event_id": "event_id is missing, not text, empty, over 1,024 bytes, or no valid Unicode.",
    "bad_signals": "signals is there and not an array.",
    "bad_metadata": "_stream_metadata does not say the order of the change.",
    "line_too_long": "The line is longer than 10 MiB; the archived file has it.",
    "file_unreadable": "The file is not gzip to its end, or has more than 64 MiB (256 MiB unpacked); no line was used.",
    "file_incomplete": "The file has another number of lines than its name says; no line was used.",
    "file_changed": "A file of its name was read before with other content, or could not be read; nobody reads it.",
}
"""Every reason, with the sentence that docs/quarantine.md prints."""


def write(staged: DataFrame, table: TableName, now: datetime) -> None:
    """Keep the batch's bad lines and files; doing it again changes nothing (same place, reason and detail)."""
    bad = staged.where("reason IS NOT NULL").select(
        "raw",
        "raw_base64",
        "reason",
        "detail",
        F.col("path").alias("source_file"),
        F.when(F.col("line_number") > 0, F.col("line_number")).alias("line_number"),
    )
    add(bad, table, now)


def add_files(spark: SparkSession, files: Sequence[tuple[str, str, str]], table: TableName, now: datetime) -> None:
    """Add whole files (path, reason, detail) that are not there yet."""
    rows = [(None, None, reason, detail, path, None) for path, reason, detail in files]
    schema = "raw STRING, raw_base64 STRING, reason STRING, detail STRING, source_file STRING, line_number INT"
    add(spark.createDataFrame(rows, schema), table, now)


def add(bad: DataFrame, table: TableName, now: datetime) -> None:
    """Add rows (raw, raw_base64, reason, detail, source_file, line_number) that are not there yet."""
    stamped = bad.withColumn("quarantined_at", F.lit(now)).withColumn("redriven_at", F.lit(None).cast("timestamp"))
    add_new(stamped, table.side("quarantine"), ["source_file", "line_number", "reason", "detail"])
