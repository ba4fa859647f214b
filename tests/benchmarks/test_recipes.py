"""The alternatives give the same values as ours, so the comparison is fair."""

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from benchmarks.recipes.in_duckdb import flat_query, flatten_in_duckdb, parquet_sum
from benchmarks.recipes.python_udf import flat_row

from benchmarks import events
from flatten.events import catalogue
from flatten.events.envelope import read_change, read_line
from flatten.events.event import flatten

EVENTS, SIGNALS = 40, 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("objects")
    events.write_objects(folder, events.fleet(EVENTS), SIGNALS, 15)
    return folder


def lines(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*.gz")):
        yield from gzip.decompress(path.read_bytes()).splitlines()


def ours(line: bytes) -> dict[str, Any]:
    """Return the signal columns of our flat row, with times as datetimes."""
    event = read_line(line)
    row = flatten(event, read_change(event), catalogue.packaged())
    kinds = catalogue.packaged().columns()
    return {
        name: _EPOCH + timedelta(microseconds=row[name]) if kind == "TIMESTAMP" else row[name]
        for name, kind in kinds.items()
        if row.get(name) is not None
    }


def signals_of(row: dict[str, Any]) -> dict[str, Any]:
    known = catalogue.packaged().columns()
    return {name: value for name, value in row.items() if name in known and value is not None}


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return nested JSON as data and times in UTC: engines format them differently."""
    return {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    return json.loads(value) if isinstance(value, str) and value[:1] in ("[", "{") else value


def test_the_udf_gives_our_values(source: Path) -> None:
    for line in lines(source):
        assert plain(signals_of(flat_row(line.decode(), catalogue.packaged()))) == plain(ours(line))


def test_duckdb_gives_our_values(source: Path) -> None:
    with duckdb.connect() as connection:
        found = connection.execute(flat_query(source, catalogue.packaged()))
        names = [column[0] for column in found.description or ()]
        rows = {row[0]: dict(zip(names, row, strict=True)) for row in found.fetchall()}
    assert len(rows) == EVENTS
    for line in lines(source):
        assert plain(signals_of(rows[json.loads(line)["event_id"]])) == plain(ours(line))


def test_the_expected_sum_is_the_written_one(source: Path, tmp_path: Path) -> None:
    flatten_in_duckdb(source, tmp_path / "flat.parquet", catalogue.packaged(), 1)
    wanted = events.expected_sum(events.fleet(EVENTS), SIGNALS)
    assert wanted > 0
    assert parquet_sum(tmp_path / "flat.parquet", events.SUMMED) == pytest.approx(wanted)
    assert sum(ours(line).get(events.SUMMED, 0.0) for line in lines(source)) == pytest.approx(wanted)


def test_the_same_events_are_the_same_bytes(source: Path, tmp_path: Path) -> None:
    events.write_objects(tmp_path, events.fleet(EVENTS), SIGNALS, 15)
    assert [path.read_bytes() for path in sorted(tmp_path.rglob("*.gz"))] == [
        path.read_bytes() for path in sorted(source.rglob("*.gz"))
    ]


def test_every_signal_of_a_line_is_mapped_completely() -> None:
    event = read_line(events.line(next(events.fleet(1)), 60).encode())
    row = flatten(event, read_change(event), catalogue.packaged())
    assert row["signal_count"] == 60
    assert "unmapped_signals" not in row
    assert "unmapped_attributes" not in row
