"""The lines of a micro-batch in turns of whole files."""

import pyarrow as pa
import pytest

from flatten.decide.lines import JudgedLine
from flatten.run.envelopes import Envelopes

NOT_TEXT = {"modified_at": pa.int64(), "line_number": pa.int32(), "changed_at": pa.int64(), "delivered_at": pa.int64()}
NOT_TEXT |= {"event_date": pa.date32(), "previous_date": pa.date32()}


def envelopes(*files: tuple[str, int]) -> Envelopes:
    """Return files with so many lines, each line in a separate chunk, as workers may cut them."""
    kinds = [(name, NOT_TEXT.get(name, pa.string())) for name in JudgedLine._fields]
    rows = [{"path": path, "line_number": number} for path, count in files for number in range(1, count + 1)]
    lines = pa.Table.from_batches(
        [pa.RecordBatch.from_pylist([row], pa.schema(kinds)) for row in rows], pa.schema(kinds)
    )
    return Envelopes({}, lines.set_column(0, "path", lines["path"].dictionary_encode()))


@pytest.mark.parametrize(
    ("files", "turns"),
    [
        ([], [[]]),
        ([("a", 4)], [["a"] * 4]),
        ([("b", 1), ("a", 2), ("c", 1)], [["b", "a", "a", "c"]]),
        ([("b", 2), ("a", 3), ("c", 1)], [["b", "b"], ["a", "a", "a", "c"]]),
        ([("a", 7), ("b", 1)], [["a"] * 7, ["b"]]),
        ([("a", 1), ("b", 7)], [["a"], ["b"] * 7]),
        ([("c", 4), ("b", 4), ("a", 4)], [["c"] * 4, ["b"] * 4, ["a"] * 4]),
    ],
    ids=["none", "one file", "all in one", "two turns", "a large file first", "a large file last", "full turns"],
)
def test_a_turn_has_whole_files_and_few_lines(files: list[tuple[str, int]], turns: list[list[str]]) -> None:
    found = list(envelopes(*files).turns(most=4))
    assert [[line.path for line in turn] for turn in found] == turns
    assert [line.line_number for turn in found for line in turn] == [
        number for _, count in files for number in range(1, count + 1)
    ]


def test_files_that_are_left_out_have_no_lines() -> None:
    left = envelopes(("a", 2), ("b", 3), ("c", 2)).without({"b"})
    assert [[line.path for line in turn] for turn in left.turns(most=2)] == [["a", "a"], ["c", "c"]]
