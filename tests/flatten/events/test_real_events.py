"""Three events of real cars, from outside the project: their rows, written manually from the payloads.

The payloads may not be published. If their folder exists next to the checkout they are read, otherwise this is skipped.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from flatten.events import catalogue
from flatten.events.envelope import read_line
from flatten.events.signals import Row
from support.items import line, row_of
from support.lossless import lost
from support.rows import expected_row, shown

FOLDER = Path(__file__).parents[4] / "shared" / "payloads"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the real events are in {FOLDER}, outside the project")

NOT_CAPABLE = "COMPATIBILITY:VEHICLE_NOT_CAPABLE"
ONE_READING = {"oemUpdatedAt": "2026-01-09T00:53:21.000+00:00", "retrievedAt": "2026-01-09T00:53:29.852+00:00"}


def stamped(stem: str, **stamps: str) -> dict[str, str]:
    """Return the columns of a successful signal other than those of its body."""
    return {f"{stem}_{stamp}": at for stamp, at in stamps.items()} | {f"{stem}_status": "OK"}


TOYOTA = {
    "event_id": "51e89212-b651-54d4-8470-40abafb02bc6",
    "event_date": "2025-10-28",
    "recorded_at": "2025-10-28T20:11:06+00:00",
    "delivered_at": "2025-10-28T20:11:05.846+00:00",
    "vehicle_id": "a19ec944-ef28-5693-89d0-8219b8be1f6b",
    "vehicle_make": "TOYOTA",
    "vehicle_model": "RAV4 PRIME XSE AWD SUV",
    "vehicle_year": 2023,
    "user_id": "79450881-0838-570c-baba-7ec8110e705c",
    "triggers": (
        '[{"type":"SIGNAL_UPDATED","signal":{"name":"IsCharging","code":"charge-ischarging","group":"Charge"}}]'
    ),
    "signal_count": 4,
    "meta_version": "4.0",
    "meta_deliveryId": "e33ea5f2-c579-57c0-8dd0-e8963b49c018",
    "meta_webhookId": "75c4cffc-b886-5696-b33f-7f60fa391d8b",
    "meta_webhookName": "Webhook",
    "meta_mode": "LIVE",
    "record_type": "ALL",
    "smartcar_user_id": "79450881-0838-570c-baba-7ec8110e705c",
    "Location_PreciseLocation_status": "PERMISSION",
    "Charge_TimeToComplete_value": 40.0,
    "Charge_TimeToComplete_retrievedAt": "2025-10-28T19:55:48.999+00:00",
    "Charge_TimeToComplete_oemUpdatedAt": "2025-10-28T19:31:43+00:00",
    "Charge_TimeToComplete_status": NOT_CAPABLE,
    "Charge_IsCharging": False,
    "Charge_IsCharging_retrievedAt": "2025-10-28T20:11:05.645+00:00",
    "Charge_IsCharging_oemUpdatedAt": "2025-10-28T20:04:55+00:00",
    "Charge_IsCharging_status": "OK",
    "Odometer_TraveledDistance_value": 7581.62,
    "Odometer_TraveledDistance_unit": "km",
    "Odometer_TraveledDistance_retrievedAt": "2025-10-28T20:11:02.695+00:00",
    "Odometer_TraveledDistance_oemUpdatedAt": "2025-10-28T20:08:04+00:00",
    "Odometer_TraveledDistance_status": "OK",
}

VOLKSWAGEN = {
    "event_id": "5dac4b09-4c3d-5411-b985-97b6a3cca94f",
    "event_date": "2025-09-18",
    "recorded_at": "2025-09-18T23:39:43+00:00",
    "delivered_at": "2025-09-18T23:39:43.185+00:00",
    "vehicle_id": "672a0911-00fe-5afd-a3f5-c28e5d33a24a",
    "vehicle_make": "VOLKSWAGEN",
    "vehicle_model": "ID.4",
    "vehicle_year": 2021,
    "user_id": "cd50ae25-5bb6-5870-b691-5776c178dbe2",
    "triggers": (
        '[{"type":"SIGNAL_UPDATED","signal":"Odometer.TraveledDistance"},'
        '{"type":"SIGNAL_UPDATED","signal":"TractionBattery.StateOfCharge"}]'
    ),
    "signal_count": 8,
    "meta_deliveryId": "9a174d74-66fa-56ad-9b78-5685a5da9dae",
    "record_type": "ALL",
    "smartcar_user_id": "cd50ae25-5bb6-5870-b691-5776c178dbe2",
    "unmapped_attributes": {
        "meta.deliveryTime": 1758238783185,
    },
    "ConnectivityStatus_IsOnline_status": NOT_CAPABLE,
    "Odometer_TraveledDistance_value": 62041.0,
    "Odometer_TraveledDistance_unit": "km",
    "Odometer_TraveledDistance_retrievedAt": "2025-09-18T23:39:42.829+00:00",
    "Odometer_TraveledDistance_oemUpdatedAt": "2025-09-18T23:29:36.603+00:00",
    "Odometer_TraveledDistance_status": "OK",
    "Closure_IsLocked_status": "PERMISSION",
    "InternalCombustionEngine_FuelLevel_status": NOT_CAPABLE,
    "TractionBattery_StateOfCharge_value": 42.0,
    "TractionBattery_StateOfCharge_unit": "percent",
    "TractionBattery_StateOfCharge_retrievedAt": "2025-09-18T23:39:43.086+00:00",
    "TractionBattery_StateOfCharge_oemUpdatedAt": "2025-09-18T23:30:33+00:00",
    "TractionBattery_StateOfCharge_status": "OK",
    "TractionBattery_Range_status": NOT_CAPABLE,
    "Charge_ChargeLimits_values": '[{"type":"GLOBAL","limit":80,"condition":null}]',
    "Charge_ChargeLimits_activeLimit": 80.0,
    "Charge_ChargeLimits_unit": "percent",
    "Charge_ChargeLimits_retrievedAt": "2025-09-18T23:39:43.086+00:00",
    "Charge_ChargeLimits_oemUpdatedAt": "2025-09-18T23:30:32+00:00",
    "Charge_ChargeLimits_status": "OK",
    "Charge_IsCharging": False,
    "Charge_IsCharging_status": "OK",
}

BYD = {
    "event_id": "21cc6148-f47b-5f85-b77e-6c2767c20e20",
    "event_date": "2026-01-09",
    "recorded_at": "2026-01-09T00:53:29+00:00",
    "delivered_at": "2026-01-09T00:53:29.942+00:00",
    "vehicle_id": "09a9378e-861f-563c-9dff-8b2de5060f4f",
    "vehicle_make": "BYD",
    "vehicle_model": "Seal U Dm-i",
    "vehicle_year": 2025,
    "user_id": "05537558-b7a9-5f3c-b6ed-2c257245a1ae",
    "triggers": (
        '[{"type":"SIGNAL_UPDATED","signal":{"name":"IsAsleep","code":"connectivitystatus-isasleep",'
        '"group":"ConnectivityStatus"}},'
        '{"type":"SIGNAL_UPDATED","signal":{"name":"IsOnline","code":"connectivitystatus-isonline",'
        '"group":"ConnectivityStatus"}},'
        '{"type":"SIGNAL_UPDATED","signal":{"name":"IsLocked","code":"closure-islocked","group":"Closure"}}]'
    ),
    "signal_count": 11,
    "meta_version": "4.0",
    "meta_deliveryId": "3f2e3aaa-b2f6-5cbf-92ae-bd55b7a5d5dd",
    "meta_webhookId": "1ddba19d-ac89-564c-83e8-aa13159fbc95",
    "meta_webhookName": "Home Assistant",
    "meta_mode": "LIVE",
    "record_type": "ALL",
    "smartcar_user_id": "05537558-b7a9-5f3c-b6ed-2c257245a1ae",
    "VehicleUserAccount_Role_status": NOT_CAPABLE,
    "VehicleUserAccount_Permissions_status": NOT_CAPABLE,
    "ConnectivitySoftware_CurrentFirmwareVersion_status": NOT_CAPABLE,
    "InternalCombustionEngine_FuelLevel_status": NOT_CAPABLE,
    "VehicleIdentification_Nickname": "SEAL U DM-i",
    **stamped("VehicleIdentification_Nickname", **ONE_READING),
    "TractionBattery_StateOfCharge_value": 78.0,
    "TractionBattery_StateOfCharge_unit": "percent",
    **stamped("TractionBattery_StateOfCharge", **ONE_READING),
    "Closure_IsLocked": True,
    **stamped("Closure_IsLocked", **ONE_READING),
    "Odometer_TraveledDistance_value": 10321.0,
    "Odometer_TraveledDistance_unit": "km",
    **stamped("Odometer_TraveledDistance", **ONE_READING),
    "ConnectivityStatus_IsOnline": True,
    **stamped("ConnectivityStatus_IsOnline", **ONE_READING),
    "ConnectivityStatus_IsAsleep": False,
    **stamped("ConnectivityStatus_IsAsleep", **ONE_READING),
    "ConnectivityStatus_IsDigitalKeyPaired": False,
    **stamped("ConnectivityStatus_IsDigitalKeyPaired", **ONE_READING),
}

EVENTS = [("toyota_rav4_prime.json", TOYOTA), ("vw_id_4.json", VOLKSWAGEN), ("byd_seal.json", BYD)]


@pytest.mark.parametrize(("name", "expect"), EVENTS, ids=["Toyota", "Volkswagen", "BYD"])
@pytest.mark.parametrize("bodies", ["objects", "text"])
def test_a_real_event_gives_the_expected_row(name: str, expect: dict[str, Any], bodies: str) -> None:
    stored = json.loads((FOLDER / name).read_text("utf-8"))
    if bodies == "text":
        stored["signals"] = [_with_text(signal) for signal in stored["signals"]]
    row = row_of(stored)
    assert _filled(shown(row)) == expected_row(expect)
    assert lost(read_line(line(stored)), row, catalogue.packaged()) == []


def _with_text(signal: dict[str, Any]) -> dict[str, Any]:
    return signal | ({"body": json.dumps(signal["body"])} if "body" in signal else {})


def _filled(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}
