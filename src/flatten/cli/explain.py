"""`flatten explain`."""

import json
import sys
from datetime import date
from typing import Any

import click

from flatten.cli.common import DAYS, FLAT_TABLE, JSON, REMOVALS, named_table, option, period_of, session
from flatten.screen import Screen, shown_event
from flatten.session import interruptible
from flatten.storage import open_location
from flatten.storage.location import absolute


@click.command()
@click.argument("event_id")
@FLAT_TABLE
@option("--archive", required=True, metavar="DIR", help="The archive of the job.")
@option("--source", metavar="DIR", help="Also search landing.")
@DAYS
@REMOVALS
@JSON
def explain(
    event_id: str, table: str, ops: str | None, first: date | None, last: date | None, as_json: bool, **options: Any
) -> None:
    """Show what is known of one event: its row, all its lines, the verdict on each and why. Changes nothing.

    Without --from and --to the archive is searched from the day before the event to the day after its last change.

    \b
    Example:
      flatten explain 0b7c1f6e --table ./tables/telemetry --archive archive --source landing
    """
    name, period = named_table(table, ops), period_of(first, last)
    archive = open_location(absolute(options["archive"]))
    landing = open_location(absolute(options["source"])) if options["source"] else None
    from flatten.run.explain import Asked, Place, require_possible
    from flatten.run.explain import explain as explain_event
    from flatten.run.replay import landing_of

    require_possible(event_id)
    archive.check("archive", to_write=False)
    places = [Place(archive, landing_of(archive, name))]
    if landing:
        landing.check("source", to_write=False)
        places.append(Place(landing, landing.root, is_landing=True))
    asked = Asked(event_id, name, places, period if first or last else None, options["on_delete"], options["on_expiry"])
    screen = Screen.of(sys.stderr, quiet=as_json)
    with session(archive.root, name.text) as spark, screen.progress("files") as progress:
        found = interruptible(lambda: explain_event(spark, asked, progress))
    click.echo(json.dumps(found) if as_json else shown_event(found, name.text))
