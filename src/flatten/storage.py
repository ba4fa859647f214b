"""Where files stand and how they are moved: a directory (a `/Volumes/...` path is one) or a prefix of a bucket."""

import errno
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from flatten.errors import BadLocation

S3A = "s3a://"
_PIECE = 1024 * 1024
_PATTERN = re.compile(r"([\\{}\[\]*?^])")
_NOT_TO_BE_HAD = (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)
_PART = ".{}.part"
_NAME_BYTES = 255 - len(_PART.format(""))


class Location(Protocol):
    """A directory or a prefix of a bucket. Names are relative to it, with `/` between parts."""

    @property
    def root(self) -> str:
        """Where it is, as `absolute` writes it."""

    def names(self) -> Iterator[str]:
        """Yield the names of all files below that Spark lists, too (see `listed`)."""

    def sha256(self, name: str) -> str | None:
        """Return the SHA-256 of a file's bytes in hex; None when there is no such file."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file to read its bytes. Raises FileNotFoundError when there is no such file."""

    def take(self, name: str, content: IO[bytes]) -> None:
        """Write a file; it appears whole or not at all, and nothing is ever overwritten.

        Raises FileExistsError when the name cannot be had.
        """

    def remove(self, name: str) -> None:
        """Delete a file; one that is gone already is no error."""

    def remove_tree(self, name: str) -> None:
        """Delete all files whose names begin with `name` and a slash, hidden ones too."""

    def read_text(self, name: str) -> str | None:
        """Return a small file's text; None when there is no such file."""

    def write_new(self, name: str, text: str) -> bool:
        """Write a small file unless it is there; say whether it was written, also when several try at once."""

    def check(self, role: str, *, to_write: bool) -> None:
        """Raise BadLocation, which names the role, when files cannot be read here, or taken away if `to_write`."""


def copy(source: Location, name: str, target: Location, target_name: str) -> None:
    """Copy a file; the target appears whole or not at all, and is never overwritten.

    Raises FileExistsError when the target's name cannot be had, FileNotFoundError when there is no such file.
    """
    with source.open(name) as content:
        target.take(target_name, content)


def listed(name: str) -> bool:
    """Return whether Spark lists a file or folder of this name, and can open it.

    https://github.com/apache/spark/blob/v4.2.0/core/src/main/scala/org/apache/spark/util/HadoopFSUtils.scala
    """
    hidden = name.startswith(".") or (name.startswith("_") and "=" not in name) or name.endswith("._COPYING_")
    return not hidden and _is_text(name)


def literal_path(path: str) -> str:
    """Escape what Spark would read as a pattern."""
    return _PATTERN.sub(r"\\\1", path)


def plain_path(path: str) -> str:
    """Drop the scheme that Spark puts before a path of a file system that is mounted."""
    for scheme in ("file:", "dbfs:"):
        if path.startswith(scheme):
            return "/" + path.removeprefix(scheme).lstrip("/")
    return path


def absolute(text: str) -> str:
    """Return a location in the one form that the job uses: no relative parts, no slash at the end.

    Raises BadLocation for no text at all, and for the home of an unknown user.
    """
    if not text:
        raise BadLocation("An empty text is no folder: give one.")
    if "://" in text:
        return text.rstrip("/")
    try:
        return str(Path(text).expanduser().resolve())
    except RuntimeError:
        raise BadLocation(f"{text}: there is no such user; give a folder.") from None


def open_location(text: str) -> Location:
    """Return the location that `absolute` named. Raises BadLocation for a scheme that cannot be served."""
    if text.startswith(S3A):
        from flatten.bucket import open_bucket

        return open_bucket(text)
    if "://" in text:
        raise BadLocation(f"{text}: files can be moved in directories, /Volumes/... paths and s3a://bucket/prefix.")
    return Directory(text)


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
        path = self._path(name)
        try:
            if not path.is_file():  # to open a pipe would wait for ever
                return None
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as wrong:
            if wrong.errno in (errno.ENOENT, *_NOT_TO_BE_HAD):
                return None
            raise

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


def _short(name: str) -> str:
    return name if len(os.fsencode(name)) <= _NAME_BYTES else hashlib.sha256(os.fsencode(name)).hexdigest()


def _is_text(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)
