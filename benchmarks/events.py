"""Generate events with the catalogue's examples, as in the Lambda's objects; bodies are JSON text.

The same arguments make the same bytes. The sum of the column `SUMMED` shows that a contender flattened the events.
"""

import gzip
import hashlib
import json
import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any, Literal

FIRST_DAY = date(2025, 10, 1)
STREAM = "2025-09-01T08:00:00.000"
SUMMED = "Odometer_TraveledDistance_value"
SUMMED_CODE = "odometer-traveleddistance"
EVENT_ID_SQL = "md5(CAST(id AS STRING))"
SEQUENCE_NUMBER_SQL = "concat('4', lpad(id, 20, '0'))"
"""Key and sequence number of the event whose number is `id`, in Spark's SQL."""
_MOMENT = 1_761_682_265_000  # milliseconds since 1970 UTC
_NUMBER_OF_FIRST = 4 * 10**20

Json = dict[str, Any]
Kind = Literal["INSERT", "MODIFY", "REMOVE"]


@dataclass(frozen=True)
class Change:
    """A change of the event with this number, on this day; `order` is its order in the stream."""

    number: int
    order: int
    day: date = FIRST_DAY
    kind: Kind = "INSERT"


@cache
def catalogued() -> list[Json]:
    """Return the signals of the package's catalogue, with an example of each."""
    found: list[Json] = json.loads((files("flatten.events") / "signal_catalogue.json").read_text("utf-8"))
    return found


def event_id(number: int) -> str:
    """Return the key of the event with this number, as random as real ones; `EVENT_ID_SQL` gives the same."""
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()


def fleet(events: int, days: int = 28) -> Iterator[Change]:
    """Yield this many new events, in turn on each of the days."""
    return (Change(number, number, FIRST_DAY + timedelta(days=number % days)) for number in range(events))


def line(change: Change, signals: int) -> str:
    """Return one line of an object, without its end: the item and its stream metadata."""
    metadata = {
        "event_name": change.kind,
        "stream": STREAM,
        "sequence_number": str(_NUMBER_OF_FIRST + change.order),
        "approximate_creation_time": _MOMENT // 1000,
        "stream_event_id": f"{change.order:032x}",
        "expired_by_ttl": False,
    }
    return json.dumps({**item(change, signals), "_stream_metadata": metadata}, separators=(",", ":"))


def item(change: Change, signals: int) -> Json:
    """Return the item after a change, with this many signals."""
    car = f"{change.number % 1000:08x}"
    return {
        "event_id": event_id(change.number),
        "recorded_at": f"{change.day} 20:11:06",
        "meta": {
            "deliveredAt": _MOMENT + change.order,
            "deliveryId": f"delivery-{change.order}",
            "mode": "LIVE",
            "version": "4.0",
            "signalCount": signals,
        },
        "vehicle": {"id": f"vehicle-{car}", "make": "TOYOTA", "model": "RAV4", "year": 2023},
        "user": {"id": f"user-{car}"},
        "triggers": [{"type": "SIGNAL_UPDATED"}],
        "signals": [_signal(signal, change.order) for signal in _chosen(change, signals)],
    }


def _chosen(change: Change, signals: int) -> list[Json]:
    return random.Random(change.order).sample(catalogued(), signals)  # noqa: S311 # generated data


def _signal(signal: Json, order: int) -> Json:
    body = signal["example"]
    value = body.get("value")
    if isinstance(value, int | float) and not isinstance(value, bool):
        body = body | {"value": value + order % 997}
    stamps = {"retrievedAt": _MOMENT + order, "oemUpdatedAt": _MOMENT - 60_000 + order}
    heading = {name: signal[name] for name in ("code", "name", "group")}
    return heading | {"body": json.dumps(body), "meta": stamps, "status": {"value": "SUCCESS"}}


def write_objects(folder: Path, changes: Iterable[Change], signals: int, lines_per_file: int = 1_000) -> None:
    """Write changes as objects below a folder, with the Lambda's names."""
    left = iter(changes)
    while part := list(islice(left, lines_per_file)):
        text = "".join(line(change, signals) + "\n" for change in part)
        hour = f"{datetime.fromtimestamp(_MOMENT / 1000, UTC):%Y/%m/%d/%H}"
        first, last = (_NUMBER_OF_FIRST + change.order for change in (part[0], part[-1]))
        path = folder / f"{hour}/{first}-{last}-{len(part)}-{part[0].order:08x}.ndjson.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode(), 5, mtime=0))


def expected_sum(changes: Iterable[Change], signals: int) -> float:
    """Return the sum of the column `SUMMED` over these changes, one for each event."""
    return sum(
        float(signal["example"]["value"] + change.order % 997)
        for change in changes
        for signal in _chosen(change, signals)
        if signal["code"] == SUMMED_CODE
    )
