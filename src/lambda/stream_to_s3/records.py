"""Read the records of an event before they are converted.

Shape of an event: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

import re
from collections.abc import Mapping
from typing import Any

from stream_to_s3.dynamodb_json import shown
from stream_to_s3.errors import NotAStreamEventError

Record = Mapping[str, Any]

_is_sequence_number = re.compile(r"[0-9]{1,40}").fullmatch
_STREAM_ARN = re.compile(r"arn:[^:/]+:dynamodb:[^:/]*:[^:/]*:table/[^/]+/stream/([^/]+)")
_YEAR_10000 = 253402300800


def stream_records(event: object) -> list[Record]:
    """Return the records of a batch, in stream order.

    Raises NotAStreamEventError when the event is not a batch of a DynamoDB stream.
    """
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        raise NotAStreamEventError(
            f"the event is {shown(event)}, expected Records of a DynamoDB stream: invoke the function through an "
            "event source mapping, or with `stream-lambda test-event`"
        )
    for record in records:
        source = record.get("eventSource") if isinstance(record, dict) else record
        if source != "aws:dynamodb":
            raise NotAStreamEventError(
                f"a record's eventSource is {shown(source)}, expected aws:dynamodb: the function accepts batches of a "
                "DynamoDB stream only"
            )
    return records


def change(record: Record) -> Record:
    """Return the part of a record that has the images; empty when the record has no images."""
    found = record.get("dynamodb")
    return found if isinstance(found, dict) else {}


def sequence_number(record: Record) -> str | None:
    """Return the record's place in its shard, as digits; None when it is invalid."""
    number = change(record).get("SequenceNumber")
    return number if isinstance(number, str) and _is_sequence_number(number) else None


def event_id(record: Record) -> str | None:
    """Return the stream's identifier of the change; None when it is not text."""
    found = record.get("eventID")
    return found if isinstance(found, str) else None


def creation_time(record: Record) -> int | float | None:
    """Return when the change was made, in seconds since the epoch as sent; None when it is invalid."""
    time = change(record).get("ApproximateCreationDateTime")
    if isinstance(time, bool) or not isinstance(time, int | float) or not 0 <= time < _YEAR_10000:
        return None
    return int(time) if time == int(time) else time


def stream_label(record: Record) -> str | None:
    """Return the label at the end of the stream's ARN, a time; None for any other ARN."""
    arn = record.get("eventSourceARN")
    found = _STREAM_ARN.fullmatch(arn) if isinstance(arn, str) else None
    return found and found[1]
