"""Simulate Auto Loader by its documentation, as far as this job uses it: a Python data source named `cloudFiles`.

A path is delivered once; the files of a failed micro-batch come again; a file that vanished stops the query unless an
option says otherwise; a file without bytes is skipped. It accepts the options of the job and refuses any other. The
offset, which Spark's checkpoint stores, has all delivered paths. It tests our understanding of
https://docs.databricks.com/aws/en/ingestion/cloud-object-storage/auto-loader/options; the smoke test in a workspace
decides.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyspark import cloudpickle
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition
from pyspark.sql.streaming.datasource import ReadAllAvailable, ReadLimit, ReadMaxFiles, SupportsTriggerAvailableNow
from pyspark.sql.types import StructType

# The processes of a data source do not have tests/ on their path.
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]  # pyspark gives it no types

_FIELDS = ["path", "modificationTime", "length", "content"]
_FIXED = {
    "cloudFiles.format": ("binaryFile",),
    "cloudFiles.useNotifications": ("false",),
    "cloudFiles.useIncrementalListing": ("false",),
    "cloudFiles.useManagedFileEvents": ("true",),
    "cloudFiles.includeExistingFiles": ("true",),
    "cloudFiles.allowOverwrites": ("false",),
    "cloudFiles.partitionColumns": ("",),
    "cloudFiles.maxBytesPerTrigger": ("1g",),
    "ignoreMissingFiles": ("true", "false"),
    "ignoreCorruptFiles": ("true", "false"),
}
"""The supported values of each option."""


class CloudFilesError(Exception):
    """Raised for what the real Auto Loader refuses, and for what this one does not support."""


class CloudFiles(DataSource):
    """`spark.readStream.format("cloudFiles")`, once registered by `spark.dataSource.register`."""

    @classmethod
    def name(cls) -> str:
        """Return the name of the format."""
        return "cloudFiles"

    def streamReader(self, schema: StructType) -> "CloudFilesReader":  # noqa: N802  # the name that Spark calls
        """Return a reader for a query."""
        return CloudFilesReader(self.options, schema)


@dataclass(frozen=True)
class _File(InputPartition):
    path: str


class CloudFilesReader(DataSourceStreamReader, SupportsTriggerAvailableNow):
    """Lists a folder and delivers its files. An offset is the set of all delivered paths."""

    def __init__(self, options: Mapping[str, str], schema: StructType) -> None:
        known = {name.lower(): values for name, values in _FIXED.items()}
        given = {name.lower(): value for name, value in options.items()}
        self._root = given.pop("path")
        self._most = int(given.pop("cloudfiles.maxfilespertrigger"))
        wrong = [f"{name}={value}" for name, value in given.items() if value not in known.get(name, ())]
        if wrong:
            raise CloudFilesError(f"unknown options: {', '.join(wrong)}")
        if given.get("cloudfiles.format") != "binaryFile" or schema.names != _FIELDS:
            raise CloudFilesError(f"binaryFile has the columns {_FIELDS}, asked for {schema.names}")
        self._missing = given.get("ignoremissingfiles") == "true"
        self._corrupt = given.get("ignorecorruptfiles") == "true"
        self._listed: list[str] | None = None

    def initialOffset(self) -> dict[str, Any]:  # noqa: N802  # the name that Spark calls
        """Return the offset before the first file."""
        return {}

    def getDefaultReadLimit(self) -> ReadLimit:  # noqa: N802  # the name that Spark calls
        """Return the hard limit of files."""
        return ReadMaxFiles(self._most)

    def prepareForTriggerAvailableNow(self) -> None:  # noqa: N802  # the name that Spark calls
        """Fix the files that exist when the query starts: nothing later is delivered."""
        self._listed = list(_listing(self._root))

    def latestOffset(self, start: dict[str, Any], limit: ReadLimit) -> dict[str, Any]:  # noqa: N802  # the name that Spark calls
        """Return the offset after the next files."""
        listed = list(_listing(self._root)) if self._listed is None else self._listed
        new = [path for path in listed if path not in start]
        if not isinstance(limit, ReadAllAvailable):
            new = new[: self._most]
        return start | dict.fromkeys(new, True)

    def partitions(self, start: dict[str, Any], end: dict[str, Any]) -> Sequence[InputPartition]:
        """Return the files between two offsets."""
        return [_File(path) for path in end if path not in start]

    def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]]:
        """Yield the row of a file, whose path has the scheme of a volume."""
        assert isinstance(partition, _File)
        try:
            content, stat = Path(partition.path).read_bytes(), Path(partition.path).stat()
        except FileNotFoundError:
            if self._missing:
                return
            raise
        except OSError:
            if self._corrupt:
                return
            raise
        yield f"dbfs:{partition.path}", datetime.fromtimestamp(stat.st_mtime, UTC), len(content), content


def _listing(root: str) -> Iterator[str]:
    """Yield the files that have bytes and no hidden part in their name, in order."""
    for path in sorted(Path(root).rglob("*")):
        hidden = any(part.startswith(("_", ".")) for part in path.relative_to(root).parts)
        if not hidden and path.is_file() and path.stat().st_size:
            yield str(path)
