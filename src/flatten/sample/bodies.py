"""What a car says in the body of each signal, given its state.

Shapes and units: https://smartcar.com/docs/api-reference/signals
"""

from collections.abc import Callable
from typing import Any

from flatten.sample.car import Car, State, rounded
from flatten.sample.models import DIAGNOSTICS

Body = dict[str, Any]
_MILE, _GALLON = 1.609344, 3.785412
_CHARGING_VOLTS = 231


def body_of(signal: str, car: Car, state: State) -> Body:
    """Return the body of a signal, given as `Group.Name`."""
    return _BODIES[signal](car, state)


def _constant(**body: Any) -> Callable[[Car, State], Body]:
    return lambda car, state: body


def _distance(car: Car, km: float) -> Body:
    if car.model.imperial:
        return {"value": rounded(km / _MILE, car.model.decimals), "unit": "miles"}
    return {"value": rounded(km, car.model.decimals), "unit": "km"}


def _temperature(car: Car, celsius: float) -> Body:
    if car.model.imperial:
        return {"value": round(celsius * 9 / 5 + 32), "unit": "fahrenheit"}
    return {"value": rounded(round(celsius * 2) / 2, 1), "unit": "celsius"}


def _range(car: Car, state: State) -> Body:
    km = state.soc / 100 * car.model.capacity / car.model.per_100_km * 100
    return {**_distance(car, round(km)), "type": "DEFAULT", "additionalValues": []}


def _amperes(car: Car, state: State) -> float:
    return rounded(state.power_kw * 1000 / _volts(car, state), 1) if state.power_kw else 0


def _volts(car: Car, state: State) -> int:
    """Return the voltage between which the current flows: of the battery, or of all phases in a row."""
    if not state.charging:
        return 0
    return 360 + round(state.soc / 2) if state.fast else _CHARGING_VOLTS * _phases(car)


def _phases(car: Car) -> int:
    return 3 if car.model.ac_kw > 7.4 else 1


def _charging_status(car: Car, state: State) -> Body:
    full = state.plugged and round(state.soc) >= car.limit
    return {"value": "CHARGING" if state.charging else "FULLY_CHARGED" if full else "NOT_CHARGING"}


def _charge_rate(car: Car, state: State) -> Body:
    return {"value": round(state.power_kw / car.model.per_100_km * 100), "unit": "km/h"}


def _charge_limits(car: Car, state: State) -> Body:
    limits = [{"type": "GLOBAL", "limit": car.limit, "condition": None}] if car.year % 2 else []
    return {"values": limits, "activeLimit": car.limit, "unit": "percent"}


def _charge_timers(car: Car, state: State) -> Body:
    week = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]
    timer = {
        "type": "LOCATION",
        "condition": {"name": "Home", "latitude": car.latitude, "longitude": car.longitude},
        "schedules": [{"start": "22:00:00", "end": "06:00:00", "days": week}],
        "departureTimers": [{"days": week, "time": "07:30:00"}],
        "isOEMOptimizationEnabled": car.night_rate,
    }
    return {"values": [timer] if car.night_rate else []}


def _port_colour(car: Car, state: State) -> Body:
    return {"value": "GREEN" if state.charging else "BLUE" if state.plugged else "ETC"}


def _by_seat(cells: dict[str, Any], extra: dict[str, Any] | None = None) -> Body:
    values = [{"row": row, "column": column, **cells} for row in (0, 1) for column in (0, 1)]
    return {"values": values, "rowCount": 2, "columnCount": 2, **(extra or {})}


def _doors(car: Car, state: State) -> Body:
    return _by_seat({"isOpen": False, "isLocked": state.locked})


def _lid(car: Car, state: State) -> Body:
    return {"isOpen": False, "isLocked": state.locked}


def _tires(car: Car, state: State) -> Body:
    pressure = 250 + car.year % 7 + round(state.outside / 4) + (8 if state.driving else 0)
    cells = [{"row": row, "column": 1 - column, "tirePressure": pressure} for row in (0, 1) for column in (0, 1)]
    return {"values": cells, "rowCount": 2, "columnCount": 2, "unit": "bar"}


def _location(car: Car, state: State) -> Body:
    body = {"latitude": rounded(state.latitude, 6), "longitude": rounded(state.longitude, 6)}
    if car.model.idle_errors:
        return {**body, "locationType": "CURRENT" if state.driving else "LAST_PARKED"}
    points = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
    return {**body, "heading": state.heading, "direction": points[round(state.heading / 45) % 8]}


