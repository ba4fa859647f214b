"""Create missing tables, and describe their columns when the version or the columns change.

A run reads one property of the table, the version that created it last, and whether its side tables exist. A usual run
executes none of the statements below.
"""

import os
from collections.abc import Container, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from flatten import __version__
from flatten.decide.lines import FoundRow
from flatten.errors import FlattenError, TableError
from flatten.events import catalogue
from flatten.session import on_databricks
from flatten.storage import open_location
from flatten.tables import describe
from flatten.tables.commits import SPARK_ERRORS
from flatten.tables.names import TableName
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS, SIDE_TABLES
from flatten.tables.sql import ddl, literal, quoted

# Statistics decide which files are read; on all columns they cost more than the rest of the write.
_STATISTICS = "'delta.dataSkippingStatsColumns' = 'event_date,recorded_at,pipeline_processed_at,vehicle_id,event_id'"

# Two inserts of one event must conflict. With deletion vectors, which a workspace may switch on for new tables,
# Databricks detects conflicts row by row, and would refuse neither.
# https://docs.databricks.com/aws/en/optimizations/isolation/row-level-concurrency
_CONFLICTS_BY_FILE = "'delta.enableDeletionVectors' = 'false', 'delta.isolationLevel' = 'Serializable'"

_CREATED_BY = "flatten.created_by"
_SIDE_STATISTICS = {
    "files": ", 'delta.dataSkippingStatsColumns' = 'hour,committed_at,run_id'",
    "quarantine": ", 'delta.dataSkippingStatsColumns' = 'hour,quarantined_at'",
    "runs": ", 'delta.dataSkippingStatsColumns' = 'started_at'",
}

_ABSENT = frozenset(
    {"TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "PATH_NOT_FOUND"}
    | {"DELTA_TABLE_NOT_FOUND", "DELTA_MISSING_DELTA_TABLE", "DELTA_PATH_DOES_NOT_EXIST"}
)


def columns_of(spark: SparkSession, name: str) -> list[str] | None:
    """Return a table's columns, in order; None when the Delta table does not exist."""
    try:
        return spark.table(name).columns
    except AnalysisException as wrong:
        if wrong.getCondition() in _ABSENT:
            return None
        raise


def check(spark: SparkSession, table: TableName) -> bool:
    """Return whether the table exists. Raise TableError when the path has something else. Write nothing."""
    present = columns_of(spark, table.sql)
    missing = [name for name in FoundRow._fields if name not in (present or ())]
    if present is not None and missing:
        raise TableError(
            f"{table.text} lacks columns of this job ({', '.join(missing[:3])}, ...), so another program created it: "
            "name a table that this job created, or a new one."
        )
    if present is None and table.is_path and _occupied(table.text):
        raise TableError(
            f"{table.text} exists and is not a Delta table: give the path of a Delta table, or a new path."
        )
    return present is not None


def require(spark: SparkSession, table: TableName) -> None:
    """Raise TableError when the table or its side tables do not exist, or this job did not create them."""
    require_flat(spark, table)
    if columns_of(spark, table.side("runs")) is None:
        raise TableError(f"{table.ops} has no side tables of {table.text}: give the same --ops as to `flatten run`.")


def require_flat(spark: SparkSession, table: TableName) -> None:
    """Raise TableError when the table does not exist, or this job did not create it."""
    if not check(spark, table):
        raise TableError(f"The table {table.text} does not exist: `flatten run` creates it.")


def _occupied(path: str) -> bool:
    """Return whether the path has a file. An empty log does not count: a run that was killed while creating the table
    leaves it.
    """
    return Path(path).is_file() or any(open_location(path).names())


def ensure(spark: SparkSession, table: TableName, *, exists: bool, change_data_feed: bool = False) -> None:
    """Create the table and its side tables if missing, and describe the columns of a table by name.

    `exists` is the answer of `check`. `change_data_feed` enables the table's; without it that stays as it is. Raises
    FlattenError when the columns cannot be described.
    """
    created_by = f"{__version__}, catalogue {catalogue.VERSION}{', change data feed' if change_data_feed else ''}"
    if exists and _created_by(spark, table) == created_by and all(_exists(spark, table, kind) for kind in SIDE_TABLES):
        return
    for folder in table.folders():
        _clear_half_made(folder)
    for schema in table.schemas():
        if not spark.catalog.databaseExists(schema):  # the bundle creates it, and the job may lack the permission
            spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    _create(spark, table)
    if not table.is_path:
        _describe(spark, table)
    properties = f"{_STATISTICS}, {_CONFLICTS_BY_FILE}, '{_CREATED_BY}' = {literal(created_by)}"
    properties += ", 'delta.enableChangeDataFeed' = 'true'" if change_data_feed else ""
    spark.sql(f"ALTER TABLE {table.sql} SET TBLPROPERTIES ({properties})")


def _exists(spark: SparkSession, table: TableName, kind: str) -> bool:
    """Return whether a side table exists, without reading its log."""
    if not table.is_path:
        return spark.catalog.tableExists(table.side(kind))
    return any(open_location(f"{table.side_place(kind)}/_delta_log").names())


def _created_by(spark: SparkSession, table: TableName) -> str:
    [row] = spark.sql(f"SHOW TBLPROPERTIES {table.sql} ('{_CREATED_BY}')").collect()
    return str(row.value)


def _create(spark: SparkSession, table: TableName) -> None:
    # In a table by name a tagged column gets its comment after its tag.
    later = () if table.is_path else describe.PERSONAL
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS {table.sql} ({_commented(EVENT_COLUMNS | LINEAGE_COLUMNS, later)}) USING DELTA "
        "CLUSTER BY (event_date) COMMENT 'Vehicle telemetry, one flat row per event' "
        f"TBLPROPERTIES ({_STATISTICS}, {_CONFLICTS_BY_FILE})"
    )
    for kind, columns in SIDE_TABLES.items():
        clustered = " CLUSTER BY (hour)" if "hour" in columns else ""
        spark.sql(
            f"CREATE TABLE IF NOT EXISTS {table.side(kind)} ({ddl(columns)}) USING DELTA{clustered} "
            f"TBLPROPERTIES ({_CONFLICTS_BY_FILE}{_SIDE_STATISTICS.get(kind, '')})"
        )


