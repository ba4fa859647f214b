"""SQL text: names, literals, schemas and predicates."""

from datetime import date

import pytest

from flatten.events.landing_file import hour_of
from flatten.tables.sql import dates_among, dates_within, ddl, hours_among, literal, quoted


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a", "`a`"),
        ("", "``"),
        ("a b.c", "`a b.c`"),
        ("a`b", "`a``b`"),
        ("``", "``````"),
        ("`; DROP TABLE t; --", "```; DROP TABLE t; --`"),
        ("a'\"\\\n", "`a'\"\\\n`"),
    ],
    ids=repr,
)
def test_a_name_is_quoted(name: str, text: str) -> None:
    assert quoted(name) == text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", "''"),
        ("it's", "'it\\'s'"),
        ("a\\", "'a\\\\'"),
        ("\\'", "'\\\\\\''"),
        ("'; DROP TABLE t; --", "'\\'; DROP TABLE t; --'"),
        ('`"\né', "'`\"\né'"),
        ("${env:HOME}", "'\\u0024{env:HOME}'"),
    ],
    ids=repr,
)
def test_a_text_is_written_as_a_literal(text: str, written: str) -> None:
    assert literal(text) == written


def test_columns_are_written_as_ddl() -> None:
    assert ddl({"a": "INT", "b`c": "ARRAY<STRING>"}) == "`a` INT, `b``c` ARRAY<STRING>"
    assert ddl({}) == ""


def test_dates_are_ranges_of_literals_or_null() -> None:
    first, second, third = date(1, 1, 1), date(2026, 1, 1), date(2026, 1, 2)
    assert dates_among("d", [third, first, second]) == (
        "(d IS NULL OR d BETWEEN DATE'0001-01-01' AND DATE'0001-01-01' "
        "OR d BETWEEN DATE'2026-01-01' AND DATE'2026-01-02')"
    )
    assert dates_among("d", []) == "(d IS NULL)"


def test_very_many_dates_are_a_list() -> None:
    many = [date.fromordinal(1 + 2 * each) for each in range(1_001)]
    assert dates_among("d", many).startswith("(d IS NULL OR d IN (DATE'0001-01-01', DATE'0001-01-03', ")


def test_windows_are_ranges_of_literals_or_null() -> None:
    windows = [(date(1, 1, 1), date(1, 1, 8)), (date(2026, 1, 1), date(9999, 12, 31))]
    assert dates_within("d", windows) == (
        "(d IS NULL OR d BETWEEN DATE'0001-01-01' AND DATE'0001-01-08' "
        "OR d BETWEEN DATE'2026-01-01' AND DATE'9999-12-31')"
    )
    assert dates_within("d", []) == "(d IS NULL)"


def test_hours_are_literals_and_null_if_given() -> None:
    hour = hour_of("/landing/1970/01/01/01/x")
    assert hours_among("h", [hour]) == "(h = timestamp_micros(3600000000))"
    assert hours_among("h", [None, hour]) == "(h = timestamp_micros(3600000000) OR h IS NULL)"
    assert hours_among("h", []) == "false"
