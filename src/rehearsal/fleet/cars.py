"""The fleet's makes and cars, as far as they never change. `templates.json` has the makes and each signal's body."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Make:
    """The capabilities of a model. Energy in kWh, power in kW.

    `reports` are patterns of the signals beyond the common ones that it can send, `lacks` the signals that it answers
    with VEHICLE_NOT_CAPABLE. `idle_errors`: while the car does not charge, its charging signals are errors instead of
    zeros.
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
    imperial: bool = False
    decimals: int = 0
    idle_errors: bool = False

    def extras(self) -> list[str]:
        """Return the signals beyond the common ones that its cars can send."""
        known = [name for name in templates().signals if name not in {*templates().common, *self.lacks}]
        return [name for name in known if any(fnmatchcase(name, pattern) for pattern in self.reports)]


@dataclass(frozen=True, slots=True)
class Car:
    """One car. Its `index` in the fleet decides what happens to it: see `rehearsal.fleet.script`.

    `latitude` and `longitude` are those of its home, `limit` is the charge limit in percent. `signals` are what its
    events carry, `lacks` those among them that are always an error. Cars in Iceland have no stored `timezone`: it is
    UTC.
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
    signals: tuple[str, ...]
    lacks: tuple[str, ...]

    @property
    def zone(self) -> ZoneInfo:
        """Return the car's time zone."""
        return ZoneInfo(self.timezone or "UTC")


def seeded(*parts: object) -> Random:
    """Return a separate random generator for each combination of parts."""
    return Random(":".join(map(str, parts)))  # noqa: S311 - generated data must be repeatable, not secret


def new_id(rng: Random) -> str:
    """Return a random UUID as text."""
    return str(UUID(int=rng.getrandbits(128), version=4))


@dataclass(frozen=True, slots=True)
class Templates:
    """The item, the body of each signal by `Group.Name`, makes and homes, in the shapes of recorded events.

    `rehearsal.fleet.events` fills in a value `$name`. A home is latitude, longitude and time zone. Lists of signals:
    `common` to all cars, `triggers` of an event, those that are errors unless `while_charging`, `without_stamps`, and
    `personal` ones that need a permission. `bad_lines`: kind -> why the job quarantines it, and the line in Latin-1.
    """

    item: dict[str, Any]
    signals: dict[str, dict[str, Any]]
    makes: list[Make]
    homes: list[tuple[float, float, str | None]]
    common: list[str]
    triggers: list[str]
    while_charging: list[str]
    without_stamps: list[str]
    personal: list[str]
    bad_lines: dict[str, tuple[str, str]]


@cache
def templates() -> Templates:
    """Read templates.json."""
    read = json.loads((Path(__file__).parent / "templates.json").read_text("utf-8"))
    return Templates(**{**read, "makes": [Make(**make) for make in read["makes"]]})


def make_car(index: int, rng: Random) -> Car:
    """Make the car with this index; the makes alternate."""
    make = templates().makes[index % len(templates().makes)]
    latitude, longitude, timezone = rng.choice(templates().homes)
    lacks, extras = tuple(rng.sample(make.lacks, rng.randint(1, len(make.lacks)))), make.extras()
    signals = [*templates().common, *lacks, *rng.sample(extras, min(rng.randint(3, 18), len(extras)))]
    return Car(
        index=index,
        make=make,
        year=rng.randint(*make.years),
        vehicle_id=new_id(rng),
        user_id=new_id(rng),
        vin=f"{make.vin}{rng.randrange(10**14):014}",
        latitude=round(latitude + rng.uniform(-0.06, 0.06), 5),
        longitude=round(longitude + rng.uniform(-0.08, 0.08), 5),
        timezone=timezone,
        limit=rng.choice((80, 80, 90, 100)),
        signals=tuple(rng.sample(signals, len(signals))),
        lacks=lacks,
    )
