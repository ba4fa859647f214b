"""Turn a car's state into the item that the app stores for its webhook delivery.

Shapes and units: https://smartcar.com/docs/api-reference/signals
"""

import heapq
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from rehearsal.fleet.cars import Car, make_car, new_id, seeded, templates
from rehearsal.fleet.script import Life, State

Item = dict[str, Any]
Error = tuple[str, str | None]

STATUS_SINCE = datetime(2025, 11, 17, tzinfo=UTC).timestamp()
"""From this day on a successful signal has a status. https://smartcar.com/docs/changelog/latest"""

_MILE, _DAY = 1.609344, 86_400
_PASSING: tuple[Error, ...] = (("SERVER", "INTERNAL"), ("UPSTREAM", "NO_RESPONSE"), ("RATE_LIMIT", "VEHICLE"))


@dataclass(slots=True)
class StoredEvent:
    """An item, when the app stored it (seconds since 1970 UTC), and the car's state in it.

    `is_bound`: something begins or ends with it, or a sleeping car reports that it is connected; it is neither
    corrected nor deleted. `then_silent`: the connection is lost from here to the car's next event, or forever.
    """

    at: float
    item: Item
    car: Car
    state: State
    is_bound: bool
    then_silent: bool = False


def fleet_events(vehicles: int, seed: int, start: float) -> Iterator[StoredEvent]:
    """Yield the fleet's events without end, ordered by time; `start` in seconds since 1970 UTC."""
    webhook_id = new_id(seeded(seed, start, "webhook"))
    cars = [_car_events(index, seed, start, webhook_id) for index in range(vehicles)]
    return heapq.merge(*cars, key=lambda event: event.at)


def _car_events(index: int, seed: int, start: float, webhook_id: str) -> Iterator[StoredEvent]:
    rng = seeded(seed, start, index)
    car = make_car(index, rng)
    reporter = _Reporter(car, start, webhook_id, rng)
    last: StoredEvent | None = None
    for state in Life(car, start, rng).moments():
        if last and not state.connected:
            last.then_silent = last.is_bound = True
            continue
        if last:
            yield last
        last = StoredEvent(*reporter.item(state), car, state, state.bound or bool(last and last.then_silent))
    if last:
        last.then_silent = last.is_bound = True
        yield last