def _speed(car: Car, state: State) -> Body:
    if car.model.imperial:
        return {"value": round(state.speed / _MILE), "unit": "mph"}
    return {"value": round(state.speed), "unit": "kph"}


def _fuel_left(car: Car, state: State) -> Body:
    if car.model.imperial:
        return {"value": rounded(state.fuel / _GALLON, 1), "unit": "gallons"}
    return {"value": rounded(state.fuel, 1), "unit": "liters"}


def _fuel_range(car: Car, state: State) -> Body:
    return _distance(car, state.fuel / (car.model.litres_per_100_km or 7) * 100)


def _fuel_level(car: Car, state: State) -> Body:
    return {"value": round(state.fuel / (car.model.tank or 1) * 100), "unit": "percent"}


def _capacity(car: Car, state: State) -> Body:
    choice = {"capacity": car.model.capacity, "description": None}
    return {
        "capacity": car.model.capacity,
        "availableCapacities": [choice],
        "source": "SMARTCAR",
        "unit": "kWh",
    }


def _service(car: Car, state: State) -> Body:
    visit = {
        "id": f"SVC-{car.year + 1}-001",
        "time": f"{car.year + 1}-03-15T14:30:00Z",
        "odometer": 1_500,
        "cost": {"amount": 180, "currency": "EUR"},
        "tasks": [{"id": "TSK-001", "description": "Cabin filter"}],
        "details": [],
    }
    return {"values": [visit]}


def _diagnosis(name: str) -> Callable[[Car, State], Body]:
    def read(car: Car, state: State) -> Body:
        alert = car.alert == name
        return {
            "status": "ALERT" if alert else "OK",
            "description": "Have it checked soon" if alert else None,
        }

    return read


def _trouble_codes(car: Car, state: State) -> Body:
    code = {"code": "P0A1F", "timestamp": f"{car.year + 1}-05-02T08:00:00Z"}
    return {"values": [code] if car.alert else []}


