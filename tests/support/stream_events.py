"""Events as an event source mapping of a DynamoDB stream sends them to a function.

Shape: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html (sequence numbers, eventIDs and times come from a
counter, so that the same call makes the same event).
"""

import hashlib
import random
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

STREAM_LABEL = "2025-10-01T08:00:00.000"
STREAM_ARN = f"arn:aws:dynamodb:eu-west-1:123456789012:table/chargeminder-car-telemetry/stream/{STREAM_LABEL}"
ELEVEN_PAST_EIGHT = 1761682266  # 2025-10-28T20:11:06Z, in seconds since the epoch
TTL_IDENTITY = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}

Json = dict[str, Any]


def typed(value: object) -> Json:
    """Return a plain value as DynamoDB JSON; numbers are given as Decimal or int."""
    match value:
        case bool():
            return {"BOOL": value}
        case None:
            return {"NULL": True}
        case str():
            return {"S": value}
        case int() | Decimal():
            return {"N": str(value)}
        case dict():
            return {"M": {name: typed(entry) for name, entry in value.items()}}
        case list():
            return {"L": [typed(entry) for entry in value]}
    raise TypeError(f"no DynamoDB type for {type(value).__name__}")


def typed_item(item: Json) -> Json:
    """Return an item as DynamoDB JSON: attribute name -> typed value."""
    return {name: typed(value) for name, value in item.items()}


def record(number: int, new: Json | None = None, old: Json | None = None, **changes: Any) -> Json:
    """Return the `number`-th record of a stream; images are given typed.

    INSERT, MODIFY or REMOVE follows from the images. `changes` replace keys of the record, or of its `dynamodb` part if
    they are there; None removes a key.
    """
    image = new or old or {}
    event = {(True, False): "INSERT", (True, True): "MODIFY"}.get((new is not None, old is not None), "REMOVE")
    dynamodb = {
        "ApproximateCreationDateTime": ELEVEN_PAST_EIGHT,
        "Keys": {"event_id": image.get("event_id", {"S": f"event-{number}"})},
        "NewImage": new,
        "OldImage": old,
        "SequenceNumber": sequence_number(number),
        "SizeBytes": 2000,
        "StreamViewType": "NEW_AND_OLD_IMAGES",
    }
    whole: Json = {
        "eventID": hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest(),
        "eventName": event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "eventSourceARN": STREAM_ARN,
        "dynamodb": dynamodb,
    }
    for name, value in changes.items():
        (dynamodb if name in dynamodb else whole)[name] = value
    whole["dynamodb"] = {name: value for name, value in dynamodb.items() if value is not None}
    return {name: value for name, value in whole.items() if value is not None}


def sequence_number(number: int) -> str:
    """Return the sequence number of the `number`-th record: 21 digits or more, like the service's."""
    return f"4{number:020d}"


def stream_event(records: Iterable[Json]) -> Json:
    """Return the event of a function call."""
    return {"Records": list(records)}


def inserts(count: int, start: int = 1, signals: int = 14) -> list[Json]:
    """Return records of `count` new telemetry items."""
    numbers = range(start, start + count)
    return [record(number, typed_item(telemetry_item(number, signals))) for number in numbers]


def poison(number: int) -> Json:
    """Return a record that cannot be converted."""
    return record(number, {"event_id": {"S": f"event-{number}"}, "speed": {"N": "fast"}})


def telemetry_item(number: int, signals: int = 14) -> Json:
    """Return a telemetry item of Smartcar's shape, about 2.5 KB of JSON; the same number gives the same item."""
    draw = random.Random(number)  # noqa: S311 # test data, not a secret
    stamp = ELEVEN_PAST_EIGHT * 1000 + number * 1000
    return {
        "event_id": f"event-{number}",
        "recorded_at": "2025-10-28 20:11:06",
        "user": {"id": f"{draw.getrandbits(128):032x}", "externalId": None},
        "vehicle": {"id": f"{draw.getrandbits(128):032x}", "make": "TESLA", "model": "Model 3", "year": 2022},
        "triggers": [{"type": "SIGNAL_UPDATED", "signal": {"name": "Heading", "code": "location-heading"}}],
        "signals": [_signal(index, draw, stamp) for index in range(signals)],
        "meta": {
            "version": "4.0",
            "deliveryId": f"{draw.getrandbits(128):032x}",
            "sequence": stamp,
            "mode": "LIVE",
        },
    }


def _signal(index: int, draw: random.Random, stamp: int) -> Json:
    value: Any = Decimal(draw.randrange(10_000)).scaleb(-2) if index % 3 else bool(draw.randrange(2))
    return {
        "code": f"charge-signal{index}",
        "name": f"Signal{index}",
        "group": "Charge",
        "body": {"value": value, "unit": "percent"},
        "status": {"value": "SUCCESS"},
        "meta": {
            "oemUpdatedAt": stamp - draw.randrange(100_000),
            "retrievedAt": stamp - draw.randrange(5_000),
        },
    }