def add_columns(spark: SparkSession, table: TableName, columns: Mapping[str, str]) -> None:
    """Add missing columns, name -> SQL type, to a table by name, and describe them.

    Access rules may depend on the tags, so the tags come before the first row; the comment is set last, so a column
    with a comment is finished. A table by path has neither tags nor comments: its new columns come with the rows.
    """
    if table.is_path:
        return
    described = {field.name: bool(field.metadata.get("comment")) for field in spark.table(table.sql).schema.fields}
    missing = {name: kind for name, kind in columns.items() if name not in described}
    if missing:
        spark.sql(f"ALTER TABLE {table.sql} ADD COLUMNS ({ddl(missing)})")
    if not all(described.get(name) for name in columns):
        _describe(spark, table)


def _clear_half_made(folder: Path) -> None:
    """Remove what a run leaves that is killed while creating a table: a log without a commit.

    Delta takes any folder that is not empty for a table. Only half-written commits and empty folders are removed, so a
    log that gets its first commit meanwhile stays.
    """
    log = folder / "_delta_log"
    if log.is_dir() and not any(open_location(str(log)).names()):
        for each in [*sorted(log.rglob("*"), reverse=True), log, folder]:
            with suppress(OSError):
                if each.is_dir():
                    each.rmdir()
                elif each.name.startswith("."):
                    each.unlink()


def _describe(spark: SparkSession, table: TableName) -> None:
    run_description(spark, table, description(spark, table, tags=on_databricks(os.environ)))


def run_description(spark: SparkSession, table: TableName, statements: Iterable[str]) -> None:
    """Execute the statements of `description`. Raises FlattenError when one is refused."""
    try:
        for statement in statements:
            spark.sql(statement)
    except SPARK_ERRORS as refused:
        raise FlattenError(
            f"The columns of {table.text} could not be described ({str(refused).strip().splitlines()[0]}): make the "
            "job's principal the owner of the table, or grant it MODIFY and APPLY TAG."
        ) from refused


def description(spark: SparkSession, table: TableName, *, tags: bool) -> list[str]:
    """Return the SQL that sets comments, and with `tags` tags, on the columns of a table without a comment."""
    known = describe.signal_comments() | {name: about for name, (_, about) in (EVENT_COLUMNS | LINEAGE_COLUMNS).items()}
    bare = [field.name for field in spark.table(table.sql).schema.fields if not field.metadata.get("comment")]
    missing = {name: known[name] for name in bare if name in known}
    return describe.statements(table.sql, missing, tags=tags)


def _commented(columns: Mapping[str, tuple[str, str]], later: Container[str]) -> str:
    return ", ".join(
        f"{quoted(name)} {kind}{' NOT NULL' if name == 'event_id' else ''}"
        f"{'' if name in later else f' COMMENT {literal(about)}'}"
        for name, (kind, about) in columns.items()
    )
