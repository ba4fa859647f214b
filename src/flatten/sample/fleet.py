"""All cars' events as one sequence in order of time."""

import heapq
from collections.abc import Iterator

from flatten.sample.car import make_car, new_id, seeded
from flatten.sample.items import Item, Reporter
from flatten.sample.life import Life

Dated = tuple[float, Item]
"""When the app recorded the item, in seconds since 1970 UTC, and the item."""


def fleet_events(vehicles: int, seed: int, start: float) -> Iterator[Dated]:
    """Yield the fleet's events without end, ordered by time; `start` in seconds since 1970 UTC."""
    webhook_id = new_id(seeded(seed, start, "webhook"))
    cars = [_car_events(index, seed, start, webhook_id) for index in range(vehicles)]
    return heapq.merge(*cars, key=lambda dated: dated[0])


def _car_events(index: int, seed: int, start: float, webhook_id: str) -> Iterator[Dated]:
    rng = seeded(seed, start, index)
    car = make_car(index, rng)
    reporter = Reporter(car, webhook_id, rng)
    for state in Life(car, start, rng).moments():
        item = reporter.item(state)
        if item:
            yield item["meta"]["deliveredAt"] / 1000 + 0.5, item
