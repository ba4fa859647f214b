"""A stream that is a list, for scenarios: shards open and close and records age by a given clock."""

import hashlib
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rehearsal.aws.mapping.records import StreamRecord
from rehearsal.aws.mapping.stream import (
    ITERATOR_SECONDS,
    MOST_RECORDS,
    RETENTION_SECONDS,
    IteratorType,
    Page,
    Shard,
)
from rehearsal.errors import IteratorExpiredError, TrimmedDataError

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/chargeminder-car-telemetry/stream/2025-10-01T08:00:00.000"


@dataclass
class _Open:
    shard: Shard
    records: list[StreamRecord] = field(default_factory=list)
    is_closed: bool = False


class MemoryStream:
    """A stream that begins with the shard `shard-1`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._shards: dict[str, _Open] = {}
        self.arn = ARN
        self._written = 0
        self.handed_out = 0
        self.open("shard-1")

    def open(self, shard_id: str, parent_id: str | None = None) -> None:
        """Add a shard."""
        self._shards[shard_id] = _Open(Shard(shard_id, parent_id))

    def close(self, shard_id: str) -> None:
        """Close a shard: its records can still be read."""
        self._shards[shard_id].is_closed = True

    def put(self, item: str, shard_id: str = "shard-1", **image: Any) -> str:
        """Add an INSERT of the item with this key, made now, and return its eventID. `image` is typed."""
        self._written += 1
        event_id = hashlib.md5(str(self._written).encode(), usedforsecurity=False).hexdigest()
        keys = {"event_id": {"S": item}}
        record = {
            "eventID": event_id,
            "eventName": "INSERT",
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": "eu-west-1",
            "dynamodb": {
                "ApproximateCreationDateTime": datetime.fromtimestamp(self._clock(), UTC),
                "Keys": keys,
                "NewImage": keys | image,
                "SequenceNumber": f"4{self._written:020d}",
                "SizeBytes": 100,
                "StreamViewType": "NEW_AND_OLD_IMAGES",
            },
        }
        self._shards[shard_id].records.append(record)
        return event_id

    def shards(self) -> list[Shard]:
        """Return the current shards."""
        return [shard.shard for shard in self._shards.values()]

    def iterator(self, shard_id: str, kind: IteratorType, sequence_number: str | None = None) -> str:
        """Return an iterator. Raises TrimmedDataError when the number has been trimmed."""
        shard = self._shards[shard_id]
        place = self._horizon(shard)
        if kind == "AFTER_SEQUENCE_NUMBER":
            numbers = [record["dynamodb"]["SequenceNumber"] for record in shard.records]
            after = numbers.index(str(sequence_number)) + 1
            if after <= place:
                raise TrimmedDataError(f"the record {sequence_number} is gone")
            place = after
        return f"{shard_id}|{place}|{self._clock()}"

    def read(self, iterator: str, limit: int) -> Page:
        """Return up to `limit` records. Raises IteratorExpiredError and TrimmedDataError."""
        shard_id, place, made = iterator.split("|")
        if self._clock() - float(made) >= ITERATOR_SECONDS:
            raise IteratorExpiredError("the iterator is older than 15 minutes")
        shard, first = self._shards[shard_id], int(place)
        if first < self._horizon(shard):
            raise TrimmedDataError("the place is older than 24 hours")
        found = shard.records[first : first + min(limit, MOST_RECORDS)]
        behind = first + len(found)
        self.handed_out += len(found)
        at_end = shard.is_closed and behind == len(shard.records)
        return Page(found, None if at_end else f"{shard_id}|{behind}|{self._clock()}")

    def _horizon(self, shard: _Open) -> int:
        """Return the place of the oldest record that still exists."""
        oldest = datetime.fromtimestamp(self._clock() - RETENTION_SECONDS, UTC)
        return bisect_right(shard.records, oldest, key=_made)


def _made(record: StreamRecord) -> datetime:
    made: datetime = record["dynamodb"]["ApproximateCreationDateTime"]
    return made
