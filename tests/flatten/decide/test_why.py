"""The sentences of `flatten explain` about a line."""

import pytest

from flatten.decide.lines import FoundRow, JudgedLine
from flatten.decide.why import why, why_bad

ROW = FoundRow("e", None, "2026-01-01", "5", None, 5_000_000, "landing/a", "1", "1")
PLAIN = ROW._replace(stream=None, sequence_number=None, changed_at=None, delivered_at=5)
LINE = JudgedLine("landing/a", 0, 1, None, "put", "e", "2026-01-01", "5", 5_000_000, None, None, None)
UNNUMBERED = LINE._replace(stream=None, sequence_number=None, changed_at=None, delivered_at=5)


@pytest.mark.parametrize(
    ("line", "row", "verdict"),
    [
        (LINE, ROW, "applied"),
        (LINE, ROW._replace(source_file="landing/a#redriven"), "applied"),
        (LINE._replace(path="landing/b"), ROW, "repeated"),
        (LINE._replace(sequence_number="4"), ROW, "superseded"),
        (LINE._replace(sequence_number="6"), ROW, "missing"),
        (LINE, None, "missing"),
        (LINE._replace(action="ignore", sequence_number="6"), ROW, "ignored"),
        (LINE._replace(action="ignore"), ROW, "applied"),
        (UNNUMBERED, ROW, "ignored"),
        (UNNUMBERED, PLAIN, "applied"),
        (UNNUMBERED._replace(path="landing/b"), PLAIN, "ignored"),
        (UNNUMBERED._replace(delivered_at=4), PLAIN, "ignored"),
        (UNNUMBERED._replace(delivered_at=6), PLAIN, "missing"),
    ],
    ids=[
        "the row's own change",
        "redriven",
        "the same change in another file",
        "an older change",
        "a newer change",
        "no row",
        "what the policy leaves out",
        "what the row has, whatever the policy of this command is",
        "no place in the order, and the row has one",
        "no place in the order, the row's own",
        "no place in the order, as new as the row",
        "delivered earlier",
        "delivered later",
    ],
)
def test_the_verdict_on_an_archived_line(line: JudgedLine, row: FoundRow | None, verdict: str) -> None:
    found, said = why(line, row, in_landing=False, expired=False)
    assert found == verdict
    assert said.endswith(".")


def test_a_newer_line_in_landing_waits() -> None:
    assert why(LINE, None, in_landing=True, expired=False)[0] == "waiting"
    assert why(LINE._replace(sequence_number="6"), ROW, in_landing=True, expired=False)[0] == "waiting"
    assert why(LINE, ROW, in_landing=True, expired=False)[0] == "applied"


def test_the_sentence_of_an_ignored_line_names_expiry_or_removal() -> None:
    ignored = LINE._replace(action="ignore", sequence_number="6")
    assert why(ignored, ROW, in_landing=False, expired=True)[1].startswith("The item expired")
    assert why(ignored, ROW, in_landing=False, expired=False)[1].startswith("The item was removed")


def test_a_bad_line_is_quarantined_when_its_file_was_read() -> None:
    found = [
        why_bad("not_json", "column 1", in_landing=in_landing, redriven=redriven)
        for in_landing, redriven in ((True, None), (False, None), (False, "2026-01-01"))
    ]
    assert [verdict for verdict, _ in found] == ["waiting", "quarantined", "quarantined"]
    assert found[0][1].endswith("The next run reads its file and quarantines it.")
    assert found[2][1] == "not_json: column 1. It was redriven on 2026-01-01."
