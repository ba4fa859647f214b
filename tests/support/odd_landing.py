"""A landing folder of random files from the tables of `odd_files`, which knows what is to become of each of them."""

import os
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from deltalake import DeltaTable

from flatten.decide.decision import VERDICTS
from rehearsal.fleet import write_fleet
from support.job_world import content, line
from support.odd_files import HIDDEN, KEYS, NAMES, NOT_UTF_8

BOUND_BY_RIGHTS = [sys.executable, str(Path(__file__).with_name("without_rights.py"))]
"""The beginning of a command that is bound by the rights of files, also where root starts it."""

_OURS = "odd "
_FOLDER_BYTES = 100
_BAD_LINE = b'{"event_id": '


def run_arguments(root: Path, files: str) -> list[str]:
    """Return the arguments of a run with tables and state below `root`, landing and archive below `files`."""
    places = {"source": f"{files}/landing", "archive": f"{files}/archive", "state": f"{root}/state"}
    options = {**places, "table": f"{root}/tables/telemetry"}
    return ["run", "--json", *(part for name, text in options.items() for part in (f"--{name}", text))]


class Storage(Protocol):
    """Where landing and archive are: files by their place below the root. `names` are those that only it takes."""

    @property
    def names(self) -> list[str]:
        """Names that only it takes."""

    def put(self, place: str, data: bytes) -> None:
        """Write a file."""

    def files(self, below: str) -> dict[str, bytes]:
        """Return the files below a folder, by their place in it."""


@dataclass(frozen=True)
class Folder:
    """A folder of this machine."""

    root: Path

    @property
    def names(self) -> list[str]:
        """Names that only it takes."""
        return list(map(os.fsdecode, NOT_UTF_8.values()))

    def put(self, place: str, data: bytes) -> None:
        """Write a file."""
        path = self.root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def files(self, below: str) -> dict[str, bytes]:
        """Return the files below a folder, by their place in it."""
        top = self.root / below
        found = (Path(folder) / name for folder, _, names in os.walk(top) for name in names)
        return {str(path.relative_to(top)): path.read_bytes() for path in found if not path.is_symlink()}


@dataclass(frozen=True)
class Prefix:
    """A prefix of a bucket."""

    client: Any
    bucket: str
    root: str

    @property
    def names(self) -> list[str]:
        """Names that only it takes."""
        return list(KEYS.values())

    def put(self, place: str, data: bytes) -> None:
        """Write an object."""
        self.client.put_object(Bucket=self.bucket, Key=f"{self.root}/{place}", Body=data)

    def files(self, below: str) -> dict[str, bytes]:
        """Return the objects below a prefix, by what follows it in their key."""
        prefix, found = f"{self.root}/{below}/", {}
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                body = self.client.get_object(Bucket=self.bucket, Key=entry["Key"])["Body"]
                found[entry["Key"].removeprefix(prefix)] = body.read()
        return found


