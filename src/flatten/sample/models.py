"""The fleet's models: how they drive and charge, which signals they report, and the places they live in."""

from dataclasses import dataclass

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

_CHARGING = (
    "Charge.Wattage",
    "Charge.TimeToComplete",
    "Charge.ChargeRate",
    "Charge.DetailedChargingStatus",
    "Charge.EnergyAdded",
    "Charge.Amperage",
    "Charge.AmperageMax",
    "Charge.Voltage",
)
_PLUG = (
    "Charge.AmperageRequested",
    "Charge.ChargerPhases",
    "Charge.ChargingConnectorType",
    "Charge.IsChargingCableLatched",
    "Charge.IsChargingPortFlapOpen",
    "Charge.ChargePortStatusColor",
    "Charge.ChargeTimers",
    "Charge.ChargeRecords",
    "Charge.FastChargerType",
    "Charge.IsFastChargerPresent",
)
_CLIMATE = (
    "Climate.ExternalTemperature",
    "Climate.InternalTemperature",
    "HVAC.CabinTargetTemperature",
    "HVAC.IsCabinHVACActive",
    "HVAC.IsFrontDefrosterActive",
    "HVAC.IsRearDefrosterActive",
    "HVAC.IsSteeringHeaterActive",
)
_CLOSURES = (
    "Closure.Doors",
    "Closure.Windows",
    "Closure.FrontTrunk",
    "Closure.RearTrunk",
    "Closure.EngineCover",
    "Closure.Sunroof",
    "Closure.Tailgate",
)
_IDENTITY = (
    "VehicleIdentification.VIN",
    "VehicleIdentification.Nickname",
    "VehicleIdentification.ExteriorColor",
    "VehicleIdentification.Trim",
    "VehicleIdentification.Packages",
    "TractionBattery.NominalCapacity",
    "Wheel.Style",
)
_CONNECTIVITY = (
    "ConnectivityStatus.IsAsleep",
    "ConnectivityStatus.IsDigitalKeyPaired",
    "ConnectivitySoftware.CurrentFirmwareVersion",
    "VehicleUserAccount.Role",
    "VehicleUserAccount.Permissions",
)
_DRIVING = (
    "Location.IsAtHome",
    "Motion.CurrentSpeed",
    "Transmission.GearState",
    "Transmission.DriveMode",
    "Wheel.Tires",
)
_CARE = (
    "LowVoltageBattery.StateOfCharge",
    "LowVoltageBattery.Status",
    "Service.IsInService",
    "Service.Records",
    "TractionBattery.IsHeaterActive",
    "TractionBattery.MaxRangeChargeCounter",
    "Surveillance.IsEnabled",
    "Surveillance.Brand",
)
_FUEL = (
    "InternalCombustionEngine.FuelLevel",
    "InternalCombustionEngine.AmountRemaining",
    "InternalCombustionEngine.Range",
    "InternalCombustionEngine.OilLife",
)
_ENGINE_DIAGNOSTICS = (
    "Emissions",
    "MIL",
    "OilLife",
    "OilPressure",
    "OilTemperature",
    "Transmission",
    "WaterInFuel",
)
_CAR_DIAGNOSTICS = (
    "ABS",
    "ActiveSafety",
    "Airbag",
    "BrakeFluid",
    "DriverAssistance",
    "EVBatteryConditioning",
    "EVCharging",
    "EVDriveUnit",
    "EVHVBattery",
    "Lighting",
    "Telematics",
    "TirePressure",
    "TirePressureMonitoring",
    "WasherFluid",
)
DIAGNOSTICS = _CAR_DIAGNOSTICS + _ENGINE_DIAGNOSTICS
"""Names of the Diagnostics signals whose body is a status and a description."""

_FAULTS = tuple(f"Diagnostics.{name}" for name in (*_CAR_DIAGNOSTICS, "DTCCount", "DTCList"))
_ENGINE = _FUEL + tuple(f"Diagnostics.{name}" for name in _ENGINE_DIAGNOSTICS)


@dataclass(frozen=True, slots=True)
class Model:
    """What one model can do. Energy in kWh, power in kW, distances in km, fuel in litres.

    `dc_kw` is 0 without fast charging, `tank` 0 without an engine. `reports` are the signals beyond `COMMON`
    that it can send, `lacks` those that it answers with VEHICLE_NOT_CAPABLE. `idle_errors`: while nothing
    charges, the charging signals are errors (VEHICLE_STATE/NOT_CHARGING) and not zeros.
    """

    make: str
    name: str
    maker_code: str
    years: tuple[int, int]
    capacity: float
    per_100_km: float
    ac_kw: float
    dc_kw: float
    reports: tuple[str, ...]
    lacks: tuple[str, ...]
    trim: str
    tank: float = 0.0
    litres_per_100_km: float = 0.0
    imperial: bool = False
    decimals: int = 0
    idle_errors: bool = False


