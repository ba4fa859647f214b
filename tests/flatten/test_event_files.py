"""The events of tests/events, and those of the catalogue, are consistent."""

import json
import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from support.catalogue_events import catalogue, catalogue_events, column

FOLDER = Path(__file__).parents[1] / "events"
FILES = sorted(FOLDER.glob("*.json"))
EVENT_COLUMNS = {
    *("event_date", "recorded_at", "delivered_at", "vehicle_model", "vehicle_year", "vehicle_mode"),
    *("vehicle_powertrainType", "user_externalId", "triggers", "signal_count", "meta_version", "meta_deliveryId"),
    *("meta_webhookId", "meta_applicationId", "meta_sequence", "meta_mode", "unmapped_signals"),
    *("unmapped_attributes", "record_type", "car_timezone", "smartcar_user_id"),
}


def _signal_columns() -> set[str]:
    columns = {column(entry, field) for entry in catalogue() for field in entry["body"]}
    stems = {f"{entry['group']}_{entry['name']}" for entry in catalogue()}
    return columns | {f"{stem}_{end}" for stem in stems for end in ("retrievedAt", "oemUpdatedAt", "status")}


def _read(path: Path) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return event


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_event_has_a_description_and_an_expectation(path: Path) -> None:
    event = _read(path)
    assert event.keys() == {"about", "item", "expect"}
    assert event["expect"].keys() <= EVENT_COLUMNS | _signal_columns()
    assert event["expect"].keys() > {"signal_count", "unmapped_signals", "unmapped_attributes"}
    for name, value in event["expect"].items():
        if value is not None and name.endswith(("retrievedAt", "oemUpdatedAt", "recorded_at", "delivered_at")):
            assert datetime.fromisoformat(value).utcoffset() is not None
        if value is not None and name == "event_date":
            date.fromisoformat(value)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_unmapped_values_are_in_the_item_unchanged(path: Path) -> None:
    event = _read(path)
    assert all(signal in event["item"]["signals"] for signal in event["expect"]["unmapped_signals"] or [])
    for name in {"record_type", "smartcar_user_id", "car_timezone"} & event["item"].keys():
        assert event["expect"][name] == event["item"][name]


def test_every_oddity_has_an_event() -> None:
    assert {int(path.stem[:2]) for path in FILES} == set(range(1, 36))


def test_the_list_names_every_event_with_what_it_shows() -> None:
    rows = re.findall(r"^\| (\d+) \| `(.+)` \| (.+) \|$", (FOLDER / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted((str(int(path.stem[:2])), path.name, _read(path)["about"]) for path in FILES)


def test_every_event_has_another_id() -> None:
    assert len({_read(path)["item"]["event_id"] for path in FILES}) == len(FILES)


def test_the_catalogue_names_each_column_by_the_rule() -> None:
    for entry in catalogue():
        assert entry["columns"] == {field: column(entry, field) for field in entry["body"]}


def test_every_signal_of_the_catalogue_has_an_event_that_fills_only_its_columns() -> None:
    events = catalogue_events()
    assert [event.code for event in events] == [entry["code"] for entry in catalogue()]
    names = [name for event in events for name in event.expect]
    assert set(names) == _signal_columns()
    assert len(set(names)) == len(names)
