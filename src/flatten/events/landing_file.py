"""Split a file into its lines, or find the reason why the whole file cannot be used. Contract 1, reading side."""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from flatten.events.timestamps import micros_of

MAX_LINE_BYTES = 10 * 1024 * 1024
"""A DynamoDB item has at most 400 KB, so no line of the Lambda comes near."""

MAX_FILE_BYTES = 64 * 1024 * 1024
"""Unpacked. A Lambda call gets 6 MB; a Python worker of Databricks has 1 GB (docs/performance.md, memory)."""

MAX_STORED_BYTES = 16 * 1024 * 1024
"""As stored. Spark and the worker hold several copies of each file."""

MAX_FILE_LINES = 200_000
"""A Lambda call gets 10,000 records; the lines of a file are decided on together."""

_KEY = re.compile(r"[0-9]+-[0-9]+-([0-9]{1,9})-[0-9a-f]{8}\.ndjson\.gz")
_HOUR = re.compile(r"/([0-9]{4})/([0-9]{2})/([0-9]{2})/([0-9]{2})/[^/]*\Z")
_GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"


class BadFileError(Exception):
    """Raised when no line of a file may be used. `reason` is file_unreadable or file_incomplete.

    `lines` is how many lines could be counted.
    """

    def __init__(self, reason: str, detail: str, lines: int = 0) -> None:
        super().__init__(detail)
        self.reason, self.detail, self.lines = reason, detail, lines


@dataclass(frozen=True, slots=True)
class Line:
    """One physical line, without its end. `number` counts from 1, blank lines included."""

    number: int
    content: bytes


@dataclass(frozen=True, slots=True)
class FileLines:
    """The lines of a file, cut one by one: a list of them would be a second copy of the file."""

    content: bytes
    count: int

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Line]:
        return _lines(self.content)


def split_file(path: str, content: bytes, limit: int = MAX_FILE_BYTES, most_lines: int = MAX_FILE_LINES) -> FileLines:
    """Return the lines of a file; blank lines do not count.

    Raises BadFileError: file_unreadable for truncated or damaged gzip, for more than `limit` bytes unpacked, and for
    more than `most_lines` line ends; file_incomplete when the key has another number of lines.
    """
    unpacked = _unpack(path, content, limit)
    if unpacked.count(b"\n") > most_lines:
        raise BadFileError("file_unreadable", f"has more than {most_lines} lines")
    lines = FileLines(unpacked, sum(1 for _ in _lines(unpacked)))
    promised = promised_lines(path)
    if promised is not None and promised != len(lines):
        raise BadFileError("file_incomplete", f"the name has {promised} lines, the file {len(lines)}", len(lines))
    return lines


def promised_lines(path: str) -> int | None:
    """Return the number of lines in an object's key if it has the form of contract 1, else None."""
    found = _KEY.fullmatch(path.rpartition("/")[2])
    return int(found.group(1)) if found else None


def hour_of(path: str) -> int | None:
    """Return the hour in an object's path (YYYY/MM/DD/HH before the name), in microseconds since 1970 UTC.

    None when the path has no hour, or an invalid one.
    """
    found = _HOUR.search(path)
    if not found:
        return None
    try:
        return micros_of(datetime(*map(int, found.groups()), tzinfo=UTC))  # type: ignore[misc, arg-type]  # four numbers by the pattern
    except ValueError:
        return None


def _unpack(path: str, content: bytes, limit: int) -> bytes:
    if not content.startswith(_GZIP):
        if path.endswith(".gz") and content:
            raise BadFileError("file_unreadable", "the name ends in .gz but the content is not gzip")
        if len(content) > limit:
            raise BadFileError("file_unreadable", f"has more than {limit} bytes")
        return content
    try:
        unpacked = gzip.GzipFile(fileobj=io.BytesIO(content)).read(limit + 1)
    except (EOFError, OSError, zlib.error) as wrong:
        raise BadFileError("file_unreadable", f"gzip of {len(content)} bytes: {wrong}") from None
    if len(unpacked) > limit:
        raise BadFileError("file_unreadable", f"unpacks to more than {limit} bytes")
    return unpacked


def _lines(content: bytes) -> Iterator[Line]:
    start, number = len(BOM) if content.startswith(BOM) else 0, 1
    while start <= len(content):
        end = content.find(b"\n", start)
        line = content[start : end if end >= 0 else None]
        if line.strip(b" \t\r"):
            yield Line(number, line)
        start, number = end + 1 if end >= 0 else len(content) + 1, number + 1
