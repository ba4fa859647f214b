"""A file's bytes become its lines, or the reason why the whole file cannot be used."""

import gzip
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flatten.events.landing_file import BadFileError, Line, promised_lines, split_file

FOLDER = "/Volumes/main/raw/telemetry/2025/10/28/20"
PLAIN = f"{FOLDER}/telemetry_1761682266000_2.json"
BOM = b"\xef\xbb\xbf"
HEX = "0123abcd"


def key(lines: int) -> str:
    return f"{FOLDER}/4900000000040012345678901-4900000000040012345678950-{lines}-{HEX}.ndjson.gz"


def numbered(path: str, content: bytes) -> list[tuple[int, bytes]]:
    return [(line.number, line.content) for line in split_file(path, content)]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"\n", []),
        (b"\n\n \t \r\n", []),
        (BOM, []),
        (b"{}", [(1, b"{}")]),
        (b"{}\n", [(1, b"{}")]),
        (b"a\nb\n", [(1, b"a"), (2, b"b")]),
        (b"a\r\nb\r\n", [(1, b"a\r"), (2, b"b\r")]),
        (b"\n\na\n \nb", [(3, b"a"), (5, b"b")]),
        (b"a\rb", [(1, b"a\rb")]),
        ("a\u2028b\u0085c\x0bd\x0ce\x1cf".encode(), [(1, "a\u2028b\u0085c\x0bd\x0ce\x1cf".encode())]),
        (BOM + b"{}\n" + BOM + b"{}", [(1, b"{}"), (2, BOM + b"{}")]),
        (BOM + BOM + b"{}", [(1, BOM + b"{}")]),
        (b"\x00\n\x0b\n\xa0", [(1, b"\x00"), (2, b"\x0b"), (3, b"\xa0")]),
        (b"\xff\xfe\n", [(1, b"\xff\xfe")]),
        (b"x" * 5_000_000, [(1, b"x" * 5_000_000)]),
    ],
    ids=[
        *("empty", "one end", "blank lines", "BOM alone", "no end", "one line", "two lines", "CRLF"),
        *("numbers count blank lines", "CR alone is no end", "only line feeds are ends", "a BOM on a later line"),
        *("a second BOM", "control characters are not blank", "not UTF-8", "5 MB"),
    ],
)
def test_a_file_is_its_physical_lines(content: bytes, lines: list[tuple[int, bytes]]) -> None:
    assert numbered(PLAIN, content) == lines
    assert numbered(f"{PLAIN}.gz", gzip.compress(content)) == lines


@pytest.mark.parametrize("path", [PLAIN, f"{PLAIN}.gz"], ids=["name without .gz", "name with .gz"])
def test_gzip_is_known_by_its_content(path: str) -> None:
    assert numbered(path, gzip.compress(b"a\nb\n")) == [(1, b"a"), (2, b"b")]


def test_gzip_of_several_members_is_one_file() -> None:
    assert numbered(PLAIN, gzip.compress(b"a\nb") + gzip.compress(b"c\n")) == [(1, b"a"), (2, b"bc")]


def _damaged() -> bytes:
    content = bytearray(gzip.compress(b"a\nb\n" * 200))
    content[15] ^= 0xFF
    return bytes(content)


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"a\nb\n" * 200)[:-1],
        gzip.compress(b"a\nb\n" * 200)[:-8],
        gzip.compress(b"a\nb\n" * 200)[:20],
        b"\x1f\x8b",
        b"\x1f\x8b\x08\xff\x00\x00\x00\x00\x00\x00",
        b"\x1f\x8b\x07" + b"\x00" * 20,
        _damaged(),
        gzip.compress(b"a\n")[:-8] + b"\x00" * 8,
        gzip.compress(b"a\n") + b"{}",
        b"{}\n",
        b"\x1f",
    ],
    ids=[
        *("a byte short", "without its trailer", "cut in the middle", "two bytes", "a header alone", "another method"),
        *("a byte changed", "a wrong checksum", "text after the end", "plain text named .gz", "one byte"),
    ],
)
def test_a_damaged_file_gives_no_line(content: bytes) -> None:
    with pytest.raises(BadFileError) as bad:
        split_file(f"{PLAIN}.gz", content)
    assert (bad.value.reason, bad.value.lines) == ("file_unreadable", 0)
    assert str(bad.value) == bad.value.detail != ""


def test_an_empty_object_named_gz_has_no_lines() -> None:
    assert list(split_file(f"{PLAIN}.gz", b"")) == []


def test_a_gzip_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(b"\n" * 1_001)
    assert list(split_file(PLAIN, bomb, limit=1_001)) == []
    with pytest.raises(BadFileError, match="unpacks to more than 1000 bytes") as bad:
        split_file(PLAIN, bomb, limit=1_000)
    assert bad.value.reason == "file_unreadable"


