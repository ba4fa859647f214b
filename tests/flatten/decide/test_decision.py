"""The decision beyond the rules: replays, other writers, crashes, and the input of the MERGE."""

from array import array
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from flatten.decide.decision import VERDICTS, decide
from flatten.decide.lines import FoundRow, Versions
from support.job_model import NEW, OLD, JobModel, Place, Policies, Sent, change_of, sent
from support.table_model import TableModel

DAY = date(2026, 1, 5)
STREAM = "2026-01-01"


def line(
    number: int | None,
    name: str = "MODIFY",
    *,
    path: str = "file",
    at: int = 1,
    day: int | None = 0,
    previous: int | None = None,
    event_id: str = "event",
    keys_only: bool = False,
) -> Sent:
    """Return a line whose values are its number; days count from `DAY`."""
    change = change_of(
        event_id,
        name,
        None if number is None else str(number),
        stream=STREAM,
        day=None if day is None else DAY + timedelta(day),
        previous=None if previous is None else DAY + timedelta(previous),
        keys_only=keys_only,
    )
    return sent(change, None if keys_only else number, Place(path, at), Policies())


def bare(number: int, path: str = "file", at: int = 1) -> Sent:
    """Return a removal without an image."""
    return line(number, "REMOVE", path=path, at=at, keys_only=True)


def row(number: int | None, path: str = "other", delivered_at: int | None = None) -> FoundRow:
    order = STREAM if number else None, str(number) if number else None, delivered_at, None
    return FoundRow("event", DAY, *order, path, *OLD)


@pytest.mark.parametrize(
    ("lines", "rows", "verdicts"),
    [
        ([line(1)], [row(1, "file")], {"applied": 1}),
        ([line(1)], [row(1)], {"repeated": 1}),
        ([line(1)], [row(2, "file")], {"superseded": 1}),
        ([line(None)], [row(None, "file")], {"applied": 1}),
        ([line(None)], [row(None)], {"ignored": 1}),
        ([line(None)], [row(1, "file")], {"ignored": 1}),
        ([line(1, at=1), line(1, at=2)], [row(1, "file")], {"applied": 1, "repeated": 1}),
        ([line(1, at=1), bare(2, at=2)], [row(2, "file")], {"applied": 1, "superseded": 1}),
    ],
    ids=[
        "a row that bears the line's file and number counts it as applied",
        "of another file: repeated",
        "of its file, by a newer line: superseded",
        "without a number the file says it",
        "without a number of another file: ignored",
        "a line without a number below a numbered row of its file: ignored",
        "a line twice in its file is applied once",
        "a line below a bare removal is superseded, as at first",
    ],
)
def test_a_replay_counts_as_the_first_time_and_writes_nothing(
    lines: list[Sent], rows: list[FoundRow], verdicts: dict[str, int]
) -> None:
    decision = decide([each.line for each in lines], rows)
    assert decision.verdicts["file"] == verdicts
    assert not decision.chosen
    assert not decision.closings
    assert (decision.rows_to_write, decision.rows_to_close) == (0, 0)


@pytest.mark.parametrize(
    ("lines", "rows", "chosen"),
    [
        ([line(1)], [row(1)], {"file": [1]}),
        ([line(1)], [row(1)._replace(catalogue_version="2")], {}),
        ([line(1)], [row(1)._replace(pipeline_version=None, catalogue_version="2")], {"file": [1]}),
        ([line(1)], [row(2)], {}),
        ([line(2)], [row(2), row(1)], {"file": [1]}),
        ([line(1), line(2, at=2)], [row(2)], {"file": [2]}),
        ([bare(2)], [row(2)], {}),
        ([line(1), bare(2, at=2)], [row(2)], {}),
        ([line(None)], [row(None, "file")], {"file": [1]}),
        ([line(None)], [row(None, "other")], {}),
        ([line(None), line(None, path="a")], [row(None, "file")], {"file": [1]}),
    ],
    ids=[
        "an older catalogue",
        "the same versions",
        "an unknown version of the job",
        "an older line never wins",
        "of two rows both are replaced",
        "the line of equal order, not the older one",
        "a removal without an image has no values",
        "nor gives a line below it its own",
        "without a number the file says whose row it is",
        "another file is another change",
        "also next to an equal line of another file",
    ],
)
def test_a_row_of_an_older_version_is_written_again_by_its_own_line(
    lines: list[Sent], rows: list[FoundRow], chosen: dict[str, list[int]]
) -> None:
    decision = decide([each.line for each in lines], rows, NEW)
    assert {path: list(numbers) for path, numbers in decision.chosen.items()} == chosen
    assert decision.rows_to_write == (len(rows) if chosen else 0)
    assert decision.renewed == ({rows[0].versions} if chosen else set())
    newer = [each._replace(catalogue_version="10", pipeline_version="1") for each in rows]
    assert not decide([each.line for each in lines], newer, NEW).chosen


