"""A car's state becomes the item that the app stores for the webhook delivery it got."""

import json
from datetime import UTC, datetime
from random import Random
from typing import Any

from flatten.sample.bodies import Body, body_of
from flatten.sample.car import Car, State, new_id

Item = dict[str, Any]

STATUS_SINCE = datetime(2025, 11, 17, tzinfo=UTC).timestamp() * 1000
"""Milliseconds: from this day on a signal that succeeded says so. https://smartcar.com/docs/changelog/latest"""

_TRIGGERS = frozenset(
    {
        "TractionBattery.StateOfCharge",
        "Charge.IsCharging",
        "Charge.IsChargingCableConnected",
        "Odometer.TraveledDistance",
        "Closure.IsLocked",
        "ConnectivityStatus.IsAsleep",
        "ConnectivityStatus.IsOnline",
        "Climate.ExternalTemperature",
        "InternalCombustionEngine.FuelLevel",
    }
)
_WITHOUT_STAMPS = frozenset(
    {"VehicleIdentification.VIN", "VehicleIdentification.ExteriorColor", "TractionBattery.NominalCapacity"}
)
_WHILE_CHARGING = frozenset({"Charge.TimeToComplete", "Charge.ChargeRate", "Charge.Wattage", "Charge.Voltage"})
_NOTHING: tuple[Body, int] = ({}, 0)
_STAMPS = ("retrievedAt", "oemUpdatedAt")
_NOT_CHARGING = ("VEHICLE_STATE", "NOT_CHARGING")
_PASSING_ERRORS = (("SERVER", "INTERNAL"), ("UPSTREAM", "NO_RESPONSE"), ("RATE_LIMIT", "VEHICLE"))


def text_of(at: float) -> str:
    """Write a time, in seconds since 1970 UTC, as the app writes `recorded_at`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def heading(signal: str) -> dict[str, str]:
    """Return name, code and group of a signal given as `Group.Name`."""
    group, name = signal.split(".")
    return {"name": name, "code": f"{group}-{name}".lower(), "group": group}


class Reporter:
    """Writes the items of one car. A signal keeps its oemUpdatedAt until its body changes."""

    def __init__(self, car: Car, webhook_id: str, rng: Random) -> None:
        self._car, self._webhook_id, self._rng = car, webhook_id, rng
        self._headings = {signal: heading(signal) for signal in car.subscribed}
        self._reported = [name for name in car.subscribed if name not in car.errors]
        self._passing = [name for name in self._reported if name not in _TRIGGERS]
        self._last: dict[str, tuple[Body, int]] = {}
        self._written = 0

    def item(self, state: State) -> Item | None:
        """Return the stored item for this state; None when no trigger's value has changed."""
        fetched = round(state.at * 1000)
        changed = self._look(state, fetched - self._rng.randrange(400, 60_000))
        triggers = [name for name in self._car.subscribed if name in changed and name in _TRIGGERS]
        if not triggers:
            return None
        self._written += 1
        signals = self._signals(state, fetched)
        if self._written % 20 == 7:
            signals = [_with_body_as_text(signal) for signal in signals]
        return self._envelope(signals, triggers, fetched + self._rng.randrange(900, 1900))

    def _look(self, state: State, updated: int) -> set[str]:
        changed = set()
        for name in self._reported:
            body = body_of(name, self._car, state)
            if self._last.get(name, _NOTHING)[0] != body:
                self._last[name] = (body, updated)
                changed.add(name)
        return changed

    def _signals(self, state: State, fetched: int) -> list[dict[str, Any]]:
        errors: dict[str, tuple[str, str | None]] = dict(self._car.errors)
        if self._car.model.idle_errors and not state.charging:
            errors |= dict.fromkeys(_WHILE_CHARGING, _NOT_CHARGING)
        if self._rng.random() < 0.01:
            errors.setdefault(self._rng.choice(self._passing), self._rng.choice(_PASSING_ERRORS))
        seen = fetched + self._rng.randrange(800)
        return [self._signal(name, errors.get(name), seen) for name in self._car.subscribed]

    def _signal(self, name: str, error: tuple[str, str | None] | None, seen: int) -> dict[str, Any]:
        if error:
            status = {"value": "ERROR", "error": {"type": error[0], "code": error[1]}}
            return {**self._headings[name], "status": status}
        body, updated = self._last[name]
        stamps = (0, 0) if name in _WITHOUT_STAMPS else (seen, updated)
        signal = {**self._headings[name], "body": body, "meta": dict(zip(_STAMPS, stamps, strict=True))}
        if seen >= STATUS_SINCE:
            signal["status"] = {"value": "SUCCESS"}
        return signal

    def _envelope(self, signals: list[dict[str, Any]], triggers: list[str], delivered: int) -> Item:
        car = self._car
        return {
            "event_id": new_id(self._rng),
            "recorded_at": text_of(delivered / 1000 + 0.5),
            "record_type": "ALL",
            "smartcar_user_id": car.user_id,
            "meta": {
                "version": "4.0",
                "mode": "LIVE",
                "deliveryId": new_id(self._rng),
                "deliveredAt": delivered,
                "webhookId": self._webhook_id,
                "webhookName": "Fleet",
                "signalCount": len(signals),
            },
            "user": {"id": car.user_id},
            "vehicle": {
                "id": car.vehicle_id,
                "make": car.model.make,
                "model": car.model.name,
                "year": car.year,
            },
            "triggers": [{"type": "SIGNAL_UPDATED", "signal": self._headings[name]} for name in triggers],
            "signals": signals,
        }


def _with_body_as_text(signal: dict[str, Any]) -> dict[str, Any]:
    return {**signal, "body": json.dumps(signal["body"])} if "body" in signal else signal
