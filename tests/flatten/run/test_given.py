"""The grouping into micro-batches of files that this process reads."""

from flatten.run.given import GivenFile, in_micro_batches

MIB = 1024 * 1024


def sizes(*files: GivenFile, most: int = 3) -> list[int]:
    return [len(batch) for batch in in_micro_batches(files, most)]


def test_a_batch_has_at_most_this_many_files() -> None:
    assert sizes(*[GivenFile("f", 0, b"x")] * 7) == [3, 3, 1]
    assert sizes() == []


def test_a_batch_has_few_bytes_and_a_large_file_is_alone() -> None:
    large, small = GivenFile("f", 0, bytes(60 * MIB)), GivenFile("f", 0, bytes(5 * MIB))
    assert sizes(small, large, small) == [1, 1, 1]


def test_a_batch_has_few_lines_where_they_are_known() -> None:
    known, unknown = GivenFile("f", 0, b"x", lines=60_000), GivenFile("f", 0, b"x")
    assert sizes(known, unknown, known, unknown) == [2, 2]
