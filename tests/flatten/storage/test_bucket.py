"""A prefix of a bucket behaves like a directory: a copy is complete or missing, and nothing is overwritten."""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from flatten.errors import LocationError
from flatten.storage import open_location
from flatten.storage.bucket import Bucket, open_bucket
from flatten.storage.directory import Directory
from flatten.storage.location import copy
from support.odd_files import KEYS, NAMES, NOT_UTF_8


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="lake")
        yield client


@pytest.fixture
def landing(s3: Any) -> Bucket:
    return Bucket("s3a://lake/landing", s3)


@pytest.fixture
def archive(s3: Any) -> Bucket:
    return Bucket("s3a://lake/archive", s3)


def put(place: Bucket, name: str, content: bytes = b"content") -> None:
    place.take(name, io.BytesIO(content))


def keys(s3: Any) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="lake").get("Contents", [])]


def test_names_are_those_below_the_prefix(s3: Any, landing: Bucket) -> None:
    for key in ("landing/a/b", "landing/c", "landing2/d", "landing", "other"):
        s3.put_object(Bucket="lake", Key=key, Body=b"")
    assert list(landing.names()) == ["a/b", "c"]
    assert "landing/a/b" in Bucket("s3a://lake", s3).names()


def test_keys_of_hidden_files_and_of_folders_are_no_names(s3: Any, landing: Bucket) -> None:
    for key in ("", "a/", "_hidden", ".hidden", "..hidden", "_folder/x", "x._COPYING_", "_day=1"):
        s3.put_object(Bucket="lake", Key=f"landing/{key}", Body=b"")
    assert list(landing.names()) == ["_day=1"]


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_that_no_file_can_have_is_a_name_like_others_and_leads_nowhere_in_a_folder(
    landing: Bucket, archive: Bucket, tmp_path: Path, key: str
) -> None:
    put(landing, key)
    assert list(landing.names()) == [key]
    copy(landing, key, archive, key)
    assert archive.read_text(key) == "content"
    folder = Directory(str(tmp_path / "in" / "archive"))
    with suppress(FileExistsError):
        copy(landing, key, folder, key)
    assert [str(path) for path in tmp_path.rglob("*") if path.is_file()] == (
        [f"{folder.root}/{key}"] if folder.sha256(key) else []
    )


def test_more_keys_than_a_page_has_are_all_listed(landing: Bucket) -> None:
    for number in range(1_001):
        put(landing, f"{number:04}")
    assert len(list(landing.names())) == 1_001


def test_hostile_names_are_names_like_others(landing: Bucket, archive: Bucket) -> None:
    for name in NAMES.values():
        put(landing, name, name.encode())
    assert sorted(landing.names()) == sorted(NAMES.values())
    for name in NAMES.values():
        copy(landing, name, archive, name)
        landing.remove(name)
    assert list(landing.names()) == []
    assert {name: archive.read_text(name) for name in archive.names()} == {name: name for name in NAMES.values()}


@pytest.mark.parametrize("name", NOT_UTF_8.values(), ids=NOT_UTF_8)
def test_a_name_that_is_no_text_is_no_key(landing: Bucket, name: bytes) -> None:
    with pytest.raises(FileExistsError):
        put(landing, os.fsdecode(name))
    assert landing.sha256(os.fsdecode(name)) is None


@pytest.mark.parametrize("content", [b"", b"content", b"\x00\xff" * 10_000_000], ids=["empty", "small", "20 MB"])
def test_a_copy_is_the_same_bytes_with_the_same_digest(landing: Bucket, archive: Bucket, content: bytes) -> None:
    put(landing, "a/b", content)
    copy(landing, "a/b", archive, "c/d")
    assert landing.sha256("a/b") == archive.sha256("c/d") == hashlib.sha256(content).hexdigest()
    stats = landing.stat("a/b"), archive.stat("c/d")
    assert [stat and stat.size for stat in stats] == [len(content)] * 2


def test_a_copy_overwrites_nothing(landing: Bucket, archive: Bucket) -> None:
    put(landing, "a")
    put(archive, "a", b"there before")
    with pytest.raises(FileExistsError, match="s3a://lake/archive/a"):
        copy(landing, "a", archive, "a")
    assert archive.read_text("a") == "there before"


def test_a_copy_between_a_bucket_and_a_directory(landing: Bucket, tmp_path: Path) -> None:
    put(landing, "a")
    copy(landing, "a", Directory(str(tmp_path)), "b/c")
    copy(Directory(str(tmp_path)), "b/c", landing, "d")
    assert (tmp_path / "b" / "c").read_text() == landing.read_text("d") == "content"


def test_a_copy_of_a_missing_file_leaves_nothing(s3: Any, landing: Bucket, archive: Bucket) -> None:
    with pytest.raises(FileNotFoundError, match="s3a://lake/landing/a"):
        copy(landing, "a", archive, "a")
    assert keys(s3) == []


def test_a_name_longer_than_a_key_may_be_is_taken(landing: Bucket) -> None:
    with pytest.raises(FileExistsError):
        put(landing, "x" * 1_017)
    assert landing.sha256("x" * 1_017) is None
    put(landing, "x" * 1_016)
    assert list(landing.names()) == ["x" * 1_016]


def test_a_missing_file_has_no_digest_and_no_text_and_can_be_removed(landing: Bucket) -> None:
    landing.remove("a")
    assert (landing.sha256("a"), landing.stat("a"), landing.read_text("a")) == (None, None, None)


def test_a_tree_is_removed_with_its_hidden_keys_and_no_other(s3: Any, landing: Bucket) -> None:
    for name in ("stage/_SUCCESS", "stage/run/.crc", "stage/\x01", "stage/a\rb", "stage//", "stage2/x"):
        put(landing, name)
    assert (landing.remove_tree("stage"), landing.remove_tree("stage")) == (True, False)
    assert keys(s3) == ["landing/stage2/x"]
    assert landing.remove_tree("")
    assert keys(s3) == []


def test_a_missing_bucket_is_one_sentence(s3: Any) -> None:
    with pytest.raises(LocationError, match=r"s3a://missing/a cannot be read: .*NoSuchBucket"):
        Bucket("s3a://missing/a", s3).check("source", to_write=True)
    with pytest.raises(OSError, match=r"s3a://missing/a/b"):
        Bucket("s3a://missing/a", s3).sha256("b")


def test_a_bucket_that_can_be_listed_is_accepted(landing: Bucket) -> None:
    landing.check("source", to_write=True)


def test_a_location_without_a_bucket_is_refused() -> None:
    with pytest.raises(LocationError, match="names no bucket"):
        open_bucket("s3a:///prefix")


def test_a_location_of_the_scheme_is_a_bucket(s3: Any) -> None:
    opened = open_location("s3a://lake/landing")
    assert isinstance(opened, Bucket)
    assert opened.root == "s3a://lake/landing"
    assert "client" not in repr(opened)
