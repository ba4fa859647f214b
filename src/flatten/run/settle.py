"""Compare landing with the files table after the query.

Files that existed when the run began and are not recorded are read now; recorded files leave landing; a file with other
content than the recorded one is quarantined as a file. Files that came later are left for the next run. The marker is
read again before the first file is moved: another job may have taken over the folder.
"""

from collections.abc import Iterable, Sequence

from pyspark.sql import SparkSession

from flatten.run import owner
from flatten.run.archive import Ended, archive
from flatten.run.batch import Around
from flatten.run.passed_over import quarantine_unread, read_passed_over
from flatten.settings import Settings
from flatten.storage import open_location
from flatten.tables import files
from flatten.tables.files import Recorded

_CHANGED = "file_changed", "a file of this name was read before, with other content; SHA-256 of this one {sha256}"


def settle(
    spark: SparkSession, settings: Settings, around: Around, there: Sequence[str]
) -> tuple[list[Recorded], list[Ended]]:
    """Return the recorded files of landing, and what happened to each file that the engine did not read or that left.

    `there` are the names that were in landing when the run began.
    """
    landing = open_location(settings.source)
    here = list(landing.names([]))
    known = _recorded(spark, settings, dict.fromkeys([*there, *here]))
    paths = {row.path for row in known}
    left = [name for name in there if settings.path_of(name) not in paths]
    ended = read_passed_over(spark, settings, around, landing, left) if left else []
    read = _recorded(spark, settings, left)
    lost = {path for kind, path in ended if kind == "read"} - {row.path for row in read}
    ended += [("failed", f"{path} was read and not recorded: run again.") for path in sorted(lost)]
    known += read
    owner.confirm(settings)
    ended += archive(settings, around, here, known)
    changed = [name for name in here if ("changed", settings.path_of(name)) in ended]
    if changed:
        ended += quarantine_unread(spark, settings, around, landing, changed, _CHANGED)
        ended += archive(settings, around, changed, _recorded(spark, settings, changed))
    return known, ended


def _recorded(spark: SparkSession, settings: Settings, names: Iterable[str]) -> list[Recorded]:
    return files.recorded(spark, settings.table, map(settings.path_of, names))
