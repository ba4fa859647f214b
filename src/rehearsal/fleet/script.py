"""Simulate what each car does: it drives, charges, sleeps and loses its connection, in its local time.

Level, odometer and place follow from what the car did. What happens to it depends on its `index` in the fleet, so that
a small fleet has every case (`index` modulo):

- 1 of 4 stays in a garage without connection on its second day, and every ninth day after that;
- 2 of 4 loses its connection while it charges;
- 3 of 4 has no connection while it drives;
- 13 of 16 loses it forever after its third day.

A connection is lost right after a reported moment and comes back with one, so the beginning and the end of a drive and
of a charging session are always reported.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from itertools import count
from random import Random
from typing import Any, Literal, NamedTuple

from rehearsal.fleet.cars import Car

_HOUR = 3600.0
_KM_PER_DEGREE, _ROAD_FACTOR = 111.2, 1.3
_CHARGING_LOSS, _CHARGING_STEP, _PLUG_BELOW = 0.08, 1200.0, 65
_LOWEST = 2.0
_LONGEST_NAP = 3 * _HOUR


class Drive(NamedTuple):
    """A drive to a place; times in seconds since 1970 UTC, `end` None while it continues."""

    start: float
    end: float | None
    km: float
    place: str


class Charge(NamedTuple):
    """A charging session; times in seconds since 1970 UTC, `end` None while it continues, levels in percent."""

    start: float
    end: float | None
    kwh: float
    soc_from: float
    soc_to: float
    place: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class State:
    """A car at a moment: `at` in seconds since 1970 UTC, `soc` in percent, `speed` in km/h.

    `bound`: something begins or ends, or the car sleeps. `days` has km and kWh by local day; `days`, `drives` and
    `charges` contain all that the car did until now.
    """

    at: float
    soc: float
    odometer_km: float
    latitude: float
    longitude: float
    place: str = "home"
    act: Literal["parked", "asleep", "driving", "charging"] = "asleep"
    is_plugged: bool = False
    speed: float = 0.0
    kw: float = 0.0
    minutes_left: int = 0
    connected: bool = True
    bound: bool = True
    drives: tuple[Drive, ...] = ()
    charges: tuple[Charge, ...] = ()
    days: Mapping[str, tuple[float, float]] = field(default_factory=dict)


class Life:
    """Simulates one car from `start` (seconds since 1970 UTC) on."""

    def __init__(self, car: Car, start: float, rng: Random) -> None:
        self._car, self._rng = car, rng
        self._first_day = datetime.fromtimestamp(start, car.zone).date()
        self._work = rng.uniform(0, 360), rng.uniform(8, 45)
        self._state = State(
            at=start + rng.uniform(0, 3 * _HOUR),
            soc=rng.uniform(40, 70),
            odometer_km=rng.uniform(2_000, 90_000),
            latitude=car.latitude,
            longitude=car.longitude,
        )

    def moments(self) -> Iterator[State]:
        """Yield the state at each moment at which something has changed.

        Ends when the car loses its connection forever.
        """
        yield self._state
        in_garage = False
        for day in count():
            in_garage |= self._car.index % 4 == 1 and day % 9 == 1
            for departure, place, bearing, km in [] if in_garage and day % 9 == 1 else self._trips(day):
                if place == self._state.place or departure < self._state.at + _HOUR / 2:
                    continue
                is_lost = self._car.index % 16 == 13 and day > 2
                yield from self._stay(departure, connected=not (in_garage or is_lost))
                if is_lost:
                    return
                yield from self._drive(place, bearing, km)
                in_garage = False

    def _trips(self, day: int) -> Iterator[tuple[float, str, float, float]]:
        """Yield departure, place, direction and km of each trip of a day, and of the way home."""
        rng, today = self._rng, self._first_day + timedelta(days=day)
        outings = []
        if today.weekday() >= 5:
            km = rng.uniform(110, 170) if rng.random() < 0.2 else rng.uniform(6, 40)
            outings.append((rng.uniform(9.5, 11), "outing", rng.uniform(0, 360), km, rng.uniform(2, 5)))
        elif rng.random() < 0.85:
            outings.append((rng.uniform(7.0, 8.3), "work", *self._work, rng.uniform(8.2, 9.5)))
        if rng.random() < 0.3:
            outings.append((rng.uniform(19.2, 19.8), "shop", rng.uniform(0, 360), rng.uniform(3, 14), 0.8))
        for hour, place, bearing, km, stay in outings:
            departure = _midnight(today, self._car) + hour * _HOUR
            yield departure, place, bearing, km
            yield departure + (km / 40 + stay) * _HOUR, "home", bearing, km

    def _drive(self, place: str, bearing: float, km: float) -> Iterator[State]:
        begun, drives, make = self._state, self._state.drives, self._car.make
        latitude, longitude = self._place(place, bearing, km)
        speed = 88.0 if km > 45 else self._rng.uniform(30, 46)
        steps = max(2, math.ceil(km / speed * _HOUR / 600))
        started = (*drives, Drive(begun.at, None, 0.0, place))
        yield self._now(act="driving", place="road", is_plugged=False, bound=True, drives=started)
        for step in range(1, steps + 1):
            share, is_over, start = step / steps, step == steps, self._state.at
            end = start + km / speed * _HOUR / steps
            yield self._now(
                at=end,
                odometer_km=begun.odometer_km + km * share,
                # a hybrid at its lowest level continues with fuel
                soc=max(_LOWEST, begun.soc - make.kwh_per_100_km * km * share / make.kwh),
                latitude=begun.latitude + (latitude - begun.latitude) * share,
                longitude=begun.longitude + (longitude - begun.longitude) * share,
                speed=0.0 if is_over else speed * self._rng.uniform(0.7, 1.3),
                connected=is_over or self._car.index % 4 != 3,
                bound=is_over,
                drives=(*drives, Drive(begun.at, end if is_over else None, km * share, place)),
                days=self._days(start, end, km=km / steps),
                **({"act": "parked", "place": place} if is_over else {}),
            )

    def _place(self, place: str, bearing: float, km: float) -> tuple[float, float]:
        car, degrees = self._car, 0 if place == "home" else km / _ROAD_FACTOR / _KM_PER_DEGREE
        east = degrees * math.sin(math.radians(bearing)) / math.cos(math.radians(car.latitude))
        return car.latitude + degrees * math.cos(math.radians(bearing)), car.longitude + east

    def _stay(self, until: float, *, connected: bool) -> Iterator[State]:
        state = self._wait(60, 240)
        if state.place == "home" and state.soc < _PLUG_BELOW and until - state.at > 3 * _HOUR:
            yield from self._charge(until)
        if until - self._state.at > _HOUR:
            yield from self._sleep(until, connected=connected)
        self._now(at=max(until, self._state.at))

    def _charge(self, until: float) -> Iterator[State]:
        yield self._now(is_plugged=True, bound=True)
        ten = datetime.fromtimestamp(self._state.at, self._car.zone).replace(hour=22, minute=0, second=0).timestamp()
        if self._car.index % 2 and 0 < ten - self._state.at < 7 * _HOUR and until - ten > 6 * _HOUR:
            yield from self._sleep(ten, connected=True)  # every second car waits for the cheaper tariff at night
            self._now(at=max(ten, self._state.at))
        begun, charges = self._wait(60, 240), self._state.charges
        session = Charge(begun.at, None, 0.0, begun.soc, begun.soc, begun.place, begun.latitude, begun.longitude)
        steps = list(self._charging_steps(until - 600))
        for number, (seconds, soc, kw) in enumerate(steps):
            yield self._now(
                act="charging",
                kw=kw,
                minutes_left=math.ceil(sum(later for later, _, _ in steps[number:]) / 60),
                bound=number == 0,
                connected=number == 0 or self._car.index % 4 != 2,
                charges=(*charges, session),
            )
            start, kwh = self._state.at, (soc - self._state.soc) / 100 * self._car.make.kwh
            self._now(at=start + seconds, soc=soc, days=self._days(start, start + seconds, kwh=kwh))
            session = session._replace(kwh=session.kwh + kwh, soc_to=soc)
        if steps:
            over = (*charges, session._replace(end=self._state.at))
            yield self._now(act="parked", kw=0.0, minutes_left=0, bound=True, connected=True, charges=over)
            self._wait(60, 240)

    def _charging_steps(self, until: float) -> Iterator[tuple[float, float, float]]:
        """Yield (seconds, level at the end of the step, kW) until the limit or the time is reached."""
        at, soc, limit, most = self._state.at, self._state.soc, self._car.limit, self._car.make.ac_kw
        while soc < limit and at + _CHARGING_STEP < until:
            kw = most * max(0.25, min(1.0, (105 - soc) / 5))
            gain = kw * (1 - _CHARGING_LOSS) / self._car.make.kwh * 100 / _HOUR
            is_last = (limit - soc) / gain < _CHARGING_STEP + 60
            seconds = (limit - soc) / gain if is_last else _CHARGING_STEP
            at, soc = at + seconds, limit if is_last else soc + seconds * gain
            yield seconds, soc, kw

    def _sleep(self, until: float, *, connected: bool) -> Iterator[State]:
        yield self._wait(600, 1200, act="asleep", bound=True)
        while until - self._state.at > _LONGEST_NAP:
            soc = max(0.0, self._state.soc - 0.07)
            yield self._wait(0.6 * _LONGEST_NAP, 0.95 * _LONGEST_NAP, soc=soc, connected=connected)
        self._now(connected=True)

    def _now(self, **changes: Any) -> State:
        self._state = replace(self._state, **changes)
        return self._state

    def _wait(self, least: float, most: float, **changes: Any) -> State:
        return self._now(at=self._state.at + self._rng.uniform(least, most), **changes)

    def _days(self, start: float, end: float, km: float = 0.0, kwh: float = 0.0) -> dict[str, tuple[float, float]]:
        """Return the days, with what was driven or charged from start to end added, split at the car's midnight."""
        today = datetime.fromtimestamp(start, self._car.zone).date()
        tomorrow = today + timedelta(days=1)
        share = min(1.0, (_midnight(tomorrow, self._car) - start) / (end - start))
        days = dict(self._state.days)
        for day, part in ((today, share), (tomorrow, 1 - share)):
            if part:
                known = days.get(day.isoformat(), (0.0, 0.0))
                days[day.isoformat()] = known[0] + km * part, known[1] + kwh * part
        return days


def _midnight(day: date, car: Car) -> float:
    return datetime.combine(day, time(), car.zone).timestamp()
