"""Convert a stream record to a line of JSON: the item and `_stream_metadata` (docs/reference/lambda.md)."""

import json
from collections.abc import Iterable
from json.encoder import encode_basestring_ascii as quoted
from typing import NamedTuple

from stream_to_s3.dynamodb_json import UnconvertibleError, item_text, shown, value_text
from stream_to_s3.errors import RecordError
from stream_to_s3.records import Record, change, creation_time, event_id, sequence_number, stream_label

METADATA = "_stream_metadata"
_FIVE_YEARS = 5 * 365 * 24 * 3600
"""Time to live removes nothing that expired longer ago (in seconds):
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
"""


class Lines(NamedTuple):
    """A batch as JSON texts without line ends; both lists are in stream order."""

    converted: list[str]
    quarantined: list[str]


def to_lines(records: Iterable[Record], ttl_attribute: str = "") -> Lines:
    """Return the lines of a batch: every record is in exactly one of the two lists. `ttl_attribute` as in `line`."""
    lines = Lines([], [])
    for record in records:
        try:
            lines.converted.append(line(record, ttl_attribute))
        except RecordError as error:
            lines.quarantined.append(_quarantine_line(record, error))
    return lines


def line(record: Record, ttl_attribute: str = "") -> str:
    """Return a record as the text of one JSON object. Raises RecordError when it cannot be converted without loss.

    `ttl_attribute` names the attribute of the item that holds its time to live. With it, a REMOVE of an item whose
    time had passed counts as an expiry, also if a global table replicated it: such a record does not say who
    removed the item.
    """
    try:
        name, image = _event_name_and_image(record)
        if isinstance(image, dict) and METADATA in image:
            raise RecordError(
                "reserved_attribute", f"the item has an attribute {METADATA}, which is reserved for the pipeline"
            )
        text = item_text(image)
        metadata = _metadata(record, name, ttl_attribute)
    except UnconvertibleError as error:
        raise RecordError("unconvertible", str(error)) from error
    return f'{text[:-1]}{"," if image else ""}"{METADATA}":{metadata}}}'


def _event_name_and_image(record: Record) -> tuple[str, object]:
    name, images = record.get("eventName"), change(record)
    if name in ("INSERT", "MODIFY") and "NewImage" in images:
        return str(name), images["NewImage"]
    if name in ("INSERT", "MODIFY"):
        raise _malformed("NewImage", None, "the stream's view type must be NEW_AND_OLD_IMAGES or NEW_IMAGE")
    if name != "REMOVE":
        raise _malformed("eventName", name, "expected INSERT, MODIFY or REMOVE")
    image = images.get("OldImage", images.get("Keys"))
    if image is None:
        raise _malformed("OldImage and Keys", None, "a removed item has at least its keys")
    return name, image


def _metadata(record: Record, name: str, ttl_attribute: str) -> str:
    sequence, time, stream = sequence_number(record), creation_time(record), stream_label(record)
    stream_event_id = event_id(record)
    if sequence is None:
        raise _malformed("SequenceNumber", change(record).get("SequenceNumber"), "expected 1 to 40 digits")
    if time is None:
        raise _malformed(
            "ApproximateCreationDateTime",
            change(record).get("ApproximateCreationDateTime"),
            "expected seconds since the epoch",
        )
    if stream is None:
        raise _malformed("eventSourceARN", record.get("eventSourceARN"), "expected the ARN of a DynamoDB stream")
    if stream_event_id is None:
        raise _malformed("eventID", record.get("eventID"), "expected text")
    expired = _removed_by_ttl(record) or (name == "REMOVE" and _is_overdue(record, ttl_attribute, time))
    return (
        f'{{"event_name":"{name}","stream":{quoted(stream)},"sequence_number":"{sequence}",'
        f'"approximate_creation_time":{time!r},"stream_event_id":{quoted(stream_event_id)},'
        f'"expired_by_ttl":{"true" if expired else "false"}{_previous_recorded_at(record)}}}'
    )


def _malformed(what: str, value: object, advice: str) -> RecordError:
    found = "missing" if value is None else shown(value)
    return RecordError("malformed_record", f"{what} is {found}: {advice}")


def _removed_by_ttl(record: Record) -> bool:
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    who = record.get("userIdentity")
    return isinstance(who, dict) and who.get("type") == "Service" and who.get("principalId") == "dynamodb.amazonaws.com"


def _is_overdue(record: Record, ttl_attribute: str, removed_at: float) -> bool:
    image = change(record).get("OldImage")
    value = image.get(ttl_attribute) if isinstance(image, dict) else None
    number = value.get("N") if isinstance(value, dict) else None
    try:
        return number is not None and removed_at - _FIVE_YEARS <= float(number) <= removed_at
    except (TypeError, ValueError):
        return False


def _previous_recorded_at(record: Record) -> str:
    old, new = change(record).get("OldImage"), change(record).get("NewImage")
    if not isinstance(old, dict) or not isinstance(new, dict) or "recorded_at" not in old:
        return ""
    before = value_text(old["recorded_at"])
    if "recorded_at" in new and value_text(new["recorded_at"]) == before:
        return ""
    return f',"previous_recorded_at":{before}'


def _quarantine_line(record: Record, error: RecordError) -> str:
    return json.dumps({"reason": error.reason, "detail": str(error), "record": record}, separators=(",", ":"))
