"""What every car did, as plain data: views of the table are tested against it."""

import json
from typing import Any

from rehearsal.fleet.events import Item, StoredEvent

Plain = dict[str, Any]


class Truth:
    """Collects what the cars did up to the last event of each."""

    def __init__(self) -> None:
        self._cars: dict[str, _CarTruth] = {}

    def add(self, event: StoredEvent, kept: Item | None) -> None:
        """Add an event, and its item as its row will show it: None for one that will be deleted.

        Events of a car come in order of time.
        """
        self._cars.setdefault(event.car.vehicle_id, _CarTruth(event)).add(event, kept)

    def as_dict(self) -> dict[str, Plain]:
        """Return the truth by vehicle id. Times are milliseconds since 1970 UTC.

        - `drives`, `charges`: as the car lived them. A start and an end are the oemUpdatedAt of the signals that
          changed then; `end` is None while it goes on. Levels in percent.
        - `days`: days of the car's `timezone`, with the km driven and the kWh charged in them, split at midnight.
        - `silent`: without connection, from the deliveredAt of the event before to that of the event after, None
          when there is none. A car with a connection is never silent for four hours.
        - `rows`: how many of its rows are not deleted. The rest is what these say, in the order in which things
          happened: `latest`, by code, the newest body of each signal with its stamps; `errors`, from the deliveredAt
          of the first event with the error to that of the first one without.
        """
        return {vehicle_id: known.as_dict() for vehicle_id, known in sorted(self._cars.items())}


class _CarTruth:
    def __init__(self, first: StoredEvent) -> None:
        self._last = first
        self._rows = 0
        self._silent: list[Plain] = []
        self._errors: list[Plain] = []
        self._open: dict[str, Plain] = {}
        self._latest: dict[str, Plain] = {}

    def add(self, event: StoredEvent, kept: Item | None) -> None:
        self._last, delivered = event, event.item["meta"]["deliveredAt"]
        if self._silent and self._silent[-1]["to"] is None:
            self._silent[-1]["to"] = delivered
        if event.then_silent:
            self._silent.append({"from": delivered, "to": None})
        if kept is not None:
            self._rows += 1
            for signal in kept["signals"]:
                self._see(signal, delivered)

    def _see(self, signal: Plain, delivered: int) -> None:
        error, known = signal.get("status", {}).get("error"), self._open.get(signal["code"])
        if known and (not error or error != {name: known[name] for name in ("type", "code")}):
            self._open.pop(signal["code"])["to"] = delivered
        if error and signal["code"] not in self._open:
            self._open[signal["code"]] = {"signal": signal["code"], **error, "from": delivered, "to": None}
            self._errors.append(self._open[signal["code"]])
        if body := signal.get("body"):
            body = json.loads(body) if isinstance(body, str) else body
            self._latest[signal["code"]] = {"body": body, **signal["meta"]}

    def as_dict(self) -> Plain:
        car, state = self._last.car, self._last.state
        return {
            "make": car.make.make,
            "model": car.make.model,
            "year": car.year,
            "timezone": car.timezone or "UTC",
            "rows": self._rows,
            "days": {day: {"km": round(km, 3), "kwh": round(kwh, 3)} for day, (km, kwh) in state.days.items()},
            "drives": [_plain(drive._asdict()) for drive in state.drives],
            "charges": [_plain(charge._asdict()) for charge in state.charges],
            "silent": self._silent,
            "errors": self._errors,
            "latest": dict(sorted(self._latest.items())),
        }


def _plain(did: Plain) -> Plain:
    rounded = {name: round(value, 6) if isinstance(value, float) else value for name, value in did.items()}
    return rounded | {name: did[name] and round(did[name] * 1000) for name in ("start", "end")}
