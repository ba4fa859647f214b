"""The fleet's makes and cars: what never changes about them. `templates.json` has the makes and each signal's body."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

COMMON = (
    "TractionBattery.StateOfCharge",
    "TractionBattery.Range",
    "Charge.IsCharging",
    "Charge.IsChargingCableConnected",
    "Charge.ChargeLimits",
    "Odometer.TraveledDistance",
    "Closure.IsLocked",
    "ConnectivityStatus.IsOnline",
    "Location.PreciseLocation",
)
"""Signals, as `Group.Name`, that every car of the fleet sends."""

_FEWEST, _MOST = 13, 30
_HOMES = (
    (52.374, 4.897, "Europe/Amsterdam"),
    (59.914, 10.752, "Europe/Oslo"),
    (64.147, -21.943, None),
    (45.464, 9.190, "Europe/Rome"),
    (37.775, -122.419, "America/Los_Angeles"),
    (41.878, -87.630, "America/Chicago"),
)
"""Latitude, longitude, and the `car_timezone` that is stored: in Iceland, where it is UTC, none."""


@dataclass(frozen=True, slots=True)
class Make:
    """What a model can do. Energy in kWh, power in kW; `dc_kw` is 0 without fast charging.

    `reports` are patterns of the signals beyond `COMMON` that it can send, `lacks` the signals that it answers with
    VEHICLE_NOT_CAPABLE. `idle_errors`: while nothing charges, the charging signals are errors and not zeros.
    """

    make: str
    model: str
    years: Sequence[int]
    vin: str
    kwh: float
    kwh_per_100_km: float
    ac_kw: float
    trim: str
    reports: Sequence[str]
    lacks: Sequence[str]
    dc_kw: float = 0.0
    imperial: bool = False
    decimals: int = 0
    idle_errors: bool = False

    def extras(self) -> list[str]:
        """Return the signals beyond `COMMON` that its cars can send."""
        known = [name for name in templates().signals if name not in {*COMMON, *self.lacks}]
        return [name for name in known if any(fnmatchcase(name, pattern) for pattern in self.reports)]


@dataclass(frozen=True, slots=True)
class Car:
    """One car. Its place in the fleet, `index`, says what befalls it: see `rehearsal.fleet.script`.

    `latitude` and `longitude` are those of its home. `limit` is the charge limit and `plug_below` the level under
    which it is plugged in, both in percent; `night_rate`: charging waits for 22:00. `signals` are what its events
    carry, `lacks` those among them that are always an error.
    """

    index: int
    make: Make
    year: int
    vehicle_id: str
    user_id: str
    vin: str
    latitude: float
    longitude: float
    timezone: str | None
    limit: int
    plug_below: float
    night_rate: bool
    commute_km: float
    signals: tuple[str, ...]
    lacks: tuple[str, ...]

    @property
    def zone(self) -> ZoneInfo:
        """The time by which it lives."""
        return ZoneInfo(self.timezone or "UTC")


def seeded(*parts: object) -> Random:
    """Return a generator of its own for each combination of parts."""
    return Random(":".join(map(str, parts)))  # noqa: S311 - made-up data has to be repeatable, not secret


def new_id(rng: Random) -> str:
    """Return a random UUID as text."""
    return str(UUID(int=rng.getrandbits(128), version=4))


class Templates(NamedTuple):
    """The item, the body of each signal by `Group.Name`, and the makes, in the shapes of recorded events.

    A value `$name` is filled in by `rehearsal.fleet.events`.
    """

    item: dict[str, Any]
    signals: dict[str, dict[str, Any]]
    makes: list[Make]


@cache
def templates() -> Templates:
    """Return what templates.json has."""
    read = json.loads((Path(__file__).parent / "templates.json").read_text("utf-8"))
    return Templates(read["item"], read["signals"], [Make(**make) for make in read["makes"]])


def make_car(index: int, rng: Random) -> Car:
    """Make the car with this place in the fleet; every make comes in turn."""
    make = templates().makes[index % len(templates().makes)]
    latitude, longitude, timezone = rng.choice(_HOMES)
    lacks, extras = tuple(rng.sample(make.lacks, rng.randint(1, len(make.lacks)))), make.extras()
    wanted = rng.randint(_FEWEST, _MOST) - len(COMMON) - len(lacks)
    signals = [*COMMON, *lacks, *rng.sample(extras, min(wanted, len(extras)))]
    return Car(
        index=index,
        make=make,
        year=rng.randint(make.years[0], make.years[1]),
        vehicle_id=new_id(rng),
        user_id=new_id(rng),
        vin=f"{make.vin}{rng.randrange(10**14):014}",
        latitude=round(latitude + rng.uniform(-0.06, 0.06), 5),
        longitude=round(longitude + rng.uniform(-0.08, 0.08), 5),
        timezone=timezone,
        limit=rng.choice((80, 80, 90, 100)),
        plug_below=rng.uniform(55, 75),
        night_rate=rng.random() < 0.5,
        commute_km=round(rng.uniform(8, 45), 1),
        signals=tuple(rng.sample(signals, len(signals))),
        lacks=lacks,
    )
