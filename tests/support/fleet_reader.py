"""Read the files of a generated fleet with the standard library only, independent of the job and the generator."""

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
    """A file: its path below the folder, when it arrived (nanoseconds), its lines; None when it is truncated."""

    path: str
    arrived: int
    lines: list[bytes] | None

    @property
    def promised(self) -> int | None:
        """Return the number of lines in the name."""
        found = KEY.fullmatch(self.path)
        return int(found[4]) if found else None

    @property
    def whole(self) -> bool:
        """Return whether the lines are complete."""
        return self.lines is not None and self.promised in (None, len(self.lines))


def read_files(folder: Path) -> list[ReadFile]:
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


class EqualKeysError(ValueError):
    """Raised for an object with the same key twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise EqualKeysError
    return dict(pairs)


def verdict(line: bytes) -> str | dict[str, Any]:
    """Return the event on a line, or the reason for which contract 4 quarantines it."""
    try:
        event = json.loads(line.decode(), parse_constant=_refuse, object_pairs_hook=_object)
    except UnicodeDecodeError:
        return "not_utf8"
    except EqualKeysError:
        return "equal_keys"
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


def newest(files: list[ReadFile]) -> dict[str, dict[str, Any]]:
    """Return event id -> the change that counts: of the newest stream, the highest number; no expiry."""
    found: dict[str, tuple[tuple[str, int, int], dict[str, Any]]] = {}
    for event in good_events(files):
        metadata = event.get("_stream_metadata", {"stream": "", "sequence_number": "0", "expired_by_ttl": False})
        delivered = event["meta"].get("deliveredAt", 0) if not metadata["stream"] else 0
        rank = (metadata["stream"], int(metadata["sequence_number"]), delivered)
        if not metadata["expired_by_ttl"] and rank >= found.get(event["event_id"], (rank, {}))[0]:
            found[event["event_id"]] = rank, event
    return {event_id: event for event_id, (_, event) in found.items()}


def is_removal(event: dict[str, Any]) -> bool:
    """Return whether a line removes its event."""
    return bool(event.get("_stream_metadata", {}).get("event_name") == "REMOVE")


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
