"""What goes wrong on the way: odd events, bad lines and broken files, each made from what is good.

Odd events are the recorded ones of tests/events, on top of the fleet's own and of cars outside it, so the fleet's
truth holds with them, too.
"""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from rehearsal.errors import FleetError
from rehearsal.fleet.cars import new_id
from rehearsal.fleet.changes import ItemChange
from rehearsal.fleet.objects import FleetBatch, FleetObject

Item = dict[str, Any]
Shape = Callable[[Item], bytes]

RECORDED = Path(__file__).parents[3] / "tests" / "events"
DELETE_OF_UNKNOWN, OLDER_PIPELINE = "delete_of_unknown_event", "file_of_the_older_pipeline"
BOM = b"\xef\xbb\xbf"
HOSTILE = 'Zoë\'s "car" `; DROP TABLE t; -- ../../x\n\t{"value":1}\u2028\U0001f697\\'
_ONE_OF = 12
_ROUND = 50
_CRLF_TURN, _BOM_TURN, _BAD_TURN, _DAMAGE_TURN = 2, 3, 4, 5


@cache
def odd_items() -> dict[str, Item]:
    """Return the odd items by kind. Raises FleetError when the recorded events are not there."""
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
    """Yield the changes and, after every so many, an odd one; all kinds come when there are as many as kinds."""
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


def _with(**parts: Any) -> Shape:
    return lambda event: _json({**event, **parts})


def _metadata(**parts: Any) -> Shape:
    return lambda event: _json({**event, "_stream_metadata": {**event["_stream_metadata"], **parts}})


def _in_place_of_odd(content: bytes) -> Shape:
    return lambda event: _json({**event, "odd": "?"}).replace(b'"?"', content)


BAD_LINES: dict[str, tuple[str, Shape]] = {
    "line_in_latin_1": ("not_utf8", _in_place_of_odd(b'"CITRO\xcbN"')),
    "line_of_gzip": ("not_utf8", lambda event: b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff\xab\xae\xe5\x02\x00"),
    "line_cut_off": ("not_json", lambda event: _json(event)[:-25]),
    "line_with_text_after": ("not_json", lambda event: _json(event) + b" -- end"),
    "line_of_two_objects": ("not_json", lambda event: _json(event) * 2),
    "line_with_nan": ("not_json", _in_place_of_odd(b"NaN")),
    "line_in_single_quotes": ("not_json", lambda event: b"{'event_id':'" + event["event_id"].encode() + b"'}"),
    "line_of_plain_text": ("not_json", lambda event: b"Traceback (most recent call last):"),
    "line_an_array": ("not_an_object", lambda event: _json([event])),
    "line_a_string": ("not_an_object", lambda event: _json(_json(event).decode())),
    "line_a_number": ("not_an_object", lambda event: b"1762905600"),
    "line_null": ("not_an_object", lambda event: b"null"),
    "event_id_null": ("bad_event_id", _with(event_id=None)),
    "event_id_empty": ("bad_event_id", _with(event_id="")),
    "event_id_a_number": ("bad_event_id", _with(event_id=17)),
    "event_id_too_long": ("bad_event_id", _with(event_id="é" * 513)),
    "signals_an_object": ("bad_signals", _with(signals={"0": None})),
    "signals_a_string": ("bad_signals", _with(signals="[]")),
    "metadata_a_string": ("bad_metadata", _with(_stream_metadata="INSERT")),
    "sequence_number_not_digits": ("bad_metadata", _metadata(sequence_number="12e3")),
    "event_name_unknown": ("bad_metadata", _metadata(event_name="UPSERT")),
    "stream_absent": ("bad_metadata", _metadata(stream=None)),
}
"""Kind -> why the job quarantines it, and how it is made of a good line. JSON: https://www.rfc-editor.org/rfc/rfc8259"""


class Damage:
    """Writes some objects in odd forms and counts them: oddities by kind, quarantined lines and files by reason."""

    def __init__(self) -> None:
        self.counts, self.quarantined = Counter[str](), Counter[str]()

    def form(self, batch: FleetBatch, arrived: float) -> FleetObject:
        """Return a batch's object: of every 50 one has CRLF, one a BOM and blank lines, one bad lines."""
        turn = batch.turn % _ROUND
        if turn == _CRLF_TURN:
            self.counts["file_with_crlf"] += 1
            return _packed(batch.key(), batch.lines, arrived, end=b"\r\n")
        if turn == _BOM_TURN:
            self.counts["file_with_bom_and_blank_lines"] += 1
            return _packed(batch.key(), batch.lines, arrived, begin=BOM, end=b"\n\n   \n")
        if turn == _BAD_TURN:
            lines: list[str | bytes] = [batch.lines[0], *self._bad_lines(batch.lines[0]), *batch.lines[1:]]
            return _packed(batch.key(len(lines)), lines, arrived)
        return batch.object(arrived)

    def _bad_lines(self, line: str) -> Iterator[bytes]:
        event = {**json.loads(line), "event_id": "of-a-bad-line"}
        for kind, (reason, shape) in BAD_LINES.items():
            self.counts[kind] += 1
            self.quarantined[reason] += 1
            yield shape(event)

    def beside(self, batches: Iterable[FleetBatch], into: list[FleetObject]) -> Iterator[FleetBatch]:
        """Pass batches on; of every 50 make broken objects and one of the older pipeline, and add them to `into`."""
        for batch in batches:
            if batch.turn % _ROUND == _DAMAGE_TURN:
                into += self._broken(batch)
                into.append(self._of_older_pipeline(batch))
            yield batch

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
        """Return an object of the pipeline of two Lambdas, which ran beside: plain text, nothing of the order.

        Its last two lines are two deliveries of an event that it alone has.
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
