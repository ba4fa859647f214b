"""The table, its side tables, and how each is named, made and read."""

import os
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from flatten import descriptions
from flatten.columns import ddl, literal, quoted
from flatten.commits import SPARK_ERRORS, retried
from flatten.errors import BadTable, FlattenError
from flatten.event import ATTRIBUTES
from flatten.locations import open_location
from flatten.session_settings import on_databricks

EVENT_COLUMNS: dict[str, tuple[str, str]] = {
    "event_id": ("STRING", "Key: one row per event"),
    "event_date": ("DATE", "UTC date of recorded_at; the cluster key; NULL when recorded_at cannot be read"),
    **{attribute.column: (attribute.sql_type, attribute.about) for attribute in ATTRIBUTES},
    "signal_count": ("INT", "Signals that the event carries"),
    "unmapped_signals": ("STRING", "Signals that no column holds whole, as they came: a JSON array"),
    "unmapped_attributes": ("STRING", "Whatever else was stored with the event: a JSON object by path"),
}
"""The columns that an event fills beside its signals: name -> SQL type, comment."""

LINEAGE_COLUMNS: dict[str, tuple[str, str]] = {
    "deleted_at": ("TIMESTAMP", "When the item was removed from the source table; NULL while it lives"),
    "stream": ("STRING", "Label of the DynamoDB stream of the last change"),
    "sequence_number": ("STRING", "Sequence number of the last change in its stream"),
    "changed_at": ("TIMESTAMP", "Approximate time of the last change, by DynamoDB"),
    "source_file": ("STRING", "File in which the last change came"),
    "catalogue_version": ("STRING", "Version of the signal catalogue that named the columns"),
    "pipeline_version": ("STRING", "Version of the job that wrote the row"),
    "pipeline_processed_at": ("TIMESTAMP", "Start of the run that wrote the row"),
}

_COUNTS = ("lines", "applied", "superseded", "repeated", "ignored", "quarantined")
SIDE_TABLES: dict[str, dict[str, str]] = {
    "quarantine": {
        "raw": "STRING",
        "raw_base64": "STRING",
        "reason": "STRING",
        "detail": "STRING",
        "source_file": "STRING",
        "line_number": "INT",
        "quarantined_at": "TIMESTAMP",
        "redriven_at": "TIMESTAMP",
    },
    "files": {
        "path": "STRING",
        "size": "BIGINT",
        "modified_at": "TIMESTAMP",
        "sha256": "STRING",
        **dict.fromkeys(_COUNTS, "INT"),
        "run_id": "STRING",
        "batch_id": "BIGINT",
        "committed_at": "TIMESTAMP",
        "archived_at": "TIMESTAMP",
        "archive_path": "STRING",
        "outcome": "STRING",
    },
    "runs": {
        "run_id": "STRING",
        "command": "STRING",
        "started_at": "TIMESTAMP",
        "finished_at": "TIMESTAMP",
        "outcome": "STRING",
    },
    "moves": {"event_id": "STRING", "event_date": "DATE", "cause": "STRING", "noted_at": "TIMESTAMP"},
    "lease": {"holder": "STRING", "state": "STRING", "expires_at": "TIMESTAMP"},
}
"""The tables beside the flat one, for the job and its keepers only: raw lines hold places and people."""

# Statistics steer which files a MERGE reads; on all columns they cost more than the rest of the write.
_PROPERTIES = "'delta.dataSkippingStatsColumns' = 'event_id,event_date,recorded_at,changed_at,vehicle_id'"

# With deletion vectors, which a workspace may give every new table, Databricks looks for conflicts row by row, and
# of two writers that put in a first row neither would be refused. https://docs.databricks.com/aws/en/optimizations/isolation/row-level-concurrency
_ONE_AT_A_TIME = "'delta.enableDeletionVectors' = 'false', 'delta.isolationLevel' = 'Serializable'"


