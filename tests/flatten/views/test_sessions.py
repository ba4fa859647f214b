"""The rules of a charging session, one by one, on a few events each."""

from typing import Any

import pytest
from pyspark.sql import SparkSession

from support.answers import MORNING, after, answer, said

pytestmark = pytest.mark.spark
NOW = after(48)


def _charges(car: str, hours: float, charging: bool, /, **columns: Any) -> dict[str, Any]:
    names = {"soc": "TractionBattery_StateOfCharge_value", "kwh": "Charge_EnergyAdded_value"}
    names |= {"km": "Odometer_TraveledDistance_value", "kw": "Charge_Wattage_value"}
    return said(car, hours, Charge_IsCharging=charging, **{names.get(name, name): it for name, it in columns.items()})


CASES: dict[str, tuple[list[dict[str, Any]], list[tuple[float, float | None, str]]]] = {
    "seen from start to end": (
        [_charges("", 0, False), _charges("", 1, True), _charges("", 2, True, oem=1), _charges("", 3, False)],
        [(1, 3, "ended")],
    ),
    "over midnight": ([_charges("", 14, True), _charges("", 20, False)], [(14, 20, "ended")]),
    "the event of its start is missing": (
        [_charges("", 0, False), _charges("", 2, True, oem=1), _charges("", 3, False)],
        [(1, 3, "ended")],
    ),
    "the event of its end is missing": (
        [_charges("", 1, True), _charges("", 9, False, oem=3)],
        [(1, 3, "ended")],
    ),
    "each event has a new stamp": (
        [_charges("", 1, True), _charges("", 2, True), _charges("", 3, True), _charges("", 4, False)],
        [(1, 4, "ended")],
    ),
    "the car reports no more while it charges": (
        [_charges("", 1, True), _charges("", 2, True, oem=1)],
        [
            (1, None, "end not seen"),
        ],
    ),
    "it charges now": ([_charges("", 45, True), _charges("", 46, True, oem=45)], [(45, None, "charging")]),
    "it has driven since it was seen charging last": (
        [_charges("", 1, True, km=10.0), _charges("", 9, True, km=50.0), _charges("", 10, False, km=50.0)],
        [(1, None, "end not seen"), (9, 10, "ended")],
    ),
    "it was silent for a day, and charges again": (
        [_charges("", 1, True), _charges("", 25, True), _charges("", 26, False)],
        [(1, None, "end not seen"), (25, 26, "ended")],
    ),
    "it was silent for a day, and charges since then": (
        [_charges("", 1, True), _charges("", 25, True, oem=1), _charges("", 26, False)],
        [(1, 26, "ended")],
    ),
    "an event is stored again later": (
        [
            _charges("", 1, True),
            _charges("", 3, False),
            _charges("", 1, True, recorded_at=after(7), event_id="again"),
        ],
        [(1, 3, "ended")],
    ),
    "an old reading is delivered later": (
        [_charges("", 1, True), _charges("", 3, False), _charges("", 4, True, oem=1), _charges("", 5, False, oem=3)],
        [(1, 3, "ended")],
    ),
    "the maker's stamp stands still": (
        [_charges("", 0, False, oem=-99), _charges("", 1, True, oem=-99), _charges("", 3, False, oem=-99)],
        [(1, 3, "ended")],
    ),
    "the maker's clock is ahead": (
        [_charges("", 0, False, oem=900), _charges("", 1, True, oem=901), _charges("", 3, False, oem=903)],
        [(1, 3, "ended")],
    ),
    "the signal is missing in between": (
        [_charges("", 1, True), said("", 2, TractionBattery_StateOfCharge_value=50.0), _charges("", 3, False)],
        [(1, 3, "ended")],
    ),
    "a value with an error": (
        [_charges("", 1, False), _charges("", 2, True, Charge_IsCharging_status="SERVER:INTERNAL")],
        [],
    ),
    "only the detailed status is sent": (
        [
            said("", 1, Charge_DetailedChargingStatus="Charging"),
            said("", 2, Charge_DetailedChargingStatus="FULLY_CHARGED"),
        ],
        [(1, 2, "ended")],
    ),
    "the row is deleted": ([_charges("", 1, True, deleted_at=NOW), _charges("", 3, False)], []),
    "the event has no date": (
        [_charges("", 1, True, recorded_at=None), _charges("", 3, False)],
        [(1, 3, "ended")],
    ),
    "it never charges": ([_charges("", 0, False), _charges("", 1, False)], []),
}


