"""Unusual files: odd names, odd contents, files that come, go and change during a run."""

import gzip
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flatten.job import Report
from flatten.storage.location import path_of
from support.job_world import Seen, World, at, content, event, key, line, verdicts
from support.odd_files import HIDDEN, NAMES, NOT_UTF_8

pytestmark = [pytest.mark.spark, pytest.mark.connect]
ALL_NAMES = NAMES | {kind: os.fsdecode(name) for kind, name in NOT_UTF_8.items()}

NOTHING = gzip.compress(b"", mtime=0)


@dataclass(frozen=True)
class Content:
    """Bytes, whether they are a usable file, and the verdicts on its lines."""

    data: bytes
    name: str = "x.ndjson.gz"
    usable: bool = True
    lines: int = 0
    counts: tuple[int, int] = (0, 0)  # applied, quarantined
    reason: str | None = None


CONTENTS = {
    "cut off gzip": Content(event("cut")[:-4], usable=False, reason="file_unreadable"),
    "half a gzip header": Content(b"\x1f\x8b\x08", usable=False, reason="file_unreadable"),
    "gzip with a wrong checksum": Content(event("crc")[:-8] + b"\0" * 8, usable=False, reason="file_unreadable"),
    "gzip and rubbish after it": Content(event("rubbish") + b"rubbish", usable=False, reason="file_unreadable"),
    "no gzip": Content(b'{"event_id": "no gzip"}\n', usable=False, reason="file_unreadable"),
    "two gzips in one": Content(event("first gzip") + event("second gzip"), lines=2, counts=(2, 0)),
    "empty": Content(b""),
    "empty, one line promised": Content(b"", name=key(1), usable=False, reason="file_incomplete"),
    "empty, none promised": Content(b"", name=key(0)),
    "20 bytes of gzip": Content(NOTHING),
    "20 bytes of gzip, two lines promised": Content(NOTHING, name=key(2), usable=False, reason="file_incomplete"),
    "fewer lines than promised": Content(
        event("one of two"), name=key(2, 7), usable=False, lines=1, counts=(0, 1), reason="file_incomplete"
    ),
    "more lines than promised": Content(
        content([line("more", 1), line("more", 2)]),
        name=key(1, 8),
        usable=False,
        lines=2,
        counts=(0, 2),
        reason="file_incomplete",
    ),
    "only newlines": Content(b"\n\r\n \t\n\n", name="x.json"),
    "a BOM and nothing": Content(b"\xef\xbb\xbf", name="x.json"),
    "no newline at the end": Content(b'{"event_id": "no newline"}', name="x.json", lines=1, counts=(1, 0)),
    "zeros": Content(b"\0" * 1000, name="x.json", lines=1, counts=(0, 1)),
}


def place(kind: str) -> str:
    """Return the folder of a content: each has another one."""
    return f"contents/{list(CONTENTS).index(kind)}/{CONTENTS[kind].name}"


@dataclass(frozen=True)
class Scene:
    """A world after its runs."""

    world: World
    first: Report
    second: Report
    seen: Seen


