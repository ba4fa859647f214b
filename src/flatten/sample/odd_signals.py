"""Signals in the odd forms in which real deliveries have them, by kind. tests/events shows each by itself.

https://smartcar.com/docs/api-reference/webhooks/events/vehicle-state
"""

from collections.abc import Mapping
from typing import Any

from flatten.sample.items import heading

Signal = dict[str, Any]

_ABSENT: Any = object()
_SUCCESS = {"value": "SUCCESS"}
_FRESH: dict[str, Any] = {}


def signals_of(kind: str, at: int) -> list[Signal]:
    """Return the signals of one kind of oddity for an event at this time, in milliseconds since 1970 UTC."""
    stamps = {"retrievedAt": at - 300, "oemUpdatedAt": at - 4_000}
    signals = [*ODD_SIGNALS.get(kind, ()), *(_dated(at)[kind] if kind in DATED_KINDS else ())]
    return [{**signal, "meta": stamps} if signal.get("meta") is _FRESH else signal for signal in signals]


def _signal(signal: str, /, body: Any = _ABSENT, meta: Any = _FRESH, status: Any = _SUCCESS, **outer: Any) -> Signal:
    parts = {"body": body, "meta": meta, "status": status, **outer}
    return {key: part for key, part in (heading(signal) | parts).items() if part is not _ABSENT}


def _error(kind: str, code: str | None, **more: Any) -> dict[str, Any]:
    return {"value": "ERROR", "error": {"type": kind, "code": code, **more}}


_STATION = {
    "name": "Home",
    "address": "1 Harbour Road",
    "latitude": 90,
    "longitude": -0.5,
    "connectorType": "CCS",
}

