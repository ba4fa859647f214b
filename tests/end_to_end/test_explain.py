"""The output of `flatten explain` for an event: its row, its lines, and why."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from flatten.errors import UsageError
from flatten.run.explain import Asked, Place, explain
from flatten.run.replay import Period
from flatten.screen import shown_event
from flatten.storage import open_location
from support.job_world import World, line

pytestmark = pytest.mark.spark
MONTH = Period(date(2026, 1, 1), date(2026, 1, 31))
DAY_5, DAY_6 = "2026/01/05/10/a.ndjson.gz", "2026/01/06/10/b.ndjson.gz"


@pytest.fixture(scope="module")
def world(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(spark, tmp_path_factory.mktemp("explained")).furnished(blank)
    bad = json.dumps(line("e1", 3) | {"signals": 1}).encode()
    world.land(DAY_5, [line("e1", 1), line("other", 2), bad])
    world.land(DAY_6, [line("e1", 4, name="MODIFY"), line("e1", 5, name="REMOVE", expired=True), line("e/é", 6)])
    world.land("2026/01/06/11/cut.ndjson.gz", b"\x1f\x8b")
    world.land("2026/01/06/12/bad.ndjson.gz", [b'{"event_id": "another", "\\u00e9', b'{"event_id": "broken", "\\u00e9'])
    world.land(
        "2026/01/19/08/ends.ndjson.gz", [line("last", 8, date="9999-12-31"), line("first", 9, date="0001-01-01")]
    )
    world.run()
    world.land("2026/01/07/10/c.ndjson.gz", [line("e1", 4, name="MODIFY"), line("e1", 7, name="MODIFY")])
    return world


def explained(
    world: World, event_id: str, period: Period | None = MONTH, progress: Callable[[int], None] = lambda files: None
) -> dict[str, Any]:
    archive, landing = (open_location(str(place)) for place in (world.root / "archive", world.source))
    places = [Place(archive, landing.root), Place(landing, landing.root, is_landing=True)]
    return explain(world.spark, Asked(event_id, world.table, places, period), progress)


def test_every_line_of_an_event_has_its_verdict(world: World) -> None:
    found = explained(world, "e1")
    assert [(each["number"], each["line"], each["verdict"], each["archived"]) for each in found["lines"]] == [
        (None, 3, "quarantined", True),
        ("1", 1, "superseded", True),
        ("4", 1, "applied", True),
        ("4", 1, "repeated", False),
        ("5", 2, "ignored", True),
        ("7", 2, "waiting", False),
    ]
    assert [row["sequence_number"] for row in found["rows"]] == ["4"]
    assert {each["file"] for each in found["lines"] if each["archived"]} == {
        str(world.source / DAY_5),
        str(world.source / DAY_6),
    }
    json.dumps(found)


def test_the_output_is_readable_text(world: World) -> None:
    text = shown_event(explained(world, "e1"), "telemetry")
    assert text.startswith(
        "Event e1 has one row in telemetry.\nIt shows the change of 2026-01-11 08:00:00 UTC (number 4 of"
    )
    assert "- INSERT of 2026-01-05 08:00:00 UTC: superseded. The row has a newer change of this event. " in text
    assert "quarantined. bad_signals: signals is a JSON number, not an array. `flatten redrive` reads it" in text
    assert "ignored. The item expired, and this table keeps the row of such an item unchanged." in text


def test_dates_limit_the_search(world: World) -> None:
    found = explained(world, "e1", Period(date(2026, 1, 6), date(2026, 1, 6)))
    assert (found["files"], [each["number"] for each in found["lines"]]) == (2, ["4", "5"])


def test_without_dates_the_row_limits_the_search(world: World) -> None:
    assert [each["number"] for each in explained(world, "other", None)["lines"]] == ["2"]
    with pytest.raises(UsageError, match=r"^nobody has no row with a time in .* unknown: give --from and --to\.$"):
        explained(world, "nobody", None)


def test_an_unknown_event_has_no_lines(world: World) -> None:
    found = explained(world, "nobody")
    assert (found["rows"], found["lines"]) == ([], [])
    assert shown_event(found, "t").startswith("Event nobody has no row in t.\n0 lines of it in 5 files:")


def test_an_id_that_is_written_with_escapes_is_found(world: World) -> None:
    assert [each["verdict"] for each in explained(world, "e/é")["lines"]] == ["applied"]


def test_a_bad_line_belongs_to_the_event_that_it_mentions(world: World) -> None:
    found = explained(world, "broken")["lines"]
    assert [(each["line"], each["verdict"]) for each in found] == [(2, "quarantined")]


@pytest.mark.parametrize("event_id", ["last", "first"])
def test_an_event_at_the_end_of_the_calendar_limits_the_search(world: World, event_id: str) -> None:
    found = explained(world, event_id, None)
    assert [each["verdict"] for each in found["lines"]] == ["applied"]


def test_an_archive_without_a_marker_is_not_landing(world: World) -> None:
    place = world.root / "old" / "2026/01/05/10"
    place.mkdir(parents=True)
    (place / "x.json").write_text(json.dumps(line("e1", 9, name="MODIFY")))
    old = open_location(str(world.root / "old"))
    found = explain(world.spark, Asked("e1", world.table, [Place(old, old.root)], MONTH))
    assert [(each["verdict"], each["archived"]) for each in found["lines"]] == [("missing", True)]


def test_a_file_that_a_run_archives_meanwhile_is_found_once(world: World) -> None:
    def run(files: int) -> None:
        if files == 1 and world.landed():
            world.run()

    found = explained(world, "e1", progress=run)
    assert [(each["number"], each["verdict"]) for each in found["lines"] if each["number"] == "7"] == [("7", "applied")]
    assert not [each for each in found["unreadable"] if "cut.ndjson" not in each]
