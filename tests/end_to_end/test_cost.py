"""The cost of a run does not grow with the table's age: few commits, and it reads only its hours of the side tables."""

from datetime import timedelta
from json import dumps
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from flatten.events.timestamps import micros_of
from flatten.tables.commits import SPARK_ERRORS
from support.job_world import NOW, World, line

pytestmark = pytest.mark.spark
DAYS = 1_000


def commits(world: World) -> list[int]:
    """Return the version of each table: rows, then the side tables."""
    return [DeltaTable(folder).version() for folder in world.table.folders()]


def made(world: World, before: list[int]) -> int:
    return sum(commits(world)) - sum(before)


def test_a_run_makes_three_commits_and_an_empty_one_makes_none(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)
    world.land("2026/01/05/10/x.ndjson.gz", [line("a", 1), line("b", 2)])
    before = commits(world)
    world.run()
    assert made(world, before) == 3
    world.land("2026/01/05/11/y.ndjson.gz", [line("a", 3, name="MODIFY"), line("c", 4)])
    before = commits(world)
    world.run()
    assert made(world, before) == 3
    before = commits(world)
    assert world.run().waiting == 0
    assert made(world, before) == 0


def test_bad_lines_and_removals_by_key_need_one_more_commit_each(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)
    world.land("2026/01/05/10/x.ndjson.gz", [line("a", 1), b"bad", line("b", 2, name="REMOVE", keys_only=True)])
    before = commits(world)
    world.run()
    assert made(world, before) == 5


@pytest.fixture(scope="module")
def old(spark: Any, blank: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """Return a job whose side tables have a thousand days, with one file per day that does not exist."""
    world = World(spark, tmp_path_factory.mktemp("old")).furnished(blank)
    world.land("2026/01/05/10/x.ndjson.gz", [line("a", 1), b"bad"])
    world.run()
    for kind in ("files", "quarantine"):
        _age(Path(dict(zip(("rows", "quarantine", "files", "runs"), world.table.folders(), strict=True))[kind]))
    return world


def _age(folder: Path) -> None:
    """Add, for each day, a log entry of a missing file with that day's hour: a query that reads it fails."""
    newest = DeltaTable(folder).version()
    adds = []
    for day in range(DAYS):
        hour = (NOW - timedelta(days=day + 40)).strftime("%Y-%m-%dT%H:00:00.000Z")
        stats = {"numRecords": 1, "minValues": {"hour": hour}, "maxValues": {"hour": hour}, "nullCount": {"hour": 0}}
        adds.append(
            {
                "path": f"day-{day}.parquet",
                "partitionValues": {},
                "size": 1,
                "modificationTime": micros_of(NOW) // 1_000,
                "dataChange": True,
                "stats": dumps(stats),
            }
        )
    log = folder / "_delta_log" / f"{newest + 1:020}.json"
    log.write_text("".join(dumps({"add": add}) + "\n" for add in adds))


def test_a_run_after_a_thousand_days_reads_the_side_tables_files_of_its_own_hours(old: World) -> None:
    """The files of other hours do not exist: a query that reads one fails."""
    with pytest.raises(SPARK_ERRORS, match=r"day-\d+\.parquet"):
        old.spark.table(old.table.side("files")).select("path").collect()
    old.land("2026/01/05/10/y.ndjson.gz", [line("b", 2), b"bad"])
    old.land("2026/01/05/11/z.ndjson.gz", [line("c", 3), b"bad"])
    report = old.run()
    assert (report.counts["files"], report.counts["quarantined"]) == (2, 2)
    assert old.rows().keys() == {"a", "b", "c"}
    assert old.landed() == []
