"""A run whose landing and archive are like volumes: no rename, no link, no fsync, no lock."""

from pathlib import Path
from typing import Any

import pytest

from support.job_world import World, at, content, event, key, line
from support.volume import like_a_volume

pytestmark = pytest.mark.spark
CUT = key(2, first=50)


def _fail() -> None:
    raise OSError("the volume is missing")


def test_files_are_archived_and_quarantined_also_after_a_failure_between_copy_and_delete(
    spark: Any, blank: Path, tmp_path: Path
) -> None:
    world = World(spark, tmp_path).furnished(blank)
    world.land("a", event("a"))
    world.land("b", event("b"))
    world.land(CUT, content([line("c", 50), line("d", 51)])[:-9])
    with like_a_volume(world.source) as in_landing, like_a_volume(tmp_path / "archive") as in_archive:
        first = world.run(at("copied", _fail))
        second = world.run()
    assert (len(first.paths("failed")), second.paths("failed")) == (1, [])
    assert (world.landed(), world.archived(), world.rejected()) == ([], ["a", "b"], [CUT])
    assert world.rows().keys() == {"a", "b"}
    assert set(in_landing) | set(in_archive) == {"fsync"}  # asked for, and done without