@dataclass(frozen=True, slots=True)
class TableName:
    """A table by path (it has a slash) or by name (one to three parts), and where its side tables live.

    `ops` is a folder or a schema. Raises BadTable for a name that cannot be one.
    """

    text: str
    ops: str

    def __post_init__(self) -> None:
        if ("/" in self.text) != ("/" in self.ops):
            raise BadTable(f"{self.text!r} and {self.ops!r}: give a table and its side tables both by path or by name.")
        for name in (self.text, self.ops):
            if "${" in name:
                raise BadTable(f"{name!r} has ${{ in it, which Spark SQL replaces by a setting: give another name.")
            if not self.is_path and not all(part.strip() and "`" not in part for part in name.split(".")):
                raise BadTable(f"{name!r} is no table or schema name; give schema.table or a path with a slash.")
        if not self.is_path and not 1 <= len(self.text.split(".")) <= 3:
            raise BadTable(f"{self.text!r} has too many parts; give catalog.schema.table.")
        table, *sides = self.places() or [""]
        if any(side.startswith(f"{table}/") or table.startswith(f"{side}/") for side in sides):
            raise BadTable(f"{self.ops!r} is inside the table {table}, which VACUUM would empty: give another folder.")

    @classmethod
    def of(cls, text: str, ops: str | None = None) -> "TableName":
        """Name a table; its side tables stand in its schema or folder with `_ops` unless said otherwise."""
        if "/" in text:
            folder = text.rstrip("/").rpartition("/")[0]
            return cls(text.rstrip("/") or "/", ops.rstrip("/") if ops else f"{folder or '/'}_ops")
        return cls(text, ops or f"{text.rpartition('.')[0] or 'default'}_ops")

    @property
    def is_path(self) -> bool:
        """Whether the table is a folder rather than a name in a catalog."""
        return "/" in self.text

    @property
    def sql(self) -> str:
        """The table as SQL names it."""
        return _sql(self.text)

    def side(self, kind: str) -> str:
        """One of `SIDE_TABLES` as SQL names it."""
        return _sql(self._side(kind))

    def folders(self) -> list[Path]:
        """Return the folders of all the tables in the file system; none for names and buckets."""
        return [] if "://" in self.text + self.ops else list(map(Path, self.places()))

    def places(self) -> list[str]:
        """Return where all the tables stand; nothing for names."""
        return [self.text, *map(self._side, SIDE_TABLES)] if self.is_path else []

    def _side(self, kind: str) -> str:
        separator = "/" if self.is_path else "."
        return f"{self.ops}{separator}{self.text.rpartition(separator)[2]}_{kind}"

    def schemas(self) -> list[str]:
        """Return the schemas that the tables need, as SQL names them; none for paths."""
        return [] if self.is_path else [_sql(self.text.rpartition(".")[0] or "default"), _sql(self.ops)]


def _sql(text: str) -> str:
    return f"delta.{quoted(text)}" if "/" in text else ".".join(map(quoted, text.split(".")))


_ABSENT = frozenset(
    {"TABLE_OR_VIEW_NOT_FOUND", "SCHEMA_NOT_FOUND", "PATH_NOT_FOUND"}
    | {"DELTA_TABLE_NOT_FOUND", "DELTA_MISSING_DELTA_TABLE", "DELTA_PATH_DOES_NOT_EXIST"}
)


def columns_of(spark: SparkSession, name: str) -> list[str] | None:
    """Return a table's columns, in order; None when there is no such Delta table."""
    try:
        return spark.table(name).columns
    except AnalysisException as wrong:
        if wrong.getCondition() in _ABSENT:
            return None
        raise


def check(spark: SparkSession, table: TableName) -> None:
    """Raise BadTable when something stands at the table's place that is not a table of ours; write nothing."""
    present = columns_of(spark, table.sql)
    missing = [name for name in EVENT_COLUMNS | LINEAGE_COLUMNS if name not in (present or ())]
    if present is not None and missing:
        raise BadTable(
            f"{table.text} is a table without our columns ({', '.join(missing[:3])}, ...): "
            "name a table that this job made, or a new one."
        )
    if present is None and table.is_path and _occupied(table.text):
        raise BadTable(f"{table.text} is there and is no Delta table: give the path of one, or a new path.")


def require(spark: SparkSession, table: TableName) -> None:
    """Raise BadTable when the table or its side tables are not there, or are not ours."""
    check(spark, table)
    if columns_of(spark, table.sql) is None:
        raise BadTable(f"There is no table {table.text} yet: `flatten run` makes it.")
    if columns_of(spark, table.side("runs")) is None:
        raise BadTable(f"{table.ops} has no side tables of {table.text}: give --ops as `flatten run` was given it.")


