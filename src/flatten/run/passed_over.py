"""Read files that were in landing when the run began and that the engine did not deliver.

The engine skips a file that has no bytes, is too large, cannot be read, was missing for a moment, or is in its
checkpoint. It never returns to one. So nothing depends on the checkpoint: files in landing that are not in the files
table are read here, in micro-batches like the engine's, by the same function. A file that cannot be read now is
reported, and the next run tries again.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from pyspark.sql import SparkSession

from flatten.events.timestamps import micros_of
from flatten.run.archive import Ended, left_because
from flatten.run.batch import Around, process_batch
from flatten.run.given import GivenFile, frame, in_micro_batches
from flatten.settings import Settings
from flatten.storage.location import Location
from flatten.tables import files, quarantine
from flatten.tables.schema import COUNTS

_DISCOVERY_LAG = timedelta(days=1)
"""With file events the engine may return a file later than in the run after it came."""


def read_passed_over(
    spark: SparkSession, settings: Settings, around: Around, landing: Location, names: Iterable[str]
) -> list[Ended]:
    """Commit the files of landing of these names, as far as they can be read now."""
    ended: list[Ended] = []
    paths = {settings.path_of(name): name for name in names}
    for batch in in_micro_batches(_contents(landing, paths.values(), settings, ended), settings.max_files):
        process_batch(frame(spark, batch), None, settings, around)
        ended += [("read", file.path) for file in batch]
    too_large = [paths[path] for kind, path in ended if kind == "too_large"]
    why = "file_unreadable", f"has more than {settings.max_file_bytes} bytes"
    return ended + quarantine_unread(spark, settings, around, landing, too_large, why)


def _contents(landing: Location, names: Iterable[str], settings: Settings, ended: list[Ended]) -> Iterator[GivenFile]:
    for name in names:
        path = settings.path_of(name)
        try:
            stat = landing.stat(name)
            if stat is None:
                ended.append(("gone", path))
            elif settings.discovery == "file-events" and stat.modified_at > micros_of(
                settings.started_at - _DISCOVERY_LAG
            ):
                continue
            elif stat.size > settings.max_file_bytes:
                ended.append(("too_large", path))
            else:
                with landing.open(name) as file:
                    yield GivenFile(path, stat.modified_at, file.read())
        except FileNotFoundError:
            ended.append(("gone", path))
        except OSError as wrong:
            ended.append(("failed", left_because(path, "read", wrong)))


def quarantine_unread(
    spark: SparkSession,
    settings: Settings,
    around: Around,
    landing: Location,
    names: Iterable[str],
    why: tuple[str, str],
) -> list[Ended]:
    """Quarantine files without reading a line, for one reason and detail, and record them; return what failed.

    The quarantine comes first: killed between the two, the next run finds the file unrecorded and does both again.
    """
    entries, failed, now = [], [], around.clock()
    for name in names:
        path = settings.path_of(name)
        try:
            stat, sha256 = landing.stat(name), landing.sha256(name)
        except OSError as wrong:
            failed.append(("failed", left_because(path, "read", wrong)))
            continue
        if stat and sha256:
            own = {"path": path, "size": stat.size, "modified_at": stat.modified_at, "sha256": sha256}
            run = {"outcome": files.QUARANTINED, "run_id": settings.run_id, "committed_at": micros_of(now)}
            entries.append(dict.fromkeys(COUNTS, 0) | own | run)
    if entries:
        reason, detail = why
        rows = [(str(entry["path"]), reason, detail.format(sha256=entry["sha256"])) for entry in entries]
        frame = quarantine.file_rows(spark, rows, now)
        quarantine.write(frame, settings.table, [path for path, *_ in rows], around.patience)
        files.record(spark, entries, settings.table, around.patience)
    return failed
