"""One car of the fleet: what never changes about it, and its state at a moment."""

from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from flatten.sample.models import CITIES, COLOURS, COMMON, DIAGNOSTICS, MODELS, Model

NOT_CAPABLE = ("COMPATIBILITY", "VEHICLE_NOT_CAPABLE")
NO_PERMISSION = ("PERMISSION", None)

_FEWEST, _MOST = 13, 30
_MAY_BE_DENIED = (
    "Location.PreciseLocation",
    "VehicleIdentification.VIN",
    "Closure.IsLocked",
    "Location.IsAtHome",
)
_VIN_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def seeded(*parts: object) -> Random:
    """Return a generator of its own for each combination of parts: the sample's numbers are no secrets."""
    return Random(":".join(map(str, parts)))  # noqa: S311 - a sample has to be repeatable, not secret


def new_id(rng: Random) -> str:
    """Return a random UUID as text."""
    return str(UUID(int=rng.getrandbits(128), version=4))


def rounded(value: float, decimals: int) -> float | int:
    """Round as DynamoDB keeps a number: without zeros at its end."""
    number = round(value, decimals)
    return int(number) if number == int(number) else number


@dataclass(frozen=True, slots=True)
class Car:
    """Latitude and longitude are those of the place where it is at home, in degrees.

    `subscribed` are the signals that its events carry, in the order in which they do; `errors` the lasting
    errors among them, as (type, code); `limit` the charge limit in percent, `plug_below` the level in percent
    under which it is plugged in at home; `night_rate`: charging waits for 22:00; `alert` the Diagnostics name
    that is on alert.
    """

    model: Model
    year: int
    vehicle_id: str
    user_id: str
    vin: str
    colour: str
    nickname: str
    firmware: str
    latitude: float
    longitude: float
    utc_offset: int
    limit: int
    plug_below: float
    night_rate: bool
    alert: str
    commute_km: float
    subscribed: tuple[str, ...]
    errors: dict[str, tuple[str, str | None]]

    def reports(self, signal: str) -> bool:
        """Say whether events of this car carry a body for a signal, given as `Group.Name`."""
        return signal in self.subscribed and signal not in self.errors


@dataclass(slots=True)
class State:
    """A car at a moment. `at` in seconds since 1970 UTC, `soc` in percent, temperatures in celsius.

    `minutes_left` and `energy_added` (kWh) belong to the charging session; `sessions` are the finished ones.
    """

    at: float
    soc: float
    odometer_km: float
    latitude: float
    longitude: float
    fuel: float
    place: str = "home"
    heading: int = 0
    speed: float = 0.0
    driving: bool = False
    plugged: bool = False
    charging: bool = False
    fast: bool = False
    locked: bool = True
    asleep: bool = True
    power_kw: float = 0.0
    energy_added: float = 0.0
    minutes_left: int = 0
    outside: float = 10.0
    cabin: float = 12.0
    sessions: list[dict[str, Any]] = field(default_factory=list)


def make_car(index: int, rng: Random) -> Car:
    """Make the car with this place in the fleet; every model comes in turn."""
    model = MODELS[index % len(MODELS)]
    latitude, longitude, utc_offset = rng.choice(CITIES)
    subscribed, errors = _subscription(model, rng)
    year = rng.randint(*model.years)
    return Car(
        model=model,
        year=year,
        vehicle_id=new_id(rng),
        user_id=new_id(rng),
        vin=_vin(model, year, rng),
        colour=rng.choice(COLOURS),
        nickname=model.name.upper(),
        firmware=f"{rng.randint(3, 5)}.{rng.randint(0, 9)}.{rng.randint(1, 40)}",
        latitude=round(latitude + rng.uniform(-0.06, 0.06), 5),
        longitude=round(longitude + rng.uniform(-0.08, 0.08), 5),
        utc_offset=utc_offset,
        limit=rng.choice((80, 80, 90, 100)),
        plug_below=rng.uniform(45, 75),
        night_rate=rng.random() < 0.5,
        alert=rng.choice((*DIAGNOSTICS, "", "")),
        commute_km=round(rng.uniform(8, 45), 1),
        subscribed=subscribed,
        errors=errors,
    )


def _subscription(model: Model, rng: Random) -> tuple[tuple[str, ...], dict[str, tuple[str, str | None]]]:
    lacking = rng.sample(model.lacks, rng.randint(1, len(model.lacks)))
    wanted = rng.randint(_FEWEST, _MOST) - len(COMMON) - len(lacking)
    extras = rng.sample(model.reports, min(wanted, len(model.reports)))
    signals = [*COMMON, *lacking, *extras]
    rng.shuffle(signals)
    errors: dict[str, tuple[str, str | None]] = dict.fromkeys(lacking, NOT_CAPABLE)
    if rng.random() < 0.3:
        errors |= dict.fromkeys((name for name in _MAY_BE_DENIED if name in signals), NO_PERMISSION)
    return tuple(signals), errors


def _vin(model: Model, year: int, rng: Random) -> str:
    letters = "".join(rng.choice(_VIN_LETTERS) for _ in range(5))
    check, code_of_year = rng.randint(0, 9), "KLMNPRS"[year - 2019]
    return f"{model.maker_code}{letters}{check}{code_of_year}{letters[0]}{rng.randint(0, 999_999):06}"
