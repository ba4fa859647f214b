"""Where files stand and how they are moved: a directory (a `/Volumes/...` path is one) or a prefix of a bucket."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Protocol

from flatten.errors import BadLocation

S3A = "s3a://"
_PATTERN = re.compile(r"([\\{}\[\]*?^])")


class Location(Protocol):
    """A directory or a prefix of a bucket. Names are relative to it, with `/` between parts."""

    @property
    def root(self) -> str:
        """Where it is, as `absolute` writes it."""

    def names(self) -> Iterator[str]:
        """Yield the names of all files below that Spark lists, too (see `listed`)."""

    def sha256(self, name: str) -> str | None:
        """Return the SHA-256 of a file's bytes in hex; None when there is no such file."""

    def size(self, name: str) -> int | None:
        """Return how many bytes a file has; None when there is no such file."""

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


def _is_text(name: str) -> bool:
    return not any("\ud800" <= letter <= "\udfff" for letter in name)
