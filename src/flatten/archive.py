"""Committed files leave the landing folder; every other file stays.

When: at the end of a run, after the query has ended well, so the checkpoint has committed every micro-batch whose
files are in the files table. Earlier, a replayed batch would find its files gone: Spark's file source then drops
them silently, and Auto Loader stops for ever. How: copy, verify, delete, record. The interleavings:

- killed after the copy: the copy has the content that was read, so the next run only deletes and records.
- killed after the delete: the file is gone and its copy is right, so the next run only records.
- the file was overwritten after it was read: its content is not what was read, so it is quarantined as a file
  (file_changed) and never takes the archived name.
- the name is taken in the archive by other content: the file is archived beside it, with its digest in the name.
- a path comes again after it was archived: neither engine reads a path twice. The same content is removed, other
  content is quarantined as a file.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import Row, SparkSession

from flatten import ledger, quarantine
from flatten.settings import Settings
from flatten.storage import Location, open_location

_MOVERS = 16
_RECORDED_AT_ONCE = 1_000


@dataclass
class Moved:
    """What the archiver did: paths by what became of them."""

    archived: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Archiver:
    """Moves the files of one source. `reached` is told the name of each boundary that is passed."""

    spark: SparkSession
    settings: Settings
    now: datetime
    reached: Callable[[str], None]

    def run(self) -> Moved:
        """Archive what is committed, then clear away paths that came again; record both."""
        moved = Moved()
        waiting = ledger.unarchived(self.spark, self.settings.table)
        for start in range(0, len(waiting), _RECORDED_AT_ONCE):
            self._archive(waiting[start : start + _RECORDED_AT_ONCE], moved)
        self._clear_returned(moved)
        return moved

    def _archive(self, files: Iterable[Row], moved: Moved) -> None:
        with ThreadPoolExecutor(_MOVERS) as movers:
            entries = list(movers.map(self._move, files))
        self._record_changed([entry for entry in entries if entry.get("changed")], moved)
        self.reached("moved")
        ledger.mark_archived(self.spark, entries, self.settings.table)
        for entry in entries:
            if entry["outcome"] == ledger.VANISHED:
                moved.vanished.append(entry["path"])
            elif entry["outcome"] == ledger.QUARANTINED:
                moved.rejected.append(entry["path"])
            else:
                moved.archived.append(entry["path"])

    def _move(self, file: Row) -> dict[str, Any]:
        source, name = open_location(self.settings.source), self._name(file.path)
        rejected = file.outcome == ledger.QUARANTINED
        target = open_location(self.settings.rejects if rejected else self.settings.archive)
        entry = {"path": file.path, "outcome": file.outcome, "archived_at": self.now}
        found = source.sha256(name)
        if found not in (None, file.sha256):
            return entry | {"archived_at": None, "outcome": ledger.VANISHED, "changed": self._reject(name, str(found))}
        archived = self._copy(source, name, target, file.sha256, present=found is not None)
        if archived is None:
            return entry | {"archived_at": None, "outcome": ledger.VANISHED}
        self.reached("copied")
        source.remove(name)
        self.reached("deleted")
        return entry | {"archive_path": f"{target.root}/{archived}"}

    def _copy(self, source: Location, name: str, target: Location, sha256: str, *, present: bool) -> str | None:
        """Return the name under which `target` has the content, copied now or before; None when nobody has it."""
        for candidate in (name, f"{name}.{sha256[:8]}"):
            held = target.sha256(candidate)
            if held is None and present:
                source.copy_to(name, target, candidate)
                held = target.sha256(candidate)
            if held == sha256:
                return candidate
        return None

    def _clear_returned(self, moved: Moved) -> None:
        source = open_location(self.settings.source)
        here = {f"{self.settings.source}/{name}": name for name in source.names()}
        known = ledger.known_files(self.spark, self.settings.table, here) if here else {}
        changed = []
        for path, sha256 in sorted(known.items()):
            found = source.sha256(here[path])
            if found == sha256:
                source.remove(here[path])
                moved.removed.append(path)
            elif found is not None:
                changed.append({"path": path, "changed": self._reject(here[path], found)})
        self._record_changed(changed, moved)

    def _reject(self, name: str, sha256: str) -> str:
        """Move a file of unread content to the quarantine folder; return where it stands there."""
        source, rejects = open_location(self.settings.source), open_location(self.settings.rejects)
        target = f"{name}.{sha256[:8]}"
        if rejects.sha256(target) is None:
            source.copy_to(name, rejects, target)
        if rejects.sha256(target) == sha256:
            source.remove(name)
        return f"{rejects.root}/{target}"

    def _record_changed(self, entries: list[dict[str, Any]], moved: Moved) -> None:
        if not entries:
            return
        rows = [(None, None, "file_changed", entry["changed"], entry["path"], None) for entry in entries]
        schema = "raw STRING, raw_base64 STRING, reason STRING, detail STRING, source_file STRING, line_number INT"
        quarantine.add(self.spark.createDataFrame(rows, schema), self.settings.table, self.now)
        moved.changed.extend(entry["path"] for entry in entries)

    def _name(self, path: str) -> str:
        return path.removeprefix(f"{self.settings.source}/")
