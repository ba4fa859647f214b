"""Record in the files table what happened to each line of each file.

A file is identified by its path and the digest of its content. What is to be read, archived or reported follows from
this table and a listing of landing alone.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from flatten.decide.decision import VERDICTS
from flatten.errors import FlattenError
from flatten.events.arrow import gathered
from flatten.events.landing_file import hour_of
from flatten.tables.commits import Patience
from flatten.tables.insert import insert_missing
from flatten.tables.names import TableName
from flatten.tables.schema import COUNTS, SIDE_TABLES
from flatten.tables.sql import hours_among

COMMITTED, QUARANTINED = "committed", "quarantined"
"""Outcomes of a file. quarantined: it cannot be used, and none of its lines was used."""


class Recorded(NamedTuple):
    """A row of the files table."""

    path: str
    sha256: str
    outcome: str
    run_id: str
    batch_id: int | None
    lines: int
    applied: int
    superseded: int
    repeated: int
    ignored: int
    quarantined: int
    searched: int


def record(spark: SparkSession, entries: Sequence[Mapping[str, Any]], table: TableName, patience: Patience) -> None:
    """Record files, column -> value (times in microseconds since 1970 UTC); recorded ones stay unchanged.

    Raises FlattenError when the verdicts of a file's lines do not add up, which would be a bug of this job: nothing is
    recorded then, and the next run tries the batch again.
    """
    for entry in entries:
        accounted = sum(entry[verdict] for verdict in VERDICTS)
        if accounted != entry["lines"]:
            raise FlattenError(
                f"{entry['path']}: only {accounted} of {entry['lines']} lines have a verdict, which is a bug of this "
                "job: keep the file and report it."
            )
    rows = [{**entry, "hour": hour_of(entry["path"])} for entry in entries]
    frame = spark.createDataFrame(pa.Table.from_batches([gathered(SIDE_TABLES["files"], rows)]))
    same = "n.path = t.path AND n.sha256 = t.sha256"
    insert_missing(frame, table, "files", same, [entry["path"] for entry in entries], patience)


def recorded(spark: SparkSession, table: TableName, paths: Iterable[str]) -> list[Recorded]:
    """Return the rows of these paths; only the hours of the paths are read. A path with two contents has two rows."""
    asked = sorted(paths)
    if not asked:
        return []
    rows = spark.table(table.side("files")).where(hours_among("hour", map(hour_of, asked))).select(*Recorded._fields)
    paths_asked = spark.createDataFrame(pa.table({"path": pa.array(asked, pa.string())}))
    return [Recorded(*row) for row in rows.join(F.broadcast(paths_asked), "path", "left_semi").collect()]


def summed(rows: Iterable[Recorded]) -> dict[str, int]:
    """Return the totals of these files: files, batches (those from the engine), and lines by verdict."""
    kept = list(rows)
    batches = {row.batch_id for row in kept if row.batch_id is not None}
    sums = {name: sum(getattr(row, name) for row in kept) for name in COUNTS}
    return {"files": len(kept), "batches": len(batches), **sums}