_BODIES: dict[str, Callable[[Car, State], Body]] = {
    "Charge.Amperage": lambda car, state: {"value": _amperes(car, state), "unit": "ampere"},
    "Charge.AmperageMax": lambda car, state: {"value": 16 if _phases(car) == 3 else 32, "unit": "ampere"},
    "Charge.AmperageRequested": lambda car, state: {
        "value": 16 if _phases(car) == 3 else 32,
        "unit": "ampere",
    },
    "Charge.ChargeLimits": _charge_limits,
    "Charge.ChargePortStatusColor": _port_colour,
    "Charge.ChargeRate": _charge_rate,
    "Charge.ChargeRecords": lambda car, state: {"values": state.sessions},
    "Charge.ChargeTimers": _charge_timers,
    "Charge.ChargerPhases": lambda car, state: {"value": _phases(car) if state.charging and not state.fast else 0},
    "Charge.ChargingConnectorType": lambda car, state: {"value": "CCS" if state.fast else "TYPE2"},
    "Charge.DetailedChargingStatus": _charging_status,
    "Charge.EnergyAdded": lambda car, state: {"value": rounded(state.energy_added, 2), "unit": "kWh"},
    "Charge.FastChargerType": lambda car, state: {"value": "CCS" if state.fast else "NONE"},
    "Charge.IsCharging": lambda car, state: {"value": state.charging},
    "Charge.IsChargingCableConnected": lambda car, state: {"value": state.plugged},
    "Charge.IsChargingCableLatched": lambda car, state: {"value": state.plugged},
    "Charge.IsChargingPortFlapOpen": lambda car, state: {"value": state.plugged},
    "Charge.IsFastChargerPresent": lambda car, state: {"value": state.fast},
    "Charge.TimeToComplete": lambda car, state: {"value": state.minutes_left},
    "Charge.Voltage": lambda car, state: {"value": _volts(car, state), "unit": "volts"},
    "Charge.Wattage": lambda car, state: {"value": round(state.power_kw * 1000), "unit": "watts"},
    "Climate.ExternalTemperature": lambda car, state: _temperature(car, state.outside),
    "Climate.InternalTemperature": lambda car, state: _temperature(car, state.cabin),
    "Closure.Doors": _doors,
    "Closure.EngineCover": _constant(isOpen=False),
    "Closure.FrontTrunk": _constant(isLocked=None, isOpen=False),
    "Closure.IsLocked": lambda car, state: {"value": state.locked},
    "Closure.RearTrunk": _lid,
    "Closure.Sunroof": lambda car, state: {"isOpen": False if car.year % 2 else None},
    "Closure.Tailgate": _lid,
    "Closure.Windows": lambda car, state: _by_seat({"isOpen": False}),
    "ConnectivitySoftware.CurrentFirmwareVersion": lambda car, state: {"value": car.firmware},
    "ConnectivityStatus.IsAsleep": lambda car, state: {"value": state.asleep},
    "ConnectivityStatus.IsDigitalKeyPaired": lambda car, state: {"value": car.year > 2022},
    "ConnectivityStatus.IsOnline": lambda car, state: {"value": not (state.asleep and car.model.idle_errors)},
    "Diagnostics.DTCCount": lambda car, state: {"value": 1 if car.alert else 0, "unit": "count"},
    "Diagnostics.DTCList": _trouble_codes,
    "HVAC.CabinTargetTemperature": lambda car, state: _temperature(car, 21.0),
    "HVAC.IsCabinHVACActive": lambda car, state: {"value": state.driving},
    "HVAC.IsFrontDefrosterActive": lambda car, state: {"value": state.driving and state.outside < 3},
    "HVAC.IsRearDefrosterActive": lambda car, state: {"value": state.driving and state.outside < 1},
    "HVAC.IsSteeringHeaterActive": lambda car, state: {"value": state.driving and state.outside < 5},
    "InternalCombustionEngine.AmountRemaining": _fuel_left,
    "InternalCombustionEngine.FuelLevel": _fuel_level,
    "InternalCombustionEngine.OilLife": lambda car, state: {"value": 60 + car.year % 30, "unit": "percent"},
    "InternalCombustionEngine.Range": _fuel_range,
    "Location.IsAtHome": lambda car, state: {"value": state.place == "home"},
    "Location.PreciseLocation": _location,
    "LowVoltageBattery.StateOfCharge": lambda car, state: {
        "value": 90 if state.driving else 82,
        "unit": "percent",
    },
    "LowVoltageBattery.Status": _constant(value="GOOD"),
    "Motion.CurrentSpeed": _speed,
    "Odometer.TraveledDistance": lambda car, state: _distance(car, state.odometer_km),
    "Service.IsInService": _constant(value=False),
    "Service.Records": _service,
    "Surveillance.Brand": _constant(value="Sentry Mode"),
    "Surveillance.IsEnabled": lambda car, state: {"value": not state.driving and state.place != "home"},
    "TractionBattery.IsHeaterActive": lambda car, state: {"value": state.fast and state.outside < 8},
    "TractionBattery.MaxRangeChargeCounter": lambda car, state: {"value": 0 if car.limit < 100 else car.year % 9},
    "TractionBattery.NominalCapacity": _capacity,
    "TractionBattery.Range": _range,
    "TractionBattery.StateOfCharge": lambda car, state: {"value": round(state.soc), "unit": "percent"},
    "Transmission.DriveMode": _constant(canonical="NORMAL", oemDisplayName="Comfort"),
    "Transmission.GearState": lambda car, state: {"value": "DRIVE" if state.driving else "PARK"},
    "VehicleIdentification.ExteriorColor": lambda car, state: {"value": car.colour},
    "VehicleIdentification.Nickname": lambda car, state: {"value": car.nickname},
    "VehicleIdentification.Packages": _constant(values=["Pilot", "Plus"]),
    "VehicleIdentification.Trim": lambda car, state: {"value": car.model.trim},
    "VehicleIdentification.VIN": lambda car, state: {"value": car.vin},
    "VehicleUserAccount.Permissions": _constant(values=["vehicle_cmds", "vehicle_device_data"]),
    "VehicleUserAccount.Role": _constant(value="Driver"),
    "Wheel.Style": _constant(value="Pinwheel18"),
    "Wheel.Tires": _tires,
    **{f"Diagnostics.{name}": _diagnosis(name) for name in DIAGNOSTICS},
}

SIGNALS = tuple(_BODIES)
"""Every signal that a car can send, as `Group.Name`."""
