"""A change becomes a line: the item itself, and where the change stands in its stream. Contract 1."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from flatten.sample.history import Change

_FIRST_OF_NEWER_STREAM = 10**20
_STEP = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its end. `number` is its sequence number, `stream_event_id` the record's eventID.

    Both are None for a bad line and for one of the older pipeline. `at` is in seconds since 1970 UTC.
    """

    content: bytes
    at: float
    stream: str | None = None
    number: int | None = None
    stream_event_id: str | None = None


def to_json(value: object) -> bytes:
    """Write a value as the Lambda writes it: compact, Unicode as it is."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Stream:
    """Numbers the changes of one table as its stream does; `start` in seconds since 1970 UTC.

    The numbers grow from 21 to 22 digits about half way, so that reading them as text is found out. After
    `renewed_after` inserts the table gets a newer stream, whose numbers begin lower again.
    """

    def __init__(self, start: float, events: int, rng: Random, renewed_after: int | None = None) -> None:
        self._rng = rng
        self._label = label(start - 3600)
        self._number = max(10**20, 10**21 - events * _STEP // 4)
        self._inserts, self._renewed_after = 0, renewed_after

    def lines(self, changes: Iterable[Change]) -> Iterator[Line]:
        """Yield the line of each change, in the same order."""
        for change in changes:
            if change.name is None:
                yield Line(to_json(change.image), change.at)
            else:
                yield self._numbered(change)

    def _numbered(self, change: Change) -> Line:
        self._inserts += change.name == "INSERT"
        if self._inserts == self._renewed_after:
            self._label, self._number, self._renewed_after = label(change.at), _FIRST_OF_NEWER_STREAM, None
        self._number += self._rng.randrange(1, _STEP)
        event_id = f"{self._rng.getrandbits(128):032x}"
        metadata: dict[str, object] = {
            "event_name": change.name,
            "stream": self._label,
            "sequence_number": str(self._number),
            "approximate_creation_time": int(change.at),
            "stream_event_id": event_id,
            "expired_by_ttl": change.expired,
        }
        if change.previous_recorded_at not in (None, change.image.get("recorded_at")):
            metadata["previous_recorded_at"] = change.previous_recorded_at
        content = to_json({**change.image, "_stream_metadata": metadata})
        return Line(content, change.at, self._label, self._number, event_id)


def label(at: float) -> str:
    """Write a time as the label of a stream: ISO with milliseconds, no zone."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(at % 1 * 1000):03}"
