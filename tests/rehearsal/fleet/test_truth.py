"""A fleet's truth equals what its lines show: each view of them is computed here from the lines alone."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rehearsal.fleet import write_fleet
from support.fleet_reader import body, is_removal, newest, read_files

_FOUR_HOURS = 4 * 3_600_000
_KM = {"km": 1.0, "miles": 1.609344}

Reading = dict[str, Any]


class View:
    """A fleet's truth, and the readings of each car's rows that are not deleted, in order of time."""

    def __init__(self, folder: Path, oddities: bool) -> None:
        self.truth = write_fleet(folder, events=4000, vehicles=32, seed=11, oddities=oddities).truth
        found = defaultdict(list)
        for event in newest(read_files(folder)).values():
            if not is_removal(event) and event["vehicle"]["id"] in self.truth:
                found[event["vehicle"]["id"]].append(_reading(event))
        self.readings = {car: sorted(each, key=lambda reading: reading["at"]) for car, each in found.items()}

    def cars(self) -> Iterator[tuple[dict[str, Any], list[Reading]]]:
        for car, did in self.truth.items():
            yield did, self.readings[car]


def _reading(event: dict[str, Any]) -> Reading:
    signals = {signal["code"]: signal for signal in event["signals"]}
    bodies = {code: body(signal) for code, signal in signals.items() if "body" in signal}
    return {"at": event["meta"]["deliveredAt"], "signals": signals, **bodies}


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "with oddities"])
def view(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> View:
    return View(tmp_path_factory.mktemp("fleet") / "landing", request.param)


def _turns(readings: list[Reading], code: str) -> Iterator[tuple[Reading, Reading]]:
    """Yield the readings before and after each change of a value."""
    known = [reading for reading in readings if code in reading]
    return ((before, after) for before, after in pairwise(known) if before[code] != after[code])


def test_every_row_that_is_not_deleted_is_counted(view: View) -> None:
    assert all(did["rows"] == len(readings) for did, readings in view.cars())


def test_the_latest_value_of_each_signal(view: View) -> None:
    for did, readings in view.cars():
        latest = {}
        for reading in readings:
            for code, signal in reading["signals"].items():
                if "body" in signal:
                    latest[code] = {"body": reading[code], **signal["meta"]}
        assert did["latest"] == latest


def test_charging_sessions_begin_and_end_when_the_signal_says_so(view: View) -> None:
    sessions, unfinished = 0, 0
    for did, readings in view.cars():
        times = [after["signals"]["charge-ischarging"]["meta"] for _, after in _turns(readings, "charge-ischarging")]
        said = [time for charge in did["charges"] for time in (charge["start"], charge["end"]) if time]
        assert said == [time["oemUpdatedAt"] for time in times]
        sessions += len(did["charges"])
        unfinished += sum(charge["end"] is None for charge in did["charges"])
    assert sessions > 50
    assert unfinished < 10


def test_a_session_has_the_levels_the_energy_and_the_place_of_its_car(view: View) -> None:
    seen = 0
    for did, readings in view.cars():
        ends = [
            after for before, after in _turns(readings, "charge-ischarging") if before["charge-ischarging"]["value"]
        ]
        for charge, end in zip(did["charges"], ends, strict=False):
            assert round(charge["soc_to"]) == end["tractionbattery-stateofcharge"]["value"]
            assert charge["soc_from"] < charge["soc_to"]
            if "charge-energyadded" in end and "location-preciselocation" in end:
                seen += 1
                assert end["charge-energyadded"]["value"] == pytest.approx(charge["kwh"], abs=0.006)
                assert end["location-preciselocation"]["latitude"] == pytest.approx(charge["latitude"])
    assert seen > 10


def test_the_distance_of_a_local_day_is_what_the_odometer_gained_in_it(view: View) -> None:
    odometer = "odometer-traveleddistance"
    for did, readings in view.cars():
        gained: dict[str, float] = defaultdict(float)
        for before, after in _turns(readings, odometer):
            day = datetime.fromtimestamp(after["at"] / 1000, ZoneInfo(did["timezone"])).date().isoformat()
            gained[day] += (after[odometer]["value"] - before[odometer]["value"]) * _KM[after[odometer]["unit"]]
        for day in did["days"].keys() | gained.keys():
            assert gained[day] == pytest.approx(did["days"].get(day, {"km": 0})["km"], abs=1.7)


def test_days_add_up_to_drives_and_sessions(view: View) -> None:
    for did, _ in view.cars():
        for whole, name in (("drives", "km"), ("charges", "kwh")):
            of_days = sum(day[name] for day in did["days"].values())
            assert of_days == pytest.approx(sum(each[name] for each in did[whole]), abs=0.05)


def test_a_session_over_midnight_counts_for_both_days(view: View) -> None:
    split = 0
    for did, _ in view.cars():
        zone = ZoneInfo(did["timezone"])
        for charge in (each for each in did["charges"] if each["end"]):
            days = {datetime.fromtimestamp(charge[name] / 1000, zone).date() for name in ("start", "end")}
            split += len(days) == 2
            assert all(did["days"][day.isoformat()]["kwh"] > 0 for day in days)
    assert split > 3


def test_a_car_is_silent_for_hours_only_without_connection(view: View) -> None:
    lost = 0
    for did, readings in view.cars():
        gaps = [
            {"from": before["at"], "to": after["at"]}
            for before, after in pairwise(readings)
            if after["at"] - before["at"] > _FOUR_HOURS
        ]
        assert gaps == [gap for gap in did["silent"] if gap["to"] and gap["to"] - gap["from"] > _FOUR_HOURS]
        assert all(gap["from"] == readings[-1]["at"] for gap in did["silent"] if not gap["to"])
        lost += bool(gaps)
    assert lost > 4


def test_a_car_that_never_comes_back_is_silent_without_end(view: View) -> None:
    until = max(readings[-1]["at"] for _, readings in view.cars())
    last = {did["silent"][-1]["from"] for did, _ in view.cars() if did["silent"] and not did["silent"][-1]["to"]}
    assert any(until - since > 6 * _FOUR_HOURS for since in last)


def test_errors_last_from_the_first_event_with_them_to_the_first_without(view: View) -> None:
    for did, readings in view.cars():
        for error in did["errors"]:
            status = {"value": "ERROR", "error": {"type": error["type"], "code": error["code"]}}
            within = [
                reading["signals"][error["signal"]].get("status") == status
                for reading in readings
                if error["signal"] in reading["signals"] and error["from"] <= reading["at"] < (error["to"] or 1e15)
            ]
            assert within
            assert all(within)
    kinds = {(error["type"], error["to"] is None) for did, _ in view.cars() for error in did["errors"]}
    assert {("PERMISSION", True), ("PERMISSION", False), ("COMPATIBILITY", True), ("VEHICLE_STATE", False)} <= kinds
