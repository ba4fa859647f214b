"""Files in: Auto Loader on Databricks, Spark's own file source elsewhere; the one place that tells them apart.

Both remember by path what they have read and read a path once. Whole files come (`binaryFile`), so that a file
without lines is in the batch too.
"""

from collections.abc import Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from flatten.columns import literal, moment_literal
from flatten.settings import Discovery, Settings
from flatten.storage import literal_path

_SCHEMA = "path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY"

_MAX_FILES_BELOW_A_PATTERN = 100
"""For each file whose path reads like a pattern Spark's file source looks at all files of its micro-batch: a
thousand of them below a folder `[x]` are a million looks. Since https://github.com/apache/spark/pull/41022, which
turned the patterns off, but in 4.2 each still stands for the whole list."""


def new_files(spark: SparkSession, settings: Settings, *, auto_loader: bool) -> DataFrame:
    """Return the stream of files that no run has read: path, modificationTime, length, content.

    A file that is too large to be used is not even opened: one of 2 GiB would stop every run, because no more fits
    into a value. The engine has it in its books all the same (`unread_paths`).
    """
    options = auto_loader_options(settings) if auto_loader else file_source_options(settings)
    reader = spark.readStream.format("cloudFiles" if auto_loader else "binaryFile").schema(_SCHEMA)
    files = reader.options(**options).load(literal_path(settings.source))
    return files.where(F.col("length") <= settings.max_file_bytes)


def auto_loader_options(settings: Settings) -> Mapping[str, str]:
    """Return the options of Auto Loader, each for a reason.

    https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/options
    """
    return {
        "cloudFiles.format": "binaryFile",
        **_DISCOVERY[settings.discovery],
        "cloudFiles.includeExistingFiles": "true",
        # A key is written once; an overwritten one is found by the archiver.
        "cloudFiles.allowOverwrites": "false",
        # YYYY/MM/DD/HH are no partition columns.
        "cloudFiles.partitionColumns": "",
        # Files are read whole: a micro-batch must fit into memory, however large its files are.
        "cloudFiles.maxFilesPerTrigger": str(settings.max_files),
        "cloudFiles.maxBytesPerTrigger": "1g",
        "ignoreMissingFiles": str(settings.tolerate_missing_files).lower(),
    }


_DISCOVERY: Mapping[Discovery, Mapping[str, str]] = {
    # A run sees every object that was written before it began, also the one that the Lambda started it for.
    "listing": {
        "cloudFiles.useNotifications": "false",
        # Incremental listing needs keys in lexical order; ours are by hour, then by sequence number.
        "cloudFiles.useIncrementalListing": "false",
    },
    # Nothing is listed, which is cheaper for very many files; but discovery may lag a run that starts at once.
    "file-events": {"cloudFiles.useManagedFileEvents": "true"},
}


def file_source_options(settings: Settings) -> Mapping[str, str]:
    """Return the options of Spark's file source.

    https://spark.apache.org/docs/latest/structured-streaming-programming-guide.html#input-sources
    """
    reads_like_a_pattern = literal_path(settings.source) != settings.source
    most = _MAX_FILES_BELOW_A_PATTERN if reads_like_a_pattern else settings.max_files
    return {
        "recursiveFileLookup": "true",
        "maxFilesPerTrigger": str(min(settings.max_files, most)),
        # The default of seven days skips older files without a word.
        "maxFileAge": "36500d",
        "ignoreMissingFiles": str(settings.tolerate_missing_files).lower(),
    }


def listed_paths(spark: SparkSession, settings: Settings, *, auto_loader: bool) -> DataFrame:
    """Return (path, may_come) of every file that, by its books, the engine put into a micro-batch or found.

    One that Auto Loader found after the run began may come in a later run; it reads all others in this one
    (`availableNow`). https://docs.databricks.com/aws/en/sql/language-manual/functions/cloud_files_state
    """
    if auto_loader:
        later = f"discovery_time >= {moment_literal(settings.started_at)}"
        return spark.sql(f"SELECT path, {later} AS may_come FROM cloud_files_state({literal(settings.checkpoint)})")
    log = spark.read.text(f"{literal_path(settings.checkpoint)}/sources/0")
    # The log holds URIs; url_decode alone would turn a plus sign into a space.
    uri = F.replace(F.get_json_object("value", "$.path"), F.lit("+"), F.lit("%2B"))
    return log.where(F.col("value").startswith("{")).select(
        F.url_decode(uri).alias("path"), F.lit(False).alias("may_come")
    )


def unread_paths(spark: SparkSession, settings: Settings, files: DataFrame, *, auto_loader: bool) -> dict[str, bool]:
    """Return the files that the engine listed and that gave no row, not among `files` (path): whether one may come.

    Those were gone when they were to be read, are too large (`new_files`), or empty: Spark's readers pass over files
    without a byte.
    """
    plain = F.regexp_replace("path", "^(file|dbfs):/*", "/").alias("path")
    listed = listed_paths(spark, settings, auto_loader=auto_loader).select(plain, "may_come")
    ours = listed.where(F.col("path").startswith(f"{settings.source}/"))
    unread = ours.join(files.select("path"), "path", "left_anti").collect()
    return {row.path: row.may_come for row in sorted(unread)}
