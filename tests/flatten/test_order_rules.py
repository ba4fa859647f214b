"""Which change is newer. The expressions are SQL; DuckDB reads them as Spark does, without starting one."""

from typing import Any

import duckdb
import pytest

from flatten.decide import order
from flatten.events.envelope import ORDER_DIGITS

OLD, NEW = "2025-10-01T08:00:00.000", "2026-01-01T08:00:00.000"
EARLY, LATE = "2025-10-28 20:11:06", "2025-10-28 20:11:06.000001"
LINES: dict[str, tuple[str | None, str | None, str | None]] = {
    "first": (OLD, "1", None),
    "nine": (OLD, "9", LATE),
    "nine again": (OLD, "9", EARLY),
    "nine, padded": (OLD, "009", None),
    "ten": (OLD, "10", EARLY),
    "21 digits": (OLD, "9" * 21, None),
    "22 digits": (OLD, "1" + "0" * 21, None),
    "40 digits": (OLD, "1" + "0" * 39, None),
    "the highest": (OLD, "9" * ORDER_DIGITS, None),
    "newer stream, lower number": (NEW, "1", EARLY),
    "no number, late": (None, None, LATE),
    "no number, early": (None, None, EARLY),
    "no number, no time": (None, None, None),
}
"""Stream, sequence number, delivered_at."""


def _rank(name: str) -> tuple[Any, ...]:
    """Return what Python's own comparison orders as contract 3 does."""
    stream, number, delivered = LINES[name]
    return (1, stream, int(number)) if number else (0, delivered or "", 0)


@pytest.fixture(scope="module")
def lines() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE l (name TEXT, stream TEXT, sequence_number TEXT, "
        "delivered_at TIMESTAMP, modified_at BIGINT, path TEXT, line_number INT)"
    )
    rows = [(name, *line, 7, "file", number) for number, (name, line) in enumerate(LINES.items())]
    connection.executemany("INSERT INTO l VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    return connection


def _asked(lines: duckdb.DuckDBPyConnection, expression: str, left: str, right: str) -> Any:
    duck = expression.replace("<=>", "IS NOT DISTINCT FROM")
    query = f"SELECT {duck} FROM l a, l b WHERE a.name = ? AND b.name = ?"
    return lines.execute(query, [left, right]).fetchall()[0][0]


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("ten", "nine"),
        ("22 digits", "21 digits"),
        ("40 digits", "22 digits"),
        ("the highest", "40 digits"),
        ("newer stream, lower number", "the highest"),
        ("first", "no number, late"),
        ("no number, late", "no number, early"),
        ("no number, early", "no number, no time"),
    ],
    ids=[
        *("numbers compare as numbers", "22 digits outrank 21", "40 digits outrank 22", "the highest of 40 digits"),
        *(
            "a newer stream outranks an older one",
            "a number outranks none",
            "a later delivery",
            "any time outranks none",
        ),
    ],
)
def test_the_left_is_newer_and_the_right_is_not(lines: duckdb.DuckDBPyConnection, left: str, right: str) -> None:
    assert _asked(lines, order.newer("a", "b"), left, right) is True
    assert _asked(lines, order.newer("a", "b"), right, left) is False


@pytest.mark.parametrize(
    ("left", "right"),
    [("nine", "nine again"), ("nine", "nine, padded"), ("no number, early", "no number, early")],
    ids=["the same number", "the same number with zeros", "no number and the same time"],
)
def test_of_equals_none_is_newer(lines: duckdb.DuckDBPyConnection, left: str, right: str) -> None:
    for one, other in ((left, right), (right, left)):
        assert _asked(lines, order.newer("a", "b"), one, other) is False
        assert _asked(lines, order.same("a", "b"), one, other) is True


@pytest.mark.parametrize("left", LINES)
def test_a_line_meets_every_other_as_python_orders_them(lines: duckdb.DuckDBPyConnection, left: str) -> None:
    stream, number, _ = LINES[left]
    for right, (other_stream, other_number, _) in LINES.items():
        assert _asked(lines, order.newer("a", "b"), left, right) is (_rank(left) > _rank(right))
        equal = stream == other_stream and int(number or 0) == int(other_number or 0)
        assert _asked(lines, order.same("a", "b"), left, right) is equal


def test_the_newest_line_comes_first_and_of_equals_the_first_that_was_written(
    lines: duckdb.DuckDBPyConnection,
) -> None:
    found = lines.execute(f"SELECT l.name FROM l ORDER BY {', '.join(order.newest_first('l'))}").fetchall()
    names = [name for (name,) in found]
    assert [_rank(name) for name in names] == sorted(map(_rank, LINES), reverse=True)
    lines.execute("CREATE TEMP TABLE twice AS SELECT *, 'b' AS other FROM l WHERE name = 'nine'")
    lines.execute("INSERT INTO twice SELECT * REPLACE ('a' AS path, 7 AS line_number) FROM twice")
    lines.execute("INSERT INTO twice SELECT * REPLACE (3 AS line_number) FROM twice WHERE path = 'a'")
    lines.execute("INSERT INTO twice SELECT * REPLACE ('z' AS path, 6 AS modified_at) FROM twice WHERE line_number = 3")
    found = lines.execute(
        f"SELECT path, line_number FROM twice t ORDER BY {', '.join(order.newest_first('t'))}"
    ).fetchall()
    assert found[:3] == [("z", 3), ("a", 3), ("a", 7)]


def test_a_table_of_rows_is_sorted_by_the_same_rule(lines: duckdb.DuckDBPyConnection) -> None:
    found = lines.execute(f"SELECT l.name FROM l ORDER BY {', '.join(order.newest_rows_first('l'))}").fetchall()
    assert [_rank(name) for (name,) in found] == sorted(map(_rank, LINES), reverse=True)
