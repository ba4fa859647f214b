"""Turn the stored items into the table's changes, in order of time.

Most items are stored once. Some are delivered and stored again, corrected, deleted, or expire. An item that is the
beginning or the end of something is never corrected or deleted, so the remaining rows show the fleet's truth.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from rehearsal.fleet.cars import new_id
from rehearsal.fleet.events import Item, StoredEvent, recorded_at
from rehearsal.fleet.truth import Truth

_HOUR = 3600.0
_FATES = (
    (25, 11, "delivered again"),
    (30, 23, "corrected"),
    (35, 17, "deleted"),
    (120, 19, "expired"),
    (100, 29, "deleted without its image"),
    (100, 31, "deleted and stored again"),
)
"""Of this many items, the one at this turn; turns are low so that small fleets have all kinds."""
_HARMLESS = ("delivered again", "expired")


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One change of an item, at a time in seconds since 1970 UTC, with the old and the new image.

    A removal whose old image is missing in the stream has neither.
    """

    at: float
    event_id: str
    new: Item | None = None
    old: Item | None = None
    expired: bool = False

    @property
    def name(self) -> str:
        """Return the stream's name for it."""
        return "REMOVE" if self.new is None else "MODIFY" if self.old else "INSERT"


def changes_of(events: Iterable[StoredEvent], rng: Random, truth: Truth) -> Iterator[ItemChange]:
    """Yield all changes of the events' items in order of time, and add the events to the truth."""
    later: list[tuple[float, int, ItemChange]] = []
    order = count()
    for number, event in enumerate(events):
        while later and later[0][0] <= event.at:
            yield heapq.heappop(later)[2]
        fate = next((fate for every, turn, fate in _FATES if number % every == turn), "stored")
        is_safe = fate in _HARMLESS or not event.is_bound
        first, *others = _changes(fate if is_safe else "stored", event.at, event.item, rng)
        for change in others:
            heapq.heappush(later, (change.at, next(order), change))
        newest = [first, *others][-1]
        truth.add(event, newest.old if newest.expired else newest.new)
        yield first
    while later:
        yield heapq.heappop(later)[2]


def _changes(fate: str, at: float, item: Item, rng: Random) -> list[ItemChange]:
    event_id, then = item["event_id"], at + _HOUR * rng.choice((0.05, 0.5, rng.uniform(1, 40)))
    stored, deleted = ItemChange(at, event_id, item), ItemChange(then, event_id, old=item)
    match fate:
        case "delivered again":
            return [stored, _again(then, item, item, rng)]
        case "corrected":
            kept = item["signals"][:-1]
            image = {**item, "signals": kept, "meta": {**item["meta"], "signalCount": len(kept)}}
            return [stored, ItemChange(then, event_id, image, item)]
        case "deleted":
            return [stored, deleted]
        case "deleted without its image":
            return [stored, ItemChange(then, event_id)]
        case "deleted and stored again":
            return [stored, deleted, _again(then + 26 * _HOUR, item, None, rng)]
        case "expired":
            image = {**item, "expires_at": round(then)}
            return [ItemChange(at, event_id, image), ItemChange(then + 900, event_id, old=image, expired=True)]
    return [stored]


def _again(at: float, item: Item, old: Item | None, rng: Random) -> ItemChange:
    meta = {**item["meta"], "deliveryId": new_id(rng)}
    return ItemChange(at, item["event_id"], {**item, "recorded_at": recorded_at(at), "meta": meta}, old)
