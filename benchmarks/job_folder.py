"""The job on folders of its own, run as the bundle runs it and timed part by part."""

import os
import shutil
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flatten import job, tables
from flatten.local.settings import SessionSettings
from flatten.settings import Settings
from flatten.tables import TableName

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PARTS = {
    "staged": "list, read and stage",
    "moves": "judge and note moves",
    "values": "flatten and MERGE",
    "rows": "close removed rows",
    "quarantine": "quarantine",
    "files": "record the files",
    "query": "commit of the engine",
    "copied": "settle: lease, books, what waits",
    "moved": "move the files",
    "archived": "record the archive",
}
"""What a run does until each boundary that it passes (`flatten.job.Reached`), in order."""
_END = "end of the run"


@dataclass
class Run:
    """One run: `seconds` in all, `parts` by the names of `PARTS`, summed over micro-batches, `counts` as committed."""

    seconds: float = 0.0
    parts: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def merging(self) -> float:
        """Seconds from the staged lines to the rows: judging, moves and MERGE."""
        return sum(self.parts.get(PARTS[name], 0.0) for name in ("moves", "values", "rows"))


@dataclass(frozen=True)
class JobFolder:
    """The places of one job below `root`. `clock` gives seconds."""

    spark: "SparkSession"
    root: Path
    clock: Callable[[], float] = time.perf_counter

    @property
    def source(self) -> Path:
        """The landing folder."""
        return self.root / "landing"

    @property
    def state(self) -> Path:
        """Checkpoint and stage."""
        return self.root / "state"

    @property
    def table(self) -> TableName:
        """The flat table, by path."""
        return TableName.of(str(self.root / "tables" / "telemetry"))

    def make(self) -> None:
        """Make the tables, empty: what only the first run of all does."""
        self.source.mkdir(parents=True, exist_ok=True)
        tables.ensure(self.spark, self.table)

    def copied_to(self, root: Path) -> "JobFolder":
        """The same job in another folder, with what its tables hold now."""
        shutil.copytree(self.root, root)
        return JobFolder(self.spark, root, self.clock)

    def run(self, max_files: int = 1000) -> Run:
        """Run the job over what is there. Raises FlattenError as `job.run` does."""
        run = Run()
        started = last = self.clock()

        passed = ""

        def reached(boundary: str) -> None:
            nonlocal last, passed
            if boundary in PARTS and boundary != passed:  # each file says that it is copied: the first one counts
                now = self.clock()
                run.parts[PARTS[boundary]] = run.parts.get(PARTS[boundary], 0.0) + now - last
                last, passed = now, boundary

        report = job.run(self.spark, self._settings(max_files), _now, reached=reached)
        ended = self.clock()
        run.parts[_END] = ended - last
        run.seconds, run.counts = ended - started, report.counts
        return run

    def _settings(self, max_files: int) -> Settings:
        return Settings(
            source=str(self.source),
            archive=str(self.root / "archive"),
            rejects=str(self.root / "rejects"),
            table=self.table,
            state=str(self.state),
            run_id=uuid.uuid4().hex,
            started_at=_now(),
            max_files=max_files,
        )


def _now() -> datetime:
    return datetime.now(UTC)


def shared_parts(runs: "list[Run]") -> dict[str, float]:
    """The seconds of each part in the fastest of some runs, named for a table of figures."""
    fastest = min(runs, key=lambda run: run.seconds)
    return {f"{name}, seconds": taken for name, taken in fastest.parts.items()}


def session(cores: int, heap: str) -> SessionSettings:
    """A local session's settings: those of the environment, with so many cores and such a heap (as Java writes it).

    Raises UsageError for a heap that Java would not understand.
    """
    told = {"FLATTEN_CORES": str(cores), "FLATTEN_DRIVER_MEMORY": heap}
    return SessionSettings.from_environment({**os.environ, **told})
