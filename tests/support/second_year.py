"""The commands that read lines again, on the folders of a `World`, as their command lines call them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from flatten.cli.common import second_look
from flatten.run import exports
from flatten.run.again import read_again
from flatten.run.batch import Reached, unobserved
from flatten.run.redrive import Wanted
from flatten.run.redrive import redrive as redrive_all
from flatten.run.replay import EVER, Period, archived_files, landing_of, names_within
from flatten.settings import Settings
from flatten.storage import open_location
from flatten.tables.names import TableName
from support.job_world import NOW, World, around


def settings_of(world: World, source: str, into: TableName | None = None, *, dry_run: bool = False) -> Settings:
    """Return the settings of a command that reads again, at the time of the tests."""
    given = second_look(into or world.table, source, world.on_delete, world.on_expiry, dry_run=dry_run)
    return replace(given, started_at=NOW, max_files=world.max_files)


def replay(
    world: World,
    *,
    into: TableName | None = None,
    archive: Path | None = None,
    period: Period = EVER,
    reached: Reached = unobserved,
    dry_run: bool = False,
) -> dict[str, int]:
    """Replay the archive; return its counts."""
    place = open_location(str(archive or world.root / "archive"))
    landing = landing_of(place, world.table)
    files = archived_files(place, names_within(place, period), landing)
    settings = settings_of(world, landing, into, dry_run=dry_run)
    return read_again(world.spark, settings, around(reached), "replay", files, lambda counts: None)


def backfill(world: World, folder: Path, reached: Reached = unobserved, *, dry_run: bool = False) -> dict[str, int]:
    """Backfill an export; return its counts."""
    export = exports.read_export(str(folder))
    exports.verify(export, lambda items: None)
    settings = settings_of(world, export.root, dry_run=dry_run)
    files = exports.parts(export, "expires")
    return read_again(world.spark, settings, around(reached), "backfill", files, lambda counts: None)


def redrive(
    world: World, wanted: Wanted | None = None, reached: Reached = unobserved, *, dry_run: bool = False
) -> dict[str, Any]:
    """Redrive quarantined lines; return its counts."""
    settings = settings_of(world, "", dry_run=dry_run)
    return redrive_all(world.spark, settings, around(reached), wanted or Wanted(), lambda lines: None)
