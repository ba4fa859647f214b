"""The rules of the other views, one by one, on a few events each."""

from datetime import date
from typing import Any

import pytest
from pyspark.sql import SparkSession

from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS
from flatten.views.fill import VIEWS, Flat, query
from support.answers import after, answer, said

pytestmark = pytest.mark.spark
NOW = after(48)
SOC, KM, UNIT = (
    "TractionBattery_StateOfCharge_value",
    "Odometer_TraveledDistance_value",
    "Odometer_TraveledDistance_unit",
)
LATITUDE, LONGITUDE = "Location_PreciseLocation_latitude", "Location_PreciseLocation_longitude"


@pytest.fixture(scope="module")
def latest(spark: SparkSession) -> dict[str, Any]:
    events = [
        said("lacks", 1, **{SOC: 50.0, KM: 9.0}),
        said("lacks", 2, **{SOC: 60.0}),
        said("error", 1, **{SOC: 50.0}),
        said("error", 2, **{SOC: 60.0, "TractionBattery_StateOfCharge_status": "SERVER"}),
        said("late", 2, **{SOC: 60.0}),
        said("late", 3, oem=1, **{SOC: 50.0}),
        said("ahead", 1, oem=9_000, **{SOC: 50.0}),
        said("ahead", 2, **{SOC: 60.0}),
        said("deleted", 1, **{SOC: 50.0}),
        said("deleted", 2, **{SOC: 60.0}, deleted_at=NOW),
        said("null", 1, Closure_Sunroof_isOpen=True),
        said("null", 2, Closure_Sunroof_isOpen=None),
        said("unstamped", 1, **{SOC: 50.0}, TractionBattery_StateOfCharge_oemUpdatedAt=None),
        said("never dated", 1, **{SOC: 50.0}, delivered_at=None, recorded_at=None),
        said("long ago", -31 * 24, **{SOC: 50.0}),
        said("in years", 24 * 900, **{SOC: 50.0}),
    ]
    return {car: row for car, [row] in answer(spark, "vehicle_latest", events, NOW).items()}


@pytest.mark.parametrize(
    ("car", "soc", "measured"),
    [("lacks", 60, 2), ("error", 50, 1), ("late", 60, 2), ("ahead", 60, 2), ("deleted", 50, 1), ("unstamped", 50, 1)],
)
def test_the_newest_sent_value(latest: dict[str, Any], car: str, soc: float, measured: float) -> None:
    row = latest[car]
    assert (row[SOC], row.TractionBattery_StateOfCharge_measuredAt) == (soc, after(measured).timestamp())


def test_a_signal_that_the_newest_event_lacks_keeps_its_last_value(latest: dict[str, Any]) -> None:
    assert (latest["lacks"][KM], latest["lacks"].Odometer_TraveledDistance_measuredAt) == (9, after(1).timestamp())
    assert latest["null"].Closure_Sunroof_isOpen is True


def test_values_without_a_time_within_the_look_back_do_not_count(latest: dict[str, Any]) -> None:
    assert not {"never dated", "long ago", "in years"} & latest.keys()


@pytest.fixture(scope="module")
def days(spark: SparkSession) -> dict[str, Any]:
    zone = {"car_timezone": "America/Los_Angeles"}
    evening = 24 - 8 + 5  # 22:00 of the day before in Los Angeles
    events = [
        said("west", evening, **zone, **{KM: 100.0}),
        said("west", evening + 4, **zone, **{KM: 130.0}),
        said("mars", 0, car_timezone="Mars/Olympus"),
        said("hostile", 0, car_timezone="'; DROP TABLE t; --${x}"),
        said("offset", 15.5, car_timezone="+01:00"),
        said("miles", 0, **{KM: 100.0, UNIT: "miles"}),
        said("miles", 1, **{KM: 110.0, UNIT: "miles"}),
        said("back", 0, **{KM: 100.0}),
        said("back", 24, **{KM: 90.0}),
        said("gap", 0, **{KM: 100.0}),
        said("gap", 47, **{KM: 150.0}),
        said("parked", 0, **{KM: 100.0}),
        said("parked", 24, oem=0, **{KM: 100.0}),
        said("no odometer", 0, **{SOC: 50.0}),
        said("spring", -42.5, car_timezone="America/New_York"),  # 8 March 2026 has 23 hours there
    ]
    found = answer(spark, "vehicle_day", events, NOW)
    return {car: {row.day: row for row in rows} for car, rows in found.items()}


FIRST, SECOND, THIRD = date(2026, 3, 10), date(2026, 3, 11), date(2026, 3, 12)


@pytest.mark.parametrize(
    ("car", "zone", "first"),
    [
        ("west", "America/Los_Angeles", FIRST),
        ("mars", "UTC", FIRST),
        ("hostile", "UTC", FIRST),
        ("offset", "+01:00", SECOND),
    ],
)
def test_the_day_is_in_the_zone_of_the_car_if_valid(days: dict[str, Any], car: str, zone: str, first: date) -> None:
    rows = days[car]
    assert min(rows) == first
    assert {row.timezone for row in rows.values()} == {zone}


@pytest.mark.parametrize(
    ("car", "kilometers"),
    [
        ("west", [0, 30, None]),
        ("miles", [16.09344, None, None]),
        ("back", [0, None, None]),
        ("gap", [0, None, 50]),
        ("parked", [0, 0, None]),
        ("no odometer", [None, None, None]),
    ],
)
def test_the_distance_is_the_gain_of_the_odometer(
    days: dict[str, Any], car: str, kilometers: list[float | None]
) -> None:
    found = [row.distance_km for _, row in sorted(days[car].items())]
    assert found == [each if each is None else pytest.approx(each) for each in kilometers]


