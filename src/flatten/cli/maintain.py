"""`flatten maintain`."""

import json
import os
import uuid
from typing import Any

import click

from flatten.cli.common import JSON, OPS, TABLE, named_table, option, session
from flatten.screen import counted
from flatten.session import interruptible, on_databricks
from flatten.storage import open_location
from flatten.storage.location import absolute


@click.command()
@TABLE
@OPS
@option("--archive", metavar="DIR", help="The archive to delete expired files from.")
@option(
    "--archive-days",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Delete days of the archive whose files are all older than this many days; 0 keeps all.",
)
@option("--compact/--no-compact", default=None, help="Compact the tables. [default: yes, but not on Databricks]")
@JSON
def maintain(as_json: bool, **options: Any) -> None:
    """Check that every event has exactly one row, compact the tables, delete expired data.

    \b
    Example:
      flatten maintain --table ./tables/telemetry --archive archive --archive-days 365
    """
    archive = options["archive"] and absolute(options["archive"])
    if options["archive_days"] and not archive:
        raise click.UsageError("--archive-days requires --archive.")
    if options["archive_days"]:
        open_location(archive).check("archive", to_write=True)
    table = named_table(options["table"], options["ops"])
    compact = options["compact"] if options["compact"] is not None else not on_databricks(os.environ)
    with session(archive, table.text) as spark:
        from flatten.run.batch import Around
        from flatten.run.maintain import MaintenanceOptions
        from flatten.run.maintain import maintain as keep

        keeping = MaintenanceOptions(table, uuid.uuid4().hex, compact, archive, options["archive_days"] or None)
        found = interruptible(lambda: keep(spark, keeping, Around()))
    duplicates, deleted = len(found["duplicates"]), len(found["archive_deleted"])
    text = f"{counted(duplicates, 'event')} had several rows; {counted(deleted, 'day')} of the archive deleted."
    click.echo(json.dumps(found) if as_json else text)
