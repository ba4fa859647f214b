"""Convert a line of a DynamoDB export to a line of the Lambda, with the Lambda's conversion.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.Output.html
"""

import json
from typing import Any

from flatten.events.dynamodb_json import UnconvertibleError, item_text
from flatten.events.envelope import METADATA, WRITTEN

_IMAGES = ("Item", "NewImage", "OldImage", "Keys")
"""The field of the item: in a full export, of a change, of a removal, of a removal without an image."""

_FIVE_YEARS = 5 * 366 * 86_400 * 1_000_000
"""DynamoDB deletes an expired item within this time: `stream_to_s3.lines`."""


def converted(content: bytes, ttl_attribute: str | None = None) -> bytes:
    """Return a line of an export as a line of the Lambda, without a line end.

    An item of a full export has no metadata, so it is older than any change. An item of an incremental export has the
    time of its write. A removal counts as an expiry if the item's `ttl_attribute`, in seconds since 1970, had passed by
    then: an export does not say who removed an item.

    A line that cannot be converted is returned unchanged, and the reader quarantines it.
    """
    try:
        exported = json.loads(content)
        image = next(exported[name] for name in _IMAGES if name in exported)
        if METADATA in image:
            return content
        text = item_text(image)
        metadata = _metadata(exported, image, ttl_attribute)
    except (ValueError, TypeError, KeyError, StopIteration, RecursionError, UnconvertibleError):
        return content
    return (f'{text[:-1]}{"," if image else ""}"{METADATA}":{metadata}}}' if metadata else text).encode()


def _metadata(exported: dict[str, Any], image: dict[str, Any], ttl_attribute: str | None) -> str:
    if "Item" in exported:
        return ""
    time = exported["Metadata"]["WriteTimestampMicros"]
    written = int(time["N"] if isinstance(time, dict) else time)
    removed = "NewImage" not in exported
    expired = removed and _is_over(image.get(ttl_attribute or ""), written)
    return json.dumps({"event_name": "REMOVE" if removed else "MODIFY", WRITTEN: written, "expired_by_ttl": expired})


def _is_over(time_to_live: Any, written: int) -> bool:
    number = time_to_live.get("N") if isinstance(time_to_live, dict) else None
    try:
        return number is not None and written - _FIVE_YEARS <= float(number) * 1_000_000 <= written
    except (TypeError, ValueError):
        return False
