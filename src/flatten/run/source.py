"""Read new files: with Auto Loader on Databricks, with Spark's file source elsewhere.

This is the only module that separates the two. Both remember the paths that they have read, and deliver a path once.
Whole files are read (`binaryFile`), so that a batch also has files without lines. A file that an engine skips (no
bytes, too many, no permission, in its checkpoint) does not stop the run: afterwards the run compares landing with the
files table and reads the rest.
"""

from collections.abc import Iterable, Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from flatten.settings import Discovery, Settings
from flatten.storage.location import literal_path

_SCHEMA = "path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY"

_MAX_FILES_BELOW_A_PATTERN = 100
"""Spark's file source compares each file whose path looks like a pattern with all files of its micro-batch: a
thousand of them below a folder `[x]` are a million comparisons. That came with
https://github.com/apache/spark/pull/41022, which switched the patterns off, but in 4.2 each still matches the whole
list.
"""


_TOLERANT = {"ignoreMissingFiles": "true", "ignoreCorruptFiles": "true"}
"""A listed file that is missing or unreadable does not stop the others: the run reads it afterwards."""


def new_files(spark: SparkSession, settings: Settings, *, auto_loader: bool) -> DataFrame:
    """Return the stream of files that no run has read: path, modificationTime, length, content.

    A file that is too large is not opened: one of 2 GiB would stop every run, because a value cannot be larger.
    """
    options = auto_loader_options(settings) if auto_loader else file_source_options(settings)
    reader = spark.readStream.format("cloudFiles" if auto_loader else "binaryFile").schema(_SCHEMA)
    files = reader.options(**options).load(literal_path(settings.source))
    return files.where(F.col("length") <= settings.max_file_bytes)


def auto_loader_options(settings: Settings) -> Mapping[str, str]:
    """Return the options of Auto Loader, with the reason of each.

    https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/options
    """
    return {
        "cloudFiles.format": "binaryFile",
        **_DISCOVERY[settings.discovery],
        "cloudFiles.includeExistingFiles": "true",
        # A key is written once; the archiver finds an overwritten one.
        "cloudFiles.allowOverwrites": "false",
        # YYYY/MM/DD/HH are not partition columns.
        "cloudFiles.partitionColumns": "",
        # Files are read whole: a micro-batch must fit into memory, with files of any size.
        "cloudFiles.maxFilesPerTrigger": str(settings.max_files),
        "cloudFiles.maxBytesPerTrigger": "1g",
        **_TOLERANT,
    }


_DISCOVERY: Mapping[Discovery, Mapping[str, str]] = {
    # A run sees every object that was written before it began, also the one for which the Lambda started it.
    "listing": {
        "cloudFiles.useNotifications": "false",
        # Incremental listing needs keys in lexical order; ours are by hour, then by sequence number.
        "cloudFiles.useIncrementalListing": "false",
    },
    # Nothing is listed, which is cheaper for very many files; but discovery may be late for a run that starts at once.
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
        # The default of seven days silently skips older files.
        "maxFileAge": "36500d",
        **_TOLERANT,
    }


def whole_files(spark: SparkSession, paths: Iterable[str]) -> DataFrame:
    """Return some files, by path, in the form of `new_files`. Raises AnalysisException when one is missing."""
    reader = spark.read.format("binaryFile").schema(_SCHEMA).options(**_TOLERANT, recursiveFileLookup="true")
    return reader.load([literal_path(path) for path in sorted(paths)])
