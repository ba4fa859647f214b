"""Which archived files a replay reads, in which order, and under which name the tables know them."""

import hashlib
from datetime import date
from pathlib import Path

import pytest

from flatten.errors import FlattenError, OwnerError, TableError
from flatten.events.landing_file import MAX_STORED_BYTES
from flatten.run.owner import MARKER
from flatten.run.replay import EVER, Period, archived_files, landing_of, names_within, require_separate, time_of
from flatten.storage import open_location
from flatten.storage.location import Location
from flatten.tables.names import TableName

TABLE = TableName.of("/tables/telemetry")
OURS = "2026/01/05/10/1-2-2-0123abcd.ndjson.gz"


def place_with(root: Path, *names: str) -> Location:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(name.encode())
    return open_location(str(root))


@pytest.mark.parametrize(
    ("name", "micros"),
    [
        (OURS, 1_767_607_200_000_000),
        ("telemetry/telemetry_1761682266123_7.json", 1_761_682_266_123_000),
        ("telemetry_17_7.json", None),
        ("2026/13/05/10/x", None),
        ("other.ndjson.gz", None),
    ],
    ids=["an hour", "milliseconds", "other digits", "no month", "nothing"],
)
def test_a_name_says_when_its_changes_were_made(name: str, micros: int | None) -> None:
    assert time_of(name) == micros


@pytest.mark.parametrize(
    ("period", "found"),
    [
        (EVER, ["plain", "2026/01/05/23/b", "2026/01/06/00/a", "2026/01/07/00/c"]),
        (Period(date(2026, 1, 6), date(2026, 1, 6)), ["plain", "2026/01/06/00/a"]),
        (Period(last=date(2026, 1, 5)), ["plain", "2026/01/05/23/b"]),
        (Period(first=date(2026, 1, 7)), ["plain", "2026/01/07/00/c"]),
        (Period(date(2026, 1, 7), date.max), ["plain", "2026/01/07/00/c"]),
    ],
    ids=["all", "a day", "until a day", "from a day", "until the last day of all"],
)
def test_files_come_by_time_and_those_without_one_always(period: Period, found: list[str], tmp_path: Path) -> None:
    names = ("2026/01/06/00/a", "2026/01/05/23/b", "2026/01/07/00/c", "plain", "_quarantine/x", ".hidden")
    assert names_within(place_with(tmp_path, *names), period) == found


def test_the_marker_names_the_landing_folder(tmp_path: Path) -> None:
    place = place_with(tmp_path)
    assert landing_of(place, TABLE) == str(tmp_path)
    (tmp_path / MARKER).write_text('{"table": "/tables/telemetry", "archive of": "/landing"}')
    assert landing_of(place, TABLE) == "/landing"
    for other in ('{"table": "/tables/other", "archive of": "/landing"}', "[]", "broken"):
        (tmp_path / MARKER).write_text(other)
        with pytest.raises(OwnerError, match=r"not of /tables/telemetry\.$"):
            landing_of(place, TABLE)


def test_files_have_the_path_lines_and_content_that_they_had_in_landing(tmp_path: Path) -> None:
    place = place_with(tmp_path, OURS, "plain")
    found = {file.path: (file.lines, file.content) for file in archived_files(place, [OURS, "plain"], "/landing")}
    assert found == {f"/landing/{OURS}": (2, OURS.encode()), "/landing/plain": (0, b"plain")}


def test_a_digest_that_the_archiver_added_is_left_out(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"content").hexdigest()[:8]
    names = [f"a.gz.{digest}", f"b.gz.{digest}", "b.gz", "c.gz.0123abcd"]
    place = place_with(tmp_path, *names)
    for name in names[:2]:
        (tmp_path / name).write_bytes(b"content")
    found = [file.path for file in archived_files(place, names, "/landing")]
    assert found == ["/landing/a.gz", f"/landing/b.gz.{digest}", "/landing/b.gz", "/landing/c.gz.0123abcd"]


def test_a_file_that_is_too_large_or_gone_ends_the_replay_in_a_sentence(tmp_path: Path) -> None:
    place = place_with(tmp_path, "large")
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAX_STORED_BYTES + 1)
    for name, said in (("large", "bytes: cut it into smaller ones"), ("gone", "is gone")):
        with pytest.raises(FlattenError, match=said):
            list(archived_files(place, [name], "/landing"))


def test_a_file_that_is_gone_or_unusable_stops_no_search(tmp_path: Path) -> None:
    place, unread = place_with(tmp_path, "large", "other"), dict[str, str]()
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MAX_STORED_BYTES + 1)
    found = archived_files(place, ["gone", "large", "other"], "/landing", unread)
    assert [file.path for file in found] == ["/landing/other"]
    assert list(unread) == ["/landing/large"]


@pytest.mark.parametrize(
    ("into", "said"),
    [
        (TABLE, "--into is the table itself"),
        (TableName.of("/others/telemetry", TABLE.ops), "would share their side tables in /tables_ops"),
        (TableName.of("/archive/telemetry"), "is inside the archive"),
    ],
    ids=["itself", "its side tables", "the archive"],
)
def test_a_replay_builds_no_table_in_the_place_of_another(into: TableName, said: str) -> None:
    with pytest.raises(TableError, match=said):
        require_separate(TABLE, into, "/archive")
    require_separate(TABLE, TableName.of("/tables/rebuilt"), "/archive")
