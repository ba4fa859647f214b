"""Every key that S3 allows, in one bucket: read through Hadoop's S3 client and by the job, moved by the job."""

import re
from collections.abc import Iterator

import pytest
from deltalake import DeltaTable

from rehearsal.aws.cloud import cloud
from rehearsal.databricks.compute import Compute, Finished
from support.job_world import event
from support.odd_files import HIDDEN, KEYS, NAMES
from support.odd_landing import Prefix, run_arguments

pytestmark = pytest.mark.process
ALL_KEYS = {**{kind: f"names/{name}" for kind, name in NAMES.items()}, **KEYS}
BEYOND_SPARK = re.compile("[\\0-\\x08\\x0b\\x0c\\x0e-\\x1f\\ufffe]|//|/\\.\\.?(/|$)").search
FOR_SPARK = {
    kind: key
    for kind, key in ALL_KEYS.items()
    if not BEYOND_SPARK(f"/{key}") and not kind.startswith("character")  # each in a request of its own
}
FOLDERS = ("", "names/", "empty folder/")
Scene = tuple[list[Finished], dict[str, str], Prefix]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Run over what Spark can list, over all other keys, and over nothing; return the rows' files by event, too."""
    root, runs = tmp_path_factory.mktemp("keys"), []
    with cloud(root) as local, Compute({**local.environment, "FLATTEN_S3A": "1"}, root / "log") as compute:
        local.create_bucket("lake")
        storage = Prefix(local.client("s3"), "lake", "deep/within")
        storage.put("other", event("not in landing"))
        for key in FOLDERS:
            storage.put(f"landing/{key}", b"")
        for keys in (FOR_SPARK | HIDDEN, dict(ALL_KEYS.items() - FOR_SPARK.items()), {}):
            for kind, key in keys.items():
                storage.put(f"landing/{key}", event(kind))
            runs.append(compute.run(run_arguments(root, "s3a://lake/deep/within")))
        table = DeltaTable(root / "tables" / "telemetry").to_pyarrow_table(columns=["event_id", "source_file"])
        rows = {row["event_id"]: row["source_file"] for row in table.to_pylist()}
        assert len(rows) == len(table)
        yield runs, rows, storage


def test_every_key_is_read_once(scene: Scene) -> None:
    runs, rows, _ = scene
    assert [run.code for run in runs] == [0, 0, 0]
    assert rows == {kind: f"s3a://lake/deep/within/landing/{key}" for kind, key in ALL_KEYS.items()}
    reports = [run.report or {} for run in runs]
    assert [report["counts"].get("applied", 0) for report in reports] == [
        len(FOR_SPARK),
        len(ALL_KEYS) - len(FOR_SPARK),
        0,
    ]


def test_what_spark_can_list_it_hands_over(scene: Scene) -> None:
    [first, *_] = scene[0]
    read = {path.rpartition("/landing/")[2] for path in (first.report or {})["files"]["read"]}
    assert read == {KEYS["a file and a folder"], KEYS["ends in a slash"]}


def test_every_key_is_archived_under_its_name(scene: Scene) -> None:
    archived = scene[2].files("archive")
    del archived["_flatten_owner.json"]
    assert archived == {key: event(kind) for kind, key in ALL_KEYS.items()}


def test_what_is_hidden_and_what_stands_for_a_folder_stays(scene: Scene) -> None:
    left = scene[2].files("landing")
    del left["_flatten_owner.json"]
    assert left == {**{key: event(kind) for kind, key in HIDDEN.items()}, **dict.fromkeys(FOLDERS, b"")}
    assert scene[2].client.head_object(Bucket="lake", Key="deep/within/other")
