"""Files that were in landing when the run began and that the engine did not hand over: the run reads them itself.

The engine passes over a file that has no bytes, is too large, cannot be read, was away for a moment, or that its memory
takes for read. It never comes back to one. So nothing depends on that memory: what is in landing and not in the files
table is read here, in micro-batches like the engine's, by the same function. A file that cannot be read now is
reported, and the next run tries again.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from flatten.events.timestamps import micros_of
from flatten.run.batch import Around, process_batch
from flatten.settings import Settings
from flatten.storage.location import Location, Stat
from flatten.tables import files as ledger
from flatten.tables import quarantine

_BYTES_A_BATCH = 64 * 1024 * 1024
_DISCOVERY_LAG = timedelta(days=1)
"""With file events a file may be handed over later than the run after it came."""


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    stat: Stat
    content: bytes


@dataclass
class PassedOver:
    """What became of them, by path: read; too large; gone; `failed` has a sentence for each that could not be read."""

    read: list[str] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def read_passed_over(
    spark: SparkSession, settings: Settings, around: Around, landing: Location, names: Iterable[str]
) -> PassedOver:
    """Commit the files of landing of these names, as far as they can be read now."""
    found = PassedOver()
    for batch in _batches(_contents(landing, names, settings, found), settings.max_files):
        process_batch(_frame(spark, batch), None, settings, around)
        found.read += [file.path for file in batch]
    if found.too_large:
        _quarantine_too_large(spark, settings, around, landing, found.too_large)
    return found


def _contents(landing: Location, names: Iterable[str], settings: Settings, found: PassedOver) -> Iterator[_File]:
    for name in names:
        path = f"{landing.root}/{name}"
        try:
            stat = landing.stat(name)
            if stat is None:
                found.gone.append(path)
            elif settings.discovery == "file-events" and stat.modified_at > settings.started_at - _DISCOVERY_LAG:
                continue
            elif stat.size > settings.max_file_bytes:
                found.too_large.append(path)
            else:
                with landing.open(name) as file:
                    yield _File(path, stat, file.read())
        except FileNotFoundError:
            found.gone.append(path)
        except OSError as wrong:
            found.failed.append(f"{path} could not be read ({wrong.strerror}): give this user the right to read it.")


def _batches(contents: Iterable[_File], most: int) -> Iterator[list[_File]]:
    batch: list[_File] = []
    size = 0
    for file in contents:
        if batch and (len(batch) == most or size + len(file.content) > _BYTES_A_BATCH):
            yield batch
            batch, size = [], 0
        batch.append(file)
        size += len(file.content)
    if batch:
        yield batch


def _frame(spark: SparkSession, batch: Iterable[_File]) -> DataFrame:
    """Return files as an engine hands them over."""
    kinds = (pa.string(), pa.timestamp("us", "UTC"), pa.int64(), pa.binary())
    rows = [(file.path, micros_of(file.stat.modified_at), len(file.content), file.content) for file in batch]
    arrays = (pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True))
    return spark.createDataFrame(
        pa.table(dict(zip(("path", "modificationTime", "length", "content"), arrays, strict=True)))
    )


def _quarantine_too_large(
    spark: SparkSession, settings: Settings, around: Around, landing: Location, paths: Iterable[str]
) -> None:
    """Quarantine files unread: their digest is all that is asked of them, for the move to the quarantine folder."""
    now = around.clock()
    entries = []
    for path in paths:
        name = path.removeprefix(f"{settings.source}/")
        stat, sha256 = landing.stat(name), landing.sha256(name)
        if stat and sha256:
            entries.append(
                dict.fromkeys(ledger.COUNTS, 0)
                | {"path": path, "size": stat.size, "modified_at": micros_of(stat.modified_at), "sha256": sha256}
                | {"outcome": ledger.QUARANTINED, "run_id": settings.run_id, "committed_at": micros_of(now)}
            )
    if entries:
        told = f"has more than {settings.max_file_bytes} bytes"
        rows = [(str(entry["path"]), "file_unreadable", told) for entry in entries]
        frame = quarantine.file_rows(spark, rows, now)
        quarantine.write(spark, frame, settings.table, [path for path, *_ in rows], around.patience)
        ledger.record(spark, entries, settings.table, around.patience)