@dataclass
class OddLanding:
    """Files as they were written, and what is to become of them; `events` is the number that each event is to end with.

    A fleet may be among them, with all its oddities, whose numbers are known.
    """

    storage: Storage
    dice: random.Random
    taken: dict[str, bytes] = field(default_factory=dict)
    hidden: dict[str, bytes] = field(default_factory=dict)
    events: dict[str, int] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    fleet_events: int = 0
    _files: int = 0
    _lines: int = 0

    def add_fleet(self, scratch: Path, events: int) -> None:
        """Write the files of a fleet."""
        report = write_fleet(scratch, events=events, vehicles=5, seed=self.dice.randrange(10**6), oddities=True)
        for name, data in Folder(scratch).files("").items():
            self._put(self.taken, name, data)
        self.reasons.update(report.quarantine_expected)
        self.fleet_events = report.events

    def add(self, count: int) -> list[str]:
        """Write so many files more and return their names."""
        kinds = self.dice.choices(("usual", "empty", "cut", "hidden"), (80, 5, 8, 7), k=count)
        return list(map(self._add, kinds))

    def _add(self, kind: str) -> str:
        self._files += 1
        name, data = self._name(), content(list(self._new_lines()))
        if kind == "hidden":
            name = f"{self._files}/{self.dice.choice(list(HIDDEN.values()))}"
        elif kind == "cut":
            data = data[:-5]
            self.reasons["file_unreadable"] += 1
        elif kind == "empty":
            data = b""
        else:
            data = content([*self._counted(), *self._bad()])
        self._put(self.hidden if kind == "hidden" else self.taken, name, data)
        return name

    def _put(self, kind: dict[str, bytes], name: str, data: bytes) -> None:
        kind[name] = data
        self.storage.put(f"landing/{name}", data)

    def _name(self) -> str:
        """Return a name in a folder of its own, so that no other file is in its way."""
        names = list(NAMES.values())
        odd = self.dice.choice([each for each in names if len(each.encode()) < _FOLDER_BYTES])
        hour = f"{self._files}/2026/01/05/{self._files % 24:02}"
        folder = self.dice.choice([hour, f"{self._files} {odd}", str(self._files)])
        return f"{folder}/{self.dice.choice(names + self.storage.names * 4)}"

    def _new_lines(self) -> Iterator[dict[str, Any]]:
        for _ in range(self.dice.randint(1, 4)):
            self._lines += 1
            yield line(f"{_OURS}{self._lines}", self._lines)

    def _counted(self) -> Iterator[dict[str, Any]]:
        """Yield lines of new events, and of some that are known, each with the highest number until now."""
        for each in self._new_lines():
            if self.events and self.dice.random() < 0.3:
                each["event_id"] = self.dice.choice(list(self.events))
            self.events[each["event_id"]] = self._lines
            yield each

    def _bad(self) -> list[bytes]:
        if self.dice.random() > 0.1:
            return []
        self.reasons["not_json"] += 1
        return [_BAD_LINE]

    def wrong(self, tables: Path) -> list[str]:
        """Say what differs from what was written, when a run has gone to its end."""
        archived = self._found("archive")
        used = {name for name in archived if not name.startswith("_quarantine/")}
        recorded = DeltaTable(f"{tables}_ops/telemetry_files").to_pyarrow_table().to_pylist()
        rows = DeltaTable(tables / "telemetry").to_pyarrow_table(columns=["event_id", "sequence_number"]).to_pylist()
        ours = [row for row in rows if row["event_id"].startswith(_OURS)]
        quarantined = DeltaTable(f"{tables}_ops/telemetry_quarantine").to_pyarrow_table().to_pylist()
        rejected = sum(count for reason, count in self.reasons.items() if reason.startswith("file_"))
        compared = {
            "landing": (self._found("landing"), self.hidden),
            "archive": ({name.removeprefix("_quarantine/"): data for name, data in archived.items()}, self.taken),
            "rejected": (len(archived) - len(used), rejected),
            "rows": (
                Counter((row["event_id"], int(row["sequence_number"])) for row in ours),
                Counter(self.events.items()),
            ),
            "rows of the fleet": (len({row["event_id"] for row in rows}) - len(self.events), self.fleet_events),
            "rows in all": (len(rows), len(self.events) + self.fleet_events),
            "files": (len(recorded), len(self.taken)),
            "paths": (len({row["path"] for row in recorded}), len(self.taken)),
            "lines": ([row["path"] for row in recorded if row["lines"] != sum(row[each] for each in VERDICTS)], []),
            "quarantine": (Counter(row["reason"] for row in quarantined), self.reasons),
        }
        return [f"{what}: {_shown(found, wanted)}" for what, (found, wanted) in compared.items() if found != wanted]

    def _found(self, below: str) -> dict[str, bytes]:
        return {name: data for name, data in self.storage.files(below).items() if name != "_flatten_owner.json"}


def _shown(found: Any, wanted: Any) -> str:
    if not isinstance(found, Mapping):
        return f"{found}, not {wanted}"
    differ = [key for key in {**found, **wanted} if found.get(key) != wanted.get(key)]
    return f"{len(differ)} differ, such as {differ[:5]!a}"