@pytest.fixture(scope="module")
def scene(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Run twice over every kind of file, below a folder with an odd name."""
    world = World(spark, tmp_path_factory.mktemp("files") / "it's [x] {a,b} %20 `ü` \"*?\\#+&\n").furnished(blank)
    for kind, name in {**ALL_NAMES, **HIDDEN}.items():
        world.land(f"names/{name}", event(kind))
    for kind, each in CONTENTS.items():
        world.land(place(kind), each.data)
    (world.source / "folder.ndjson.gz").mkdir()
    for name in ("inside.ndjson.gz/x.json", "taken", "taken by a folder", "taken by the same", "t/a/k/e/n"):
        world.land(name, event(name))
    for name in ("overwritten", "gone", "comes again", "comes again with other content", "last"):
        world.land(name, event(name))
    outside = world.root / "outside"
    outside.write_bytes(event("linked"))
    (world.source / "link").symlink_to(outside)
    (world.source / "dangling").symlink_to(world.root / "nowhere")
    os.mkfifo(world.source / "pipe")
    for name in ("taken", "taken by a folder/x", "t/a"):
        put(world, name, b"there before")
    put(world, "taken by the same", event("taken by the same"))

    # Spark Connect copies the hook to another process: it must contain plain data only.
    overwritten, gone, newer = world.source / "overwritten", world.source / "gone", event("overwritten", 2)

    def meddle() -> None:
        overwritten.write_bytes(newer)
        gone.unlink()

    first = world.run(at("query", meddle))
    for name in ("gone", "comes again"):
        world.land(name, event(name))
    world.land("comes again with other content", event("other"))
    (world.root / "archive" / "comes again").unlink()
    second = world.run()
    return Scene(world, first, second, world.seen())


def put(world: World, name: str, data: bytes) -> None:
    path = world.root / "archive" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def archived(scene: Scene, name: str) -> bytes:
    """Return the archived copy of a file: under its name, or with its digest in the name."""
    sha256 = scene.seen.files[name].sha256
    places = [scene.world.root / "archive" / place for place in (name, f"{name}.{sha256[:8]}", sha256)]
    held = [place.read_bytes() for place in places if place.is_file()]
    return next(data for data in held if hashlib.sha256(data).hexdigest() == sha256)


@pytest.mark.parametrize("kind", ALL_NAMES)
def test_a_file_of_any_name_is_read_and_archived_under_it(kind: str, scene: Scene) -> None:
    name = f"names/{ALL_NAMES[kind]}"
    assert scene.seen.rows[kind].source_file == path_of(str(scene.world.source), name)
    assert verdicts(scene.seen.files[path_of("", name)[1:]]) == {"applied": 1}
    assert (scene.world.root / "archive" / name).read_bytes() == event(kind)
    assert not (scene.world.source / name).exists()


@pytest.mark.parametrize("kind", HIDDEN)
def test_a_hidden_file_is_ignored(kind: str, scene: Scene) -> None:
    assert (scene.world.source / "names" / HIDDEN[kind]).read_bytes() == event(kind)
    assert kind not in scene.seen.rows


@pytest.mark.parametrize("kind", CONTENTS)
def test_a_file_of_any_content_has_verdicts(kind: str, scene: Scene) -> None:
    expected, row = CONTENTS[kind], scene.seen.files[place(kind)]
    assert (row.lines, row.applied, row.quarantined) == (expected.lines, *expected.counts)
    assert row.outcome == ("committed" if expected.usable else "quarantined")
    folder = scene.world.root / "archive" / ("" if expected.usable else "_quarantine")
    assert (folder / place(kind)).read_bytes() == expected.data
    assert not (scene.world.source / place(kind)).exists()
    reasons = [row.reason for row in scene.seen.sides["quarantine"] if row.source_file.endswith(f"/{place(kind)}")]
    assert [reason for reason in reasons if reason.startswith("file_")] == (
        [expected.reason] if expected.reason else []
    )


def test_a_folder_named_like_a_file_is_a_folder(scene: Scene) -> None:
    assert (scene.world.source / "folder.ndjson.gz").is_dir()
    assert archived(scene, "inside.ndjson.gz/x.json") == event("inside.ndjson.gz/x.json")


def test_a_link_is_ignored(scene: Scene) -> None:
    assert (scene.world.source / "link").is_symlink()
    assert "linked" not in scene.seen.rows
    assert (scene.world.root / "outside").read_bytes() == event("linked")


def test_what_is_not_a_regular_file_is_ignored(scene: Scene) -> None:
    assert (scene.world.source / "dangling").is_symlink()
    assert (scene.world.source / "pipe").is_fifo()


def test_an_existing_name_in_the_archive_is_not_overwritten(scene: Scene) -> None:
    archive = scene.world.root / "archive"
    for name in ("taken", "taken by a folder/x", "t/a"):
        assert (archive / name).read_bytes() == b"there before"
    for name in ("taken", "taken by a folder", "t/a/k/e/n", "taken by the same"):
        assert archived(scene, name) == event(name)
        assert not (scene.world.source / name).exists()
    assert (archive / "taken by the same").read_bytes() == event("taken by the same")


def changed(scene: Scene, name: str) -> bytes:
    """Return a changed file from the quarantine folder."""
    return (scene.world.root / "archive" / "_quarantine" / name).read_bytes()


def test_a_file_that_is_overwritten_after_it_was_read_is_quarantined(scene: Scene) -> None:
    source = scene.world.source
    assert scene.first.paths("changed") == [f"{source}/overwritten"]
    [kept] = [row for row in scene.seen.sides["quarantine"] if row.source_file == f"{source}/overwritten"]
    assert kept.reason == "file_changed"
    assert changed(scene, "overwritten") == event("overwritten", 2)
    assert scene.seen.rows["overwritten"].sequence_number == "1"
    assert not (source / "overwritten").exists()


def test_a_file_that_was_missing_at_archiving_is_archived_when_it_comes_back(scene: Scene) -> None:
    path = f"{scene.world.source}/gone"
    assert path not in scene.first.paths("archived")
    assert path in scene.second.paths("archived")
    assert archived(scene, "gone") == event("gone")
    assert verdicts(scene.seen.files["gone"]) == {"applied": 1}


def test_a_path_that_comes_again_is_removed_if_the_archive_has_it(scene: Scene) -> None:
    assert f"{scene.world.source}/comes again" in scene.second.paths("archived")
    assert archived(scene, "comes again") == event("comes again")
    assert not (scene.world.source / "comes again").exists()


def test_a_path_that_comes_again_with_other_content_is_quarantined(scene: Scene) -> None:
    name = "comes again with other content"
    assert scene.second.paths("changed") == [f"{scene.world.source}/{name}"]
    [kept] = [row for row in scene.seen.sides["quarantine"] if row.source_file.endswith(f"/{name}")]
    assert (kept.reason, changed(scene, name)) == ("file_changed", event("other"))
    assert archived(scene, name) == event(name)
    assert "other" not in scene.seen.rows


def test_nothing_else_stays_in_the_landing_folder(scene: Scene) -> None:
    left = [path.name for path in scene.world.source.iterdir() if path.name != "_flatten_owner.json"]
    assert sorted(left) == sorted(
        [
            "contents",
            "dangling",
            "folder.ndjson.gz",
            "inside.ndjson.gz",
            "link",
            "names",
            "pipe",
            "t",
        ]
    )


def test_the_report_of_a_run(scene: Scene) -> None:
    text = scene.first.as_text()
    usable = len([each for each in CONTENTS.values() if each.usable])
    assert f"{len(CONTENTS) - usable + 1} files moved to the quarantine folder" in text
    assert "1 file changed after reading" in text
