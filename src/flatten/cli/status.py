"""`flatten status`."""

import json

import click

from flatten.cli.common import JSON, OPS, TABLE, named_table, now, option, session
from flatten.screen import shown_status
from flatten.session import interruptible
from flatten.storage import open_location
from flatten.storage.location import absolute


@click.command()
@TABLE
@OPS
@option("--source", metavar="DIR", help="Also show the files that wait in this folder.")
@option(
    "--check-days",
    type=click.IntRange(1, 36_500),
    help="Exit with 1 when a file of the last days is not complete or a line is quarantined.",
)
@option(
    "--check-minutes",
    type=click.IntRange(1, 10_000_000),
    help="Show nothing; exit with 1 when no row was written for this many "
    "minutes, or a file waits for more than an hour.",
)
@JSON
def status(
    table: str, ops: str | None, source: str | None, check_days: int | None, check_minutes: int | None, as_json: bool
) -> None:
    """Show rows, files, quarantine and the last runs, or check that rows are written.

    \b
    Example:
      flatten status --table ./tables/telemetry --source landing
    """
    name = named_table(table, ops)
    landing = source and absolute(source)
    if landing:
        open_location(landing).check("source", to_write=False)
    with session(landing, name.text) as spark:
        from flatten.run.status import require_complete, require_fresh
        from flatten.run.status import status as read_status

        if check_minutes:
            interruptible(lambda: require_fresh(spark, name, check_minutes, landing, now()))
            return
        found = interruptible(lambda: read_status(spark, name, landing, now()))
        click.echo(json.dumps(found) if as_json else shown_status(found))
        if check_days:
            late = found["landing"]["late"] if landing else []
            interruptible(lambda: require_complete(spark, name, check_days, late, now()))
