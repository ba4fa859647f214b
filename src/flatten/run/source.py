"""Files in: Auto Loader on Databricks, Spark's own file source elsewhere; the one place that separates them.

Both remember by path what they have read and hand a path over once. Whole files come (`binaryFile`), so that a file
without lines is in the batch too. What an engine passes over (no bytes, too many, no right to read, its own memory)
is no reason to stop it: the run compares landing with the files table afterwards and reads the rest itself.
"""

from collections.abc import Iterable, Mapping

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from flatten.settings import Discovery, Settings
from flatten.storage.location import literal_path

_SCHEMA = "path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY"

_MAX_FILES_BELOW_A_PATTERN = 100
"""For each file whose path reads like a pattern Spark's file source looks at all files of its micro-batch: a
thousand of them below a folder `[x]` are a million looks. Since https://github.com/apache/spark/pull/41022, which
turned the patterns off, but in 4.2 each still stands for the whole list."""


_TOLERANT = {"ignoreMissingFiles": "true", "ignoreCorruptFiles": "true"}
"""A file that is gone, or cannot be read, once it has been listed, stops no other: the run looks for it afterwards."""


def new_files(spark: SparkSession, settings: Settings, *, auto_loader: bool) -> DataFrame:
    """Return the stream of files that no run has read: path, modificationTime, length, content.

    A file that is too large to be used is not even opened: one of 2 GiB would stop every run, because no more fits
    into a value.
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
        **_TOLERANT,
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
        **_TOLERANT,
    }


def whole_files(spark: SparkSession, paths: Iterable[str]) -> DataFrame:
    """Return some files as `new_files` gives them, by their paths. Raises AnalysisException when one is gone."""
    reader = spark.read.format("binaryFile").schema(_SCHEMA).options(**_TOLERANT, recursiveFileLookup="true")
    return reader.load([literal_path(path) for path in sorted(paths)])
