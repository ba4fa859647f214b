"""Add what can go wrong: odd events, bad lines and broken files, each made from good ones.

Odd events are the recorded ones of tests/events. They are added to the fleet's events and belong to other cars, so the
fleet's truth stays correct.
"""

import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random

from rehearsal.errors import FleetError
from rehearsal.fleet.cars import new_id, templates
from rehearsal.fleet.changes import ItemChange
from rehearsal.fleet.events import Item
from rehearsal.fleet.objects import FleetBatch, FleetObject

RECORDED = Path(__file__).parents[3] / "tests" / "events"
DELETE_OF_UNKNOWN, OLDER_PIPELINE = "delete_of_unknown_event", "file_of_the_older_pipeline"
BOM = b"\xef\xbb\xbf"
HOSTILE = 'Zoë\'s "car" `; DROP TABLE t; -- ../../x\n\t{"value":1}\u2028\U0001f697\\'
_ONE_OF = 12
_ROUND = 50
_CRLF_TURN, _BOM_TURN, _BAD_TURN, _DAMAGE_TURN = 2, 3, 4, 5


@cache
def odd_items() -> dict[str, Item]:
    """Return the odd items by kind. Raises FleetError when the recorded events are missing."""
    found = {path.stem: _recorded(path) for path in sorted(RECORDED.glob("*.json"))}
    if not found:
        raise FleetError(f"{RECORDED} has no recorded events: run this in a clone of the repository.")
    some = next(iter(found.values()))
    nickname = {"code": "vehicleidentification-nickname", "name": "Nickname", "group": "VehicleIdentification"}
    return {**found, "hostile_text": {**some, "signals": [{**nickname, "body": {"value": HOSTILE}}]}}


def _recorded(path: Path) -> Item:
    item: Item = json.loads(path.read_text("utf-8"), parse_float=Decimal)["item"]
    return item


def with_odd_events(changes: Iterable[ItemChange], events: int, rng: Random, odd: Counter[str]) -> Iterator[ItemChange]:
    """Yield the changes and, at regular intervals, an odd one; every kind occurs if there are enough changes."""
    kinds = [*odd_items().items(), (DELETE_OF_UNKNOWN, None)]
    every = max(1, min(_ONE_OF, events // len(kinds)))
    for number, change in enumerate(changes):
        yield change
        if number % every == every - 1:
            kind, item = kinds[number // every % len(kinds)]
            odd[kind] += 1
            yield _odd_change(change.at, item, new_id(rng))


def _odd_change(at: float, item: Item | None, event_id: str) -> ItemChange:
    if item is not None:
        return ItemChange(at, event_id, new={**item, "event_id": event_id})
    some = next(iter(odd_items().values()))
    return ItemChange(at, event_id, old={**some, "event_id": event_id})


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


class Damage:
    """Writes some objects in odd forms and counts them: oddities by kind, quarantined lines and files by reason."""

    def __init__(self) -> None:
        self.counts, self.quarantined = Counter[str](), Counter[str]()

    def form(self, batch: FleetBatch, arrived: float) -> Iterator[FleetObject]:
        """Yield a batch's object: of every 50 one has CRLF, one a BOM and blank lines, one bad lines.

        After one of every 50 come broken objects, and one of the older pipeline.
        """
        turn, lines = batch.turn % _ROUND, list[str | bytes](batch.lines)
        if turn == _CRLF_TURN:
            self.counts["file_with_crlf"] += 1
            yield _packed(batch.key(), lines, arrived, end=b"\r\n")
        elif turn == _BOM_TURN:
            self.counts["file_with_bom_and_blank_lines"] += 1
            yield _packed(batch.key(), lines, arrived, begin=BOM, end=b"\n\n   \n")
        elif turn == _BAD_TURN:
            lines += self._bad_lines()
            yield _packed(batch.key(len(lines)), lines, arrived)
        else:
            yield batch.object(arrived)
        if turn == _DAMAGE_TURN:
            yield from self._broken(batch)
            yield self._of_older_pipeline(batch)

    def _bad_lines(self) -> Iterator[bytes]:
        for kind, (reason, line) in templates().bad_lines.items():
            self.counts[kind] += 1
            self.quarantined[reason] += 1
            yield line.encode("latin-1").replace(b"$long", b"x" * 1025)

    def _broken(self, batch: FleetBatch) -> Iterator[FleetObject]:
        lines = [_json({**json.loads(line), "event_id": f"of-a-broken-file-{n}"}) for n, line in enumerate(batch.lines)]
        whole = _packed(batch.key(), lines, batch.at + 3)
        hour = whole.key.rpartition("/")[0]
        self.counts.update(["file_truncated", "file_incomplete", "file_empty", "file_empty_gzip"])
        self.quarantined.update(["file_unreadable", "file_incomplete"])
        yield FleetObject(batch.key(len(lines) + 1), whole.content[: len(whole.content) * 6 // 10], whole.arrived, 0)
        yield FleetObject(batch.key(len(lines) + 3), whole.content, whole.arrived, 0)
        yield FleetObject(f"{hour}/upload-failed-{batch.turn}.ndjson.gz", b"", whole.arrived, 0)
        yield _packed(f"{hour}/nothing-to-send-{batch.turn}.ndjson.gz", [], whole.arrived)

    def _of_older_pipeline(self, batch: FleetBatch) -> FleetObject:
        """Return an object of the older pipeline of two Lambdas: plain text, without stream metadata.

        Its last two lines are two deliveries of an event that occurs only there.
        """
        self.counts[OLDER_PIPELINE] += 1
        events = [json.loads(line) for line in batch.lines]
        old = [event for event in events if event.pop("_stream_metadata")["event_name"] == "INSERT"][:20]
        own = {**next(iter(odd_items().values())), "event_id": f"of-the-older-pipeline-{batch.turn}"}
        later = {**own, "meta": {**own["meta"], "deliveredAt": own["meta"]["deliveredAt"] + 480_000}}
        lines = [_json(event) for event in (*old, own, later)]
        hour = batch.key().rpartition("/")[0]
        key = f"{hour}/telemetry_{round(batch.at * 1000)}_{len(lines)}.json"
        return FleetObject(key, b"\n".join(lines), batch.at + 4, len(lines))


def _packed(
    key: str, lines: Iterable[str | bytes], arrived: float, *, begin: bytes = b"", end: bytes = b"\n"
) -> FleetObject:
    found = [line.encode() if isinstance(line, str) else line for line in lines]
    content = begin + b"".join(line + end for line in found)
    return FleetObject(key, gzip.compress(content, compresslevel=5, mtime=0), arrived, len(found))
