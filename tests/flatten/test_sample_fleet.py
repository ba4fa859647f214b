"""The fleet is believable: bodies are those of the catalogue, and what a car says fits what it did."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Any

import pytest

from flatten.sample.bodies import SIGNALS, body_of
from flatten.sample.car import make_car, seeded
from flatten.sample.fleet import fleet_events
from flatten.sample.life import Life
from flatten.sample.models import MODELS
from support.catalogue_events import catalogue
from support.sample_reader import body

START = datetime(2025, 11, 12, tzinfo=UTC).timestamp()
KINDS: dict[str, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "string": (str,),
    "array": (list,),
}

Event = dict[str, Any]
Reading = dict[str, Any]
"""Signal code -> body, and `at`: the delivery in milliseconds since 1970 UTC."""


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return [item for _, item in islice(fleet_events(16, 3, START), 3600)]


@pytest.fixture(scope="module")
def lives(events: list[Event]) -> list[list[Reading]]:
    """The readings of each car in order of time."""
    found: dict[str, list[Reading]] = defaultdict(list)
    for event in events:
        bodies: Reading = {signal["code"]: body(signal) for signal in event["signals"] if "body" in signal}
        found[event["vehicle"]["id"]].append({**bodies, "at": event["meta"]["deliveredAt"]})
    return list(found.values())


def _steps(lives: list[list[Reading]], code: str) -> Iterator[tuple[Reading, Reading]]:
    for life in lives:
        yield from pairwise(reading for reading in life if code in reading)


def _value(reading: Reading, code: str) -> Any:
    return reading[code]["value"]


def _charging(reading: Reading) -> bool:
    return bool(_value(reading, "charge-ischarging"))


def _level(reading: Reading) -> float:
    return float(_value(reading, "tractionbattery-stateofcharge"))


def test_events_come_in_order_of_time(events: list[Event]) -> None:
    stamps = [event["meta"]["deliveredAt"] for event in events]
    assert stamps == sorted(stamps)


def test_every_make_is_there_and_every_car_keeps_its_own(events: list[Event]) -> None:
    cars = {event["vehicle"]["id"]: (event["vehicle"], event["user"]["id"]) for event in events}
    assert all(cars[event["vehicle"]["id"]] == (event["vehicle"], event["user"]["id"]) for event in events)
    assert len(cars) == 16
    assert len({vehicle["make"] for vehicle, _ in cars.values()}) == 8


def test_signals_are_those_of_the_catalogue(events: list[Event]) -> None:
    known = {entry["code"]: entry for entry in catalogue()}
    for event in events:
        for signal in event["signals"]:
            entry = known[signal["code"]]
            assert (signal["name"], signal["group"]) == (entry["name"], entry["group"])
            for field, value in body(signal).items():
                kinds = KINDS[entry["body"][field]["type"]]
                assert value is None or type(value) in kinds


def test_the_fleet_can_send_every_signal_of_the_catalogue() -> None:
    assert {name.replace(".", "-").lower() for name in SIGNALS} == {entry["code"] for entry in catalogue()}


def test_a_large_fleet_sends_every_signal_of_the_catalogue() -> None:
    cars = [make_car(index, seeded(index)) for index in range(200)]
    assert {name for car in cars for name in car.subscribed if car.reports(name)} == set(SIGNALS)


def test_an_event_has_12_to_30_signals_each_once(events: list[Event]) -> None:
    for event in events:
        codes = [signal["code"] for signal in event["signals"]]
        assert 12 <= len(codes) == len(set(codes)) == event["meta"]["signalCount"] <= 30


def test_errors_of_several_kinds_come_without_body_and_meta(events: list[Event]) -> None:
    errors = Counter[tuple[str, str | None]]()
    for event in events:
        for signal in event["signals"]:
            if signal.get("status", {}).get("value") == "ERROR":
                errors[signal["status"]["error"]["type"], signal["status"]["error"]["code"]] += 1
                assert not signal.keys() & {"body", "meta"}
    usual = {("COMPATIBILITY", "VEHICLE_NOT_CAPABLE"), ("PERMISSION", None), ("VEHICLE_STATE", "NOT_CHARGING")}
    assert usual < errors.keys()


def test_a_success_has_a_status_from_17_november_2025_on(events: list[Event]) -> None:
    change = datetime(2025, 11, 17, tzinfo=UTC).timestamp() * 1000
    successes = [
        (signal["meta"]["retrievedAt"] >= change, "status" in signal)
        for event in events
        for signal in event["signals"]
        if "meta" in signal and signal["meta"]["retrievedAt"]
    ]
    assert set(successes) == {(True, True), (False, False)}


def test_a_value_is_updated_then_retrieved_then_delivered(events: list[Event]) -> None:
    for event in events:
        for signal in event["signals"]:
            stamps = signal.get("meta", {"oemUpdatedAt": 0, "retrievedAt": 0})
            assert stamps["oemUpdatedAt"] <= stamps["retrievedAt"] <= event["meta"]["deliveredAt"]


def test_numbers_have_no_zeros_at_their_end_as_dynamodb_keeps_them(events: list[Event]) -> None:
    numbers: list[float] = []
    for event in events[:500]:
        text = json.dumps([body(signal) for signal in event["signals"]])
        json.loads(text, parse_float=lambda number: numbers.append(float(number)))
    assert len(numbers) > 100
    assert not any(number.is_integer() for number in numbers)


def test_stamps_are_zero_for_what_never_changes(events: list[Event]) -> None:
    zero = {
        signal["code"]
        for event in events
        for signal in event["signals"]
        if "meta" in signal and not signal["meta"]["retrievedAt"]
    }
    assert zero == {
        "vehicleidentification-vin",
        "vehicleidentification-exteriorcolor",
        "tractionbattery-nominalcapacity",
    }


def test_a_share_of_the_events_has_bodies_as_text(events: list[Event]) -> None:
    as_text = sum(isinstance(event["signals"][-1].get("body"), str) for event in events)
    assert 0.01 < as_text / len(events) < 0.1


def test_an_event_is_triggered_by_signals_whose_value_changed(events: list[Event]) -> None:
    last: dict[tuple[str, str], Any] = {}
    for event in events:
        bodies = {signal["code"]: body(signal) for signal in event["signals"]}
        assert event["triggers"]
        for trigger in event["triggers"]:
            key = event["vehicle"]["id"], trigger["signal"]["code"]
            assert last.get(key) != bodies[key[1]]
            last[key] = bodies[key[1]]


def test_the_level_stays_between_0_and_100(lives: list[list[Reading]]) -> None:
    levels = {_level(reading) for life in lives for reading in life}
    assert min(levels) >= 0
    assert max(levels) <= 100
    assert len(levels) > 60


def test_the_odometer_never_falls(lives: list[list[Reading]]) -> None:
    odometer = "odometer-traveleddistance"
    assert all(_value(later, odometer) >= _value(earlier, odometer) for earlier, later in _steps(lives, odometer))


def test_the_level_rises_while_charging_and_falls_otherwise(lives: list[list[Reading]]) -> None:
    for earlier, later in _steps(lives, "charge-ischarging"):
        change = _level(later) - _level(earlier)
        assert change >= 0 if _charging(earlier) else change <= 0


def test_a_car_that_charges_is_plugged_in_and_stands_still(lives: list[list[Reading]]) -> None:
    for earlier, later in _steps(lives, "charge-ischarging"):
        if _charging(earlier):
            assert _value(earlier, "charge-ischargingcableconnected")
            assert _value(later, "odometer-traveleddistance") == _value(earlier, "odometer-traveleddistance")


def test_most_charging_ends_at_the_limit(lives: list[list[Reading]]) -> None:
    ends = [
        later["charge-chargelimits"]["activeLimit"] - _level(later)
        for earlier, later in _steps(lives, "charge-chargelimits")
        if _charging(earlier) and not _charging(later)
    ]
    assert len(ends) > 20
    assert min(ends) >= 0
    assert sum(end == 0 for end in ends) > 0.8 * len(ends)


def test_the_time_to_complete_runs_down_with_the_clock(lives: list[list[Reading]]) -> None:
    code = "charge-timetocomplete"
    seen = 0
    for earlier, later in _steps(lives, code):
        if _charging(earlier) and _charging(later):
            passed = (later["at"] - earlier["at"]) / 60_000
            if passed > 15:
                continue  # another session
            assert _value(earlier, code) - _value(later, code) == pytest.approx(passed, abs=1.1)
            seen += 1
    assert seen > 100


def test_power_flows_while_charging_only(lives: list[list[Reading]]) -> None:
    flows = {
        (_charging(reading), _value(reading, "charge-wattage") > 0)
        for life in lives
        for reading in life
        if "charge-wattage" in reading
    }
    assert flows == {(True, True), (False, False)}


@pytest.mark.parametrize("index", range(len(MODELS)), ids=[model.make for model in MODELS])
def test_power_is_voltage_times_current(index: int) -> None:
    car = make_car(index, seeded(index))
    charging = 0
    for state in islice(Life(car, START, seeded(index)).moments(), 300):
        watts, volts, amperes = (
            body_of(f"Charge.{name}", car, state)["value"] for name in ("Wattage", "Voltage", "Amperage")
        )
        assert volts * amperes == pytest.approx(watts, rel=0.01)
        charging += watts > 0
    assert charging > 20


def test_the_range_follows_the_level(lives: list[list[Reading]]) -> None:
    for earlier, later in _steps(lives, "tractionbattery-range"):
        level, reach = _level(later) - _level(earlier), _value(later, "tractionbattery-range")
        if abs(level) > 1:
            assert (reach > _value(earlier, "tractionbattery-range")) == (level > 0)


def test_a_car_moves_only_as_far_as_its_odometer_says(lives: list[list[Reading]]) -> None:
    code, odometer = "location-preciselocation", "odometer-traveleddistance"
    moved = 0
    for earlier, later in _steps(lives, code):
        degrees = abs(later[code]["latitude"] - earlier[code]["latitude"])
        miles = later[odometer]["unit"] == "miles"
        km = (_value(later, odometer) - _value(earlier, odometer)) * (1.609 if miles else 1)
        assert degrees * 111.2 <= km + 1.7
        moved += degrees > 0
    assert moved > 100


def test_afternoons_are_warmer_than_nights(lives: list[list[Reading]]) -> None:
    code = "climate-externaltemperature"
    by_hour: dict[int, list[float]] = defaultdict(list)
    for life in lives:
        for reading in life:
            if code in reading and reading[code]["unit"] == "celsius":
                by_hour[datetime.fromtimestamp(reading["at"] / 1000, UTC).hour].append(_value(reading, code))
    night = [value for hour in (2, 3, 4) for value in by_hour[hour]]
    afternoon = [value for hour in (13, 14, 15) for value in by_hour[hour]]
    assert all(-35 < value < 45 for values in by_hour.values() for value in values)
    assert sum(afternoon) / len(afternoon) > sum(night) / len(night)


@pytest.mark.parametrize("seed", range(4))
def test_every_car_charges_and_drives_whatever_the_seed(seed: int) -> None:
    cars: dict[str, set[bool]] = defaultdict(set)
    distance: dict[str, list[float]] = defaultdict(list)
    for _, item in islice(fleet_events(8, seed, START), 1000):
        values = {signal["code"]: body(signal).get("value") for signal in item["signals"]}
        cars[item["vehicle"]["id"]].add(bool(values["charge-ischarging"]))
        distance[item["vehicle"]["id"]].append(values["odometer-traveleddistance"] or 0)
    assert all(states == {True, False} for states in cars.values())
    assert all(max(driven) - min(driven) > 20 for driven in distance.values())
