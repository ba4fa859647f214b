"""Redriving quarantined lines: unchanged, corrected, interrupted."""

import json
from pathlib import Path
from typing import Any

import pytest

from flatten.errors import UsageError
from flatten.run.redrive import Wanted, read_corrected, require_lines
from flatten.run.replay import EVER
from support.job_world import NOW, World, at, content, line
from support.second_year import redrive, replay

ODOMETER = "odometer-traveleddistance"
FILE = "2026/01/05/10/a.ndjson.gz"
BAD = {
    1: (b"{broken", "not_json"),
    3: (b'{"event_id": "\xff"}', "not_utf8"),
    6: (json.dumps(line("e1", 3) | {"signals": 1}).encode(), "bad_signals"),
}


def corrected(name: str, number: int) -> bytes:
    return json.dumps(line(name, number, name="MODIFY", signals={ODOMETER: number})).encode()


@pytest.mark.spark
class TestWithATable:
    @pytest.fixture
    def world(self, spark: Any, blank: Path, tmp_path: Path) -> World:
        world = World(spark, tmp_path).furnished(blank)
        world.land(FILE, [BAD[1][0], line("e1", 2), BAD[3][0], b"", line("e2", 1), BAD[6][0]])
        world.land("2026/01/05/11/b.ndjson.gz", [b"other"])
        world.run()
        return world

    def waiting(self, world: World) -> dict[int, str]:
        path = str(world.source / FILE)
        rows = (row for row in world.side("quarantine") if row.source_file == path and row.redriven_at is None)
        return {row.line_number: row.reason for row in rows}

    def test_uncorrected_lines_stay(self, world: World) -> None:
        quarantined = world.side("quarantine")
        counts = redrive(world, Wanted(file=str(world.source / FILE)))
        assert (counts["lines"], counts["redriven"], counts["rows_written"]) == (3, 0, 0)
        assert counts["failed"] == {"not_json": 1, "not_utf8": 1, "bad_signals": 1}
        assert sorted(world.side("quarantine"), key=str) == sorted(quarantined, key=str)

    def test_corrected_lines_are_marked_and_failed_ones_get_their_new_reason(self, world: World) -> None:
        path = str(world.source / FILE)
        told = {(path, 1): corrected("e3", 5), (path, 3): b"[]", (path, 6): corrected("e1", 1)}
        dry = redrive(world, Wanted(corrected=told), dry_run=True)
        assert self.waiting(world) == {number: reason for number, (_, reason) in BAD.items()}
        counts = redrive(world, Wanted(corrected=told))
        assert counts == dry
        assert counts == {
            "lines": 3,
            "redriven": 2,
            "without_text": 0,
            "rows_written": 1,
            "failed": {"not_an_object": 1},
        }
        row = world.rows()["e3"]
        assert (row.Odometer_TraveledDistance_value, row.source_file) == (5, f"{path}#redriven")
        assert world.rows()["e1"].sequence_number == "2"  # the corrected line is older
        assert self.waiting(world) == {3: "not_an_object"}
        assert {row.redriven_at for row in world.side("quarantine")} == {None, NOW}
        assert redrive(world, Wanted(corrected=told))["lines"] == 1  # the two others are done
        before = sorted(world.side("quarantine"), key=str)
        replay(world)
        assert sorted(world.side("quarantine"), key=str) == before

    @pytest.mark.parametrize("boundary", ["found", "rows"])
    def test_a_killed_redrive_is_completed_by_the_next(self, world: World, boundary: str) -> None:
        def die() -> None:
            raise KeyboardInterrupt

        wanted = Wanted(corrected={(str(world.source / FILE), 1): corrected("e3", 5)})
        with pytest.raises(KeyboardInterrupt):
            redrive(world, wanted, at(boundary, die))
        assert redrive(world, wanted)["redriven"] == 1
        assert 1 not in self.waiting(world)
        assert world.rows()["e3"].sequence_number == "5"

    @pytest.mark.parametrize("first", [content([line("e9", 9)]), b"\xef\xbb\xbf" * 2], ids=["gzip", "byte order marks"])
    def test_a_line_that_looks_like_the_beginning_of_a_file_stays_a_line(self, world: World, first: bytes) -> None:
        name = "2026/01/05/12/c.ndjson.gz"
        world.land(name, [first, b"{broken"])
        world.run()
        path = str(world.source / name)
        counts = redrive(world, Wanted(file=path))
        assert sum(counts["failed"].values()) == counts["lines"]
        number = max(row.line_number for row in world.side("quarantine") if row.source_file == path)
        assert redrive(world, Wanted(corrected={(path, number): corrected("e9", 9)}))["redriven"] == 1

    def test_a_line_that_was_never_quarantined_is_refused(self, world: World) -> None:
        quarantined = world.side("quarantine")
        path = str(world.source / FILE)
        with pytest.raises(UsageError, match="line 2 is not in the quarantine"):
            redrive(world, Wanted(corrected={(path, 1): corrected("e3", 5), (path, 2): b"{}"}))
        assert sorted(world.side("quarantine"), key=str) == sorted(quarantined, key=str)

    def test_a_reason_selects_lines(self, world: World) -> None:
        assert redrive(world, Wanted(reason="not_json"), dry_run=True)["failed"] == {"not_json": 2}
        assert redrive(world, Wanted(reason="not_json", period=EVER), dry_run=True)["lines"] == 2
        assert redrive(world, Wanted(reason="bad_metadata"))["lines"] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no lines"),
        ("{", "line 1 is not a JSON object with"),
        ('{"source_file": "f", "line_number": 1, "raw": "{}"}\n[]', "line 2 is not a JSON object with"),
        ('{"source_file": "f", "line_number": 1}', "line 1 is not a JSON object with"),
        ('{"source_file": "f", "line_number": 1, "raw": "{\\n}"}', "line 1: raw is empty or has a line end"),
        ('{"source_file": "f", "line_number": 1, "raw": " "}', "line 1: raw is empty or has a line end"),
        ('{"source_file": "f", "line_number": 1, "raw": {"event_id": "e1"}}', "line 1 is not .* raw, which is text"),
        ('{"source_file": "f", "line_number": 1e999, "raw": "{}"}', "line 1 is not a JSON object with"),
        ("[" * 100_000, "line 1 is not a JSON object with"),
        (
            '{"source_file": "f", "line_number": 1, "raw": "{}"}\n' * 2,
            "line 2 corrects a line that was",
        ),
        (b"\x1f\x8b\x08", "cannot be read as UTF-8 text"),
    ],
    ids=[
        *("nothing", "not JSON", "no object", "no raw", "two lines", "a blank line"),
        *("an event for its text", "no number", "too deep", "a line twice", "gzip"),
    ],
)
def test_a_file_with_an_invalid_corrected_line_is_refused(text: str | bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "lines").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UsageError, match=said):
        read_corrected(tmp_path / "lines")


@pytest.mark.parametrize("letter", ["é", "\u2028", "\x85"], ids=["é", "a line separator", "a next line"])
def test_corrected_lines_are_identified_by_their_place(letter: str, tmp_path: Path) -> None:
    raw = f'{{"event_id": "{letter}"}}'
    told = json.dumps({"source_file": "f", "line_number": 7, "raw": raw}, ensure_ascii=False)
    (tmp_path / "lines").write_text(f"\ufeff{told}\n\n", "utf-8")
    assert read_corrected(tmp_path / "lines") == {("f", 7): raw.encode()}


@pytest.mark.parametrize(
    ("reason", "said"),
    [("no_such_reason", "is not a reason of the quarantine"), ("file_changed", "a reason of whole files")],
)
def test_a_reason_that_no_line_has_is_refused(reason: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        require_lines(reason)