ODD_SIGNALS: Mapping[str, tuple[Signal, ...]] = {
    "diagnostics_with_a_status_of_its_own": (
        _signal("Diagnostics.ABS", {"status": "ALERT", "description": "Sensor front left"}),
    ),
    "name_of_another_signal": (
        _signal("InternalCombustionEngine.Range", {"value": 239}, name="FuelLevel"),
        _signal("InternalCombustionEngine.FuelLevel", {"value": 65, "unit": "percent"}),
    ),
    "code_twice": (
        _signal("Charge.Voltage", {"value": 228, "unit": "volts"}),
        _signal("Charge.Voltage", {"value": 231, "unit": "volts"}),
    ),
    "name_and_group_swapped": (_signal("Closure.IsLocked", {"value": True}, name="Closure", group="IsLocked"),),
    "name_in_camel_case": (_signal("Charge.IsFastChargerPresent", {"value": False}, name="isFastChargerPresent"),),
    "same_name_in_two_groups": (
        _signal("LowVoltageBattery.StateOfCharge", {"value": 81.5, "unit": "percent"}),
        _signal("InternalCombustionEngine.Range", {"value": 410, "unit": "km"}),
    ),
    "status_absent": (_signal("Closure.RearTrunk", {"isOpen": False, "isLocked": True}, status=_ABSENT),),
    "status_unavailable": (_signal("Motion.CurrentSpeed", meta=_ABSENT, status={"value": "UNAVAILABLE"}),),
    "error_with_value": (
        _signal("Charge.TimeToComplete", {"value": 40}, status=_error("COMPATIBILITY", "VEHICLE_NOT_CAPABLE")),
    ),
    "error_with_null_value": (
        _signal(
            "Charge.ChargeRate",
            {"value": None, "unit": "km/h"},
            status=_error("VEHICLE_STATE", "NOT_CHARGING", title="Not charging", resolution={"type": None}),
        ),
    ),
    "error_without_code": (_signal("Location.PreciseLocation", meta=_ABSENT, status=_error("PERMISSION", None)),),
    "error_without_details": (_signal("Location.IsAtHome", meta=_ABSENT, status={"value": "ERROR"}),),
    "signal_meta_absent": (_signal("HVAC.IsCabinHVACActive", {"value": True}, meta=_ABSENT),),
    "signal_meta_empty": (_signal("Charge.IsChargingCableLatched", {"value": False}, meta={}),),
    "stamps_zero": (
        _signal("VehicleIdentification.ExteriorColor", {"value": "Space"}, {"oemUpdatedAt": 0, "retrievedAt": 0}),
    ),
    "body_absent": (_signal("Surveillance.Brand"),),
    "body_empty": (_signal("Closure.EngineCover", {}),),
    "body_null": (_signal("Wheel.Style", None),),
    "body_as_text": (_signal("Charge.Amperage", '{"value": 7, "unit": "ampere"}'),),
    "body_text_not_an_object": (_signal("Charge.AmperageMax", "[16]"),),
    "body_text_nan": (_signal("Charge.AmperageRequested", '{"value": NaN, "unit": "ampere"}'),),
    "body_text_broken": (_signal("LowVoltageBattery.Status", '{"value": "GO'),),
    "body_text_with_a_neighbour": (_signal("Transmission.GearState", '{"value":"PARK"},"odometer":{"value":1}'),),
    "values_as_object": (
        _signal("Charge.ChargeLimits", {"values": {"activeLimit": 80, "values": []}, "unit": "percent"}),
    ),
    "doors_instead_of_values": (
        _signal("Closure.Doors", {"doors": [{"row": 0, "column": 0, "isOpen": False}], "rowCount": 1}),
    ),
    "null_leaves": (_signal("Closure.Sunroof", {"isOpen": None}),),
    "location_in_full": (
        _signal(
            "Location.PreciseLocation",
            {
                "latitude": 52.1,
                "longitude": 4.3,
                "heading": 45.3,
                "direction": "NE",
                "locationType": "LAST_PARKED",
            },
        ),
    ),
    "tire_without_reading": (
        _signal(
            "Wheel.Tires",
            {
                "values": [
                    {"row": 0, "column": 1, "tirePressure": 699.9},
                    {"row": 0, "column": 0, "tirePressure": 258},
                ],
                "rowCount": 2,
                "columnCount": 2,
                "unit": "bar",
            },
        ),
    ),
    "misspelt_key": (
        _signal("TractionBattery.NominalCapacity", {"capacity": 77.4, "availbableCapacities": [], "unit": "kWh"}),
    ),
    "nested_two_deep": (
        _signal(
            "Charge.ChargeLimits",
            {"values": [{"type": "LOCATION", "limit": 90, "condition": _STATION}], "activeLimit": 90},
        ),
    ),
    "number_as_text": (_signal("Charge.Wattage", {"value": "4683", "unit": "watts"}),),
    "number_for_boolean": (_signal("Surveillance.IsEnabled", {"value": 1}),),
    "boolean_for_number": (_signal("Diagnostics.DTCCount", {"value": True, "unit": "count"}),),
    "number_for_text": (_signal("Charge.ChargePortStatusColor", {"value": 7}),),
    "object_for_text": (_signal("Charge.FastChargerType", {"value": {"name": "CCS", "maxPower": 150.50}}),),
    "dynamodb_wrapper": (_signal("Charge.EnergyAdded", {"value": {"N": "7.25"}, "unit": {"S": "kWh"}}),),
    "number_of_38_digits": (
        _signal("Charge.EnergyAdded", {"value": 12345678901234567890123456789012345678, "unit": "kWh"}),
    ),
    "digits_in_text": (_signal("ConnectivitySoftware.CurrentFirmwareVersion", {"value": "4.20"}),),
    "unit_absent": (_signal("InternalCombustionEngine.Range", {"value": 239}),),
    "other_units": (_signal("Climate.ExternalTemperature", {"value": 68, "unit": "fahrenheit"}),),
    "fraction_for_percent": (_signal("InternalCombustionEngine.FuelLevel", {"value": 0.77}),),
    "stale_charging_values": (
        _signal("Charge.TimeToComplete", {"value": 14}),
        _signal("Charge.ChargeRate", {"value": 15, "unit": "km/h"}),
        _signal("Charge.DetailedChargingStatus", {"value": "FULLY_CHARGED"}),
    ),
    "enum_in_lower_case": (
        _signal("Charge.ChargeLimits", {"values": [{"type": "global", "limit": 80}], "activeLimit": 80}),
    ),
    "enum_renamed": (
        _signal(
            "Charge.ChargeLimits",
            {"values": [{"type": "CHARGING_TYPE", "limit": 80, "condition": {"chargingType": "DC"}}]},
        ),
    ),
    "code_unknown": (
        _signal("TractionBattery.IdealRange", {"value": 402, "unit": "km"}),
        _signal("Charge.Records", {"values": []}),
    ),
    "code_absent": (_signal("Charge.ChargerPhases", {"value": 3}, code=_ABSENT),),
    "body_field_unknown": (_signal("Charge.Amperage", {"value": 16, "unit": "ampere", "phase": "L1"}),),
    "hostile_text": (
        _signal(
            "VehicleIdentification.Nickname",
            {"value": 'Zoë\'s "car" `; DROP TABLE t; -- ../../x\n\t{"value":1}\u2028\U0001f697\\'},
        ),
    ),
}

DATED_KINDS = (
    "only_ingested_at",
    "fetched_at",
    "iso_stamps",
    "fractional_stamps",
    "old_stamps",
)


def _dated(at: int) -> dict[str, list[Signal]]:
    days_ago = at - 587_520_000
    return {
        "only_ingested_at": [_signal("Charge.Wattage", {"value": 0, "unit": "watts"}, {"ingestedAt": at})],
        "fetched_at": [_signal("Location.IsAtHome", {"value": True}, {"fetchedAt": at, "oemUpdatedAt": at - 900})],
        "iso_stamps": [
            _signal(
                "Transmission.GearState",
                {"value": "PARK"},
                {"retrievedAt": "2025-11-20T08:15:30.125Z", "oemUpdatedAt": "2025-11-20T09:15:00+01:00"},
            )
        ],
        "fractional_stamps": [
            _signal("Service.IsInService", {"value": False}, {"retrievedAt": at + 0.5, "oemUpdatedAt": at - 0.25})
        ],
        "old_stamps": [
            _signal(
                "Charge.AmperageMax",
                {"value": 18, "unit": "ampere"},
                {"retrievedAt": at, "oemUpdatedAt": days_ago},
            )
        ],
    }
