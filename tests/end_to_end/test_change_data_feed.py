"""With --change-data-feed a reader gets the changed rows alone."""

from pathlib import Path
from typing import Any

import pytest

from support.job_world import World, line

pytestmark = pytest.mark.spark
ENABLED = "delta.enableChangeDataFeed"


def test_the_feed_has_each_changed_row_from_the_run_that_enables_it(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)
    world.land("1.ndjson", [line("before", 1)])
    world.run()
    world.land("2.ndjson", [line("new", 2), line("kept", 3)])
    world.run(change_data_feed=True)
    world.land("3.ndjson", [line("new", 4, name="MODIFY"), line("kept", 5, name="REMOVE")])
    world.run(change_data_feed=True)
    history = spark.sql(f"DESCRIBE HISTORY {world.table.sql}").where("operation = 'SET TBLPROPERTIES'")
    enabled = max(row.version for row in history.collect())
    feed = spark.read.format("delta").option("readChangeFeed", "true").option("startingVersion", enabled)
    changes = feed.load(world.table.text).orderBy("_commit_version", "event_id", "sequence_number")
    assert [(row.event_id, row._change_type, row.deleted_at is not None) for row in changes.collect()] == [
        ("kept", "insert", False),
        ("new", "insert", False),
        ("kept", "update_preimage", False),
        ("kept", "update_postimage", True),
        ("new", "update_preimage", False),
        ("new", "update_postimage", False),
    ]


def test_a_run_without_the_option_changes_nothing_of_it(spark: Any, blank: Path, tmp_path: Path) -> None:
    world = World(spark, tmp_path).furnished(blank)

    def is_enabled() -> bool:
        return bool(spark.sql(f"DESCRIBE DETAIL {world.table.sql}").collect()[0].properties.get(ENABLED) == "true")

    world.land("1.ndjson", [line("a", 1)])
    world.run()
    assert not is_enabled()
    spark.sql(f"ALTER TABLE {world.table.sql} SET TBLPROPERTIES ('{ENABLED}' = 'true')")
    world.land("2.ndjson", [line("b", 2)])
    world.run()
    assert is_enabled()
