"""Group files that this process reads into micro-batches like the engine's."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

_BYTES_A_BATCH = 64 * 1024 * 1024
_LINES_A_BATCH = 100_000


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file with its path in the tables; `modified_at` is microseconds since 1970 UTC.

    `lines` is the number of its lines, 0 if it is not known before the file is read.
    """

    path: str
    modified_at: int
    content: bytes
    lines: int = 0


def in_micro_batches(files: Iterable[GivenFile], most: int) -> Iterator[list[GivenFile]]:
    """Yield the files in lists with at most this many files, and limited bytes and lines."""
    batch: list[GivenFile] = []
    size = lines = 0
    for file in files:
        full = len(batch) == most or size + len(file.content) > _BYTES_A_BATCH or lines + file.lines > _LINES_A_BATCH
        if batch and full:
            yield batch
            batch, size, lines = [], 0, 0
        batch.append(file)
        size, lines = size + len(file.content), lines + file.lines
    if batch:
        yield batch


def frame(spark: SparkSession, batch: Sequence[GivenFile]) -> DataFrame:
    """Return files as an engine returns them: path, modificationTime, length, content."""
    return spark.createDataFrame(
        pa.table(
            {
                "path": pa.array([file.path for file in batch], pa.string()),
                "modificationTime": pa.array([file.modified_at for file in batch], pa.timestamp("us", "UTC")),
                "length": pa.array([len(file.content) for file in batch], pa.int64()),
                "content": pa.array([file.content for file in batch], pa.binary()),
            }
        )
    )