def test_an_uncompressed_file_has_the_same_limit() -> None:
    assert list(split_file(PLAIN, b"\n" * 1_000, limit=1_000)) == []
    with pytest.raises(BadFileError, match="has more than 1000 bytes") as bad:
        split_file(PLAIN, b"\n" * 1_001, limit=1_000)
    assert bad.value.reason == "file_unreadable"


@pytest.mark.parametrize("count", [0, 1, 3], ids=["none", "fewer", "more"])
def test_a_file_with_another_count_than_in_its_key_gives_no_line(count: int) -> None:
    with pytest.raises(BadFileError, match=f"the name has 2 lines, the file {count}") as bad:
        split_file(key(2), gzip.compress(b"{}\n" * count))
    assert (bad.value.reason, bad.value.lines) == ("file_incomplete", count)


def test_an_empty_object_with_a_count_in_its_key_is_incomplete() -> None:
    with pytest.raises(BadFileError) as bad:
        split_file(key(2), b"")
    assert bad.value.reason == "file_incomplete"


def test_a_file_with_the_count_in_its_key_is_read() -> None:
    assert list(split_file(key(2), gzip.compress(b"{}\n\n[]\n"))) == [Line(1, b"{}"), Line(3, b"[]")]


@pytest.mark.parametrize(
    ("path", "lines"),
    [
        (key(0), 0),
        (key(1_000), 1_000),
        (f"1-2-3-{HEX}.ndjson.gz", 3),
        (f"s3a://bucket/telemetry/1-2-3-{HEX}.ndjson.gz", 3),
        (f"/a/1-2-3-{HEX}.ndjson.gz/part", None),
        (f"/a/1-2-3-{HEX}.ndjson.gz.1a2b3c4d", None),
        (f"/a/x1-2-3-{HEX}.ndjson.gz", None),
        (f"/a/1-2-3-{HEX.upper()}.ndjson.gz", None),
        (f"/a/1-2-3-{HEX}.ndjson", None),
        (f"/a/1-2-3-{HEX}.ndjson.gz\n", None),
        (f"/a/1-2--3-{HEX}.ndjson.gz", None),
        (f"/a/1-2-\u0663-{HEX}.ndjson.gz", None),
        (f"/a/1-2-{'9' * 5_000}-{HEX}.ndjson.gz", None),
        (PLAIN, None),
        ("", None),
        ("/", None),
    ],
    ids=lambda value: f"{value!r:.60}",
)
def test_only_a_key_of_our_form_has_a_count(path: str, lines: int | None) -> None:
    assert promised_lines(path) == lines


contents = st.binary(max_size=60) | st.lists(st.sampled_from([b"\n", b"\r", BOM, b"{}", b" ", b"\xff"])).map(b"".join)
names = st.sampled_from([PLAIN, f"{PLAIN}.gz", key(1), key(2)]) | st.text(max_size=20)


@settings(max_examples=100, deadline=None)
@given(names, contents, st.booleans(), st.integers(0, 60))
def test_any_bytes_are_lines_or_a_bad_file(path: str, content: bytes, packed: bool, cut: int) -> None:
    content = gzip.compress(content)[: -cut or None] if packed else content
    try:
        lines, reason = list(split_file(path, content)), None
    except BadFileError as bad:
        lines, reason = [], bad.reason
    assert reason in (None, "file_unreadable", "file_incomplete")
    assert reason or promised_lines(path) in (None, len(lines))


@settings(max_examples=100, deadline=None)
@given(contents)
def test_the_lines_are_those_that_python_reads(content: bytes) -> None:
    """`io` counts and splits independently: binary files end their lines in line feeds only."""
    if content.startswith(b"\x1f\x8b"):
        return
    physical = enumerate(io.BytesIO(content.removeprefix(BOM)), start=1)
    stripped = [(number, line.removesuffix(b"\n")) for number, line in physical]
    assert numbered(PLAIN, content) == [(number, line) for number, line in stripped if line.strip(b" \t\r")]


@settings(max_examples=100, deadline=None)
@given(st.lists(contents, max_size=4))
def test_concatenated_files_have_the_lines_of_all(parts: list[bytes]) -> None:
    parts = [part.replace(BOM, b"").replace(b"\x1f", b"") + b"\n" for part in parts]
    whole = [line.content for line in split_file(PLAIN, b"".join(parts))]
    assert whole == [line.content for part in parts for line in split_file(PLAIN, part)]
    assert whole == [line.content for line in split_file(PLAIN, b"".join(map(gzip.compress, parts)))]
