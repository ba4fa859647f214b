"""A backfill that is killed and started again while a stream of changes to the same items is flattened.

Each is a separate process. An oracle in plain Python, which knows each write of an item, computes the expected rows.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from deltalake import DeltaTable

from rehearsal.fleet.export import Json, exported_change, typed_item, write_export
from support.job_world import STREAM, content

BEGINNING = 1_767_600_000
ODOMETER = "odometer-traveleddistance"
_LINES_A_FILE, _ITEMS_A_FILE, _RUNS = 1_000, 20_000, 3


class Write(NamedTuple):
    """A write of an item: its source (full, incremental or stream), its time, its value, whether it removes."""

    by: str
    second: float
    km: int
    removes: bool = False


CASES: tuple[tuple[Write, ...], ...] = (
    (Write("full", 0, 1),),
    (Write("full", 0, 1), Write("stream", 10, 2)),
    (Write("full", 0, 1), Write("incremental", 5.5, 2)),
    (Write("full", 0, 1), Write("incremental", 5.5, 2), Write("stream", 10, 3)),
    (Write("full", 0, 1), Write("stream", 3, 2), Write("incremental", 5.5, 3)),
    (Write("full", 0, 1), Write("stream", 10, 1, removes=True)),
    (Write("full", 0, 1), Write("incremental", 5.5, 1, removes=True), Write("stream", 10, 4)),
    (Write("full", 0, 1), Write("stream", 3, 2), Write("incremental", 5.5, 1, removes=True)),
    (Write("incremental", 10.2, 5), Write("stream", 10, 5)),
    (Write("full", 0, 1), Write("stream", 3, 2), Write("stream", 10, 3), Write("incremental", 10.9, 3)),
)
"""What can happen to an item, one case after the other over all items; the last two are one write in two sources."""

Seen = tuple[int, bool, bool]
"""Of a row: its value, whether it is deleted, whether a change of the stream wrote it."""


def expected(writes: Sequence[Write]) -> set[Seen]:
    """Return the rows that may be: of the latest write, in the same second that of the stream; a full export is oldest.

    A removal of an export keeps the values that the row has when it comes: those of any write before it.
    """
    ranked = [((0, 0, 0.0) if w.by == "full" else (1 + int(w.second), w.by == "stream", w.second), w) for w in writes]
    latest = max(ranked, key=lambda pair: pair[0])[1]
    if latest.removes and latest.by == "incremental":
        return {(each.km, True, False) for each in writes}
    return {(latest.km, latest.removes, latest.by == "stream")}


@dataclass(frozen=True)
class Race:
    """This many items in a folder."""

    root: Path
    items: int

    def event_id(self, number: int) -> str:
        """Return the key of an item."""
        return f"item-{number:07}"

    def item(self, number: int, km: int) -> Json:
        """Return an item as the app stored it; items are spread over a year."""
        signals = [{"code": ODOMETER, "body": json.dumps({"value": km})}]
        recorded_at = f"2025-{number % 12 + 1:02}-{number % 28 + 1:02} 10:00:00"
        return {"event_id": self.event_id(number), "recorded_at": recorded_at, "signals": signals}

    def writes(self, by: str) -> Iterator[tuple[int, Write]]:
        """Yield the writes of one source, with the numbers of their items."""
        for number in range(self.items):
            yield from ((number, write) for write in CASES[number % len(CASES)] if write.by == by)

    def exports(self) -> list[Path]:
        """Write the full export and the incremental one; return their folders."""
        full = ({"Item": typed_item(self.item(number, write.km))} for number, write in self.writes("full"))
        changed = (self._exported(number, write) for number, write in self.writes("incremental"))
        return [
            write_export(self.root / "full", _cut(full, _ITEMS_A_FILE)),
            write_export(self.root / "incremental", _cut(changed, _ITEMS_A_FILE), incremental=True),
        ]

    def _exported(self, number: int, write: Write) -> Json:
        image = typed_item(self.item(number, write.km))
        images = (None, image) if write.removes else (image, None)
        return exported_change(int((BEGINNING + write.second) * 1e6), {"event_id": self.event_id(number)}, *images)

    def land(self) -> int:
        """Write the stream's changes to a folder outside landing, in the order in which they were made."""
        changes = sorted(self.writes("stream"), key=lambda pair: pair[1].second)
        lines = (self._line(at, number, write) for at, (number, write) in enumerate(changes, start=1))
        files = list(_cut(lines, _LINES_A_FILE))
        for at, own in enumerate(files):
            path = self.root / "stream" / f"{at:05}.ndjson.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content(own))
        return len(files)

    def _line(self, at: int, number: int, write: Write) -> Json:
        metadata = {"event_name": "REMOVE" if write.removes else "MODIFY", "stream": STREAM, "sequence_number": str(at)}
        made = {"approximate_creation_time": BEGINNING + int(write.second), "expired_by_ttl": False}
        return {**self.item(number, write.km), "_stream_metadata": metadata | made}

    def run(self) -> dict[str, int]:
        """Run everything; return how often a command was started. Raises AssertionError when the rows are wrong."""
        full, incremental = self.exports()
        files = self.land()
        landing = self.root / "landing"
        landing.mkdir()
        self._land_some(landing, 0, files // _RUNS)
        self._finish(self._start("run"))
        started = {"run": 1, "backfill": 0}
        for export in (full, incremental):
            working = self._start("backfill", "--export", str(export))
            self._kill_after_a_batch(working)
            self._land_some(landing, started["run"] * files // _RUNS, (started["run"] + 1) * files // _RUNS)
            both = [self._start("backfill", "--export", str(export)), self._start("run")]
            for each in both:
                self._finish(each)
            started = {"run": started["run"] + 1, "backfill": started["backfill"] + 2}
        self.check()
        return started

    def _land_some(self, landing: Path, first: int, end: int) -> None:
        for path in sorted((self.root / "stream").iterdir())[: end - first]:
            path.rename(landing / path.name)

    def _start(self, command: str, *options: str) -> "subprocess.Popen[str]":
        places = {"source": "landing", "archive": "archive", "state": "state"} if command == "run" else {}
        told = [part for name, place in places.items() for part in (f"--{name}", str(self.root / place))]
        call = [sys.executable, "-c", "from flatten.cli import main; main()", command, *told, *options]
        return subprocess.Popen(
            [*call, "--table", str(self.root / "tables" / "telemetry")],
            env=os.environ | {"FLATTEN_SESSION": "classic"},
            start_new_session=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def _kill_after_a_batch(self, working: "subprocess.Popen[str]") -> None:
        assert working.stderr
        for line in working.stderr:
            if line.startswith("items: "):
                break
        os.killpg(working.pid, signal.SIGKILL)
        working.communicate()

    def _finish(self, working: "subprocess.Popen[str]") -> None:
        out, err = working.communicate()
        assert working.returncode == 0, f"{out}{err}"

    def check(self) -> None:
        """Compare the table with the oracle."""
        columns = ["event_id", "Odometer_TraveledDistance_value", "deleted_at", "sequence_number"]
        found: dict[str, Any] = {}
        table = DeltaTable(self.root / "tables" / "telemetry").to_pyarrow_table(columns=columns)
        for event_id, km, deleted_at, number in zip(*(column.to_pylist() for column in table.columns), strict=True):
            assert event_id not in found, f"{event_id} has two rows"
            found[event_id] = km, deleted_at is not None, number is not None
        wanted = {self.event_id(number): expected(CASES[number % len(CASES)]) for number in range(self.items)}
        wrong = [key for key in wanted.keys() | found.keys() if found.get(key) not in wanted.get(key, set())]
        assert not wrong, (
            f"{len(wrong)} rows are wrong, such as {[(k, wanted.get(k), found.get(k)) for k in wrong[:3]]}"
        )


def _cut(lines: Iterable[Json], most: int) -> Iterator[list[Json]]:
    """Yield the lines in lists of this size."""
    part: list[Json] = []
    for line in lines:
        part.append(line)
        if len(part) == most:
            yield part
            part = []
    if part:
        yield part


if __name__ == "__main__":
    print(Race(Path(sys.argv[1]), int(sys.argv[2])).run())
