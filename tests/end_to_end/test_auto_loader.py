"""The branch of Auto Loader: a run, a crash and the archive, with a simulated Auto Loader that follows its pages."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql.types import StringType, StructField, StructType

from flatten import job
from flatten.errors import FlattenError
from flatten.run.batch import Reached, unobserved
from flatten.run.source import auto_loader_options
from support.cloud_files import CloudFiles, CloudFilesError, CloudFilesReader
from support.job_world import World, around, at, content, event, key, line, verdicts

pytestmark = [pytest.mark.spark, pytest.mark.connect]


def run(world: World, reached: Reached = unobserved) -> job.Report:
    world.spark.dataSource.register(CloudFiles)
    world.source.mkdir(parents=True, exist_ok=True)
    return job.run(world.spark, world.settings(), around(reached), auto_loader=True)


@dataclass(frozen=True)
class Scene:
    """A world after a run that crashed between rows and files, the next run, and one more."""

    world: World
    crash: str
    second: job.Report
    third: job.Report


@pytest.fixture(scope="module")
def scene(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    world = World(spark, tmp_path_factory.mktemp("auto_loader"), max_files=2).furnished(blank)
    signal = {"odometer-traveleddistance": 5}
    world.land(key(2), content([line("a", 1), line("b", 2)]))
    world.land(key(1, first=3), content([line("a", 3, name="MODIFY", signals=signal)]))
    world.land(key(1, first=4), content([b"bad"]))
    world.land("empty", b"")

    def crashes() -> None:
        raise OSError("the compute is gone")

    with pytest.raises(FlattenError) as crash:
        run(world, at("rows", crashes))
    second = run(world)
    world.land("late", event("late"))
    world.land(key(2), content([line("a", 1), line("b", 2)]))
    return Scene(world, str(crash.value), second, run(world))


def test_a_crash_between_rows_and_files_is_completed_by_the_next_run(scene: Scene) -> None:
    assert "the compute is gone" in scene.crash
    assert scene.second.counts["files"] == 4
    assert {name: verdicts(row) for name, row in scene.world.files().items()} == {
        key(2): {"applied": 1, "superseded": 1},
        key(1, first=3): {"applied": 1},
        key(1, first=4): {"quarantined": 1},
        "empty": {},
        "late": {"applied": 1},
    }


def test_each_event_has_one_row_with_its_newest_change(scene: Scene) -> None:
    rows = scene.world.rows()
    assert {name: rows[name].sequence_number for name in rows} == {"a": "3", "b": "2", "late": "1"}
    assert rows["a"].Odometer_TraveledDistance_value == 5


def test_the_engine_delivers_all_but_files_without_bytes(scene: Scene) -> None:
    assert scene.second.paths("read") == [f"{scene.world.source}/empty"]
    assert scene.third.paths("read") == []
    assert {row.batch_id for row in scene.world.side("files") if row.path.endswith("gz")} == {0, 1}


def test_files_are_archived_even_one_that_comes_again(scene: Scene) -> None:
    """Auto Loader never delivers a path again; the files table has it, so the file is only moved."""
    assert scene.world.landed() == []
    assert scene.world.archived()[:3] == [key(2), key(1, first=3), key(1, first=4)]
    assert scene.third.counts["files"] == 1


def test_a_file_that_vanishes_does_not_affect_others(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path, max_files=1).furnished(blank)
    world.land("a", event("a"))
    second = world.land("b", event("b"))
    world.land("c", event("c"))
    run(world, at("files", lambda: second.unlink(missing_ok=True)))
    assert world.rows().keys() == world.files().keys() == {"a", "c"}
    assert world.landed() == []


@pytest.mark.parametrize("option", [{"cloudFiles.cleanSource": "MOVE"}, {"cloudFiles.format": "text"}], ids=str)
def test_the_simulated_auto_loader_refuses_other_options(spark: Any, tmp_path: Path, option: dict[str, str]) -> None:
    given = {**auto_loader_options(World(spark, tmp_path).settings()), "path": str(tmp_path)}
    columns = ("path", "modificationTime", "length", "content")
    schema = StructType([StructField(name, StringType()) for name in columns])
    assert CloudFilesReader(given, schema).initialOffset() == {}
    with pytest.raises(CloudFilesError):
        CloudFilesReader(given | option, schema)
