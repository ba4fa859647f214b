"""A directory of a file system, in which files stand or to which they are moved; a `/Volumes/...` path is one."""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from flatten.errors import BadLocation
from flatten.storage import listed

_PIECE = 1024 * 1024
_NOT_TO_BE_HAD = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)
_PART = ".{}.part"
_NAME_BYTES = 255 - len(_PART.format(""))


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory of a file system."""

    root: str

    def names(self) -> Iterator[str]:
        """See Location."""
        for folder, folders, files in os.walk(self.root):
            folders[:] = sorted(filter(listed, folders))
            for name in sorted(filter(listed, files)):
                yield (Path(folder) / name).relative_to(self.root).as_posix()

    def sha256(self, name: str) -> str | None:
        """See Location."""
        with _absent_is_none():
            if self._path(name).is_file():  # to open a pipe would wait for ever
                with self._path(name).open("rb") as file:
                    return hashlib.file_digest(file, "sha256").hexdigest()
        return None

    def size(self, name: str) -> int | None:
        """See Location."""
        with _absent_is_none():
            if self._path(name).is_file():
                return self._path(name).stat().st_size
        return None

    def open(self, name: str) -> IO[bytes]:
        """See Location."""
        return self._path(name).open("rb")

    def take(self, name: str, content: IO[bytes]) -> None:
        """See Location."""
        final = self._path(name)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            taken = final.exists()
        except OSError as wrong:
            if wrong.errno not in _NOT_TO_BE_HAD:
                raise
            taken = True
        if taken:
            raise FileExistsError(str(final))
        part = final.with_name(_PART.format(_short(final.name)))
        with part.open("wb") as sink:
            shutil.copyfileobj(content, sink, _PIECE)
            sink.flush()
            os.fsync(sink.fileno())
        part.rename(final)

    def remove(self, name: str) -> None:
        """See Location."""
        self._path(name).unlink(missing_ok=True)

    def remove_tree(self, name: str) -> None:
        """See Location."""
        shutil.rmtree(self._path(name), ignore_errors=True)

    def read_text(self, name: str) -> str | None:
        """See Location."""
        try:
            return self._path(name).read_text("utf-8", errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def write_new(self, name: str, text: str) -> bool:
        """See Location."""
        path = self._path(name)
        if path.exists():
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.{os.getpid()}")
        part.unlink(missing_ok=True)
        part.write_text(text, "utf-8")
        try:
            path.hardlink_to(part)
        except FileExistsError:
            return False
        except OSError:  # a file system without hard links, such as /Volumes, cannot tell who came first
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
        return True

    def check(self, role: str, *, to_write: bool) -> None:
        """See Location."""
        if not Path(self.root).is_dir():
            raise BadLocation(f"The {role} {self.root} is not a folder: give the one in which the files are.")
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise BadLocation(f"The {role} {self.root} cannot be read: give this user the right to.")
        if to_write and not os.access(self.root, os.W_OK):
            raise BadLocation(f"The {role} {self.root} cannot be written: files are taken out of it.")

    def _path(self, name: str) -> Path:
        return Path(self.root) / name


def require_possible(role: str, folder: str) -> None:
    """Raise BadLocation when a folder is not there and cannot be made, because a file is in the way or by its name."""
    try:
        there = next(each for each in (Path(folder), *Path(folder).parents) if each.exists())
    except OSError as wrong:
        raise BadLocation(f"The {role} folder {folder!r} cannot be made: {wrong.strerror}.") from None
    if not there.is_dir():
        raise BadLocation(f"The {role} folder {folder} cannot be made, a file stands at {there}: give another.")


@contextmanager
def _absent_is_none() -> Iterator[None]:
    """Go on after the `with` when it finds that a file is not there, or that none can be."""
    try:
        yield
    except OSError as wrong:
        if wrong.errno not in (errno.ENOENT, *_NOT_TO_BE_HAD):
            raise


def _short(name: str) -> str:
    return name if len(os.fsencode(name)) <= _NAME_BYTES else hashlib.sha256(os.fsencode(name)).hexdigest()
