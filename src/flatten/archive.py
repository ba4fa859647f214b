"""Committed files leave the landing folder; every other file stays.

When: at the end of a run, after the query has ended well, so the checkpoint has committed every micro-batch whose
files are in the files table. Earlier, a replayed batch would find its files gone: Spark's file source then drops
them silently, and Auto Loader stops for ever. How: copy, verify, delete, record. The interleavings:

- killed after the copy: the copy has the content that was read, so the next run only deletes and records.
- killed after the delete: the file is gone and its copy is right, so the next run only records.
- the file was overwritten after it was read: its content is not what was read, so it is quarantined as a file
  (file_changed) and never takes the archived name.
- the name is taken in the archive by other content, or by a folder: the file is archived beside it, with its
  digest in the name.
- a path comes again after it was archived: neither engine reads a path twice. The same content is removed once the
  archive is seen to have it, other content is quarantined as a file.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import Row, SparkSession

from flatten import ledger, quarantine
from flatten.errors import FlattenError
from flatten.locations import open_location
from flatten.settings import Settings
from flatten.storage import Location, copy

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
    """Moves the files of one source.

    `reached` is told the name of each boundary that is passed; `hold` asks for the table's lease.
    """

    spark: SparkSession
    settings: Settings
    now: datetime
    reached: Callable[[str], None]
    hold: Callable[[], None]

    def run(self) -> Moved:
        """Archive what is committed, then clear away paths that came again; record both."""
        moved = Moved()
        waiting = ledger.unarchived(self.spark, self.settings.table, self.settings.source)
        for start in range(0, len(waiting), _RECORDED_AT_ONCE):
            self._archive(waiting[start : start + _RECORDED_AT_ONCE], moved)
        self._clear_returned(moved)
        return moved

    def _archive(self, files: Iterable[Row], moved: Moved) -> None:
        self.hold()
        with ThreadPoolExecutor(_MOVERS) as movers:
            entries = list(movers.map(self._move, files))
        self._record_changed([entry for entry in entries if entry.get("changed")], moved)
        self.reached("moved")
        ledger.mark_archived(self.spark, entries, self.settings.table)
        self.reached("archived")
        for entry in entries:
            if entry["outcome"] == ledger.VANISHED:
                moved.vanished.append(entry["path"])
            elif entry["outcome"] == ledger.QUARANTINED:
                moved.rejected.append(entry["path"])
            else:
                moved.archived.append(entry["path"])

    def _move(self, file: Row) -> dict[str, Any]:
        source, name, target = open_location(self.settings.source), self._name(file.path), self._target(file)
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
        """Return the name under which `target` has the content, copied now or before; None when nobody has it.

        Raises FlattenError when the file is there and `target` cannot take it.
        """
        for candidate in (name, *_beside(name, sha256)):
            held = target.sha256(candidate)
            if held is None and present:
                with suppress(FileExistsError, FileNotFoundError):
                    copy(source, name, target, candidate)
                held = target.sha256(candidate)
            if held == sha256:
                return candidate
        if present and source.sha256(name) == sha256:
            raise FlattenError(f"{target.root} takes no copy of {name}: is it a folder that can be written?")
        return None

    def _clear_returned(self, moved: Moved) -> None:
        source = open_location(self.settings.source)
        here = {f"{self.settings.source}/{name}": name for name in source.names()}
        known = ledger.known_files(self.spark, self.settings.table, here) if here else []
        late, changed = [], []
        for file in sorted(known, key=lambda row: row.path):
            found = source.sha256(here[file.path])
            if found is None:
                continue
            if found == file.sha256 and file.outcome == ledger.VANISHED:
                late.append(Row(path=file.path, sha256=file.sha256, outcome=ledger.COMMITTED))
            elif found == file.sha256 and self._held(file, here[file.path]):
                source.remove(here[file.path])
                moved.removed.append(file.path)
            elif found != file.sha256:
                changed.append({"path": file.path, "changed": self._reject(here[file.path], found)})
        self._record_changed(changed, moved)
        if late:
            self._archive(late, moved)

    def _held(self, file: Row, name: str) -> bool:
        """Make sure that the archive has a file that was archived before, unless it was removed there for its age."""
        if file.outcome == ledger.REMOVED:
            return True
        source = open_location(self.settings.source)
        return self._copy(source, name, self._target(file), file.sha256, present=True) is not None

    def _target(self, file: Row) -> Location:
        rejected = file.outcome == ledger.QUARANTINED
        return open_location(self.settings.rejects if rejected else self.settings.archive)

    def _reject(self, name: str, sha256: str) -> str:
        """Move a file of unread content to the quarantine folder; return where it stands there."""
        source, rejects = open_location(self.settings.source), open_location(self.settings.rejects)
        for target in _beside(name, sha256):
            if rejects.sha256(target) is None:
                with suppress(FileExistsError, FileNotFoundError):
                    copy(source, name, rejects, target)
            if rejects.sha256(target) == sha256:
                source.remove(name)
                return f"{rejects.root}/{target}"
        return f"{source.root}/{name}"

    def _record_changed(self, entries: list[dict[str, Any]], moved: Moved) -> None:
        if not entries:
            return
        files = [(entry["path"], "file_changed", entry["changed"]) for entry in entries]
        quarantine.add_files(self.spark, files, self.settings.table, self.now)
        moved.changed.extend(entry["path"] for entry in entries)

    def _name(self, path: str) -> str:
        return path.removeprefix(f"{self.settings.source}/")


def _beside(name: str, sha256: str) -> tuple[str, str]:
    """Return the names to take when `name` is taken or cannot be had; the last one can always."""
    return f"{name}.{sha256[:8]}", sha256
