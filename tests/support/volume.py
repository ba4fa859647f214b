"""A folder with the restrictions reported of /Volumes: no rename, no link, no fsync, no lock, a wrong access check.

https://github.com/earth-mover/icechunk/issues/2341, https://github.com/developmentseed/obstore/issues/748,
https://github.com/delta-io/delta-rs/issues/2540. System calls are simulated, so they are replaced for the time of a
`with`; calls for other paths go through.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_BY_PATH = ("rename", "replace", "renames", "link")
_BY_FILE = ("fsync", "fdatasync")


@contextmanager
def like_a_volume(root: Path) -> Iterator[list[str]]:
    """Refuse these calls below `root` with ENOSYS; yield the names of the refused ones, as they come."""
    refused: list[str] = []

    def refuse(name: str, is_below: Callable[[Any], bool], call: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **named: Any) -> Any:
            if any(is_below(each) for each in arguments):
                refused.append(name)
                raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
            return call(*arguments, **named)

        return guarded

    def path_is_below(given: Any) -> bool:
        return isinstance(given, (str, os.PathLike)) and Path(given).absolute().is_relative_to(root)

    def file_is_below(given: Any) -> bool:
        number = given if isinstance(given, int) else getattr(given, "fileno", lambda: -1)()
        link = Path(f"/proc/self/fd/{number}")
        return link.is_symlink() and link.readlink().is_relative_to(root)

    with pytest.MonkeyPatch.context() as patch:
        for name in _BY_PATH:
            patch.setattr(os, name, refuse(name, path_is_below, getattr(os, name)))
        for name in _BY_FILE:
            patch.setattr(os, name, refuse(name, file_is_below, getattr(os, name)))
        for name in ("flock", "lockf"):
            patch.setattr(fcntl, name, refuse(name, file_is_below, getattr(fcntl, name)))
        access = os.access
        patch.setattr(os, "access", lambda path, mode: not path_is_below(path) and access(path, mode))
        yield refused