MODELS = (
    Model(
        "VOLKSWAGEN", "ID.4", "WVW", (2021, 2024), 77, 18.5, 11, 135,
        _CHARGING + _CLIMATE + _CLOSURES[:4] + _CONNECTIVITY + _DRIVING[:2] + _IDENTITY[:3],
        ("InternalCombustionEngine.FuelLevel", "Wheel.Tires", "Surveillance.IsEnabled"), "Pro Performance",
        idle_errors=True,
    ),
    Model(
        "TESLA", "Model 3", "5YJ", (2019, 2024), 75, 15.5, 11, 170,
        _CHARGING + _PLUG + _CLIMATE + _CLOSURES[:4] + _CONNECTIVITY + _DRIVING + _IDENTITY + _CARE,
        ("InternalCombustionEngine.FuelLevel", "Diagnostics.DTCCount"), "Long Range AWD", decimals=3,
    ),
    Model(
        "TOYOTA", "RAV4 PRIME XSE AWD SUV", "JTM", (2021, 2024), 18.1, 20.0, 6.6, 0,
        _CHARGING[:4] + _CLOSURES + _DRIVING[:2] + _IDENTITY[:2] + _ENGINE + _FAULTS,
        ("Charge.Voltage", "Climate.InternalTemperature"), "XSE", 55, 6.5, decimals=2,
    ),
    Model(
        "BYD", "Seal U Dm-i", "LGX", (2024, 2025), 18.3, 19.0, 7, 0,
        _CHARGING[:3] + _CONNECTIVITY[:2] + _IDENTITY[1:3] + _CLIMATE[:2] + _CLOSURES[:2] + _FUEL + _CARE[:2],
        ("VehicleUserAccount.Role", "VehicleUserAccount.Permissions", "Wheel.Style"), "Boost", 60, 6.9,
    ),
    Model(
        "Hyundai", "IONIQ 5", "KMH", (2022, 2025), 77.4, 17.5, 11, 220,
        _CHARGING + _PLUG[:8] + _CLIMATE + _CLOSURES + _DRIVING + _CARE[:6] + _FAULTS,
        ("InternalCombustionEngine.OilLife", "Surveillance.Brand"), "Techniq", decimals=1,
    ),
    Model(
        "POLESTAR", "Polestar 2", "LPS", (2021, 2024), 78, 18.0, 11, 150,
        _CHARGING + _CLIMATE[:4] + _CLOSURES + _IDENTITY + _CONNECTIVITY[:3] + _CARE[:4],
        ("Location.IsAtHome", "InternalCombustionEngine.Range"), "Long range Dual motor", idle_errors=True,
    ),
    Model(
        "FORD", "Mustang Mach-E", "3FM", (2021, 2024), 88, 19.5, 10.5, 120,
        _CHARGING + _PLUG[:6] + _CLIMATE[:3] + _DRIVING + _CARE[:4] + _FAULTS,
        ("Closure.Sunroof", "Charge.ChargerPhases"), "Premium", imperial=True, decimals=1,
    ),
    Model(
        "KIA", "Niro EV", "KND", (2022, 2025), 64.8, 16.5, 11, 75,
        _CHARGING + _PLUG[:4] + _CLIMATE + _CLOSURES[:4] + _IDENTITY[:5] + _DRIVING[:4],
        ("ConnectivitySoftware.CurrentFirmwareVersion", "Closure.Tailgate"), "Wind", idle_errors=True,
    ),
)  # fmt: skip

COLOURS = ("Space", "Glacier White", "Deep Blue Metallic", "Midnight Silver", "Magnesium", "Multi-Coat Red")

CITIES = (
    (52.374, 4.897, 1),
    (59.914, 10.752, 1),
    (52.520, 13.405, 1),
    (48.857, 2.352, 1),
    (45.464, 9.190, 1),
    (51.508, -0.128, 0),
    (40.417, -3.704, 1),
    (37.775, -122.419, -8),
    (41.878, -87.630, -6),
)
"""Latitude, longitude, and hours ahead of UTC in winter."""
