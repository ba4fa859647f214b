"""The functions of every kind of storage, and the forms of locations and names."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from flatten.errors import LocationError

S3A = "s3a://"
_PATTERN = re.compile(r"([\\{}\[\]*?^])")


Barred = tuple[str, OSError | None]
"""What Spark's own listing cannot pass: its name, and why it cannot be listed here either, if so."""


@dataclass(frozen=True, slots=True)
class Stat:
    """How large a file is, in bytes, and when it was written, in microseconds since 1970 UTC."""

    size: int
    modified_at: int


class Location(Protocol):
    """A directory or a prefix of a bucket. Names are relative to it, with `/` between parts."""

    @property
    def root(self) -> str:
        """Where it is, as `absolute` writes it."""

    def names(self, barred: list[Barred] | None = None) -> Iterator[str]:
        """Yield the names of all files below that are not hidden (see `listed`); links are not followed.

        `barred` gets what Spark's listing cannot pass: folders that cannot be listed, links to folders, keys of S3
        that Hadoop cannot read. Without it a folder that cannot be listed raises OSError.
        """

    def stat(self, name: str) -> Stat | None:
        """Return what is known of a file; None when it does not exist."""

    def links(self, names: Iterable[str]) -> set[str]:
        """Return those of these files that are links or below one: they belong to their real location."""

    def sha256(self, name: str) -> str | None:
        """Return the SHA-256 of a file's bytes in hex; None when it does not exist. Raises OSError."""

    def open(self, name: str) -> IO[bytes]:
        """Open a file to read its bytes. Raises FileNotFoundError when it does not exist."""

    def take(self, name: str, content: IO[bytes]) -> None:
        """Write a file. An existing file is overwritten only if it is a beginning of the content, left by a crash.

        Raises FileExistsError when the name exists with other content.
        """

    def remove(self, name: str) -> None:
        """Delete a file; a missing one is not an error."""

    def remove_tree(self, name: str) -> bool:
        """Delete all files below a folder, hidden ones too; return whether there were any."""

    def read_text(self, name: str) -> str | None:
        """Return a small file's text; None when it does not exist."""

    def check(self, role: str, *, to_write: bool) -> None:
        """Raise LocationError, with the role, when files cannot be read here, or with `to_write` not moved."""


def copy(source: Location, name: str, target: Location, target_name: str) -> None:
    """Copy a file; see `Location.take` for what is overwritten.

    Raises FileExistsError when the target's name is taken, FileNotFoundError when the file does not exist.
    """
    with source.open(name) as content:
        target.take(target_name, content)


def listed(name: str) -> bool:
    """Return whether a file or folder of this name is not hidden: by Spark's rule.

    https://github.com/apache/spark/blob/v4.2.0/core/src/main/scala/org/apache/spark/util/HadoopFSUtils.scala
    """
    if name in {".", ".."}:  # parts of a key of S3
        return True
    return not (name.startswith(".") or (name.startswith("_") and "=" not in name) or name.endswith("._COPYING_"))


def path_of(root: str, name: str) -> str:
    """Return the path by which the tables know a file; bytes of its name that are not UTF-8 are written as `\\xff`."""
    return f"{root}/{name}".encode(errors="surrogateescape").decode(errors="backslashreplace")


def literal_path(path: str) -> str:
    """Escape what Spark would read as a pattern."""
    return _PATTERN.sub(r"\\\1", path)


def has_literal(path: str) -> bool:
    """Return whether Hadoop understands the `literal_path`: in a pattern it takes a part with a colon for a URI."""
    return literal_path(path) == path or ":" not in path.removeprefix(S3A)


def plain_path(path: str) -> str:
    """Drop the scheme that Spark puts before a path of a file system that is mounted."""
    for scheme in ("file:", "dbfs:"):
        if path.startswith(scheme):
            return "/" + path.removeprefix(scheme).lstrip("/")
    return path


def absolute(text: str) -> str:
    """Return a location in the one form that the job uses: no relative parts, no slash at the end.

    Raises LocationError for no text at all, and for the home of an unknown user.
    """
    if not text:
        raise LocationError("The name of a folder is empty: give one.")
    if "://" in text:
        return text.rstrip("/")
    try:
        return str(Path(text).expanduser().resolve())
    except RuntimeError:
        raise LocationError(f"{text}: there is no such user; give a folder.") from None
    except FileNotFoundError:
        raise LocationError(f"{text}: the current folder no longer exists; go to another.") from None
