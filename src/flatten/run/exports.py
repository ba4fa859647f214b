"""Read a DynamoDB export to S3, full or incremental: its manifests, its verification, and its items as lines.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any

from flatten.errors import ExportError
from flatten.events.export import converted
from flatten.run.given import GivenFile
from flatten.storage import open_location

_SUMMARY, _FILES = "manifest-summary.json", "manifest-files.json"
_LINES_A_PART = 10_000
_BYTES_A_PART = 8 * 1024 * 1024
_PIECE = 1024 * 1024
_AGAIN = "copy the export again."


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of an export by its name below the export's root; `md5` is base64 text."""

    name: str
    items: int
    md5: str


@dataclass(frozen=True, slots=True)
class Export:
    """An export: the folder above the folder of its manifests, and its files."""

    root: str
    files: tuple[DataFile, ...]

    @property
    def items(self) -> int:
        """Return the number of its items."""
        return sum(file.items for file in self.files)


def read_export(folder: str) -> Export:
    """Read the manifests in an export's folder, .../AWSDynamoDB/<export id>. Raises ExportError."""
    root, _, own = folder.rpartition("/")
    place = open_location(folder)
    summary = _json(folder, _SUMMARY, place.read_text(_SUMMARY))
    told = summary.get("outputFormat", "DYNAMODB_JSON")
    if told != "DYNAMODB_JSON":
        raise ExportError(f"The export {folder} is in the format {told}: export again with DYNAMODB_JSON.")
    listed = [_json(folder, _FILES, line) for line in (place.read_text(_FILES) or "").splitlines() if line.strip()]
    there = str(summary.get("manifestFilesS3Key", "")).split("/")[-2:-1]
    try:
        files = (
            DataFile(_name(str(each["dataFileS3Key"]), there, own), int(each["itemCount"]), str(each["md5Checksum"]))
            for each in listed
        )
        export, items = Export(root, tuple(dict.fromkeys(files))), int(summary["itemCount"])
    except (KeyError, ValueError, TypeError) as wrong:
        raise ExportError(f"The manifests of {folder} are not complete ({wrong}): {_AGAIN}") from None
    if export.items != items:
        raise ExportError(
            f"{folder} is not complete: {_SUMMARY} has {items} items, the files of {_FILES} have {export.items}; copy "
            "it again when the export is COMPLETED."
        )
    return export


def _json(folder: str, name: str, text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ExportError(
            f"{folder} is not a DynamoDB export, because its {name} cannot be read: give the folder "
            "AWSDynamoDB/<export id> of an export that is COMPLETED."
        )
    return found


def _name(key: str, export_id: list[str], own: str) -> str:
    """Return a data file's name below the root: those of a full export are in its folder, others next to it."""
    name = key.rpartition("AWSDynamoDB/")[2]
    first, _, rest = name.partition("/")
    return f"{own}/{rest}" if [first] == export_id else name


def verify(export: Export, progress: Callable[[int], None]) -> None:
    """Compare each file's checksum and number of items with the manifest. Raises ExportError for the first difference.
    `progress` gets the number of verified items.
    """
    done = 0
    for file in export.files:
        digest = hashlib.md5(usedforsecurity=False)
        with _opened(export, file) as content:
            for piece in iter(lambda: content.read(_PIECE), b""):
                digest.update(piece)
            if base64.b64encode(digest.digest()).decode() != file.md5:
                raise ExportError(f"{export.root}/{file.name} has another checksum than in the manifest: {_AGAIN}")
            items = sum(1 for _ in _lines(export, file, content))
        if items != file.items:
            raise ExportError(f"{export.root}/{file.name} has {items} items, the manifest {file.items}: {_AGAIN}")
        done += items
        progress(done)


def parts(export: Export, ttl_attribute: str | None) -> Iterator[GivenFile]:
    """Yield the items as files of a few thousand lines each; a path ends in `#` and its first line's number."""
    for file in export.files:
        stat = open_location(export.root).stat(file.name)
        modified = stat.modified_at if stat else 0
        with _opened(export, file) as content:
            for first, lines in _in_parts(converted(line, ttl_attribute) for line in _lines(export, file, content)):
                yield GivenFile(f"{export.root}/{file.name}#{first}", modified, b"\n".join(lines), len(lines))


def _in_parts(lines: Iterable[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Yield the lines in lists of few, each with the number of its first line."""
    part: list[bytes] = []
    size, first = 0, 1
    for number, line in enumerate(lines, start=1):
        if part and (len(part) == _LINES_A_PART or size > _BYTES_A_PART):
            yield first, part
            part, size, first = [], 0, number
        part.append(line)
        size += len(line)
    if part:
        yield first, part


def _lines(export: Export, file: DataFile, content: IO[bytes]) -> Iterator[bytes]:
    """Yield the items of an opened file, unpacked one by one; the file of an empty partition has no bytes."""
    content.seek(0)
    if not content.read(1):
        return
    content.seek(0)
    try:
        yield from (line.rstrip(b"\r\n") for line in gzip.GzipFile(fileobj=content) if line.strip())
    except (EOFError, zlib.error, gzip.BadGzipFile) as wrong:
        raise ExportError(f"{export.root}/{file.name} is damaged ({wrong}): {_AGAIN}") from None


@contextmanager
def _opened(export: Export, file: DataFile) -> Iterator[IO[bytes]]:
    try:
        content = open_location(export.root).open(file.name)
    except FileNotFoundError:
        raise ExportError(f"{export.root}/{file.name}, which the manifest names, is missing: {_AGAIN}") from None
    with content:
        yield content