def _occupied(path: str) -> bool:
    """Say whether a file is there. An empty log is none: a run that is killed while it makes the table leaves that."""
    return Path(path).is_file() or any(open_location(path).names())


def ensure(spark: SparkSession, table: TableName) -> None:
    """Make the table and its side tables where they are missing, and describe what a table by name has undescribed."""
    for folder in table.folders():
        _clear_half_made(folder)
    for schema in table.schemas():
        if not spark.catalog.databaseExists(schema):  # the bundle makes it, and the job may lack the right to
            spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    # In a table by name a column that is to be tagged is described once it has its tag.
    later = () if table.is_path else descriptions.PERSONAL
    spark.sql(
        f"CREATE TABLE IF NOT EXISTS {table.sql} ({_commented(EVENT_COLUMNS | LINEAGE_COLUMNS, later)}) USING DELTA "
        f"CLUSTER BY (event_date) COMMENT 'Vehicle telemetry, one flat row per event' TBLPROPERTIES ({_PROPERTIES})"
    )
    for kind, columns in SIDE_TABLES.items():
        properties = f" TBLPROPERTIES ({_ONE_AT_A_TIME})" if kind == "lease" else ""
        spark.sql(f"CREATE TABLE IF NOT EXISTS {table.side(kind)} ({ddl(columns)}) USING DELTA{properties}")
    if not table.is_path:
        describe(spark, table, description(spark, table, tags=on_databricks(os.environ)))


def _clear_half_made(folder: Path) -> None:
    """Remove what a run leaves that is killed while it makes a table: a log without a commit.

    Delta takes any folder that is not empty for a table. Only half-written commits and empty folders go, so a log
    that gets its first commit meanwhile stays.
    """
    log = folder / "_delta_log"
    if log.is_dir() and not any(open_location(str(log)).names()):
        for each in [*sorted(log.rglob("*"), reverse=True), log, folder]:
            with suppress(OSError):
                if each.is_dir():
                    each.rmdir()
                elif each.name.startswith("."):
                    each.unlink()


def describe(spark: SparkSession, table: TableName, statements: Iterable[str]) -> None:
    """Run what `description` returned.

    Raises FlattenError when that is refused: rules of access may hang on the tags, so no row comes before them.
    """
    try:
        for statement in statements:
            spark.sql(statement)
    except SPARK_ERRORS as refused:
        raise FlattenError(
            f"The columns of {table.text} could not be described ({str(refused).strip().splitlines()[0]}): "
            "let the principal of the job own the table, or grant it MODIFY and APPLY TAG."
        ) from refused


def description(spark: SparkSession, table: TableName, *, tags: bool) -> list[str]:
    """Return the SQL that comments, and with `tags` tags, the columns of a table that have no comment yet."""
    known = descriptions.signal_comments() | {
        name: about for name, (_, about) in (EVENT_COLUMNS | LINEAGE_COLUMNS).items()
    }
    bare = [field.name for field in spark.table(table.sql).schema.fields if not field.metadata.get("comment")]
    missing = {name: known[name] for name in bare if name in known}
    return descriptions.statements(table.sql, missing, tags=tags)


def _commented(columns: Mapping[str, tuple[str, str]], later: Container[str]) -> str:
    return ", ".join(
        f"{quoted(name)} {kind}{' NOT NULL' if name == 'event_id' else ''}"
        f"{'' if name in later else f' COMMENT {literal(about)}'}"
        for name, (kind, about) in columns.items()
    )


def add_new(rows: DataFrame, target: str, keys: Sequence[str]) -> None:
    """Append the rows whose `keys` (NULL equals NULL) the table does not have; doing it again changes nothing.

    It reads the table that it writes, so a writer beside it is noticed and it is tried again on what that one left.
    """
    spark = rows.sparkSession
    columns = spark.table(target).columns
    rows.createOrReplaceTempView("flatten_new")
    matched = " AND ".join(f"n.{quoted(key)} <=> t.{quoted(key)}" for key in keys)
    listed = ", ".join(f"n.{quoted(column)}" for column in columns)
    insert = f"INSERT INTO {target} SELECT {listed} FROM flatten_new n LEFT ANTI JOIN {target} t ON {matched}"
    retried(lambda: spark.sql(insert))