class _Reporter:
    """Writes the items of one car. A signal keeps its oemUpdatedAt until its body changes."""

    def __init__(self, car: Car, start: float, webhook_id: str, rng: Random) -> None:
        self._car, self._rng = car, rng
        limits = [{"type": "GLOBAL", "limit": car.limit, "condition": None}] if car.year % 2 else []
        self._constants = {**asdict(car.make), **asdict(car), "webhook_id": webhook_id, "limits": limits}
        self._constants |= {"make": car.make.make}
        # One owner of five withdraws a permission on the second day, for two days; one of ten, forever.
        since = start + 1.3 * _DAY if car.index % 5 == 2 else math.inf
        self._denied = since, math.inf if car.index % 10 == 7 else since + 2 * _DAY
        self._headings = {signal: _heading(signal) for signal in car.signals}
        self._last: dict[str, tuple[Item, int]] = {}
        self._written = 0

    def item(self, state: State) -> tuple[float, Item]:
        """Return when the app stores the item of this state, and the item."""
        values = self._constants | _values(self._car, state)
        triggers, errors = self._look(values, state.at), self._errors(state)
        seen = round((state.at + self._rng.uniform(1, 20)) * 1000)
        delivered = seen + self._rng.randrange(900, 1900)
        self._written += 1
        signals = [self._signal(name, errors.get(name), seen) for name in self._car.signals]
        values |= {
            "event_id": new_id(self._rng),
            "recorded_at": recorded_at(delivered / 1000 + 0.5),
            "delivery_id": new_id(self._rng),
            "delivered_at": delivered,
            "signal_count": len(signals),
            "signals": signals,
            "triggers": [{"type": "SIGNAL_UPDATED", "signal": self._headings[name]} for name in triggers],
        }
        item = _filled(templates().item, values)
        return delivered / 1000 + 0.5, {name: value for name, value in item.items() if value is not None}

    def _look(self, values: Mapping[str, Any], at: float) -> list[str]:
        """Remember the changed bodies, and return those of them that trigger an event."""
        triggers = []
        for name in self._car.signals:
            body = _filled(templates().signals[name], values)
            if name not in self._last or self._last[name][0] != body:
                self._last[name] = body, round(at * 1000)
                triggers += [name] if name in templates().triggers else []
        return triggers

    def _errors(self, state: State) -> dict[str, Error]:
        errors: dict[str, Error] = {}
        if self._rng.random() < 0.01:
            name = self._rng.choice(self._car.signals)
            errors |= {} if name in templates().common else {name: self._rng.choice(_PASSING)}
        if self._car.make.idle_errors and state.act != "charging":
            errors |= dict.fromkeys(templates().while_charging, ("VEHICLE_STATE", "NOT_CHARGING"))
        if self._denied[0] <= state.at < self._denied[1]:
            errors |= dict.fromkeys(templates().personal, ("PERMISSION", None))
        return errors | dict.fromkeys(self._car.lacks, ("COMPATIBILITY", "VEHICLE_NOT_CAPABLE"))

    def _signal(self, name: str, error: Error | None, seen: int) -> Item:
        if error:
            status = {"value": "ERROR", "error": {"type": error[0], "code": error[1]}}
            return {**self._headings[name], "status": status}
        body, updated = self._last[name]
        stamps = (0, 0) if name in templates().without_stamps else (seen, updated)
        return {
            **self._headings[name],
            "body": json.dumps(body) if self._written % 20 == 7 else body,
            "meta": {"retrievedAt": stamps[0], "oemUpdatedAt": stamps[1]},
            **({"status": {"value": "SUCCESS"}} if seen / 1000 >= STATUS_SINCE else {}),
        }


def _filled(template: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(template, dict):
        return {name: _filled(value, values) for name, value in template.items()}
    return values[template[1:]] if isinstance(template, str) and template[:1] == "$" else template


def recorded_at(at: float) -> str:
    """Format a time, in seconds since 1970 UTC, as the app does."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _heading(signal: str) -> dict[str, str]:
    group, name = signal.split(".")
    return {"name": name, "code": f"{group}-{name}".lower(), "group": group}


def _values(car: Car, state: State) -> dict[str, Any]:
    """Return the values of the templates' `$name`, except those that never change."""
    make, is_driving = car.make, state.act == "driving"
    km, units = (_MILE, ("miles", "mph")) if make.imperial else (1.0, ("km", "kph"))
    volts = 231 * (3 if make.ac_kw > 7.4 else 1) if state.kw else 0
    return {
        **dict(zip(("distance_unit", "speed_unit"), units, strict=True)),
        "soc": round(state.soc),
        "odometer": _number(state.odometer_km / km, make.decimals),
        "range": round(state.soc / make.kwh_per_100_km * make.kwh / km),
        "speed": round(state.speed / km),
        "gear": "DRIVE" if is_driving else "PARK",
        "latitude": _number(state.latitude, 6),
        "longitude": _number(state.longitude, 6),
        "is_at_home": state.place == "home",
        "is_driving": is_driving,
        "is_locked": not is_driving,
        "is_asleep": state.act == "asleep",
        "is_online": not (state.act == "asleep" and make.idle_errors),
        "is_charging": state.act == "charging",
        "is_plugged": state.is_plugged,
        "charging_status": "CHARGING" if state.kw else "NOT_CHARGING",
        "watts": round(state.kw * 1000),
        "volts": volts,
        "amperes": _number(state.kw * 1000 / volts, 1) if volts else 0,
        "km_per_hour": round(state.kw / make.kwh_per_100_km * 100),
        "minutes_left": state.minutes_left,
        "energy_added": _number(state.charges[-1].kwh, 2) if state.charges else 0,
    }


def _number(value: float, decimals: int) -> float | int:
    """Round like DynamoDB, without trailing zeros."""
    number = round(value, decimals)
    return int(number) if number == int(number) else number
