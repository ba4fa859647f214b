"""The descriptions of columns. tests/bundle/test_deployed.py shows that Spark accepts them."""

import json
import re
from importlib.resources import files

import pytest

from flatten.events import catalogue
from flatten.tables import describe as descriptions
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS

COMMENTS = descriptions.signal_comments()
_TELLING = re.compile(r"latitude|longitude|address|\bVIN\b|Nickname", re.IGNORECASE)


def test_every_column_of_the_catalogue_has_a_unique_comment() -> None:
    assert COMMENTS.keys() == catalogue.packaged().columns().keys()
    assert len(set(COMMENTS.values())) == len(COMMENTS)


@pytest.mark.parametrize(
    ("column", "comment"),
    [
        ("Charge_Amperage_value", "Charge: amperage, value, in ampere; signal charge-amperage"),
        ("Charge_IsCharging", "Charge: is charging; signal charge-ischarging"),
        ("Charge_ChargeTimers_values", "Charge: charge timers, values, JSON text; signal charge-chargetimers"),
        ("Diagnostics_ABS_body_status", "Diagnostics: ABS, status, such as ALERT, OK; signal diagnostics-abs"),
        ("HVAC_IsFrontDefrosterActive", "HVAC: is front defroster active; signal hvac-isfrontdefrosteractive"),
        ("Charge_Amperage_retrievedAt", "When Smartcar read charge-amperage from the maker"),
        ("Charge_Amperage_oemUpdatedAt", "When the car last reported charge-amperage to its maker"),
        ("Charge_Amperage_status", "How charge-amperage was delivered: OK, TYPE:CODE or TYPE of an error"),
    ],
)
def test_a_comment_says_meaning_unit_and_signal(column: str, comment: str) -> None:
    assert COMMENTS[column] == comment


def test_every_unit_of_the_catalogue_is_in_a_comment() -> None:
    for signal in catalogue.packaged().signals.values():
        for field in signal.fields.values():
            assert signal.code in COMMENTS[field.column]
            assert not field.unit or f"in {field.unit};" in COMMENTS[field.column]


def test_all_personal_data_of_the_catalogue_is_tagged() -> None:
    entries = json.loads((files("flatten.events") / "signal_catalogue.json").read_text("utf-8"))
    telling = {
        entry["columns"][key]
        for entry in entries
        for key, body in entry["body"].items()
        if _TELLING.search(json.dumps({key: body})) or _TELLING.fullmatch(entry["name"])
    }
    assert "Location_PreciseLocation_latitude" in telling
    assert telling <= descriptions.PERSONAL.keys()


def test_every_tagged_column_exists() -> None:
    assert descriptions.PERSONAL.keys() <= EVENT_COLUMNS.keys() | LINEAGE_COLUMNS.keys() | COMMENTS.keys()


def test_tags_come_before_the_comments() -> None:
    missing = {"user_id": "It's theirs", "meta_mode": "LIVE", "VehicleIdentification_VIN": "a\\b"}
    first, second, last = descriptions.statements("`c`.`s`.`t`", missing, tags=True)
    assert first == "ALTER TABLE `c`.`s`.`t` ALTER COLUMN `user_id` SET TAGS ('personal_data' = 'person')"
    assert second.endswith("`VehicleIdentification_VIN` SET TAGS ('personal_data' = 'vin')")
    assert last == (
        "ALTER TABLE `c`.`s`.`t` ALTER COLUMN `user_id` COMMENT 'It\\'s theirs', `meta_mode` COMMENT 'LIVE', "
        "`VehicleIdentification_VIN` COMMENT 'a\\\\b'"
    )
    assert descriptions.statements("`t`", missing, tags=False) == [last.replace("`c`.`s`.`t`", "`t`")]


def test_nothing_is_described_twice() -> None:
    assert descriptions.statements("`t`", {}, tags=True) == []
