"""Directories and how files are moved. A copy is complete or missing, and nothing is ever overwritten."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flatten.errors import LocationError
from flatten.events.timestamps import nearest
from flatten.storage import open_location
from flatten.storage.directory import Directory
from flatten.storage.location import (
    Barred,
    Stat,
    absolute,
    copy,
    has_literal,
    listed,
    literal_path,
    path_of,
    plain_path,
)
from support.odd_files import NAMES, NOT_UTF_8, TIMES
from support.volume import like_a_volume

ALL_NAMES = NAMES | {kind: os.fsdecode(name) for kind, name in NOT_UTF_8.items()}


@pytest.fixture(params=["folder", "volume"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Directory]:
    root = tmp_path / "place"
    root.mkdir()
    if request.param == "folder":
        yield Directory(str(root))
        return
    with like_a_volume(tmp_path) as refused:
        yield Directory(str(root))
    assert set(refused) <= {"fsync"}  # asked for, and done without


def test_a_volume_refuses_what_a_folder_does(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("a")
    calls: list[Callable[[], object]] = [
        lambda: file.rename(tmp_path / "b"),
        lambda: file.replace(tmp_path / "b"),
        lambda: file.hardlink_to(tmp_path / "b"),
        lambda: _with_file(file, os.fsync),
        lambda: _with_file(tmp_path, os.fsync),
        lambda: _with_file(file, lambda number: fcntl.flock(number, fcntl.LOCK_EX)),
    ]
    with like_a_volume(tmp_path):
        for call in calls:
            with pytest.raises(OSError, match="not implemented"):
                call()
        assert not os.access(file, os.R_OK)


def _with_file(path: Path, act: Callable[[int], None]) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        act(number)
    finally:
        os.close(number)


def test_a_place_is_checked_by_reading_it(place: Directory) -> None:
    place.check("source", to_write=True)
    put(place, "file")
    with pytest.raises(LocationError, match=r"The source .*/file is not a folder"):
        Directory(f"{place.root}/file").check("source", to_write=True)


def put(place: Directory, name: str, content: bytes = b"content") -> Path:
    path = Path(place.root) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("file:/data/a", "/data/a"),
        ("file:///data/a", "/data/a"),
        ("dbfs:/Volumes/main/raw/a", "/Volumes/main/raw/a"),
        ("/data/file:/a", "/data/file:/a"),
        ("/data/a b%20c", "/data/a b%20c"),
        ("s3a://bucket/a", "s3a://bucket/a"),
        ("", ""),
    ],
)
def test_the_scheme_of_a_mounted_file_system_is_dropped(path: str, plain: str) -> None:
    assert plain_path(path) == plain


def test_a_location_is_absolute_and_has_no_slash_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for text in ("data", "data/", "./data", "data/../data//", f"{tmp_path}/data", "~/../data"):
        assert absolute(text) == f"{tmp_path}/data"
    assert absolute("/") == "/"
    assert absolute("s3a://bucket/prefix/") == "s3a://bucket/prefix"
    assert absolute("/Volumes/main/raw/telemetry/") == "/Volumes/main/raw/telemetry"


def test_two_names_of_one_folder_are_one_location(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data")
    assert absolute(str(tmp_path / "link" / "in")) == absolute(str(tmp_path / "data" / "in"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The name of a folder is empty"),
        ("~nobody-of-this-name/data", "~nobody-of-this-name/data: there is no such user"),
    ],
    ids=["empty", "unknown user"],
)
def test_a_text_that_is_not_a_folder_is_refused(text: str, message: str) -> None:
    with pytest.raises(LocationError, match=message):
        absolute(text)


@pytest.mark.parametrize("text", ["s3://bucket/prefix", "abfss://a@b/c", "file:///data"])
def test_an_unsupported_scheme_is_refused(text: str) -> None:
    with pytest.raises(LocationError, match=text):
        open_location(text)


def test_a_folder_is_opened_where_it_is() -> None:
    assert open_location("/data/landing") == Directory("/data/landing")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a", True),
        ("a_b.c", True),
        ("_day=1", True),
        ("", True),
        ("_hidden", False),
        (".hidden", False),
        (".day=1", False),
        ("a._COPYING_", False),
        ("a\udcff", True),
        ("_metadata", False),
        ("..", True),
        ("..a", False),
    ],
    ids=repr,
)
def test_hidden_names_are_those_of_spark(name: str, shown: bool) -> None:
    assert listed(name) is shown


@pytest.mark.parametrize(
    ("path", "literal"),
    [
        ("/data/landing", "/data/landing"),
        ("/a b/it's", "/a b/it's"),
        ("/a*b?", "/a\\*b\\?"),
        ("/{a}[b]^", "/\\{a\\}\\[b\\]\\^"),
        ("/a\\b", "/a\\\\b"),
    ],
    ids=repr,
)
def test_a_path_is_not_a_pattern(path: str, literal: str) -> None:
    assert literal_path(path) == literal


@pytest.mark.parametrize(
    ("path", "understood"),
    [("/a:b", True), ("/[a]", True), ("/[a]/b:c", False), ("s3a://lake/[a]", True), ("s3a://lake/a:*", False)],
)
def test_a_pattern_with_a_colon_is_not_understood(path: str, understood: bool) -> None:
    assert has_literal(path) is understood


def test_files_are_named_as_spark_lists_them(place: Directory) -> None:
    for name in ("b", "a/2", "a/1", "a/_hidden", "a/.hidden", "_folder/x", ".folder/x", "c.part", "a_b/c"):
        put(place, name)
    assert list(place.names()) == ["b", "c.part", "a/1", "a/2", "a_b/c"]


@pytest.mark.parametrize("root", ["missing", "file"])
def test_a_path_that_is_not_a_folder_has_no_files(tmp_path: Path, root: str) -> None:
    (tmp_path / "file").write_text("x")
    assert list(Directory(str(tmp_path / root)).names()) == []


@pytest.mark.parametrize("name", ALL_NAMES.values(), ids=ALL_NAMES)
def test_hostile_names_are_names_like_others(place: Directory, tmp_path: Path, name: str) -> None:
    target = Directory(str(tmp_path / "target"))
    put(place, f"x/{name}")
    assert list(place.names()) == [f"x/{name}"]
    copy(place, f"x/{name}", target, f"x/{name}")
    place.remove(f"x/{name}")
    assert list(place.names()) == []
    assert target.read_text(f"x/{name}") == "content"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a/b", "/data/a/b"),
        ("ü\n", "/data/ü\n"),
        ("gr\udcfcn", "/data/gr\\xfcn"),
        ("\udced\udcb2\udc80", "/data/\\xed\\xb2\\x80"),
    ],
    ids=repr,
)
def test_the_path_of_a_file_is_text_whatever_its_name_is(name: str, path: str) -> None:
    assert path_of("/data", name) == path


@pytest.mark.parametrize("content", [b"", b"content", b"\x00\xff" * 2_000_000], ids=["empty", "small", "4 MB"])
def test_the_digest_is_that_of_the_bytes(place: Directory, content: bytes) -> None:
    put(place, "a/b", content)
    assert place.sha256("a/b") == hashlib.sha256(content).hexdigest()
    os.utime(Path(place.root) / "a" / "b", (0, 1_767_600_000))
    assert place.stat("a/b") == Stat(len(content), 1_767_600_000_000_000)


@pytest.mark.parametrize("name", ["missing", "folder", "missing/b", "file/b"])
def test_what_is_not_a_file_has_no_digest(place: Directory, name: str) -> None:
    put(place, "folder/x")
    put(place, "file")
    assert place.sha256(name) is None
    assert place.stat(name) is None


def test_a_copy_is_the_same_bytes_under_the_new_name(place: Directory, tmp_path: Path) -> None:
    target = Directory(str(tmp_path / "target"))
    put(place, "a/b", b"\x00" * 3_000_000)
    copy(place, "a/b", target, "c/d/e")
    assert target.sha256("c/d/e") == place.sha256("a/b")
    assert sorted(path.name for path in (tmp_path / "target").rglob("*")) == ["c", "d", "e"]


@pytest.mark.parametrize("taken", ["file", "folder"])
def test_a_copy_overwrites_nothing(place: Directory, tmp_path: Path, taken: str) -> None:
    target = Directory(str(tmp_path / "target"))
    put(place, "a")
    put(target, "a" if taken == "file" else "a/x", b"there before")
    with pytest.raises(FileExistsError):
        copy(place, "a", target, "a")
    assert (Path(target.root) / ("a" if taken == "file" else "a/x")).read_bytes() == b"there before"
    assert list(target.names()) == (["a"] if taken == "file" else ["a/x"])


@pytest.mark.parametrize("name", ["a/b", "a/b/c", "x" * 256], ids=["below a file", "far below a file", "too long"])
def test_an_impossible_name_counts_as_existing(place: Directory, tmp_path: Path, name: str) -> None:
    target = Directory(str(tmp_path / "target"))
    put(place, "source")
    put(target, "a")
    assert target.sha256(name) is None
    with pytest.raises(FileExistsError):
        copy(place, "source", target, name)
    assert list(target.names()) == ["a"]


def test_the_longest_possible_name_is_copied(place: Directory, tmp_path: Path) -> None:
    target = Directory(str(tmp_path / "target"))
    put(place, "x" * 255)
    copy(place, "x" * 255, target, "y" * 255)
    assert [path.name for path in Path(target.root).iterdir()] == ["y" * 255]


def test_a_pipe_is_not_a_file(place: Directory) -> None:
    os.mkfifo(Path(place.root) / "pipe")
    assert place.sha256("pipe") is None
    assert place.stat("pipe") is None


def test_a_copy_of_a_missing_file_leaves_nothing(place: Directory, tmp_path: Path) -> None:
    target = Directory(str(tmp_path / "target"))
    with pytest.raises(FileNotFoundError):
        copy(place, "a", target, "a")
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


@pytest.mark.parametrize("half", [b"", b"con", b"content"], ids=["nothing", "half", "all of it"])
def test_a_copy_that_was_cut_short_is_written_again(place: Directory, tmp_path: Path, half: bytes) -> None:
    target = Directory(str(tmp_path / "target"))
    put(place, "a")
    put(target, "a", half)
    copy(place, "a", target, "a")
    assert target.read_text("a") == "content"


@pytest.mark.parametrize("other", [b"cOn", b"content and more"], ids=["other bytes", "more bytes"])
def test_content_that_is_not_a_beginning_of_the_copy_stays(place: Directory, tmp_path: Path, other: bytes) -> None:
    target = Directory(str(tmp_path / "target"))
    put(place, "a")
    put(target, "a", other)
    with pytest.raises(FileExistsError):
        copy(place, "a", target, "a")
    assert (Path(target.root) / "a").read_bytes() == other


def test_links_are_not_followed(place: Directory, tmp_path: Path) -> None:
    put(place, "a/b")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x").write_text("x")
    (Path(place.root) / "folder").symlink_to(tmp_path / "outside")
    (Path(place.root) / "file").symlink_to(tmp_path / "outside" / "x")
    (Path(place.root) / "nowhere").symlink_to(tmp_path / "missing")
    (Path(place.root) / "round").symlink_to("round")
    barred: list[Barred] = []
    assert list(place.names(barred)) == list(place.names()) == ["a/b"]
    assert barred == [("folder", None)]
    linked = {"folder/x", "folder/missing/x", "file", "nowhere"}
    assert place.links([*linked, "a/b", "c"]) == linked


def test_a_folder_that_cannot_be_listed_hides_no_other(place: Directory) -> None:
    put(place, "a/b")
    folder = os.open(place.root, os.O_RDONLY)
    for _ in range(os.pathconf(place.root, "PC_PATH_MAX") // 250 + 1):  # deeper than a path may be long
        os.mkdir("d" * 250, dir_fd=folder)
        folder, above = os.open("d" * 250, os.O_RDONLY, dir_fd=folder), folder
        os.close(above)
    os.close(folder)
    barred: list[Barred] = []
    assert list(place.names(barred)) == ["a/b"]
    [(name, wrong)] = barred
    assert (set(name), wrong and wrong.strerror) == ({"d", "/"}, "File name too long")
    with pytest.raises(OSError, match="File name too long"):
        list(place.names())


@pytest.mark.parametrize("seconds", TIMES.values(), ids=TIMES)
def test_a_file_of_any_time_has_one(place: Directory, seconds: float) -> None:
    path = put(place, "a")
    os.utime(path, (seconds, seconds))
    stat = place.stat("a")
    assert stat is not None
    assert stat.modified_at == nearest(path.stat().st_mtime_ns // 1_000)


def test_removing_a_missing_file_is_not_an_error(place: Directory) -> None:
    put(place, "a")
    for _ in range(2):
        place.remove("a")
        place.remove_tree("a")
    assert list(place.names()) == []


def test_a_tree_is_removed_with_its_hidden_files_and_no_other(place: Directory) -> None:
    for name in ("stage/run/_SUCCESS", "stage/run/.crc", "stage/x", "stage2/x"):
        put(place, name)
    assert (place.remove_tree("stage"), place.remove_tree("stage")) == (True, False)
    assert [path.as_posix() for path in Path(place.root).rglob("*") if path.is_file()] == [f"{place.root}/stage2/x"]
    assert place.remove_tree("")
    assert not Path(place.root).exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [("a", "é\n"), ("bad", "\ufffd{"), ("missing", None), ("missing/a", None), ("a/b", None)],
    ids=["text", "not UTF-8", "missing", "missing folder", "below a file"],
)
def test_a_small_file_is_read_or_is_not_there(place: Directory, name: str, text: str | None) -> None:
    put(place, "a", "é\n".encode())
    put(place, "bad", b"\xff{")
    assert place.read_text(name) == text
