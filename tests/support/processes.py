"""The processes of this machine, from /proc."""

import os
import select
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SECONDS_TO_END = 10


@dataclass(frozen=True)
class Process:
    """A process with its parent and its group."""

    pid: int
    parent: int
    group: int


def processes() -> Iterator[Process]:
    """Yield every process."""
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, parent, group, *_ = entry.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield Process(int(entry.parent.name), int(parent), int(group))


def family_of(pid: int) -> list[int]:
    """Return a process and all that it started."""
    parents: dict[int, list[int]] = {}
    for each in processes():
        parents.setdefault(each.parent, []).append(each.pid)
    found = [pid]
    for one in found:
        found += parents.get(one, [])
    return found


def lasting(group: int) -> list[int]:
    """Return the processes of a group that do not end within ten seconds, as Spark's workers do after its JVM."""
    return [each.pid for each in processes() if each.group == group and not _ends(each.pid)]


def _ends(pid: int) -> bool:
    try:
        ended = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([ended], [], [], _SECONDS_TO_END)[0])
    finally:
        os.close(ended)
