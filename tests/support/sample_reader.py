"""Reads a sample's files with the standard library alone, so that they are checked by something else than the job."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

KEY = re.compile(r"(\d{4}/\d\d/\d\d/\d\d)/(\d{21,40})-(\d{21,40})-(\d+)-([0-9a-f]{8})\.ndjson\.gz")


@dataclass(frozen=True)
class ReadFile:
    """A file: its path below the sample, when it arrived (nanoseconds), its lines; None when it is cut off."""

    path: str
    arrived: int
    lines: list[bytes] | None

    @property
    def promised(self) -> int | None:
        """The number of lines in the name."""
        found = KEY.fullmatch(self.path)
        return int(found[4]) if found else None

    @property
    def whole(self) -> bool:
        """Whether the lines are all there."""
        return self.lines is not None and self.promised in (None, len(self.lines))


def read_sample(folder: Path) -> list[ReadFile]:
    """Return all files in order of arrival."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    files = [ReadFile(path.relative_to(folder).as_posix(), path.stat().st_mtime_ns, _lines(path)) for path in paths]
    return sorted(files, key=lambda file: (file.arrived, file.path))


def _lines(path: Path) -> list[bytes] | None:
    content = path.read_bytes()
    if path.suffix == ".gz" and content:
        try:
            content = gzip.decompress(content)
        except EOFError:
            return None
    return [line for line in content.removeprefix(b"\xef\xbb\xbf").split(b"\n") if line.strip()]


def verdict(line: bytes) -> str | dict[str, Any]:
    """Return the event on a line, or the reason for which design's contract 4 wants it in quarantine."""
    try:
        event = json.loads(line.decode(), parse_constant=_refuse)
    except UnicodeDecodeError:
        return "not_utf8"
    except ValueError:
        return "not_json"
    if not isinstance(event, dict):
        return "not_an_object"
    event_id, metadata = event.get("event_id"), event.get("_stream_metadata", {})
    if not isinstance(event_id, str) or not 1 <= len(event_id.encode()) <= 1024:
        return "bad_event_id"
    if not isinstance(event.get("signals", []), list):
        return "bad_signals"
    if not isinstance(metadata, dict) or (metadata and not _orders(metadata)):
        return "bad_metadata"
    return event


def good_events(files: list[ReadFile]) -> Iterator[dict[str, Any]]:
    """Yield the events of whole files, in order of arrival."""
    for file in files:
        for line in (file.lines or []) if file.whole else []:
            event = verdict(line)
            if isinstance(event, dict):
                yield event


def final_states(files: list[ReadFile]) -> dict[str, str]:
    """Return event id -> name of the change that counts: of the newest stream, the highest number; no expiry."""
    newest: dict[str, tuple[tuple[str, int], str]] = {}
    for event in good_events(files):
        metadata: dict[str, Any] | None = event.get("_stream_metadata")
        rank = (metadata["stream"], int(metadata["sequence_number"])) if metadata else ("", 0)
        if metadata and metadata["expired_by_ttl"]:
            continue
        if rank >= newest.get(event["event_id"], (rank, ""))[0]:
            newest[event["event_id"]] = (rank, metadata["event_name"] if metadata else "INSERT")
    return {event_id: name for event_id, (_, name) in newest.items()}


def body(signal: dict[str, Any]) -> dict[str, Any]:
    """Return a signal's body, stored as an object or as text; empty without one."""
    found: Any = signal.get("body", {})
    parsed: dict[str, Any] = json.loads(found) if isinstance(found, str) else found
    return parsed


def _orders(metadata: dict[str, Any]) -> bool:
    return (
        metadata.get("event_name") in ("INSERT", "MODIFY", "REMOVE")
        and isinstance(metadata.get("stream"), str)
        and str(metadata.get("sequence_number")).isdigit()
    )


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
