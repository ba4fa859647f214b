"""A job with separate folders: put lines in, run it, read the result."""

import gzip
import hashlib
import json
import shutil
import sys
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from pyspark import cloudpickle
from pyspark.sql import Row, SparkSession

from flatten import job
from flatten.decide.lines import RemovePolicy
from flatten.run.batch import Around, Reached, process_batch, unobserved
from flatten.settings import Settings
from flatten.tables.commits import Patience
from flatten.tables.names import TableName
from flatten.tables.schema import SIDE_TABLES

# Spark Connect runs a micro-batch in a process that does not have tests/ on its path.
cloudpickle.register_pickle_by_value(sys.modules[__name__])  # type: ignore[no-untyped-call]  # pyspark gives it no types

STREAM = "2026-01-01T00:00:00.000"
_BEGINNING, _APART = 1_767_600_000, 2 * 86_400
NOW = datetime(2026, 2, 1, 12, 0, tzinfo=UTC)


def clock() -> datetime:
    """Return the time in the tests."""
    return NOW


def no_pause(seconds: float) -> None:
    """Do not wait."""


def around(reached: Reached = unobserved) -> Around:
    """Return the external inputs of a run: the tests' time, no waits."""
    return Around(clock, Patience(pause=no_pause), reached)


def line(
    event_id: str,
    number: int | str | None,
    *,
    name: str = "INSERT",
    date: str | None = "2026-01-05",
    previous: str | None = None,
    stream: str = STREAM,
    expired: bool = False,
    keys_only: bool = False,
    delivered: int | None = None,
    signals: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a line's object. `number` None leaves the metadata out; `signals` maps codes to `value`.

    Lines with consecutive numbers were made two days apart.
    """
    item: dict[str, Any] = {"event_id": event_id}
    if not keys_only:
        entries = [{"code": code, "body": {"value": value}} for code, value in (signals or {}).items()]
        item |= {"signals": entries}
        if date is not None:
            item["recorded_at"] = f"{date} 10:00:00"
        if delivered is not None:
            item["meta"] = {"deliveredAt": delivered}
    if number is not None:
        item["_stream_metadata"] = {
            "event_name": name,
            "stream": stream,
            "sequence_number": str(number),
            "approximate_creation_time": _BEGINNING + (min(int(number), 1_000) - 1) * _APART,
            "expired_by_ttl": expired,
            **({"previous_recorded_at": f"{previous} 10:00:00"} if previous else {}),
        }
    return item


def content(lines: Iterable[dict[str, Any] | bytes]) -> bytes:
    """Return lines as the bytes of an object."""
    texts = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in lines]
    return gzip.compress(b"".join(text + b"\n" for text in texts), mtime=0)


def event(name: str, number: int = 1) -> bytes:
    """Return an object with one line: an event of this name."""
    return content([line(name, number, signals={"odometer-traveleddistance": number})])


def key(number_of_lines: int, first: int = 1) -> str:
    """Return an object's name in the form of contract 1."""
    digest = hashlib.sha256(f"{number_of_lines}-{first}".encode()).hexdigest()[:8]
    return f"2026/01/05/10/{first}-{first + number_of_lines}-{number_of_lines}-{digest}.ndjson.gz"


@dataclass(frozen=True)
class Seen:
    """The tables of a job at one time: rows by event_id, files by name, and the side tables' rows."""

    rows: dict[str, Row]
    files: dict[str, Row]
    sides: dict[str, list[Row]]


@dataclass(frozen=True)
class World:
    """The folders of one job below `root`."""

    spark: SparkSession
    root: Path
    on_delete: RemovePolicy = "soft"
    on_expiry: RemovePolicy = "keep"
    max_files: int = 1000
    landing: str = "landing"

    @property
    def source(self) -> Path:
        """Return the landing folder."""
        return self.root / self.landing

    @property
    def table(self) -> TableName:
        """Return the flat table's path."""
        return TableName.of(str(self.root / "tables" / "telemetry"))

    def settings(self) -> Settings:
        """Return the settings of a new run."""
        return Settings(
            source=str(self.source),
            archive=str(self.root / "archive"),
            rejects=str(self.root / "archive" / "_quarantine"),
            table=self.table,
            state=str(self.root / ("state" if self.landing == "landing" else f"state of {self.landing}")),
            run_id=uuid.uuid4().hex,
            started_at=NOW,
            on_delete=self.on_delete,
            on_expiry=self.on_expiry,
            max_files=self.max_files,
        )

    def furnished(self, blank: Path) -> "World":
        """Copy the empty tables of another job: creating seven takes seconds."""
        shutil.copytree(blank, self.root, dirs_exist_ok=True)
        return self

    def land(self, name: str, data: bytes | Iterable[dict[str, Any] | bytes]) -> Path:
        """Put a file into the landing folder."""
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else content(data))
        return path

    def run(self, reached: Reached = unobserved, **changes: Any) -> job.Report:
        """Run the job over the existing files; `changes` are of its settings."""
        self.source.mkdir(parents=True, exist_ok=True)
        return job.run(self.spark, replace(self.settings(), **changes), around(reached))

    def batch(self, number: int, folder: str, reached: Reached = unobserved) -> None:
        """Commit the files of one folder of the landing folder as one micro-batch, without the engine.

        The tables must exist.
        """
        tolerant = {"recursiveFileLookup": "true", "ignoreMissingFiles": "true"}
        files = self.spark.read.format("binaryFile").options(**tolerant).load(f"{self.source}/{folder}")
        process_batch(files, number, self.settings(), around(reached))

    def rows(self) -> dict[str, Row]:
        """Return the rows of the flat table by event_id. Fails when an event has two."""
        rows = self._read(self.table.sql, self.table.folders()[0])
        found = {row.event_id: row for row in rows}
        assert len(found) == len(rows), "an event has two rows"
        return found

    def side(self, kind: str) -> list[Row]:
        """Return the rows of a side table."""
        folder = dict(zip(SIDE_TABLES, self.table.folders()[1:], strict=True))[kind]
        return self._read(self.table.side(kind), folder)

    def _read(self, table: str, folder: Path) -> list[Row]:
        """Read with delta-rs, another engine than the writer; a query of Spark takes ten times as long."""
        if "\n" in str(folder):  # delta-rs does not accept such a path
            return self.spark.table(table).collect()
        return [Row(**row) for row in DeltaTable(folder).to_pyarrow_table().to_pylist()]

    def files(self) -> dict[str, Row]:
        """Return the files table by name relative to the landing folder."""
        return self._by_name(self.side("files"))

    def _by_name(self, files: Iterable[Row]) -> dict[str, Row]:
        ours = [row for row in files if Path(row.path).is_relative_to(self.source)]
        assert len({(row.path, row.sha256) for row in ours}) == len(ours), "a file was recorded twice"
        # The used file counts, not other content with the same name.
        ours.sort(key=lambda row: row.outcome == "committed")
        return {str(Path(row.path).relative_to(self.source)): row for row in ours}

    def seen(self) -> Seen:
        """Read all tables, for tests that share them."""
        sides = {kind: self.side(kind) for kind in SIDE_TABLES}
        return Seen(self.rows(), self._by_name(sides["files"]), sides)

    def landed(self) -> list[str]:
        """Return what is still in the landing folder."""
        return _names(self.source)

    def archived(self) -> list[str]:
        """Return what is in the archive."""
        return _names(self.root / "archive")

    def rejected(self) -> list[str]:
        """Return what is in the quarantine folder."""
        return _names(self.root / "archive" / "_quarantine")


def _names(folder: Path) -> list[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(name) for name in found if not str(name).startswith("_"))


def at(boundary: str, act: Callable[[], None]) -> Reached:
    """Return a function that acts when a boundary is first reached."""
    left = [boundary]

    def reached(name: str) -> None:
        if name in left:
            left.remove(name)
            act()

    return reached


def verdicts(row: Row) -> dict[str, int]:
    """Return a file's counts that are not zero."""
    names = ("applied", "superseded", "repeated", "ignored", "quarantined")
    return {name: row[name] for name in names if row[name]}
