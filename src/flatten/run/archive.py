"""Move recorded files out of landing; all other files stay.

When: at the end of a run, after the query has ended without an error, so the checkpoint has every micro-batch whose
files are recorded. If files left earlier, a repeated batch would not find them: Spark's file source then drops them
silently, and Auto Loader stops forever. How: copy, verify, delete; nothing is remembered. After a crash

- while a file is copied: the copy is the beginning of the file, so the next run writes it again.
- between copy and delete: the next run finds the correct copy and only deletes.

A path whose content is not recorded was overwritten after it was read, or came again: it stays here, and the caller
quarantines it. The same content again is deleted when the archive has it. A name that exists in the archive with other
content, or as a folder, stays; the file gets its digest added to its name.
"""

import errno
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

from flatten.errors import FlattenError
from flatten.run.batch import Around
from flatten.settings import Settings
from flatten.storage import open_location
from flatten.storage.location import copy, path_of
from flatten.tables import files
from flatten.tables.files import Recorded

_MOVERS = 16

Ended = tuple[str, str]
"""What happened to a file (archived, rejected, changed, gone, failed), and its path; for a failed one a sentence."""


def archive(settings: Settings, around: Around, names: Iterable[str], recorded: Iterable[Recorded]) -> list[Ended]:
    """Move the files of landing (`names`) whose path and content are recorded. A failure does not stop the others.

    Files whose lines were used go to the archive, the others (rejected) to the quarantine folder.
    """
    outcomes: dict[str, dict[str, str]] = {}
    for row in recorded:
        outcomes.setdefault(row.path, {})[row.sha256] = row.outcome
    ours = [name for name in names if settings.path_of(name) in outcomes]
    with ThreadPoolExecutor(_MOVERS) as movers:
        ended = list(movers.map(partial(_ended, settings, around, outcomes), ours))
    around.reached("archived")
    return ended


def _ended(settings: Settings, around: Around, outcomes: Mapping[str, Mapping[str, str]], name: str) -> Ended:
    path = settings.path_of(name)
    try:
        sha256 = open_location(settings.source).sha256(name)
        if sha256 is None:
            return "gone", path
        outcome = outcomes[path].get(sha256)
        if outcome is None:
            return "changed", path
        used = outcome == files.COMMITTED
        _move(settings.source, name, settings.archive if used else settings.rejects, sha256, around)
        return "archived" if used else "rejected", path
    except FileNotFoundError:
        return "gone", path
    except OSError as wrong:
        return "failed", left_because(path, "moved", wrong)
    except FlattenError as wrong:
        return "failed", str(wrong)


def left_because(path: str, what: str, wrong: OSError) -> str:
    """Return a sentence that says why a file stays in landing."""
    advice = "give this user the permission" if wrong.errno in (errno.EACCES, errno.EPERM) else "fix that and run again"
    return f"{path} could not be {what} ({wrong.strerror or type(wrong).__name__}): {advice}."


def _move(root: str, name: str, place: str, sha256: str, around: Around) -> None:
    """Copy a file, verify the copy, delete the file. Raises FlattenError when `place` cannot store the copy."""
    source, target = open_location(root), open_location(place)
    for candidate in (name, f"{name}.{sha256[:8]}", sha256):
        if target.sha256(candidate) != sha256:
            with suppress(FileExistsError):
                copy(source, name, target, candidate)
        if target.sha256(candidate) == sha256:
            around.reached("copied")
            source.remove(name)
            around.reached("deleted")
            return
    raise FlattenError(f"{place} cannot store {path_of(root, name)}: check that it is a writable folder.")
