"""Collect what every car did, as plain data; views of the table are tested against it."""

import json
from typing import Any

from rehearsal.fleet.events import Item, StoredEvent

Plain = dict[str, Any]


class Truth:
    """What the cars did up to the last event of each.

    By vehicle id; times are milliseconds since 1970 UTC.

    - `drives`, `charges`: as they happened. A start and an end are the oemUpdatedAt of the signals that changed then;
      `end` is None while it continues. Levels in percent.
    - `days`: days of the car's `timezone`, with the km driven and the kWh charged in them, split at midnight.
    - `silent`: without connection, from the deliveredAt of the event before to that of the event after, None if there
      is no event after. A connected car is never silent for four hours.
    - `rows`: how many of its rows are not deleted. The rest follows from these rows, in the order of time: `latest`, by
      code, the newest body of each signal with its stamps; `errors`, from the deliveredAt of the first event with the
      error to that of the first one without.
    """

    def __init__(self) -> None:
        self._cars: dict[str, Plain] = {}
        self._open: dict[tuple[str, str], Plain] = {}

    def add(self, event: StoredEvent, kept: Item | None) -> None:
        """Add an event, and its item as its row will show it: None for one that will be deleted.

        Events of a car must be added in order of time.
        """
        car = self._cars.setdefault(event.car.vehicle_id, _first(event))
        delivered, state = event.item["meta"]["deliveredAt"], event.state
        car["days"] = {day: {"km": round(km, 3), "kwh": round(kwh, 3)} for day, (km, kwh) in state.days.items()}
        car["drives"], car["charges"] = state.drives, state.charges
        if car["silent"] and car["silent"][-1]["to"] is None:
            car["silent"][-1]["to"] = delivered
        if event.then_silent:
            car["silent"].append({"from": delivered, "to": None})
        if kept is not None:
            car["rows"] += 1
            for signal in kept["signals"]:
                self._see(event.car.vehicle_id, signal, delivered)

    def _see(self, vehicle_id: str, signal: Plain, delivered: int) -> None:
        car, key = self._cars[vehicle_id], (vehicle_id, signal["code"])
        error, known = signal.get("status", {}).get("error"), self._open.get(key)
        if known and (not error or error != {name: known[name] for name in ("type", "code")}):
            self._open.pop(key)["to"] = delivered
        if error and key not in self._open:
            self._open[key] = {"signal": signal["code"], **error, "from": delivered, "to": None}
            car["errors"].append(self._open[key])
        if body := signal.get("body"):
            body = json.loads(body) if isinstance(body, str) else body
            car["latest"][signal["code"]] = {"body": body, **signal["meta"]}

    def as_dict(self) -> dict[str, Plain]:
        """Return the truth by vehicle id."""
        return {vehicle_id: _plain(car) for vehicle_id, car in sorted(self._cars.items())}


def _first(event: StoredEvent) -> Plain:
    car = event.car
    known = {"make": car.make.make, "model": car.make.model, "year": car.year, "timezone": car.timezone or "UTC"}
    return {**known, "rows": 0, "silent": [], "errors": [], "latest": {}}


def _plain(car: Plain) -> Plain:
    did = {name: [_rounded(each._asdict()) for each in car[name]] for name in ("drives", "charges")}
    return {**car, **did, "latest": dict(sorted(car["latest"].items()))}


def _rounded(did: Plain) -> Plain:
    rounded = {name: round(value, 6) if isinstance(value, float) else value for name, value in did.items()}
    return rounded | {name: did[name] and round(did[name] * 1000) for name in ("start", "end")}
