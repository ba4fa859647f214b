"""Each event of tests/events gives the row that its file expects."""

import json
from pathlib import Path
from typing import Any

import pytest

from flatten.events import catalogue
from flatten.events.envelope import read_line
from flatten.events.signals import Row, known_codes
from flatten.tables.schema import EVENT_COLUMNS
from support.items import line, row_of
from support.lossless import lost, misfits
from support.rows import expected_row, shown

FILES = sorted((Path(__file__).parents[2] / "events").glob("*.json"))
COLUMNS = {name: kind for name, (kind, _) in EVENT_COLUMNS.items()} | catalogue.packaged().columns()


def _read(path: Path) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return event


def _row(path: Path) -> Row:
    return row_of(_read(path)["item"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_event_gives_the_row_that_it_expects(path: Path) -> None:
    expected = expected_row(_read(path)["expect"])
    row = shown(_row(path))
    assert {name: row.get(name) for name in expected} == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_event_fills_columns_of_its_own_signals_only(path: Path) -> None:
    known = catalogue.packaged()
    own = known.columns(known_codes(_read(path)["item"].get("signals"), known))
    assert {name for name in _row(path) if name in known.columns()} <= own.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_of_an_event_is_lost(path: Path) -> None:
    row = _row(path)
    assert misfits(row, COLUMNS) == []
    assert lost(read_line(line(_read(path)["item"])), row, catalogue.packaged()) == []
