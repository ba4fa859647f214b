"""What becomes of each stored item: the table's changes, in order of time.

Most items are stored once. Some are delivered and stored again, corrected, deleted, or expire. What is corrected or
deleted is never the beginning or the end of something, so the fleet's truth can be seen in what is left.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from rehearsal.fleet.cars import new_id
from rehearsal.fleet.events import Event, Item, recorded_at
from rehearsal.fleet.truth import Truth

_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One change of an item, at a time in seconds since 1970 UTC: as the stream has it, by old and new image.

    Both are missing for a removal whose old image the stream lacks.
    """

    at: float
    event_id: str
    new: Item | None = None
    old: Item | None = None
    expired: bool = False

    @property
    def name(self) -> str:
        """The stream's word for it."""
        return "REMOVE" if self.new is None else "MODIFY" if self.old else "INSERT"


Fate = Callable[[float, Item, Random], list[ItemChange]]


def changes_of(events: Iterable[Event], rng: Random, truth: Truth) -> Iterator[ItemChange]:
    """Yield all changes of the events' items in order of time, and add the events to the truth."""
    later: list[tuple[float, int, ItemChange]] = []
    order = count()
    for number, event in enumerate(events):
        while later and later[0][0] <= event.at:
            yield heapq.heappop(later)[2]
        first, *others = _fate(number, event)(event.at, event.item, rng)
        for change in others:
            heapq.heappush(later, (change.at, next(order), change))
        newest = [first, *others][-1]
        truth.add(event, newest.old if newest.expired else newest.new)
        yield first
    while later:
        yield heapq.heappop(later)[2]


def _fate(number: int, event: Event) -> Fate:
    found = next((fate for every, turn, fate in _FATES if number % every == turn), _stored)
    return found if found in _HARMLESS or not event.is_bound else _stored


def _stored(at: float, item: Item, rng: Random) -> list[ItemChange]:
    return [ItemChange(at, item["event_id"], item)]


def _again(at: float, item: Item, old: Item | None, rng: Random) -> ItemChange:
    meta = {**item["meta"], "deliveryId": new_id(rng)}
    return ItemChange(at, item["event_id"], {**item, "recorded_at": recorded_at(at), "meta": meta}, old)


def _delivered_again(at: float, item: Item, rng: Random) -> list[ItemChange]:
    hours = rng.uniform(0.02, 0.8) if rng.random() < 0.6 else rng.uniform(2, 20)
    return [*_stored(at, item, rng), _again(at + hours * _HOUR, item, item, rng)]


def _corrected(at: float, item: Item, rng: Random) -> list[ItemChange]:
    kept = item["signals"][:-1]
    image = {**item, "signals": kept, "meta": {**item["meta"], "signalCount": len(kept)}}
    return [*_stored(at, item, rng), ItemChange(at + rng.uniform(0.1, 10) * _HOUR, item["event_id"], image, item)]


def _deleted(at: float, item: Item, rng: Random) -> list[ItemChange]:
    return [*_stored(at, item, rng), ItemChange(at + rng.uniform(1, 40) * _HOUR, item["event_id"], old=item)]


def _deleted_without_image(at: float, item: Item, rng: Random) -> list[ItemChange]:
    return [*_stored(at, item, rng), ItemChange(at + rng.uniform(1, 40) * _HOUR, item["event_id"])]


def _deleted_and_stored_again(at: float, item: Item, rng: Random) -> list[ItemChange]:
    changes = _deleted(at, item, rng)
    return [*changes, _again(changes[-1].at + 26 * _HOUR, item, None, rng)]


def _expired(at: float, item: Item, rng: Random) -> list[ItemChange]:
    expires = round(at + rng.uniform(12, 60) * _HOUR)
    image = {**item, "expires_at": expires}
    removed = ItemChange(expires + rng.uniform(60, 3000), item["event_id"], old=image, expired=True)
    return [*_stored(at, image, rng), removed]


_FATES: tuple[tuple[int, int, Fate], ...] = (
    (25, 11, _delivered_again),
    (30, 23, _corrected),
    (35, 17, _deleted),
    (120, 19, _expired),
    (100, 29, _deleted_without_image),
    (100, 31, _deleted_and_stored_again),
)
"""Of so many items, the one at this turn; turns are low so that small fleets have all of them."""
_HARMLESS = (_delivered_again, _expired)
