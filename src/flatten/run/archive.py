"""Recorded files leave landing; every other file stays.

When: at the end of a run, after the query has ended well, so the checkpoint has committed every micro-batch whose
files are recorded. Earlier, a batch that is handed over again would find its files gone: Spark's file source then
drops them silently, and Auto Loader stops for ever. How: copy, verify, delete; nothing is remembered. Killed

- while a file is copied: what is there is the beginning of it, so the next run writes it again.
- between copy and delete: the next run finds the right copy and only deletes.
- between a changed file's row in the quarantine and its move: the row is there already, the next run moves the file.

A path whose content is not the recorded one was overwritten after it was read, or came again: it is quarantined as a
file (file_changed) and never takes the archived name. The same content again is deleted once the archive has it.
A name that is taken in the archive by other content, or by a folder, stays; the file goes beside it, with its digest
in the name.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pyspark.sql import SparkSession

from flatten.errors import FlattenError
from flatten.run import owner
from flatten.run.batch import Around, Reached
from flatten.settings import Settings
from flatten.storage import open_location
from flatten.storage.location import copy
from flatten.tables import files, quarantine
from flatten.tables.commits import last_words
from flatten.tables.files import Recorded

_MOVERS = 16


@dataclass
class Moved:
    """What became of the files, by path: archived, rejected (moved to the quarantine folder, because none of their
    lines could be used), changed (moved there, too, unread); `failed` has a sentence for each that is still in landing.
    """

    archived: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Move:
    """A file to move, and what it counts as: a field of `Moved`. Of `targets` the first that is free is taken."""

    name: str
    sha256: str
    kind: str
    place: str
    targets: tuple[str, ...]


def archive(
    spark: SparkSession, settings: Settings, around: Around, names: Iterable[str], recorded: Iterable[Recorded]
) -> Moved:
    """Move the files of landing (`names`) that are recorded. One that cannot be moved stops no other."""
    moved, contents = Moved(), _contents(recorded)
    ours = [name for name in names if f"{settings.source}/{name}" in contents]
    if not ours:
        return moved
    owner.confirm(settings)
    with ThreadPoolExecutor(_MOVERS) as movers:
        plan, move = partial(_planned, settings=settings, contents=contents), partial(_move, settings=settings)
        moves = _kept(movers.map(partial(_attempt, plan), ours), moved)
        _record_changed(spark, settings, around, [each for each in moves if each.kind == "changed"])
        done = _kept(movers.map(partial(_attempt, partial(move, reached=around.reached)), moves), moved)
    for each in done:
        getattr(moved, each.kind).append(f"{settings.source}/{each.name}")
    around.reached("archived")
    return moved


def _contents(recorded: Iterable[Recorded]) -> Mapping[str, Mapping[str, str]]:
    """Return the outcome of each content of each path, by digest."""
    contents: dict[str, dict[str, str]] = {}
    for row in recorded:
        contents.setdefault(row.path, {})[row.sha256] = row.outcome
    return contents


def _attempt(work: Callable[[Any], _Move | None], given: Any) -> _Move | str | None:
    """Return what the work gives, or the sentence that says why it could not be done."""
    try:
        return work(given)
    except (OSError, FlattenError) as wrong:
        return last_words(wrong)


def _kept(results: Iterable[_Move | str | None], moved: Moved) -> list[_Move]:
    kept = []
    for each in results:
        if isinstance(each, str):
            moved.failed.append(each)
        elif each:
            kept.append(each)
    return kept


def _planned(name: str, *, settings: Settings, contents: Mapping[str, Mapping[str, str]]) -> _Move | None:
    """Say what is to be done with a file; None when somebody has removed it."""
    sha256 = open_location(settings.source).sha256(name)
    if sha256 is None:
        return None
    beside = f"{name}.{sha256[:8]}", sha256  # the last one is always free
    outcome = contents[f"{settings.source}/{name}"].get(sha256)
    if outcome == files.COMMITTED:
        return _Move(name, sha256, "archived", settings.archive, (name, *beside))
    if outcome == files.QUARANTINED:
        return _Move(name, sha256, "rejected", settings.rejects, (name, *beside))
    return _Move(name, sha256, "changed", settings.rejects, beside)


def _record_changed(spark: SparkSession, settings: Settings, around: Around, changed: Sequence[_Move]) -> None:
    if changed:
        rows = [(f"{settings.source}/{each.name}", "file_changed", each.sha256) for each in changed]
        frame = quarantine.file_rows(spark, rows, around.clock())
        quarantine.write(spark, frame, settings.table, [path for path, *_ in rows], around.patience)


def _move(move: _Move, *, settings: Settings, reached: Reached) -> _Move:
    """Copy a file, verify the copy and delete the file. Raises FlattenError when the target takes no copy."""
    source, target = open_location(settings.source), open_location(move.place)
    for candidate in move.targets:
        if target.sha256(candidate) != move.sha256:
            with suppress(FileExistsError):
                copy(source, move.name, target, candidate)
        if target.sha256(candidate) == move.sha256:
            reached("copied")
            source.remove(move.name)
            reached("deleted")
            return move
    raise FlattenError(f"{target.root} takes no copy of {move.name}: is it a folder that can be written?")
