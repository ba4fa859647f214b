"""What becomes of each stored item: the table's changes, as DynamoDB's stream tells them.

Most items are stored once. Some are delivered and stored again, corrected, deleted, or expire.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from flatten.sample.car import new_id
from flatten.sample.fleet import Dated
from flatten.sample.items import Item, text_of
from flatten.sample.report import Tally

_MINUTE, _HOUR = 60.0, 3600.0


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an item: `name` is INSERT, MODIFY or REMOVE, `at` in seconds since 1970 UTC.

    `name` is None for an item that the older pipeline wrote, which told nothing of the change.
    """

    at: float
    name: str | None
    image: Item
    expired: bool = False
    previous_recorded_at: object = None


class History:
    """Tells what becomes of items, and counts it.

    The first `unnumbered` items come without a stream. With `unseen` some items were stored before the
    stream began, which tells of their deletion alone.
    """

    def __init__(self, rng: Random, tally: Tally, *, unnumbered: int = 0, unseen: bool = False) -> None:
        self._rng, self._tally = rng, tally
        self._unnumbered, self._unseen = unnumbered, unseen

    def changes(self, events: Iterator[Dated]) -> Iterator[Change]:
        """Yield all changes of the events' items in order of time."""
        later: list[tuple[float, int, Change]] = []
        order = count()
        for number, (at, item) in enumerate(events):
            while later and later[0][0] <= at:
                yield heapq.heappop(later)[2]
            first, *others = self._fate(number, at, item)
            for change in others:
                heapq.heappush(later, (change.at, next(order), change))
            yield first
        while later:
            yield heapq.heappop(later)[2]

    def _fate(self, number: int, at: float, item: Item) -> list[Change]:
        if self._unseen and number >= self._unnumbered and number % 250 == 53:
            self._tally.oddities["delete_of_unknown_event"] += 1
            changes = [Change(at, "REMOVE", item)]
        else:
            fate = next((fate for every, turn, fate in _FATES if number % every == turn), _stays)
            changes = fate(at, item, self._rng)
        if number < self._unnumbered:
            changes[0] = Change(at, None, changes[0].image)
        self._tally.events += 1
        self._tally.deleted += changes[-1].name == "REMOVE" and not changes[-1].expired
        return changes


def _stays(at: float, item: Item, rng: Random) -> list[Change]:
    return [Change(at, "INSERT", item)]


def _delivered_again(at: float, item: Item, rng: Random) -> list[Change]:
    again = at + (rng.uniform(1, 50) * _MINUTE if rng.random() < 0.6 else rng.uniform(2, 20) * _HOUR)
    return [Change(at, "INSERT", item), _stored_again(again, item, "MODIFY", item.get("recorded_at"), rng)]


def _stored_again(at: float, item: Item, name: str, previous: object, rng: Random) -> Change:
    image = {**item, "recorded_at": text_of(at)}
    if isinstance(item.get("meta"), dict):
        image["meta"] = {**item["meta"], "deliveryId": new_id(rng), "deliveredAt": round((at - 0.5) * 1000)}
    return Change(at, name, image, previous_recorded_at=previous)


def _corrected(at: float, item: Item, rng: Random) -> list[Change]:
    kept = item["signals"][:-1]
    image = {**item, "signals": kept, "car_timezone": "Europe/Berlin"}
    if "signalCount" in item.get("meta", {}):
        image["meta"] = {**item["meta"], "signalCount": sum(signal is not None for signal in kept)}
    return [Change(at, "INSERT", item), Change(at + rng.uniform(5, 600) * _MINUTE, "MODIFY", image)]


def _deleted(at: float, item: Item, rng: Random) -> list[Change]:
    return [Change(at, "INSERT", item), Change(at + rng.uniform(1, 40) * _HOUR, "REMOVE", item)]


def _deleted_without_image(at: float, item: Item, rng: Random) -> list[Change]:
    keys = {"event_id": item["event_id"]}
    return [Change(at, "INSERT", item), Change(at + rng.uniform(1, 40) * _HOUR, "REMOVE", keys)]


def _expired(at: float, item: Item, rng: Random) -> list[Change]:
    expires = round(at + rng.uniform(12, 60) * _HOUR)
    image = {**item, "expires_at": expires}
    return [
        Change(at, "INSERT", image),
        Change(expires + rng.uniform(60, 3000), "REMOVE", image, expired=True),
    ]


def _deleted_and_stored_again(at: float, item: Item, rng: Random) -> list[Change]:
    changes = _deleted(at, item, rng)
    return [*changes, _stored_again(changes[-1].at + 26 * _HOUR, item, "INSERT", None, rng)]


_FATES: tuple[tuple[int, int, Callable[[float, Item, Random], list[Change]]], ...] = (
    (25, 11, _delivered_again),
    (60, 23, _corrected),
    (70, 17, _deleted),
    (120, 19, _expired),
    (300, 29, _deleted_without_image),
    (400, 31, _deleted_and_stored_again),
)
"""Of so many items, the one at this turn; turns are low so that small samples have all of them."""
