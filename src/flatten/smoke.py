"""Test whether a workspace does what could only be tried there.

It tests, line by line, what the job needs, on separate folders and tables, and removes them. Each line is ok, or says
what is missing and what to do; docs/bundle.md explains each line.
"""

import gzip
import io
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from flatten import __version__, job
from flatten.errors import FlattenError
from flatten.run.batch import Around
from flatten.run.overlap import overlapping_inserts
from flatten.settings import Settings
from flatten.storage import open_location
from flatten.storage.location import plain_path
from flatten.tables.commits import SPARK_ERRORS, last_words
from flatten.tables.names import TableName
from flatten.tables.schema import SIDE_TABLES
from flatten.tables.sql import literal

_FIRST = "2026/01/05/10/1-2-2-00000001.ndjson.gz"
_SECOND = "2026/01/05/10/3-3-1-00000002.ndjson.gz"


class RequirementError(FlattenError):
    """Raised when a line finds that a requirement is not met."""


@dataclass(frozen=True, slots=True)
class SmokeLine:
    """A line of the smoke test. `detail` is what was found; `cure` is what to do if the line is not ok."""

    name: str
    ok: bool
    detail: str
    cure: str = ""

    def as_text(self) -> str:
        """Return it as text."""
        cure = f" To do: {self.cure}" if self.cure else ""
        return f"{'ok' if self.ok else 'missing':<8} {self.name:<28} {self.detail}{cure}"


@dataclass(frozen=True)
class Trial:
    """The input of the lines. `settings` names folders and tables that nothing else uses."""

    spark: SparkSession
    settings: Settings
    around: Around
    auto_loader: bool


def smoke(trial: Trial, show: Callable[[SmokeLine], None]) -> list[SmokeLine]:
    """Test all lines in order, `show` each when it ends, remove what they left, and return them."""
    lines: list[SmokeLine] = []
    try:
        for name, (work, cure) in LINES.items():
            lines.append(_tried(name, partial(work, trial), cure))
            show(lines[-1])
    finally:
        _remove(trial)
    return lines


def _tried(name: str, work: Callable[[], str], cure: str) -> SmokeLine:
    try:
        return SmokeLine(name, True, work())
    except (*SPARK_ERRORS, OSError, FlattenError) as wrong:
        return SmokeLine(name, False, last_words(wrong).rstrip(".") + ".", cure)


def _need(is_so: bool, found: str) -> None:
    if not is_so:
        raise RequirementError(found)


def _volume(trial: Trial) -> str:
    """Write, continue an interrupted write, refuse to overwrite, delete: as the archiver does."""
    for root in (trial.settings.source, trial.settings.archive, trial.settings.state):
        place = open_location(root)
        for content in (b"half", b"half and whole"):
            place.take("folder/probe", io.BytesIO(content))
        with suppress(FileExistsError):
            place.take("folder/probe", io.BytesIO(b"other"))
        _need(place.read_text("folder/probe") == "half and whole", f"{root} does not return what was written to it")
        place.remove("folder/probe")
        _need(list(place.names()) == [], f"{root} still has a deleted file")
    return "files are written, completed, never overwritten, deleted"


def _wheel_in_udf(trial: Trial) -> str:
    found = trial.spark.range(1).mapInArrow(_versions, "version STRING").toArrow().to_pylist()
    _need(found == [{"version": __version__}], f"a UDF has {found}, the driver {__version__}")
    return f"version {__version__}, and Arrow comes back to the driver"


