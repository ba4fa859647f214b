"""Changes become the records of a DynamoDB stream: typed images, and a number for each.

Shape: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

from rehearsal.fleet.changes import ItemChange

_TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/chargeminder-car-telemetry"
_EXPIRED_BY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
_FIRST_OF_NEWER_STREAM = 10**20
_STEP = 2_000

Record = dict[str, Any]


def records_of(
    changes: Iterable[ItemChange], start: float, events: int, rng: Random, renewed_after: int | None = None
) -> Iterator[Record]:
    """Yield the record of each change; the table and its stream are an hour older than `start`.

    The numbers grow from 21 to 22 digits about half way, so that reading them as text is found out. After
    `renewed_after` changes the table gets a newer stream, whose numbers begin lower again.
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


def without_images(record: Record) -> Record:
    """Return a record with all that its place in the stream needs."""
    kept = {name: part for name, part in record["dynamodb"].items() if not name.endswith("Image")}
    return {**record, "dynamodb": kept}


def typed(value: object) -> Record:
    """Return a plain value as DynamoDB has it."""
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
