"""The order of changes in Python and in SQL. DuckDB executes the SQL like Spark, and faster."""

from typing import NamedTuple

import duckdb
import pytest

from flatten.decide import order
from flatten.events.envelope import ORDER_DIGITS
from flatten.events.timestamps import from_text
from support.table_model import rank

OLD, NEW = "2025-10-01T08:00:00.000", "2026-01-01T08:00:00.000"
EARLY, LATE, FIRST = "2025-10-28 20:11:06", "2025-10-28 20:11:06.000001", "0001-01-01 00:00:00"


class Change(NamedTuple):
    """The data that order a change; `delivered_at` is text."""

    stream: str | None
    number: str | None
    delivered_at: str | None
    changed_at: str | None = None

    @property
    def order(self) -> order.Order:
        """Its order in Python."""
        return order.order_of(self.stream, self.number, from_text(self.delivered_at), from_text(self.changed_at))


CHANGES = {
    "first": Change(OLD, "1", None),
    "nine": Change(OLD, "9", LATE),
    "nine again": Change(OLD, "9", EARLY),
    "nine, padded": Change(OLD, "009", None),
    "ten": Change(OLD, "10", EARLY),
    "21 digits": Change(OLD, "9" * 21, None),
    "22 digits": Change(OLD, "1" + "0" * 21, None),
    "40 digits": Change(OLD, "1" + "0" * 39, None),
    "the highest": Change(OLD, "9" * ORDER_DIGITS, None),
    "newer stream, lower number": Change(NEW, "1", EARLY),
    "stream of high letters": Change("\uffff", "1", None),
    "stream of letters beyond 16 bits": Change("\U00010000", "1", None),
    "no number, late": Change(None, None, LATE),
    "no number, early": Change(None, None, EARLY),
    "no number, the earliest time": Change(None, None, FIRST),
    "no number, no time": Change(None, None, None),
    "timed": Change(NEW, "5", LATE, "2026-02-01 10:00:05"),
    "timed, the next": Change(NEW, "6", LATE, "2026-02-01 10:00:06"),
    "exported in an earlier second": Change(None, None, LATE, "2026-02-01 10:00:04.999999"),
    "exported in the same second": Change(None, None, LATE, "2026-02-01 10:00:05.999999"),
    "exported earlier in that second": Change(None, None, LATE, "2026-02-01 10:00:05.000001"),
    "exported in the next second": Change(None, None, None, "2026-02-01 10:00:06"),
}


@pytest.fixture(scope="module")
def changes() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    columns = "stream TEXT, sequence_number TEXT, delivered_at TIMESTAMP, changed_at TIMESTAMP, source_file TEXT"
    connection.execute(f"CREATE TABLE l (name TEXT, {columns})")
    rows = [(name, *change) for name, change in CHANGES.items()]
    connection.executemany("INSERT INTO l VALUES (?, ?, ?, ?, ?, 'file')", rows)
    return connection


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("ten", "nine"),
        ("22 digits", "21 digits"),
        ("40 digits", "22 digits"),
        ("the highest", "40 digits"),
        ("newer stream, lower number", "the highest"),
        ("stream of letters beyond 16 bits", "stream of high letters"),
        ("first", "no number, late"),
        ("no number, late", "no number, early"),
        ("no number, the earliest time", "no number, no time"),
        ("timed", "exported in the same second"),
        ("timed", "exported in an earlier second"),
        ("exported in the next second", "timed"),
        ("timed, the next", "exported in the next second"),
        ("exported in the same second", "exported earlier in that second"),
        ("exported in an earlier second", "no number, late"),
        ("first", "exported in the next second"),
    ],
    ids=[
        "numbers compare as numbers",
        "22 digits outrank 21",
        "40 digits outrank 22",
        "the highest of 40 digits",
        "a newer stream outranks an older one",
        "streams compare by code points",
        "a number outranks none",
        "a later delivery",
        "any time outranks none",
        "of one second the stream's change stays",
        "the stream's change is later than the exported item",
        "an item exported later than the stream's change",
        "the next change of the stream is that of the item",
        "exported items compare by their own times",
        "an exported item outranks one without an order",
        "a change of the stream without a time stays",
    ],
)
def test_the_left_is_newer(left: str, right: str) -> None:
    assert CHANGES[left].order > CHANGES[right].order