@pytest.fixture(scope="module")
def sessions(spark: SparkSession) -> dict[str, Any]:
    events = [
        {**event, "vehicle_id": name, "event_id": name + event["event_id"]}
        for name, (told, _) in CASES.items()
        for event in told
    ]
    return answer(spark, "charging_sessions", reversed(events), NOW)


@pytest.mark.parametrize("case", CASES)
def test_start_end_and_outcome(sessions: dict[str, Any], case: str) -> None:
    def hours(at: float | None) -> float | None:
        return None if at is None else (at - MORNING.timestamp()) / 3_600

    found = [(hours(row.started_at), hours(row.ended_at), row.outcome) for row in sessions.get(case, [])]
    assert found == CASES[case][1]


ENERGY: dict[str, tuple[list[dict[str, Any]], tuple[float | None, str | None, float | None, float | None]]] = {
    "the counter after the end": (
        [
            _charges("", 1, True, soc=20.0, kwh=0.0),
            _charges("", 2, True, soc=50.0, kwh=20.0),
            _charges("", 3, False, soc=60.0, kwh=25.0),
        ],
        (25.0, "counter", 20.0, 60.0),
    ),
    "the counter is reset when it ends": (
        [_charges("", 1, True, soc=20.0, kwh=0.0), _charges("", 2, True, kwh=20.0), _charges("", 3, False, kwh=0.0)],
        (20.0, "counter", 20.0, 20.0),
    ),
    "the counter begins with the last session's": (
        [_charges("", 1, True, kwh=33.0), _charges("", 2, True, kwh=7.0), _charges("", 3, False, kwh=8.0)],
        (8.0, "counter", None, None),
    ),
    "what was seen first after the end was after a drive": (
        [_charges("", 1, True, soc=20.0, kwh=5.0, km=9.0), _charges("", 8, False, oem=3, soc=40.0, kwh=0.0, km=80.0)],
        (5.0, "counter", 20.0, 20.0),
    ),
    "levels and capacity": (
        [
            _charges("", 1, True, soc=20.0, TractionBattery_NominalCapacity_capacity=50.0),
            _charges("", 3, False, soc=60.0),
        ],
        (20.0, "state of charge", 20.0, 60.0),
    ),
    "levels alone": ([_charges("", 1, True, soc=20.0), _charges("", 3, False, soc=60.0)], (None, None, 20.0, 60.0)),
    "nothing": ([_charges("", 1, True), _charges("", 3, False)], (None, None, None, None)),
}


@pytest.fixture(scope="module")
def energies(spark: SparkSession) -> dict[str, Any]:
    events = [{**event, "vehicle_id": name} for name, (told, _) in ENERGY.items() for event in told]
    return answer(spark, "charging_sessions", events, NOW)


@pytest.mark.parametrize("case", ENERGY)
def test_energy_and_levels(energies: dict[str, Any], case: str) -> None:
    [row] = energies[case]
    assert (row.energy_kwh, row.energy_from, row.soc_from, row.soc_to) == ENERGY[case][1]


def test_the_highest_power_is_in_kilowatts_and_the_place_is_the_newest_known(spark: SparkSession) -> None:
    place = {"Location_PreciseLocation_latitude": 52.0, "Location_PreciseLocation_longitude": 4.5}
    events = [_charges("a", 1, True, kw=7_000.0, **place), _charges("a", 2, True, kw=11_000.0), _charges("a", 3, False)]
    [row] = answer(spark, "charging_sessions", events, NOW)["a"]
    assert (row.highest_kw, row.latitude, row.longitude, row.readings) == (11.0, 52.0, 4.5, 2)
