"""The views over a generated fleet agree with its truth.

Events come late, repeated, out of order, among odd ones.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pyspark.sql import Row, SparkSession

from flatten.events import catalogue
from flatten.tables.sql import moment_literal
from flatten.views.fill import VIEWS, Flat, query
from rehearsal.fleet import write_fleet
from support.answers import Answers, as_table
from support.dashboards import runnable
from support.fleet_reader import is_removal, newest, read_files
from support.job_world import World

pytestmark = pytest.mark.spark
_FOUR_HOURS = 4 * 3_600
_WITHOUT_STAMPS = (
    "vehicleidentification-vin",
    "vehicleidentification-exteriorcolor",
    "tractionbattery-nominalcapacity",
)


@dataclass(frozen=True)
class Fleet:
    """The truth of the cars, their remaining events, and the table."""

    truth: dict[str, dict[str, Any]]
    events: Mapping[str, list[dict[str, Any]]]
    spark: SparkSession
    table: str

    @cached_property
    def now(self) -> float:
        """Return an hour after the newest event, in seconds since 1970 UTC."""
        return (
            3_600.0 + max(int(event["meta"]["deliveredAt"]) for each in self.events.values() for event in each) / 1000
        )

    @cached_property
    def answers(self) -> Answers:
        columns = frozenset(self.spark.table(self.table).columns)
        return Answers(self.spark, Flat(self.table, columns, now=moment_literal(datetime.fromtimestamp(self.now, UTC))))

    @cached_property
    def sessions(self) -> dict[str, list[Row]]:
        return self.answers.rows("charging_sessions")

    @cached_property
    def health(self) -> dict[str, Row]:
        return {car: row for car, [row] in self.answers.rows("vehicle_health").items()}


@pytest.fixture(scope="module")
def fleet(spark: SparkSession, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Fleet:
    world = World(spark, tmp_path_factory.mktemp("fleet")).furnished(blank)
    truth = write_fleet(world.source, events=4000, vehicles=32, seed=11, oddities=True).truth
    events = defaultdict(list)
    for event in newest(read_files(world.source)).values():
        if not is_removal(event) and event["vehicle"]["id"] in truth:
            events[event["vehicle"]["id"]].append(event)
    world.run()
    return Fleet(truth, events, spark, world.table.sql)


def _fields(code: str, body: Mapping[str, Any]) -> dict[str, Any]:
    fields = catalogue.packaged().signals[code].fields
    return {fields[key].column: value for key, value in body.items() if key in fields}


def _read(value: Any, expected: Any) -> Any:
    return json.loads(value) if isinstance(expected, list | dict) and value is not None else value


def test_the_latest_value_of_every_signal_and_when_it_was_measured(fleet: Fleet) -> None:
    latest, compared = fleet.answers.rows("vehicle_latest"), Counter[str]()
    for car, did in fleet.truth.items():
        [row] = latest[car]
        assert (row.vehicle_make, row.vehicle_model, row.vehicle_year) == (did["make"], did["model"], did["year"])
        for code, known in did["latest"].items():
            for column, value in _fields(code, known["body"]).items():
                assert _read(row[column], value) == value, (car, column)
            if code not in _WITHOUT_STAMPS and any(value is not None for value in known["body"].values()):
                signal = catalogue.packaged().signals[code]
                assert row[f"{signal.group}_{signal.name}_measuredAt"] == known["oemUpdatedAt"] / 1000, (car, code)
                compared[code] += 1
    assert len(compared) > 60
    assert compared["tractionbattery-stateofcharge"] == 32


def test_every_session_has_its_start_its_end_and_its_levels(fleet: Fleet) -> None:
    outcomes = Counter[str]()
    for car, did in fleet.truth.items():
        rows = fleet.sessions.get(car, [])
        assert [row.started_at for row in rows] == [charge["start"] / 1000 for charge in did["charges"]]
        assert [row.ended_at for row in rows] == [charge["end"] and charge["end"] / 1000 for charge in did["charges"]]
        for row, charge in zip(rows, did["charges"], strict=True):
            outcomes[row.outcome] += 1
            assert abs(row.soc_from - charge["soc_from"]) <= 0.5
            assert abs(row.soc_to - charge["soc_to"]) <= (0.5 if charge["end"] else 50)
    assert outcomes["ended"] > 50
    assert set(outcomes) <= {"ended", "charging", "end not seen"}


def test_a_session_has_the_energy_and_its_source(fleet: Fleet) -> None:
    sources = Counter[str | None]()
    for car, did in fleet.truth.items():
        for row, charge in zip(fleet.sessions.get(car, []), did["charges"], strict=True):
            sources[row.energy_from] += 1
            if charge["end"] and row.energy_from == "counter":
                assert row.energy_kwh == pytest.approx(charge["kwh"], abs=0.006)
            elif charge["end"] and row.energy_from:
                assert row.energy_kwh == pytest.approx(charge["kwh"], abs=1)  # of two levels, each a whole percent
            elif not row.energy_from:
                assert row.energy_kwh is None
    assert min(sources["counter"], sources[None]) > 20
    assert sources["state of charge"]


def test_a_session_has_its_place_unless_the_permission_was_withdrawn(fleet: Fleet) -> None:
    without = 0
    for car, did in fleet.truth.items():
        for row, charge in zip(fleet.sessions.get(car, []), did["charges"], strict=True):
            without += row.latitude is None
            if row.latitude is not None:
                assert (row.latitude, row.longitude) == (
                    pytest.approx(charge["latitude"], abs=1e-5),
                    pytest.approx(charge["longitude"], abs=1e-5),
                )
    denied = {car for car, did in fleet.truth.items() if any(each["type"] == "PERMISSION" for each in did["errors"])}
    assert 0 < without < sum(len(fleet.sessions.get(car, [])) for car in denied)


def _days(since: float, until: float, zone: ZoneInfo) -> Iterator[tuple[date, float, float]]:
    """Yield the local days from one time to another, with their first and last moment."""
    day = datetime.fromtimestamp(since, zone).date()
    while (begins := datetime.combine(day, time(), zone).timestamp()) <= until:
        day += timedelta(days=1)
        yield day - timedelta(days=1), begins, datetime.combine(day, time(), zone).timestamp()


def test_a_day_has_its_events_its_distance_its_energy_and_its_silence(fleet: Fleet) -> None:
    days, checked = fleet.answers.rows("vehicle_day"), Counter[str]()
    for car, did in fleet.truth.items():
        zone = ZoneInfo(did["timezone"])
        times = sorted(event["meta"]["deliveredAt"] / 1000 for event in fleet.events[car])
        gaps = [(a, b) for a, b in zip(times, [*times[1:], fleet.now], strict=True) if b - a > _FOUR_HOURS]
        rows = {row.day: row for row in days[car]}
        calendar = list(_days(times[0], fleet.now, zone))
        assert list(rows) == [day for day, _, _ in calendar]
        known = all(session.energy_from == "counter" for session in fleet.sessions.get(car, []))
        for day, begins, ends in calendar:
            row, truth = rows[day], did["days"].get(day.isoformat(), {"km": 0, "kwh": 0})
            assert row.timezone == did["timezone"]
            assert row.events == sum(begins <= at < ends for at in times)
            silent = sum(max(0, min(until, ends) - max(since, begins)) for since, until in gaps) / 3_600
            assert row.hours_silent == pytest.approx(silent, abs=1e-6)
            checked["silent"] += silent > 4
            if row.events:
                assert row.distance_km == pytest.approx(truth["km"], abs=1.7)
                checked["km"] += truth["km"] > 1
            else:
                assert row.distance_km is None
            if known and all(charge["end"] for charge in did["charges"]):
                assert row.energy_kwh == pytest.approx(truth["kwh"], abs=1)  # the power falls before midnight
                checked["kwh"] += truth["kwh"] > 1
    assert min(checked["silent"], checked["km"], checked["kwh"]) > 5


def _status(error: Mapping[str, Any]) -> str:
    return f"{error['type']}:{error['code']}" if error["code"] else str(error["type"])


def _stem(code: str) -> str:
    signal = catalogue.packaged().signals[code]
    return f"{signal.group}_{signal.name}"


def test_health_has_current_errors_and_withdrawn_permissions(fleet: Fleet) -> None:
    types = Counter[str]()
    for car, did in fleet.truth.items():
        lasting = {(_stem(each["signal"]), _status(each)) for each in did["errors"] if each["to"] is None}
        row = fleet.health[car]
        assert {(each.signal, each.status) for each in row.errors} == lasting
        assert {(name, kind) for kind, names in row.errors_by_type.items() for name in names} == {
            (name, status.partition(":")[0]) for name, status in lasting
        }
        assert set(row.permission_lost) == {name for name, status in lasting if status == "PERMISSION"}
        types.update({status.partition(":")[0] for _, status in lasting})
    assert types["PERMISSION"] > 1
    assert types["COMPATIBILITY"] > 30


def test_health_has_silence_and_the_maker_s_newest_time(fleet: Fleet) -> None:
    for car, events in fleet.events.items():
        row, last = fleet.health[car], max(event["meta"]["deliveredAt"] for event in events) / 1000
        assert row.silent_hours == pytest.approx((fleet.now - last) / 3_600)
        stamps = [signal["meta"]["oemUpdatedAt"] for event in events for signal in event["signals"] if "meta" in signal]
        assert row.newest_oem_at == max(stamps) / 1000
        assert row.oem_minutes_behind == pytest.approx((last - max(stamps) / 1000) / 60)
    assert sum(row.silent_hours > 24 for row in fleet.health.values()) == sum(
        bool(did["silent"])
        and did["silent"][-1]["to"] is None
        and fleet.now - did["silent"][-1]["from"] / 1000 > 86_400
        for did in fleet.truth.values()
    )


def test_a_healthy_fleet_has_no_stuck_and_no_impossible_values(fleet: Fleet) -> None:
    for car in fleet.truth:
        row = fleet.health[car]
        assert row.stuck_signals == []
        assert (row.impossible_state_of_charge, row.impossible_location, row.odometer_went_back) == (0, 0, 0)


def test_with_a_third_of_the_events_missing_a_session_is_shown_partly(fleet: Fleet) -> None:
    """The view shows a part of what happened, and never guesses."""
    two_thirds = f"(SELECT * FROM {fleet.table} WHERE crc32(event_id) % 3 > 0)"
    rows, told = Answers(fleet.spark, replace(fleet.answers.flat, table=two_thirds)).rows("charging_sessions"), 0
    for car, did in fleet.truth.items():
        for row in rows.get(car, []):
            [charge] = [each for each in did["charges"] if each["start"] / 1000 == row.started_at]
            assert row.ended_at in (None, charge["end"] and charge["end"] / 1000)
            assert row.outcome == "ended" or row.ended_at is None
            assert charge["soc_from"] - 0.5 <= row.soc_from <= row.soc_to <= charge["soc_to"] + 0.5
            if row.energy_from == "counter":
                assert row.energy_kwh <= charge["kwh"] + 0.006
            told += 1
    assert 0.8 * sum(len(did["charges"]) for did in fleet.truth.values()) < told


PAGE = (Path(__file__).parents[3] / "docs" / "answers.md").read_text("utf-8")
QUESTIONS = re.findall(r"(?s)### (\d[^\n]*)\n\n```sql\n(.*?);\n```\n\n(\|.*?)\n\n", PAGE)


@pytest.mark.parametrize(("sql", "table"), [each[1:] for each in QUESTIONS], ids=[each[0] for each in QUESTIONS])
def test_the_page_has_the_answer_of_each_question(fleet: Fleet, sql: str, table: str) -> None:
    views = {view: query(view, fleet.answers.flat) for view in VIEWS}
    assert as_table(fleet.spark.sql(runnable(sql, Path(), views))) == table


def test_the_page_has_eight_questions() -> None:
    assert len(QUESTIONS) == 8