def _versions(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        yield pa.RecordBatch.from_pylist([{"version": __version__}] * batch.num_rows)


def _table(trial: Trial) -> str:
    """Run the job once: tables, foreachBatch, the engine, rows."""
    _put(trial, _FIRST, [_event("smoke-1", 1, "INSERT"), _event("smoke-2", 2, "INSERT")])
    _require_delivered(_run(trial), applied=2)
    return "created, with two rows"


def _merge(trial: Trial) -> str:
    """Run the job again with a changed row and a new column."""
    _put(trial, _SECOND, [_event("smoke-1", 3, "MODIFY", ("odometer-traveleddistance", 7.5))])
    _require_delivered(_run(trial), applied=1)
    row = trial.spark.table(trial.settings.table.sql).where("event_id = 'smoke-1'").collect()
    found = [each.asDict().get("Odometer_TraveledDistance_value") for each in row]
    _need(found == [7.5], f"the changed row has {found} in the new column")
    return "a row was changed, with a new column"


def _run(trial: Trial) -> job.Report:
    return job.run(trial.spark, trial.settings, trial.around, auto_loader=trial.auto_loader)


def _require_delivered(report: job.Report, applied: int) -> None:
    """Check that the engine delivered all files, because the run reads skipped ones itself."""
    passed_over = len(report.paths("read") + report.paths("gone"))
    _need(not passed_over, f"the engine did not deliver {passed_over} existing files")
    counts = {name: report.counts.get(name, 0) for name in ("applied", "quarantined")}
    _need(report.problem is None, str(report.problem))
    _need(counts["applied"] >= applied and not counts["quarantined"], f"the run counted {counts}")


def _archive(trial: Trial) -> str:
    left = list(open_location(trial.settings.source).names())
    archived = list(open_location(trial.settings.archive).names())
    _need((left, archived) == ([], [_FIRST, _SECOND]), f"landing has {left}, the archive {archived}")
    return "both files moved and verified"


def _state(trial: Trial) -> str:
    """Check how Auto Loader writes the paths that it has read."""
    if not trial.auto_loader:
        return "not tested: this Spark has no Auto Loader"
    asked = f"SELECT path FROM cloud_files_state({literal(trial.settings.checkpoint)}) ORDER BY path"
    paths = [str(row.path) for row in trial.spark.sql(asked).collect()]
    expected = [f"{trial.settings.source}/{name}" for name in (_FIRST, _SECOND)]
    _need([plain_path(path) for path in paths] == expected, f"cloud_files_state has {paths}")
    return f"paths are written as {paths[0]}"


def _conflict(trial: Trial) -> str:
    found = _overlapped(trial, deletion_vectors=False)
    _need(found == "refused", f"of two inserts of one key {_TOLD[found]}")
    return "the later of two inserts of one key is refused"


def _conflict_with_vectors(trial: Trial) -> str:
    """Report a fact only: the job's tables have no deletion vectors."""
    return f"of two inserts of one key {_TOLD[_overlapped(trial, deletion_vectors=True)]}"


_TOLD = {
    "refused": "the later is refused",
    "both": "both were committed: the job's tables must not have deletion vectors",
    "one": "the two did not overlap in three attempts",
}


def _overlapped(trial: Trial, *, deletion_vectors: bool) -> str:
    return overlapping_inserts(
        trial.spark, _beside(trial.settings.table, deletion_vectors).sql, deletion_vectors=deletion_vectors
    )


def _beside(table: TableName, deletion_vectors: bool) -> TableName:
    return TableName(f"{table.text}_{'vectors' if deletion_vectors else 'overlap'}", table.ops)


def _put(trial: Trial, name: str, events: Iterable[dict[str, Any]]) -> None:
    content = gzip.compress(b"".join(json.dumps(each).encode() + b"\n" for each in events), mtime=0)
    open_location(trial.settings.source).take(name, io.BytesIO(content))


def _event(event_id: str, number: int, name: str, signal: tuple[str, float] | None = None) -> dict[str, Any]:
    """Return a generated line (contract of docs/reference/lambda.md)."""
    return {
        "event_id": event_id,
        "recorded_at": "2026-01-05 10:00:00",
        "signals": [{"code": signal[0], "body": {"value": signal[1]}}] if signal else [],
        "_stream_metadata": {
            "event_name": name,
            "stream": "2026-01-01T00:00:00.000",
            "sequence_number": str(number),
            "approximate_creation_time": 1_767_607_200,
            "expired_by_ttl": False,
        },
    }


def _remove(trial: Trial) -> None:
    """Remove the tables and folders of the test; what cannot be removed stays, with the test's name in it."""
    table = trial.settings.table
    overlap = [_beside(table, vectors) for vectors in (False, True)]
    places = [trial.settings.source, trial.settings.archive, trial.settings.rejects, trial.settings.state]
    if table.is_path:
        places += [*table.places(), *(each.text for each in overlap)]
    else:
        for name in (table.sql, *map(table.side, SIDE_TABLES), *(each.sql for each in overlap)):
            with suppress(*SPARK_ERRORS):
                trial.spark.sql(f"DROP TABLE IF EXISTS {name}")
    for place in places:
        with suppress(OSError):
            open_location(place).remove_tree("")


LINES: dict[str, tuple[Callable[[Trial], str], str]] = {
    "volume": (_volume, "give the job's principal READ VOLUME and WRITE VOLUME; report any other error."),
    "wheel in a UDF": (_wheel_in_udf, "check that environment_version is 5 and that the job's wheel is installed."),
    "table and foreachBatch": (
        _table,
        "give the principal CREATE TABLE and MODIFY on both schemas; if it says that no module is named flatten, use "
        "classic compute.",
    ),
    "MERGE and schema evolution": (_merge, "report it: every change of an event is written this way."),
    "archive": (_archive, "give the principal WRITE VOLUME on landing and archive."),
    "Auto Loader's state": (_state, "nothing: the job does not read it, but an operator may."),
    "conflict": (
        _conflict,
        "run it again; if both were committed, let only one job write the table, with one run at a time.",
    ),
    "conflict, deletion vectors": (_conflict_with_vectors, "nothing: our tables have none."),
}
"""Name -> what it does, and what to do when it is not ok."""
