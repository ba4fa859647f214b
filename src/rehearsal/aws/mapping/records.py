"""Convert records of the streams API to records of a Lambda event.

The two differ: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_Record.html (`userIdentity`
has `PrincipalId` and `Type`, binary is bytes, the time is a timestamp) and
https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html (`principalId` and `type`, base64 text, seconds since the
epoch as a number, and also `eventSourceARN`).
"""

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

StreamRecord = Mapping[str, Any]
"""A record as boto3's `get_records` returns it."""
EventRecord = dict[str, Any]
"""A record as it is in the `Records` of a Lambda event."""

_IDENTITY: Final = {"PrincipalId": "principalId", "Type": "type"}


@dataclass(frozen=True)
class DeliveredRecord:
    """A record in the mapping. `created` is in seconds since the epoch, `size` in bytes of the event's JSON."""

    event: EventRecord
    sequence_number: str
    created: float
    size: int

    @classmethod
    def of(cls, record: StreamRecord, stream_arn: str) -> "DeliveredRecord":
        """Convert a record of the stream."""
        event = event_record(record, stream_arn)
        change = event["dynamodb"]
        size = len(serialized(event))
        return cls(event, change["SequenceNumber"], change["ApproximateCreationDateTime"], size)

    @property
    def event_id(self) -> str:
        """Return the stream's identifier of the change."""
        return str(self.event["eventID"])


def event_record(record: StreamRecord, stream_arn: str) -> EventRecord:
    """Return a record of the stream as a record of a Lambda event."""
    event: EventRecord = {
        "eventID": record["eventID"],
        "eventName": record["eventName"],
        "eventVersion": record.get("eventVersion", "1.1"),
        "eventSource": "aws:dynamodb",
        "awsRegion": stream_arn.split(":")[3],
        "dynamodb": {name: _plain(value) for name, value in record["dynamodb"].items()},
        "eventSourceARN": stream_arn,
    }
    if record.get("userIdentity"):
        event["userIdentity"] = {_IDENTITY.get(name, name): value for name, value in record["userIdentity"].items()}
    return event


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {name: _plain(entry) for name, entry in value.items()}
        case list():
            return [_plain(entry) for entry in value]
        case bytes():
            return b64encode(value).decode()
        case datetime():
            seconds = value.replace(tzinfo=value.tzinfo or UTC).timestamp()
            return int(seconds) if seconds == int(seconds) else seconds
    return value


def serialized(value: object) -> bytes:
    """Return JSON as the rehearsal's runtime sends it, without spaces."""
    return json.dumps(value, separators=(",", ":")).encode()


def event_of(records: Iterable[DeliveredRecord]) -> dict[str, Any]:
    """Return the event that the function is called with."""
    return {"Records": [record.event for record in records]}