def test_versions_compare_as_numbers() -> None:
    assert Versions("9", "0.9.1").is_older_than(Versions("10", "0.9.1"))
    assert Versions("9", "0.9.1").is_older_than(Versions("9", "0.10"))
    assert not Versions("10", "0.10.0").is_older_than(Versions("9", "0.9.9"))


def test_the_numbers_of_chosen_lines_are_ascending_and_by_path() -> None:
    lines = [line(9 - at, path="ab"[at % 2], at=at, event_id=f"event {-at}") for at in (5, 4, 3, 2, 1)]
    decision = decide([each.line for each in lines], [])
    assert decision.chosen == {"b": array("I", [1, 3, 5]), "a": array("I", [2, 4])}
    assert decision.rows_to_write == 5


def test_the_dates_are_those_of_rows_that_change_before_and_after() -> None:
    lines = [line(2, day=3), line(1, day=50, event_id="old"), bare(2)]
    rows = [row(1), row(1)._replace(event_date=None), row(5)._replace(event_id="old", event_date=DAY + timedelta(50))]
    decision = decide([each.line for each in lines], rows)
    assert decision.dates == {DAY, DAY + timedelta(3)}
    assert decision.meets_rows
    assert decision.rows_to_write == 2


def test_a_batch_of_new_events_meets_no_rows() -> None:
    decision = decide([line(1).line, bare(9).line._replace(event_id="other")], [row(1)._replace(event_id="other")])
    assert not decision.meets_rows
    assert (decision.rows_to_write, decision.rows_to_close) == (1, 1)


def test_the_order_of_lines_and_rows_does_not_matter() -> None:
    lines = [line(1, at=1), line(3, at=2), line(2, at=3), bare(4, at=4)]
    rows = [row(None), row(1)]
    decided = [
        decide([each.line for each in given], found) for given in (lines, lines[::-1]) for found in (rows, rows[::-1])
    ]
    assert all(each == decided[0] for each in decided)


def exported_removal(at: int, path: str = "file") -> Sent:
    each = line(None, "REMOVE", path=path, at=at)
    return Sent(each.line._replace(action="delete", changed_at=at * 1_000_000), f"before {at}")


@pytest.mark.parametrize(
    ("lines", "before", "values"),
    [
        ([exported_removal(9)], [], "before 9"),
        ([exported_removal(9)], [line(5)], 5),
        ([exported_removal(9)], [line(None)], None),
        ([exported_removal(9), exported_removal(8)], [], "before 8"),
        ([exported_removal(9), exported_removal(9, "other")], [], "before 9"),
        ([exported_removal(9)], [exported_removal(8)], "before 8"),
    ],
    ids=["nothing else is known", "a row", "a row without an order", "two of them", "twice", "a removed row"],
)
def test_an_exported_removal_brings_no_values_from_before_its_export(
    lines: list[Sent], before: list[Sent], values: object
) -> None:
    meeting = Meeting(*(each if each.line.sequence_number is None else timed(each) for each in before))
    meeting.job.process([lines])
    [row] = meeting.table.rows
    assert (row.values, row.deleted, row.changed_at) == (values, True, 9_000_000)
    meeting.job.now = NEW
    meeting.job.process([lines])
    assert [each.values for each in meeting.table.rows] == [values]


def timed(each: Sent) -> Sent:
    """Return a change of the stream with a time: second 5."""
    return Sent(each.line._replace(changed_at=5_000_000), each.values)


