"""`flatten backfill`."""

import json
import sys
from typing import Any

import click

from flatten.cli.common import (
    DRY_RUN,
    FLAT_TABLE,
    JSON,
    REMOVALS,
    named_table,
    option,
    or_none,
    require_lasting_catalog,
    second_look,
    session,
)
from flatten.screen import Screen, shown_counts
from flatten.session import interruptible
from flatten.storage import open_location
from flatten.storage.location import absolute


@click.command()
@option("--export", required=True, metavar="DIR", help="The export's folder, .../AWSDynamoDB/<export id>.")
@FLAT_TABLE
@option(
    "--ttl-attribute",
    callback=or_none,
    metavar="NAME",
    help="Attribute of an item's time to live: a removal after that time is an expiry. [default: none]",
)
@REMOVALS
@DRY_RUN
@JSON
def backfill(table: str, ops: str | None, ttl_attribute: str | None, as_json: bool, **options: Any) -> None:
    """Read a DynamoDB export to S3, full or incremental, in DynamoDB JSON; the job may run meanwhile.

    The whole export is verified first. An item of a full export adds a row if the event has no row, and never replaces
    what a change has written. An item of an incremental export replaces what was written in an earlier second. After an
    interruption run it again: finished items are only looked up.

    \b
    Example:
      flatten backfill --export exports/AWSDynamoDB/01693685827463-2d8752fd --table ./tables/telemetry
    """
    from flatten.run.exports import parts, read_export, verify

    name, folder = named_table(table, ops), absolute(options["export"])
    open_location(folder).check("export", to_write=False)
    export = read_export(folder)
    screen = Screen.of(sys.stderr, quiet=as_json)
    with screen.progress("items verified", export.items) as progress:
        verify(export, progress)
    settings = second_look(name, export.root, options["on_delete"], options["on_expiry"], dry_run=options["dry_run"])
    with session(name.text) as spark, screen.progress("items", export.items) as progress:
        from flatten.run.again import read_again
        from flatten.run.batch import Around

        require_lasting_catalog(spark, name)
        files = parts(export, ttl_attribute)
        counts = interruptible(
            lambda: read_again(spark, settings, Around(), "backfill", files, lambda done: progress(done["lines"]))
        )
    click.echo(json.dumps({"counts": counts}) if as_json else shown_counts(counts, dry_run=settings.dry_run))
