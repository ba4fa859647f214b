"""The output of the commands: a bar on a terminal, plain lines elsewhere."""

from io import StringIO
from typing import Any

import pytest

from flatten.screen import Screen, counted, shown_status

FOUND: dict[str, Any] = {
    "table": "main.telemetry.flat",
    "rows": 1_234_567,
    "deleted": 1_000,
    "newest_event": "2025-10-28T20:11:06Z",
    "files": {"committed": 5_432, "quarantined": 2},
    "searched": 3,
    "landing": {"waiting": 12_000, "to_archive": 1, "late": ["a", "b"]},
    "quarantined": {"not_json": 1_500, "file_incomplete": 1},
    "runs": [
        {
            "command": "run",
            "started_at": "2025-10-28T20:11:06Z",
            "seconds": 12.345,
            "outcome": "failed",
            "error": "It is full.",
        }
    ],
}


class Terminal(StringIO):
    """A stream that reports to be a terminal."""

    def isatty(self) -> bool:
        return True


def test_without_a_terminal_each_change_is_one_plain_line() -> None:
    out = StringIO()
    with Screen.of(out).progress("files") as done:
        for count in (0, 1, 1, 3, 3):
            done(count)
    assert out.getvalue() == "files: 1\nfiles: 3\n"


def test_a_terminal_shows_a_bar_that_is_removed_at_the_end() -> None:
    out = Terminal()
    screen = Screen.of(out)
    assert screen.lively
    with screen.progress("files") as done:
        done(7)
    assert "files" in out.getvalue()
    assert not out.getvalue().endswith("files")


@pytest.mark.parametrize(("count", "said"), [(0, "0 files"), (1, "1 file"), (2_000, "2,000 files")])
def test_a_count_has_its_noun_in_the_right_number(count: int, said: str) -> None:
    assert counted(count, "file") == said


@pytest.mark.parametrize("out", [StringIO(), Terminal()], ids=["pipe", "terminal"])
def test_a_quiet_screen_shows_nothing(out: StringIO) -> None:
    with Screen.of(out, quiet=True).progress("files") as done:
        done(7)
    assert out.getvalue() == ""


def test_a_failure_ends_the_bar_and_is_raised() -> None:
    with pytest.raises(ZeroDivisionError), Screen.of(Terminal()).progress("files"):
        raise ZeroDivisionError


def test_the_status_is_lines_of_text() -> None:
    assert shown_status(FOUND).splitlines() == [
        "table        main.telemetry.flat",
        "rows         1,234,567 (1,000 deleted)",
        "newest event 2025-10-28T20:11:06Z",
        "files        5,432 committed, 2 quarantined",
        "searched     3 lines looked up under all dates",
        "landing      12,000 to read, 1 to archive, 2 for more than an hour",
        "quarantined  1,500 not_json",
        "quarantined  1 file_incomplete",
        "run          2025-10-28T20:11:06Z  12.3 s  failed: It is full.",
    ]


def test_unknown_values_are_left_out_of_the_status() -> None:
    lines = shown_status(FOUND | {"landing": None, "newest_event": None, "quarantined": {}, "runs": []}).splitlines()
    assert "newest event -" in lines
    assert not any(line.startswith(("landing", "quarantined", "run")) for line in lines)


def test_progress_towards_a_total_says_how_long_it_takes() -> None:
    times, out = iter([0.0, 30.0, 60.0, 600.0]), StringIO()
    with Screen(out, lively=False, quiet=False).progress("files", 100, lambda: next(times)) as progress:
        for done in (10, 10, 50, 100):
            progress(done)
    assert out.getvalue().splitlines() == [
        "files: 10 of 100, about 4 min left",
        "files: 50 of 100, about 60 s left",
        "files: 100 of 100, about 0 s left",
    ]
