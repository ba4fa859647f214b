"""How a car lives: it drives, charges and sleeps, and each moment worth a report is yielded.

Nothing is looked up afterwards: level, odometer, place and temperatures follow from what the car did.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from random import Random

from flatten.sample.car import Car, State, rounded

_HOUR, _DAY = 3600.0, 86400.0
_ROAD_FACTOR = 1.3
_KM_PER_DEGREE = 111.2
_CHARGING_LOSS = 0.08
_FLOOR_OF_HYBRIDS = 12.0


@dataclass(frozen=True, slots=True)
class Trip:
    """A drive to a place, `km` on the road; `departure` in seconds since 1970 UTC."""

    departure: float
    place: str
    latitude: float
    longitude: float
    km: float


class Life:
    """One car from `start` (seconds since 1970 UTC) on, without end."""

    def __init__(self, car: Car, start: float, rng: Random) -> None:
        self._car, self._rng = car, rng
        self._start = start
        self._work_bearing = rng.uniform(0, 360)
        self._state = State(
            at=start + rng.uniform(0, 3 * _HOUR),
            soc=rng.uniform(40, min(78, car.limit)),
            odometer_km=rng.uniform(2_000, 90_000),
            latitude=car.latitude,
            longitude=car.longitude,
            fuel=car.model.tank * rng.uniform(0.3, 0.95),
        )

    def moments(self) -> Iterator[State]:
        """Yield the state, always the same object, at each moment at which something may have changed."""
        midnight = self._start - (self._start + self._car.utc_offset * _HOUR) % _DAY
        self._pass(0)
        yield self._state
        for day in count():
            for trip in self._trips(midnight + day * _DAY):
                if trip.departure > self._start + _DAY / 6 and trip.place != self._state.place:
                    yield from self._stay(max(trip.departure, self._state.at + 600))
                    yield from self._drive(trip)

    def _trips(self, midnight: float) -> list[Trip]:
        rng, outings = self._rng, []
        if datetime.fromtimestamp(midnight + 12 * _HOUR, UTC).weekday() < 5:
            if rng.random() < 0.85:
                stay = rng.uniform(8.2, 9.5)
                outings.append((rng.uniform(7.0, 8.3), "work", self._work_bearing, self._car.commute_km, stay))
            if rng.random() < 0.3:
                outings.append((rng.uniform(19, 19.8), "shop", rng.uniform(0, 360), rng.uniform(3, 14), 0.8))
        else:
            km = rng.uniform(110, 170) if rng.random() < 0.2 else rng.uniform(6, 40)
            outings.append((rng.uniform(9.5, 11), "outing", rng.uniform(0, 360), km, rng.uniform(2, 5)))
        return [trip for outing in outings for trip in self._there_and_back(midnight, *outing)]

    def _there_and_back(
        self, midnight: float, hour: float, place: str, bearing: float, km: float, stay: float
    ) -> Iterator[Trip]:
        car, crow = self._car, km / _ROAD_FACTOR / _KM_PER_DEGREE
        latitude = car.latitude + crow * math.cos(math.radians(bearing))
        longitude = car.longitude + crow * math.sin(math.radians(bearing)) / math.cos(math.radians(car.latitude))
        departure = midnight + hour * _HOUR
        yield Trip(departure, place, latitude, longitude, km)
        yield Trip(departure + km / 45 * _HOUR + stay * _HOUR, "home", car.latitude, car.longitude, km)

    def _pass(self, seconds: float, soc: float = 0.0) -> None:
        state = self._state
        state.at += seconds
        state.soc = max(0.0, state.soc - soc)
        state.outside = self._temperature()
        comfortable = state.driving or (state.charging and state.fast)
        state.cabin = (
            21.0 if comfortable else state.cabin + (state.outside + 1.5 - state.cabin) * min(1, seconds / 5400)
        )

    def _temperature(self) -> float:
        local = self._state.at + self._car.utc_offset * _HOUR
        season = 10.5 - 9 * math.cos((local / _DAY - 20) / 365.25 * 2 * math.pi)
        warmth_of_day = 4 * math.cos((local % _DAY / _HOUR - 15) / 24 * 2 * math.pi)
        weather = 2.5 * math.sin(local / _DAY * 0.9 + self._car.longitude)
        return season + warmth_of_day + weather - (self._car.latitude - 50) / 3

    def _drive(self, trip: Trip) -> Iterator[State]:
        state, rng = self._state, self._rng
        state.asleep = state.plugged = state.locked = False
        if state.soc < self._needed(trip.km) and self._car.model.dc_kw:
            yield from self._charge(min(80, self._car.limit), fast=True)
            self._pass(rng.uniform(60, 240))
            state.plugged = False
        speed = 88.0 if trip.km > 45 else rng.uniform(30, 46)
        seconds = trip.km / speed * _HOUR
        steps = max(2, math.ceil(seconds / 420))
        origin = state.latitude, state.longitude
        state.driving, state.place, state.heading = True, "road", self._bearing(trip)
        yield state
        for step in range(1, steps + 1):
            state.speed = speed * rng.uniform(0.7, 1.3)
            self._roll(trip.km / steps)
            self._pass(seconds / steps)
            state.latitude = origin[0] + (trip.latitude - origin[0]) * step / steps
            state.longitude = origin[1] + (trip.longitude - origin[1]) * step / steps
            if step < steps:
                yield state
        yield from self._arrive(trip)

    def _arrive(self, trip: Trip) -> Iterator[State]:
        state = self._state
        state.driving, state.speed, state.place = False, 0.0, trip.place
        if state.fuel < 0.15 * self._car.model.tank:
            state.fuel = 0.95 * self._car.model.tank
        self._pass(self._rng.uniform(30, 120))
        state.locked = True
        yield state

    def _bearing(self, trip: Trip) -> int:
        north = trip.latitude - self._state.latitude
        east = (trip.longitude - self._state.longitude) * math.cos(math.radians(self._state.latitude))
        return round(math.degrees(math.atan2(east, north))) % 360

    def _roll(self, km: float) -> None:
        state, model = self._state, self._car.model
        used = self.kwh_per_km() * km / model.capacity * 100
        electric = used
        if model.tank:
            electric = min(used, max(0.0, state.soc - _FLOOR_OF_HYBRIDS))
            state.fuel = max(0.0, state.fuel - km * (1 - electric / used) * model.litres_per_100_km / 100)
        state.soc = max(0.0, state.soc - electric)
        state.odometer_km += km

    def kwh_per_km(self) -> float:
        """Return what a kilometre costs now: a cold battery and a heated cabin take their share."""
        return self._car.model.per_100_km / 100 * (1 + max(0.0, 15 - self._state.outside) * 0.008)

    def _needed(self, km: float) -> float:
        return 10 + 1.1 * self.kwh_per_km() * km / self._car.model.capacity * 100

    def _stay(self, until: float) -> Iterator[State]:
        state = self._state
        if state.place == "home" and state.soc < self._car.plug_below and until - state.at > 3 * _HOUR:
            yield from self._plug_in(until)
        if until - state.at > _HOUR:
            yield from self._sleep(until)
        if until > state.at:
            self._pass(until - state.at)

    def _plug_in(self, until: float) -> Iterator[State]:
        state, car = self._state, self._car
        self._pass(self._rng.uniform(60, 240))
        state.plugged = True
        yield state
        local_hour = (state.at / _HOUR + car.utc_offset) % 24
        if car.night_rate and 15 < local_hour < 22 and until - state.at > 8 * _HOUR:
            self._pass((22 - local_hour) * _HOUR)
        self._pass(self._rng.uniform(40, 90))
        yield from self._charge(car.limit, fast=False, until=until - 600)

    def _charge(self, limit: float, *, fast: bool, until: float = math.inf) -> Iterator[State]:
        state, begun_at, begun_with = self._state, self._state.at, self._state.soc
        steps = list(self._charging_steps(limit, fast, until))
        if not steps:
            return
        end = state.at + sum(seconds for seconds, _, _ in steps)
        state.plugged = state.charging = True
        state.fast, state.asleep, state.energy_added = fast, False, 0.0
        for seconds, soc, power in steps:
            state.power_kw, state.minutes_left = power, math.ceil((end - state.at) / 60)
            yield state
            self._pass(seconds)
            state.energy_added += (soc - state.soc) / 100 * self._car.model.capacity
            state.soc = soc
        state.charging, state.power_kw, state.minutes_left = False, 0.0, 0
        self._remember(begun_at, begun_with)
        yield state
        state.fast = False

    def _charging_steps(self, limit: float, fast: bool, until: float) -> Iterator[tuple[float, float, float]]:
        """Yield (seconds, level at the end of the step, kW) until the limit or the time is reached."""
        model, at, soc = self._car.model, self._state.at, self._state.soc
        length = 180.0 if fast else 600.0
        while soc < limit and at + length < until:
            if fast:
                power = model.dc_kw * max(0.2, min(1.0, 1 - (soc - 35) / 70))
            else:
                power = model.ac_kw * max(0.3, min(1.0, (101 - soc) / 5))
            gain_per_second = power * (1 - _CHARGING_LOSS) / model.capacity * 100 / _HOUR
            to_limit = (limit - soc) / gain_per_second
            last = to_limit < length + 60
            seconds, soc = (to_limit, limit) if last else (length, soc + length * gain_per_second)
            at += seconds
            yield seconds, soc, power

    def _remember(self, begun_at: float, begun_with: float) -> None:
        state = self._state
        session = {
            "id": f"CHG{round(begun_at)}",
            "startTime": _iso(begun_at),
            "endTime": _iso(state.at),
            "energyAdded": rounded(state.energy_added, 2),
            "startStateOfCharge": round(begun_with),
            "endStateOfCharge": round(state.soc),
            "isPublicCharger": state.fast,
            "location": {"latitude": rounded(state.latitude, 5), "longitude": rounded(state.longitude, 5)},
        }
        state.sessions = [*state.sessions[-2:], session]

    def _sleep(self, until: float) -> Iterator[State]:
        state, rng = self._state, self._rng
        self._pass(rng.uniform(900, 1800))
        state.asleep = True
        yield state
        while True:
            nap = rng.uniform(1.5, 3) * _HOUR
            if state.at + nap > until - 300:
                return
            self._pass(nap, soc=nap / _HOUR * 0.03)
            yield state


def _iso(at: float) -> str:
    return datetime.fromtimestamp(round(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
