"""Turn changes into records of a DynamoDB stream, and these into objects, with the key and line code of the Lambda.

Objects come in the order in which they arrive. Some batches arrive late, after their successor, as after a redrive;
some arrive again in halves, as after a failure that followed the write (the mapping bisects). Shape of a record:
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from rehearsal.fleet.changes import ItemChange
from stream_to_s3.lines import line
from stream_to_s3.objects import Batch, compressed
from stream_to_s3.records import Record, creation_time, stream_label

_TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/chargeminder-car-telemetry"
_EXPIRED_BY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
_FIRST_OF_NEWER_STREAM = 10**20
_STEP = 2_000
_LATE_EVERY = 31
_AGAIN_EVERY, _AGAIN_TURN = 29, 1


@dataclass(frozen=True, slots=True)
class FleetObject:
    """One object: its key below the prefix, and when it arrived, in seconds since 1970 UTC.

    `lines` is how many lines can be read from it, 0 for a broken one. `repeats`: all of them came before. `late`: they
    arrive after lines with higher numbers.
    """

    key: str
    content: bytes
    arrived: float
    lines: int
    repeats: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class FleetBatch:
    """A batch: its records, its lines, its number among the batches."""

    turn: int
    records: list[Record]
    lines: list[str]

    @property
    def at(self) -> float:
        """Return when its last change was made, in seconds since 1970 UTC."""
        return creation_time(self.records[-1]) or 0

    def key(self, lines: int | None = None) -> str:
        """Return the key of its object; `lines` is the count in the key, if another one than the real count."""
        return Batch.of(self.records).key("", len(self.lines) if lines is None else lines)

    def object(self, arrived: float, *, repeats: bool = False, late: bool = False) -> FleetObject:
        """Return its object as the Lambda writes it."""
        return FleetObject(self.key(), compressed(self.lines), arrived, len(self.lines), repeats, late)


def batches_of(records: Iterable[Record], size: int) -> Iterator[FleetBatch]:
    """Cut records into batches of `size`; a batch holds records of one stream only."""
    batch = FleetBatch(0, [], [])
    for record in records:
        if batch.records and (len(batch.records) >= size or stream_label(record) != stream_label(batch.records[0])):
            yield batch
            batch = FleetBatch(batch.turn + 1, [], [])
        batch.lines.append(line(record))
        batch.records.append(record)
    if batch.records:
        yield batch


def objects(
    batches: Iterable[FleetBatch], form: Callable[[FleetBatch, float], Iterable[FleetObject]] | None = None
) -> Iterator[FleetObject]:
    """Yield the objects of the batches in order of arrival; `form` writes those on time, and additional ones."""
    held: FleetBatch | None = None
    for batch in batches:
        if batch.turn % _LATE_EVERY == 0:
            held = batch
            continue
        yield from form(batch, batch.at + 2) if form else [batch.object(batch.at + 2)]
        if held:
            late = stream_label(held.records[0]) == stream_label(batch.records[0])
            yield held.object(batch.at + 7, late=late)
            held = None
        if batch.turn % _AGAIN_EVERY == _AGAIN_TURN:
            yield from _halves(batch)
    if held:
        yield held.object(held.at + 2)


def _halves(batch: FleetBatch) -> Iterator[FleetObject]:
    middle = len(batch.lines) // 2
    for number, part in enumerate((slice(None, middle), slice(middle, None)) if middle else ()):
        half = FleetBatch(batch.turn, batch.records[part], batch.lines[part])
        yield half.object(batch.at + 60 + number, repeats=True)


def records_of(
    changes: Iterable[ItemChange], start: float, events: int, rng: Random, renewed_after: int | None = None
) -> Iterator[Record]:
    """Yield the record of each change; the table and its stream are an hour older than `start`.

    The numbers grow from 21 to 22 digits about half way, so comparing them as text fails. After `renewed_after` changes
    the table gets a newer stream, whose numbers begin lower again.
    """
    label, number = _label(start - 3600), max(10**20, 10**21 - events * _STEP // 4)
    for turn, change in enumerate(changes):
        if turn == renewed_after:
            label, number = _label(change.at), _FIRST_OF_NEWER_STREAM
        number += rng.randrange(1, _STEP)
        yield _record(change, label, number, f"{rng.getrandbits(128):032x}")


def _record(change: ItemChange, label: str, number: int, event_id: str) -> Record:
    images = {"NewImage": change.new, "OldImage": change.old}
    return {
        "eventID": event_id,
        "eventName": change.name,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "eventSourceARN": f"{_TABLE}/stream/{label}",
        **({"userIdentity": _EXPIRED_BY} if change.expired else {}),
        "dynamodb": {
            "ApproximateCreationDateTime": int(change.at),
            "Keys": {"event_id": {"S": change.event_id}},
            **{name: typed(image)["M"] for name, image in images.items() if image is not None},
            "SequenceNumber": str(number),
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


def typed(value: object) -> dict[str, Any]:
    """Return a plain value as DynamoDB JSON."""
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, dict):
        return {"M": {name: typed(entry) for name, entry in value.items()}}
    if isinstance(value, list):
        return {"L": [typed(entry) for entry in value]}
    if value is None or isinstance(value, bool):
        return {"NULL": True} if value is None else {"BOOL": value}
    return {"N": str(value)}


def _label(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "")
