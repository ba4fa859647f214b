"""Records become the objects that the Lambda writes, in the order in which they arrive: key and line are its own.

Of the batches, some reach the bucket late, behind their successor, as after a redrive, and some come again in halves,
as after a failure that came behind the write (the mapping bisects).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rehearsal.fleet.stream import Record, without_images
from stream_to_s3.lines import line
from stream_to_s3.objects import Batch, compressed
from stream_to_s3.records import creation_time, stream_label

_LATE_EVERY = 31
_AGAIN_EVERY, _AGAIN_TURN = 29, 1


@dataclass(frozen=True, slots=True)
class FleetObject:
    """One object: its key below the prefix, and when it arrived, in seconds since 1970 UTC.

    `lines` is how many lines can be read from it, 0 for a broken one. `repeats`: all of them came before. `late`:
    they come after lines with higher numbers.
    """

    key: str
    content: bytes
    arrived: float
    lines: int
    repeats: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """A batch on its way: its records, its lines, its turn among the batches."""

    turn: int
    records: list[Record]
    lines: list[str]

    @property
    def at(self) -> float:
        """When its last change was made, in seconds since 1970 UTC."""
        return creation_time(self.records[-1]) or 0

    def key(self, lines: int | None = None) -> str:
        """Return the key of its object; `lines` is how many to claim, if not as many as it has."""
        return Batch.of(self.records).key("", len(self.lines) if lines is None else lines)

    def object(self, arrived: float, *, repeats: bool = False, late: bool = False) -> FleetObject:
        """Return it as the Lambda writes it."""
        return FleetObject(self.key(), compressed(self.lines), arrived, len(self.lines), repeats, late)


def deliveries(records: Iterable[Record], size: int) -> Iterator[Delivery]:
    """Cut records into batches of `size`; a batch holds records of one stream only."""
    batch = Delivery(0, [], [])
    for record in records:
        if batch.records and (len(batch.records) >= size or stream_label(record) != stream_label(batch.records[0])):
            yield batch
            batch = Delivery(batch.turn + 1, [], [])
        batch.lines.append(line(record))
        batch.records.append(without_images(record))  # a key needs none, and they are most of the memory
    if batch.records:
        yield batch


def objects(
    batches: Iterable[Delivery], form: Callable[[Delivery, float], FleetObject] = Delivery.object
) -> Iterator[FleetObject]:
    """Yield the objects of the batches in order of arrival; `form` writes those that are on time."""
    held: Delivery | None = None
    for batch in batches:
        if batch.turn % _LATE_EVERY == 0:
            held = batch
            continue
        yield form(batch, batch.at + 2)
        if held:
            late = stream_label(held.records[0]) == stream_label(batch.records[0])
            yield held.object(batch.at + 7, late=late)
            held = None
        if batch.turn % _AGAIN_EVERY == _AGAIN_TURN:
            yield from _halves(batch)
    if held:
        yield held.object(held.at + 2)


def _halves(batch: Delivery) -> Iterator[FleetObject]:
    middle = len(batch.lines) // 2
    for number, part in enumerate((slice(None, middle), slice(middle, None)) if middle else ()):
        half = Delivery(batch.turn, batch.records[part], batch.lines[part])
        yield half.object(batch.at + 60 + number, repeats=True)