def test_silence_is_the_sum_of_gaps_of_more_than_four_hours_until_now(days: dict[str, Any]) -> None:
    assert [row.hours_silent for _, row in sorted(days["gap"].items())] == [16, 24, 7]
    assert [row.hours_silent for _, row in sorted(days["parked"].items())] == [16, 24, 8]


def test_a_day_on_which_the_clock_is_changed_has_23_hours(days: dict[str, Any]) -> None:
    rows = days["spring"]
    assert rows[date(2026, 3, 8)].hours_silent == pytest.approx(23 - 8.5)  # it is 09:30, after 8.5 hours
    assert rows[date(2026, 3, 9)].hours_silent == 24


def test_the_energy_of_a_session_is_shared_by_its_days(spark: SparkSession) -> None:
    events = [
        said("a", 13, Charge_IsCharging=True, Charge_EnergyAdded_value=0.0),
        said("a", 19, Charge_IsCharging=False, Charge_EnergyAdded_value=30.0),
        said("b", 13, Charge_IsCharging=True),
        said("b", 19, Charge_IsCharging=False),
    ]
    found = answer(spark, "vehicle_day", events, NOW)
    told = {car: [(row.energy_kwh, row.charging_sessions) for row in rows] for car, rows in found.items()}
    assert told == {"a": [(15, 1), (15, 1), (0, 0)], "b": [(None, 1), (None, 1), (0, 0)]}


@pytest.fixture(scope="module")
def health(spark: SparkSession) -> dict[str, Any]:
    def drives(car: str, **still: float) -> list[dict[str, Any]]:
        moving = [{SOC: 90.0 - at, KM: 100.0 + 10 * at, LATITUDE: 52 + at / 10, LONGITUDE: 4.0} for at in range(6)]
        return [said(car, at, **(columns | still)) for at, columns in enumerate(moving)]

    events = [
        *drives("sound"),
        *drives("stuck level", **{SOC: 50.0}),
        *drives("stuck odometer", **{KM: 50.0}),
        *drives("stuck place", **{LATITUDE: 50.0}),
        *(said("parked", at, **{SOC: 50.0, KM: 50.0}) for at in range(6)),
        said("impossible", 1, **{SOC: 101.0, LATITUDE: -90.5, LONGITUDE: 0.0, KM: 100.0}),
        said("impossible", 2, **{SOC: -1.0, LATITUDE: 0.0, LONGITUDE: 181.0, KM: 50.0}),
        said("impossible", 3, **{SOC: 100.0, LATITUDE: 90.0, LONGITUDE: -180.0, KM: 51.0}),
        said("ahead", 1, oem=2, **{SOC: 50.0}),
        said("errors", 1, **{SOC: 50.0, LATITUDE: None, "Location_PreciseLocation_status": "PERMISSION"}),
        said("errors", 2, **{SOC: 51.0, KM: None, "Odometer_TraveledDistance_status": "UPSTREAM:NO_RESPONSE"}),
        said("recovered", 1, **{SOC: None, "TractionBattery_StateOfCharge_status": "SERVER:INTERNAL"}),
        said("recovered", 2, **{SOC: 51.0}),
    ]
    return {car: row for car, [row] in answer(spark, "vehicle_health", events, NOW).items()}


@pytest.mark.parametrize(
    ("car", "stuck"),
    [
        ("sound", []),
        ("stuck level", ["TractionBattery_StateOfCharge"]),
        ("stuck odometer", ["Odometer_TraveledDistance"]),
        ("stuck place", ["Location_PreciseLocation"]),
        ("parked", []),
    ],
)
def test_a_signal_is_stuck_when_it_does_not_change_while_the_car_moves(
    health: dict[str, Any], car: str, stuck: list[str]
) -> None:
    assert health[car].stuck_signals == stuck


def test_impossible_values_are_counted(health: dict[str, Any]) -> None:
    row = health["impossible"]
    assert (row.impossible_state_of_charge, row.impossible_location, row.odometer_went_back) == (2, 2, 1)


def test_errors_are_those_of_the_newest_status(health: dict[str, Any]) -> None:
    row = health["errors"]
    assert {(each.signal, each.type, each.status) for each in row.errors} == {
        ("Location_PreciseLocation", "PERMISSION", "PERMISSION"),
        ("Odometer_TraveledDistance", "UPSTREAM", "UPSTREAM:NO_RESPONSE"),
    }
    assert row.errors_by_type == {
        "PERMISSION": ["Location_PreciseLocation"],
        "UPSTREAM": ["Odometer_TraveledDistance"],
    }
    assert row.permission_lost == ["Location_PreciseLocation"]
    assert (health["recovered"].errors, health["recovered"].errors_by_type) == ([], {})


def test_the_maker_s_clock_is_compared_with_ours(health: dict[str, Any]) -> None:
    assert (health["ahead"].oem_minutes_behind, health["sound"].oem_minutes_behind) == (-60, 0)
    assert health["ahead"].silent_hours == 47


def test_the_views_need_no_signal_and_no_row(spark: SparkSession) -> None:
    """Use a table without a signal column, as before the first event."""
    columns = EVENT_COLUMNS | LINEAGE_COLUMNS
    empty = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, (kind, _) in columns.items())
    flat = Flat(f"(SELECT {empty} LIMIT 0)", frozenset(columns))
    assert {view: spark.sql(query(view, flat)).collect() for view in VIEWS} == {view: [] for view in VIEWS}
