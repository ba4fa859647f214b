"""The table contains the result of `flatten`: every signal, and extreme values."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flatten.events import catalogue
from flatten.events.envelope import read_change, read_line
from flatten.events.event import flatten
from flatten.events.landing_file import split_file
from flatten.tables.schema import LINEAGE_COLUMNS
from support.job_world import World, content, line

pytestmark = [pytest.mark.spark, pytest.mark.connect]
STAMPS = {"retrievedAt": 1_761_682_265_645, "oemUpdatedAt": "2025-10-28T20:04:55.000001Z"}


def signal(code: str, body: Any) -> dict[str, Any]:
    return {"code": code, "body": body, "meta": STAMPS, "status": {"value": "SUCCESS"}}


def examples() -> list[dict[str, Any]]:
    """Return one signal of each code, with every field of its body."""
    fill = {"number": 1.5, "boolean": True, "text": "text", "json": [{"a": 1.10}]}
    signals = catalogue.packaged().signals.values()
    return [signal(each.code, {key: fill[field.kind] for key, field in each.fields.items()}) for each in signals]


EVENTS: dict[str, dict[str, Any]] = {
    "every signal of the catalogue": {"signals": examples()},
    "the first day": {"recorded_at": "0001-01-01 00:00:00"},
    "the last moment": {"recorded_at": "9999-12-31 23:59:59.999999"},
    "a day before the calendar's reform": {"recorded_at": "1582-10-10 12:00:00"},
    "a time before 1900": {"recorded_at": "1899-12-31 23:59:59", "meta": {"deliveredAt": -2_208_988_800_001}},
    "numbers at the ends": {
        "signals": [
            signal("charge-voltage", {"value": 1.7976931348623157e308}),
            signal("charge-amperage", {"value": -5e-324}),
            signal("charge-wattage", {"value": 10**40}),
        ],
        "meta": {"sequence": 2**63 - 1},
        "vehicle": {"year": -(2**31)},
    },
    "text at the ends": {
        "signals": [signal("vehicleidentification-nickname", {"value": "\u0000 \u2028 \U0001f697 ' \" ` \\ \n"})],
        "vehicle": {"make": "", "model": " " * 3},
        "user": {"id": "ü" * 500_000},
    },
    "what no column holds": {
        "signals": [signal("no-such-code", {"x": 1}), None, signal("charge-voltage", {"value": "12 V"})],
        "vehicle": "a string",
        "extra": {"deep": [1, {"er": None}]},
    },
    "i" * 1024: {},
    '../`hostile`\' "id"\n': {"signals": []},
}


def event(event_id: str) -> dict[str, Any]:
    return line(event_id, 1) | EVENTS[event_id]


@pytest.fixture(scope="module")
def rows(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    world = World(spark, tmp_path_factory.mktemp("values")).furnished(blank)
    world.land("0/a.ndjson.gz", [event(event_id) for event_id in EVENTS])
    world.batch(0, "0")
    epoch = "timestamp'1970-01-01 00:00:00Z'"
    table = spark.table(world.table.sql)
    micros = [
        f"timestampdiff(MICROSECOND, {epoch}, `{field.name}`) AS `{field.name}`"
        if field.dataType.simpleString() == "timestamp"
        else f"`{field.name}`"
        for field in table.schema.fields
    ]
    return {row.event_id: row.asDict() for row in table.selectExpr(*micros).collect()}


@pytest.mark.parametrize("event_id", EVENTS, ids=lambda event_id: event_id[:40].encode("unicode_escape").decode())
def test_the_table_contains_the_result_of_flatten(event_id: str, rows: dict[str, Any]) -> None:
    [only] = split_file("x", content([event(event_id)]))
    read = read_line(only.content)
    expected = flatten(read, read_change(read), catalogue.packaged())
    held = {name: value for name, value in rows[event_id].items() if name not in LINEAGE_COLUMNS and value is not None}
    assert held == {name: value for name, value in expected.items() if value is not None}


def test_lineage_has_the_origin_of_a_row(rows: dict[str, Any]) -> None:
    row = rows["the first day"]
    assert row["source_file"].endswith("/landing/0/a.ndjson.gz")
    assert (row["stream"], row["sequence_number"], row["catalogue_version"]) == ("2026-01-01T00:00:00.000", "1", "1")
    assert datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=row["changed_at"]) == datetime(
        2026, 1, 5, 8, tzinfo=UTC
    )