def test_all_verdicts_add_up() -> None:
    lines = [line(1, at=1), line(1, at=2), line(2, at=3), line(None, at=4)]
    counted = decide([each.line for each in lines], []).verdicts["file"]
    assert counted == {"applied": 1, "superseded": 2, "ignored": 1}
    assert set(counted) < set(VERDICTS)


class Meeting:
    """A job that another writer interrupts."""

    def __init__(self, *before: Sent) -> None:
        self.table = TableModel()
        self.job, self.other = JobModel(self.table), JobModel(self.table)
        for each in before:
            self.other.process([[each]])

    def commit(self, *lines: Sent, boundary: str, other: Sent | None) -> list[tuple[str | None, object, bool]]:
        """Commit lines, and at a boundary another writer's line, or be killed. Return row count, values and end."""
        act = _once(boundary, lambda: self.interrupt(other))
        try:
            self.job.process([lines], act)
        except InterruptedError:
            self.job.process([lines])
        return [(row.sequence_number, row.values, row.deleted) for row in self.table.rows]

    def interrupt(self, other: Sent | None) -> None:
        """Commit another writer's line, or kill the job."""
        if other is None:
            raise InterruptedError
        self.other.process([[other]])

    def verdicts(self) -> dict[str, int]:
        """Return the recorded verdicts of its file."""
        return dict(self.job.recorded["file"])


def _once(boundary: str, act: Callable[[], None]) -> Callable[[str], None]:
    left = {boundary}

    def reached(name: str) -> None:
        if name in left:
            left.remove(name)
            act()

    return reached


def test_a_newer_row_of_another_writer_stays() -> None:
    meeting = Meeting(line(1))
    assert meeting.commit(line(2), boundary="found", other=line(3, path="other")) == [("3", 3, False)]
    assert meeting.verdicts() == {"superseded": 1}


def test_an_older_row_of_another_writer_is_replaced() -> None:
    meeting = Meeting()
    assert meeting.commit(line(2), boundary="found", other=line(1, path="other")) == [("2", 2, False)]
    assert meeting.verdicts() == {"applied": 1}


def test_an_event_that_another_writer_inserts_first_has_one_row() -> None:
    meeting = Meeting()
    assert meeting.commit(line(1), boundary="found", other=line(1, path="other")) == [("1", 1, False)]
    assert meeting.verdicts() == {"repeated": 1}


def test_a_removal_by_key_keeps_the_values_of_another_writer_before_it() -> None:
    meeting = Meeting(line(1))
    assert meeting.commit(bare(3), boundary="found", other=line(2, path="other")) == [("3", 2, True)]


def test_a_removal_by_key_keeps_the_values_of_a_row_that_another_writer_has_moved() -> None:
    meeting = Meeting(line(1))
    assert meeting.commit(bare(3), boundary="found", other=line(2, path="other", day=4)) == [("3", 2, True)]


def test_a_removal_by_key_keeps_the_values_of_its_batch_that_another_writer_has_moved() -> None:
    meeting = Meeting()
    moved = meeting.commit(line(1), bare(3, at=2), boundary="values", other=line(2, path="other", day=4))
    assert moved == [("3", 2, True)]


@pytest.mark.parametrize("boundary", ["found", "values", "rows", "files"])
def test_a_batch_killed_at_any_boundary_has_the_same_result(boundary: str) -> None:
    meeting = Meeting(line(1, path="before"))
    assert meeting.commit(line(2), bare(3, at=2), boundary=boundary, other=None) == [("3", 2, True)]
    assert meeting.verdicts() == {"applied": 1, "superseded": 1}


def test_rows_that_only_the_merge_meets_are_found_by_the_next_look_up() -> None:
    far = 100
    meeting = Meeting(line(9, day=far, path="a"), line(1, day=far, path="b", event_id="removed"))
    removal = bare(2, at=2).line._replace(event_id="removed")
    meeting.job.process([[line(8), line(1, at=3, event_id="new"), Sent(removal, None)]])
    assert len(meeting.job.decided) == 2
    assert meeting.verdicts() == {"superseded": 1, "applied": 2}
    assert len(meeting.table.of("event")) == 1
