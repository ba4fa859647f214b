"""The forms of times. Expectations are Python datetimes or whole microseconds."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatten.events.json_text import Number
from flatten.events.timestamps import date_of, from_number, from_stamp, from_text

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""Midnight of 1 January 0001 and the last microsecond of 9999."""

AT = datetime(2025, 10, 28, 20, 11, 6, tzinfo=UTC)


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-10-28 20:11:06", AT),
        ("2025-10-28T20:11:06", AT),
        ("2025-10-28T20:11:06Z", AT),
        ("2025-10-28 20:11:06Z", AT),
        ("2025-10-28T20:11:06.5", AT.replace(microsecond=500_000)),
        ("2025-10-28T20:11:06.123456Z", AT.replace(microsecond=123_456)),
        ("2025-10-28T20:11:06.999999999Z", AT.replace(microsecond=999_999)),
        (f"2025-10-28T20:11:06.{'0' * 100_000}1", AT),
        ("2025-10-28T22:11:06+02:00", AT),
        ("2025-10-28T14:41:06-05:30", AT),
        ("2025-10-28T20:11:06+00:00", AT),
        ("2025-10-28T20:11:06-00:00", AT),
        ("2025-10-29T20:10:06+23:59", AT),
        ("2024-02-29T00:00:00", datetime(2024, 2, 29, tzinfo=UTC)),
        ("1969-12-31T23:59:59.999999Z", EPOCH - timedelta(microseconds=1)),
        ("0001-01-01T00:00:00Z", datetime.min.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999Z", datetime.max.replace(tzinfo=UTC)),
        ("9999-12-31T23:59:59.999999-00:00", datetime.max.replace(tzinfo=UTC)),
        ("0001-01-01T01:00:00+01:00", datetime.min.replace(tzinfo=UTC)),
    ],
    ids=lambda value: f"{value!s:.40}",
)
def test_text_is_read_as_utc_unless_it_has_an_offset(text: str, moment: datetime) -> None:
    assert from_text(text) == micros(moment)
    assert from_stamp(text) == micros(moment)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "null", "2025-10-28", "20:11:06", "2025-10-28 20:11", "2025-10-28_20:11:06", "20251028T201106Z"),
        *("2025-10-28 20: 11: 06", " 2025-10-28 20:11:06", "2025-10-28 20:11:06 ", "2025-10-28 20:11:06\n"),
        *("2025-10-28  20:11:06", "2025-10-28t20:11:06", "2025-10-28T20:11:06z", "2025-1-28 20:11:06"),
        *("2025-13-01 00:00:00", "2025-00-01 00:00:00", "2025-02-29 00:00:00", "2025-04-31 00:00:00"),
        *("2025-10-28 24:00:00", "2025-10-28 20:60:06", "2016-12-31T23:59:60Z", "2025-10-28 20:11:61"),
        *("0000-01-01 00:00:00", "10000-01-01 00:00:00", "-001-01-01 00:00:00", "+2025-10-28 20:11:06"),
        *("2025-10-28 20:11:06.", "2025-10-28 20:11:06,5", "2025-10-28 20:11:06.5.5", "2025-10-28 20:11:06.-5"),
        *("2025-10-28T20:11:06+2", "2025-10-28T20:11:06+0200", "2025-10-28T20:11:06+02", "2025-10-28T20:11:06 +02:00"),
        *("2025-10-28T20:11:06+24:00", "2025-10-28T20:11:06+02:60", "2025-10-28T20:11:06Z+02:00"),
        *(
            "2025-10-28T20:11:06 UTC",
            "2025-10-28T20:11:06[Europe/Berlin]",
            "٢٠٢٥-10-28 20:11:06",
        ),
        *("0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:00:00-01:00"),
        *("1761682265846", "x" * 5_000_000),
    ],
    ids=lambda text: f"{text!r:.40}",
)
def test_text_of_another_form_is_not_a_time(text: str) -> None:
    assert from_text(text) is None
    assert from_stamp(text) is None


@pytest.mark.parametrize("value", [None, True, 5, 1.5, Number("5"), [], {}, b"2025-10-28 20:11:06"], ids=repr)
def test_only_text_is_read_as_text(value: Any) -> None:
    assert from_text(value) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_761_682_265_846, 1_761_682_265_846_000),
        (0, 0),
        (-1, -1_000),
        (Number("1761682265846.5"), 1_761_682_265_846_500),
        (Number("1761682265846.25"), 1_761_682_265_846_250),
        (Number("-0.5"), -500),
        (Number("0.0"), 0),
        (Number("1.761682265846E+12"), 1_761_682_265_846_000),
        (Number("1e-400"), 0),
        (LAST // 1_000, LAST // 1_000 * 1_000),
        (LAST // 1_000 + 1, None),
        (FIRST // 1_000, FIRST),
        (FIRST // 1_000 - 1, None),
        (10**4_299, None),
        (Number("9" * 5_000), None),
        (Number("1e999999999999"), None),
        (Number("-1e999999999999"), None),
        (Number("1e18"), None),
        (True, None),
        (None, None),
        ([1], None),
        ({"N": "1761682265846"}, None),
    ],
    ids=lambda value: f"{value!r:.40}",
)
def test_a_stamp_is_milliseconds(value: Any, expected: int | None) -> None:
    assert from_stamp(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1_761_682_266, 1_761_682_266_000_000),
        (Number("1761682266.5"), 1_761_682_266_500_000),
        (1_761_682_266_000, None),
        ("1761682266", None),
        (False, None),
    ],
    ids=repr,
)
def test_a_number_may_be_seconds(value: Any, expected: int | None) -> None:
    assert from_number(value, 1_000_000) == expected


@pytest.mark.parametrize(
    ("at", "day"),
    [
        (None, None),
        (0, date(1970, 1, 1)),
        (-1, date(1969, 12, 31)),
        (FIRST, date(1, 1, 1)),
        (LAST, date(9999, 12, 31)),
        (86_400_000_000 - 1, date(1970, 1, 1)),
        (86_400_000_000, date(1970, 1, 2)),
    ],
    ids=repr,
)
def test_a_time_has_the_date_of_utc(at: int | None, day: date | None) -> None:
    assert date_of(at) == day


zones = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@settings(max_examples=100, deadline=None)
@given(st.datetimes(), zones, st.sampled_from([" ", "T"]))
def test_every_time_that_python_writes_is_read_or_out_of_range(local: datetime, zone: timezone, mark: str) -> None:
    moment = local.replace(tzinfo=zone)
    at = micros(moment)
    assert from_text(moment.isoformat(mark)) == (at if FIRST <= at <= LAST else None)


@settings(max_examples=100, deadline=None)
@given(
    st.integers() | st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,14})?", fullmatch=True).map(Number)
)
def test_the_time_of_any_number_has_a_date(value: int | Number) -> None:
    for per_unit in (1_000, 1_000_000):
        at = from_number(value, per_unit)
        assert at is None or FIRST <= at <= LAST
        assert (date_of(at) is None) == (at is None)
