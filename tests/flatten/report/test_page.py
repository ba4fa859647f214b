"""The report is one file without scripts that shows the answers, and all data as text."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from flatten.report.answers import Answers
from flatten.report.page import charging_by_hour, page
from support.html_reader import Reader

NOW = datetime(2026, 3, 12, 12, 0, tzinfo=UTC)
HOSTILE = "<script src=\"//evil.example/x.js\">alert('1')</script>`$headline ${x}../&"


def _at(hours: float) -> str:
    return (NOW + timedelta(hours=hours)).isoformat()


def _car(car: str, silent: float, **columns: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the rows of a car in vehicle_latest, vehicle_health and vehicle_day."""
    name = {"vehicle_id": car, "vehicle_make": "Make", "vehicle_model": "Model"}
    latest = {
        **name,
        "newest_event_at": _at(-silent),
        "Charge_IsCharging": False,
        "Location_IsAtHome": None,
        "TractionBattery_StateOfCharge_value": 54.4,
        "Location_PreciseLocation_latitude": 52.374,
        "Location_PreciseLocation_longitude": 4.897,
    }
    health = {
        **name,
        "newest_event_at": _at(-silent),
        "silent_hours": silent,
        "stuck_signals": [],
        "errors_by_type": {"COMPATIBILITY": ["Wheel_Tires"]},
        "permission_lost": [],
        "impossible_state_of_charge": 0,
        "odometer_went_back": 0,
    }
    levels = [{"at": _at(-30), "percent": 90.0}, {"at": _at(-29), "percent": 150.0}, {"at": _at(-1), "percent": 54.4}]
    day = {**name, "timezone": "Europe/Oslo", "events": 5, "distance_km": 12.4, "state_of_charge": levels}
    return latest | columns, health | {key: it for key, it in columns.items() if key in health}, day


def _session(car: str, start: float, end: float | None, **columns: Any) -> dict[str, Any]:
    return {
        "vehicle_id": car,
        "started_at": _at(start),
        "ended_at": None if end is None else _at(end),
        "last_seen_at": _at(-1 if end is None else end),
        "outcome": "ended" if end is not None else "charging",
        "energy_kwh": 20.04,
        "soc_from": 20.0,
        "soc_to": 60.0,
        "latitude": None,
        "longitude": None,
        "is_at_home": True,
        **columns,
    }


def _answers(cars: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]], *sessions: dict[str, Any]) -> Answers:
    latest, health, calendar = zip(*cars, strict=True) if cars else ((), (), ())
    return Answers("t", NOW, 7, latest, health, list(sessions), calendar)


SMALL = _answers(
    [
        _car("aaaa1", 1, Charge_IsCharging=True),
        _car("bbbb2", 30, permission_lost=["Location_PreciseLocation"], odometer_went_back=2),
        _car("cccc3", 2, errors_by_type={"UPSTREAM": ["Charge_Wattage"]}, stuck_signals=["Odometer_TraveledDistance"]),
    ],
    _session("aaaa1", -2, None),
    _session("cccc3", -40, -38.5, energy_kwh=None, soc_to=None),
)
EVIL = _answers(
    [_car(HOSTILE, 1, vehicle_make=HOSTILE, stuck_signals=[HOSTILE], errors_by_type={HOSTILE: [HOSTILE]})],
    _session(HOSTILE, -2, None, outcome=HOSTILE),
)
EMPTY = _answers([])
MANY = _answers([_car(f"{number:04}", number) for number in range(150)])


@pytest.mark.parametrize("answers", [EMPTY, SMALL, EVIL, MANY], ids=["empty", "small", "hostile", "many"])
def test_it_is_whole_and_has_no_script_and_loads_nothing(answers: Answers) -> None:
    read = Reader(page(answers))
    assert read.open == []
    assert not {tag for tag, _ in read.seen} & {"script", "link", "img", "iframe", "object"}
    assert not [name for _, attributes in read.seen for name in attributes if name in ("src", "href", "onload")]
    assert [attributes["content"] for _, attributes in read.seen if "http-equiv" in attributes] == [
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    ]


def test_whatever_is_in_the_data_is_shown_as_it_is() -> None:
    text = Reader(page(EVIL)).text
    assert text.count(HOSTILE) == 7


def test_its_first_screen_says_how_many_cars_charge_and_are_quiet() -> None:
    read = Reader(page(SMALL))
    assert "3 cars: 1 charging now, 1 gone quiet" in read.text
    for said in ("20 kWh", "2 sessions, 1 of unknown energy", "37 km", "12 March 2026, 12:00 UTC", "1 car"):
        assert said in read.text


def test_every_car_says_how_it_stands() -> None:
    read = Reader(page(SMALL))
    assert [attributes["class"] for tag, attributes in read.seen if tag == "article"] == ["charging", "parked", "quiet"]
    assert "quiet for 30 hours" in read.text
    assert "52.37, 4.90" in read.text


def test_a_line_is_broken_where_the_car_was_silent_and_stays_within_its_frame() -> None:
    lines = [attributes["points"] for tag, attributes in Reader(page(SMALL)).seen if tag == "polyline"]
    assert len(lines) == 2 * 3
    assert lines[0] == "0.0,6.4 8.0,2.0"


def test_sessions_say_what_is_known_of_them() -> None:
    text = Reader(page(SMALL)).text
    assert "Thu 12 Mar 10:00charging20.0 kWh20 to 60 %at home" in text
    assert "Tue 10 Mar 20:00Tue 10 Mar 21:3020 to ? %at home" in text


def test_what_is_wrong_leaves_out_what_a_car_cannot() -> None:
    text = Reader(page(SMALL)).text
    assert "permission lost: Location_PreciseLocation; odometer went back: 2" in text
    assert "stuck: Odometer_TraveledDistance; 1 signal with UPSTREAM" in text
    assert "COMPATIBILITY" not in text


def test_charging_is_counted_in_the_hours_of_the_car() -> None:
    hours = charging_by_hour(SMALL)
    assert {hour: value for hour, value in enumerate(hours) if value} == {11: 1.0, 21: 1.0, 22: 0.5}


def test_a_zone_that_this_machine_does_not_know_is_utc() -> None:
    calendar = [{**row, "timezone": "+05:00"} for row in SMALL.calendar]
    assert {hour for hour, value in enumerate(charging_by_hour(replace(SMALL, calendar=calendar))) if value} == {
        10,
        20,
        21,
    }


def test_only_the_first_of_many_are_shown() -> None:
    read = Reader(page(MANY))
    assert sum(tag == "article" for tag, _ in read.seen) == 100
    assert "And 50 more." in read.text
