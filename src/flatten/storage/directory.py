"""Move files in a directory; a `/Volumes/...` path is one, without rename, hard links and fsync.

So a file is written under its final name and then verified. A file that a crash truncated is the beginning of the
complete one, and the next attempt overwrites it.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os.path import isdir
from pathlib import Path
from stat import S_ISREG
from typing import IO

from flatten.errors import LocationError
from flatten.events.timestamps import nearest
from flatten.storage.location import Barred, Stat, listed

_PIECE = 1024 * 1024
_NO_FSYNC = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP)
"""The error of a file system without a function, such as /Volumes."""

_TAKEN = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of a file system. See Location for its methods."""

    root: str

    def names(self, barred: list[Barred] | None = None) -> Iterator[str]:
        """See Location."""
        yield from _names(self.root, barred)

    def stat(self, name: str) -> Stat | None:
        """See Location."""
        with suppress(FileNotFoundError, NotADirectoryError):
            found = self._path(name).stat()
            if S_ISREG(found.st_mode):
                return Stat(found.st_size, nearest(found.st_mtime_ns // 1_000))
        return None

    def links(self, names: Iterable[str]) -> set[str]:
        """See Location."""
        known: dict[str, bool] = {"": False}

        def is_link(name: str) -> bool:
            if name not in known:
                known[name] = is_link(name.rpartition("/")[0]) or self._path(name).is_symlink()
            return known[name]

        return set(filter(is_link, names))

    def sha256(self, name: str) -> str | None:
        """See Location."""
        with _absent_is_none():
            if self._path(name).is_file():  # to open a pipe would wait for ever
                with self._path(name).open("rb") as file:
                    return hashlib.file_digest(file, "sha256").hexdigest()
        return None

    def open(self, name: str) -> IO[bytes]:
        """See Location."""
        return self._path(name).open("rb")

    def take(self, name: str, content: IO[bytes]) -> None:
        """See Location."""
        final = self._path(name)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            sink = final.open("xb")
        except OSError as wrong:
            if wrong.errno not in _TAKEN:
                raise
            if not _is_beginning(final, content):
                raise FileExistsError(str(final)) from None
            content.seek(0)
            sink = final.open("wb")
        with sink:
            shutil.copyfileobj(content, sink, _PIECE)
            sink.flush()
            try:
                os.fsync(sink.fileno())
            except OSError as wrong:
                if wrong.errno not in _NO_FSYNC:
                    raise

    def remove(self, name: str) -> None:
        """See Location."""
        self._path(name).unlink(missing_ok=True)

    def remove_tree(self, name: str) -> bool:
        """See Location."""
        if not self._path(name).is_dir():
            return False
        shutil.rmtree(self._path(name))
        return True

    def read_text(self, name: str) -> str | None:
        """See Location."""
        try:
            return self._path(name).read_text("utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def check(self, role: str, *, to_write: bool) -> None:
        """See Location. Only a write shows whether files can be moved: the access check of /Volumes may be wrong."""
        if not Path(self.root).is_dir():
            raise LocationError(f"The {role} {self.root} is not a folder: give the folder of the files.")
        try:
            os.scandir(self.root).close()
        except PermissionError:
            raise LocationError(f"The {role} {self.root} cannot be read: give this user the permission.") from None

    def _path(self, name: str) -> Path:
        """Return where a file is ("" is the folder). Raises FileExistsError for a key of S3 that names no place."""
        if "\0" in name or (name and not {"", ".", ".."}.isdisjoint(name.split("/"))):
            raise FileExistsError(errno.EEXIST, "no file of a folder can have this name", f"{self.root}/{name!r}")
        return Path(self.root) / name


def require_possible(role: str, folder: str) -> None:
    """Raise LocationError when a folder cannot be created, because of a file in its path or because of its name."""
    try:
        there = next(each for each in (Path(folder), *Path(folder).parents) if each.exists())
    except OSError as wrong:
        raise LocationError(f"The {role} folder {folder!r} cannot be created: {wrong.strerror}.") from None
    if not there.is_dir():
        raise LocationError(
            f"The {role} folder {folder} cannot be created, because {there} is a file: give another folder."
        )


@contextmanager
def _absent_is_none() -> Iterator[None]:
    """Go on after the `with` when it finds that a file does not exist, or that none can."""
    try:
        yield
    except OSError as wrong:
        if wrong.errno not in (errno.ENOENT, *_TAKEN):
            raise


def _names(root: str, barred: list[Barred] | None) -> Iterator[str]:
    """Yield the names of the files below a folder; one that is gone has none. Links are neither files nor folders."""
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(f"{root}/{below}") as entries:
                ordered = sorted((each for each in entries if listed(each.name)), key=lambda each: each.name)
            files = [f"{below}{each.name}" for each in ordered if each.is_file(follow_symlinks=False)]
            folders = [f"{below}{each.name}/" for each in ordered if each.is_dir(follow_symlinks=False)]
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as wrong:
            if barred is None:
                raise
            barred.append((below.rstrip("/"), wrong))
            continue
        yield from files
        waiting += reversed(folders)
        if barred is not None:
            barred += [(f"{below}{each.name}", None) for each in ordered if each.is_symlink() and isdir(each.path)]  # noqa: PTH112


def _is_beginning(held: Path, content: IO[bytes]) -> bool:
    """Return whether a file's bytes are the first bytes of `content`."""
    with _absent_is_none():
        if held.is_file():
            with held.open("rb") as file:
                return all(content.read(len(piece)) == piece for piece in iter(lambda: file.read(_PIECE), b""))
    return False