@pytest.mark.parametrize(
    ("left", "right"),
    [("nine", "nine again"), ("nine", "nine, padded"), ("no number, early", "no number, early")],
    ids=["the same number", "the same number with zeros", "no number and the same time"],
)
def test_both_are_equal(left: str, right: str) -> None:
    assert CHANGES[left].order == CHANGES[right].order


@pytest.mark.parametrize("left", CHANGES)
def test_sql_and_python_agree_on_what_is_newer(changes: duckdb.DuckDBPyConnection, left: str) -> None:
    query = f"SELECT b.name, {order.newer('a', 'b')} FROM l a, l b WHERE a.name = ?"
    found = dict(changes.execute(query, [left]).fetchall())
    assert found == {right: CHANGES[left].order > CHANGES[right].order for right in CHANGES}


def test_sql_says_newer_of_the_order_inside_a_column_too(changes: duckdb.DuckDBPyConnection) -> None:
    order_type = "STRUCT(stream TEXT, sequence_number TEXT, delivered_at TIMESTAMP, changed_at TIMESTAMP)"
    changes.execute(f"CREATE TEMP TABLE s (name TEXT, newest {order_type})")
    changes.execute("INSERT INTO s VALUES ('none', NULL)")
    changes.execute("INSERT INTO s SELECT name, struct_pack(stream, sequence_number, delivered_at, changed_at) FROM l")
    found = changes.execute(f"SELECT s.name, l.name, {order.newer('s.newest', 'l')} FROM s, l").fetchall()
    assert {each for each in found if each[2]} == {
        (left, right, True) for left in CHANGES for right in CHANGES if CHANGES[left].order > CHANGES[right].order
    }
    assert {newer for *_, newer in found} == {True, False}


@pytest.mark.parametrize("left", CHANGES)
def test_sql_knows_the_same_change_as_python_does(changes: duckdb.DuckDBPyConnection, left: str) -> None:
    query = f"SELECT b.name FROM l a, l b WHERE a.name = ? AND {order.same_change('a', 'b')}"
    found = {name for (name,) in changes.execute(query, [left]).fetchall()}
    assert found == {right for right in CHANGES if CHANGES[left].order == CHANGES[right].order}


def test_without_a_number_another_file_has_another_change(changes: duckdb.DuckDBPyConnection) -> None:
    other = "(SELECT * REPLACE ('other' AS source_file) FROM l)"
    query = f"SELECT a.name FROM l a, {other} b WHERE a.name = b.name AND {order.same_change('a', 'b')}"
    found = {name for (name,) in changes.execute(query).fetchall()}
    assert found == {name for name, change in CHANGES.items() if change.number}


IN_TIME = [name for name, change in CHANGES.items() if change.number is None or change.changed_at]
"""Of the stream those with a time: the rows of one event have all one, or none."""


def test_sql_sorts_the_newest_row_first_as_python_does(changes: duckdb.DuckDBPyConnection) -> None:
    for names in (list(CHANGES.keys() - {name for name in CHANGES if "exported" in name}), IN_TIME):
        told = ", ".join(f"'{name}'" for name in names)
        rows = f"SELECT *, {order.newest_numbered('l')} AS beaten FROM (SELECT *, 1 AS event_id FROM l) l"
        sort = ", ".join(order.newest_first("l", "beaten"))
        query = f"SELECT l.name FROM ({rows} WHERE name IN ({told})) l ORDER BY {sort}"
        orders = [CHANGES[name].order for (name,) in changes.execute(query).fetchall()]
        assert orders[0] == max(orders)
        assert len(orders) == len(names)


def test_the_order_is_that_of_pythons_own_numbers() -> None:
    changes = [change for change in CHANGES.values() if change.number is None or change.changed_at]
    orders = [(each.order, rank(each.stream, each.number, *map(from_text, each[2:]))) for each in changes]
    for left, left_rank in orders:
        for right, right_rank in orders:
            assert (left > right) is (left_rank > right_rank)
