"""Write and read the quarantine table: lines and files that could not be used, with reason and place."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from flatten.events.arrow import gathered
from flatten.events.landing_file import hour_of
from flatten.events.timestamps import micros_of
from flatten.tables.commits import Patience, retried
from flatten.tables.insert import insert_missing
from flatten.tables.names import TableName
from flatten.tables.schema import SIDE_TABLES
from flatten.tables.sql import hours_among, moment_literal, named

REASONS = {
    "not_utf8": "The line is not UTF-8; its bytes are in raw_base64.",
    "not_json": "The line is not one JSON value by RFC 8259, or is nested deeper than 256 levels.",
    "equal_keys": "An object of the line has the same key twice, so one of two values would be lost.",
    "not_an_object": "The line is JSON but not an object.",
    "bad_event_id": "event_id is missing, not text, empty, over 1,024 bytes, or invalid Unicode.",
    "bad_signals": "signals exists and is not an array.",
    "bad_metadata": "_stream_metadata has no valid order of the change.",
    "unconvertible": "The line of an export is not DynamoDB JSON, or its item has an attribute _stream_metadata.",
    "line_too_long": "The line is longer than 10 MiB; the archived file has it.",
    "file_unreadable": "Truncated or damaged gzip, over 16 MiB (64 MiB unpacked) "
    "or over 200,000 lines; no line was used.",
    "file_incomplete": "The file has another number of lines than its name says; no line was used.",
    "file_changed": "A file of the same name was read before, with other content; this one was not read.",
}
"""Every reason, with the sentence that docs/reference/quarantine.md prints.

Raised by `events.envelope` (a line), `events.landing_file` and `run.passed_over` (a file), and `run.settle`
(file_changed).
"""


def write(rows: DataFrame, table: TableName, paths: Iterable[str], patience: Patience) -> None:
    """Add rows that do not exist yet: lines by their place, files also by reason and detail; `paths` are their files.

    So a line that `redrive` has given another reason stays as it is when its file is read again.
    """
    same = (
        "n.source_file = t.source_file AND n.line_number <=> t.line_number "
        "AND (n.line_number IS NOT NULL OR (n.reason = t.reason AND n.detail <=> t.detail))"
    )
    insert_missing(rows, table, "quarantine", same, paths, patience)


def lines_held(spark: SparkSession, table: TableName, lines: Mapping[str, Iterable[int]]) -> int:
    """Return how many of these lines, path -> numbers, are in the table."""
    asked = [(path, number) for path, numbers in lines.items() for number in numbers]
    paths, numbers = zip(*asked, strict=True)
    wanted = pa.table({"source_file": pa.array(paths, pa.string()), "line_number": pa.array(numbers, pa.int32())})
    keys = ["source_file", "line_number"]
    rows = spark.table(table.side("quarantine")).where(hours_among("hour", map(hour_of, lines)))
    return rows.join(F.broadcast(spark.createDataFrame(wanted)), keys, "left_semi").select(keys).distinct().count()


def waiting(spark: SparkSession, table: TableName) -> DataFrame:
    """Return the quarantined lines that were not redriven."""
    return spark.table(table.side("quarantine")).where("redriven_at IS NULL AND line_number IS NOT NULL")


def mark(
    spark: SparkSession, table: TableName, outcomes: Mapping[tuple[str, int], tuple[str, str] | None], now: datetime
) -> None:
    """Note what happened to quarantined lines, (source_file, line_number) -> new reason and detail, None when one has
    succeeded: that sets `redriven_at`. Done again, it changes nothing.
    """
    paths, numbers = zip(*outcomes, strict=True)
    failed = list(outcomes.values())
    rows = pa.table(
        {
            "source_file": pa.array(paths, pa.string()),
            "line_number": pa.array(numbers, pa.int32()),
            "reason": pa.array([each and each[0] for each in failed], pa.string()),
            "detail": pa.array([each and each[1] for each in failed], pa.string()),
        }
    )
    with named(spark.createDataFrame(rows)) as source:
        merge = f"""
            MERGE INTO {table.side("quarantine")} t USING {source} s
            ON t.source_file = s.source_file AND t.line_number = s.line_number AND t.redriven_at IS NULL
                AND {hours_among("t.hour", map(hour_of, paths))}
            WHEN MATCHED AND s.reason IS NULL THEN UPDATE SET t.redriven_at = {moment_literal(now)}
            WHEN MATCHED AND NOT (s.reason <=> t.reason AND s.detail <=> t.detail)
                THEN UPDATE SET t.reason = s.reason, t.detail = s.detail
            """
        retried(lambda: spark.sql(merge))


def file_rows(spark: SparkSession, files: Sequence[tuple[str, str, str]], now: datetime) -> DataFrame:
    """Return the rows of whole files (path, reason, detail)."""
    micros = micros_of(now)
    rows = [
        {"reason": reason, "detail": detail, "source_file": path, "hour": hour_of(path), "quarantined_at": micros}
        for path, reason, detail in files
    ]
    return spark.createDataFrame(pa.Table.from_batches([gathered(SIDE_TABLES["quarantine"], rows)]))
