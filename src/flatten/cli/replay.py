"""`flatten replay`."""

import json
import sys
from datetime import date
from typing import Any

import click

from flatten.cli.common import (
    DAYS,
    DRY_RUN,
    FLAT_TABLE,
    JSON,
    REMOVALS,
    named_table,
    option,
    or_none,
    period_of,
    require_lasting_catalog,
    second_look,
    session,
)
from flatten.screen import Screen, shown_counts, shown_differences
from flatten.session import interruptible
from flatten.storage import open_location
from flatten.storage.location import absolute


@click.command()
@option("--archive", required=True, metavar="DIR", help="The archive of the job, or one of an older pipeline.")
@FLAT_TABLE
@DAYS
@option("--into", callback=or_none, metavar="NAME_OR_PATH", help="Build this table instead; --table stays unchanged.")
@click.option("--diff", is_flag=True, help="With --into: print the columns and rows in which the two tables differ.")
@REMOVALS
@DRY_RUN
@JSON
def replay(
    table: str, ops: str | None, first: date | None, last: date | None, diff: bool, as_json: bool, **options: Any
) -> None:
    """Read archived files again, of all days or of some; the job may run meanwhile.

    A row is written again only if the same change wrote it with an older version of the catalogue or of the job; older
    lines never win, newer ones always do. The days are those of the files' folders. After an interruption run it again:
    finished files are only looked up.

    \b
    Examples:
      flatten replay --archive archive --table ./tables/telemetry --from 2026-01-01 --to 2026-01-31
      flatten replay --archive archive --table ./tables/telemetry --into ./tables/rebuilt --diff
    """
    if diff and not options["into"]:
        raise click.UsageError("--diff requires --into.")
    live, period = named_table(table, ops), period_of(first, last)
    into = named_table(options["into"], ops) if options["into"] else live
    archive = open_location(absolute(options["archive"]))
    archive.check("archive", to_write=False)
    from flatten.run.replay import archived_files, landing_of, names_within, require_rebuilt, require_separate

    if options["into"]:
        require_separate(live, into, archive.root)
    landing = landing_of(archive, live)
    names = names_within(archive, period)
    settings = second_look(into, landing, options["on_delete"], options["on_expiry"], dry_run=options["dry_run"])
    screen = Screen.of(sys.stderr, quiet=as_json)
    with (
        session(archive.root, live.text, into.text) as spark,
        screen.progress("files", len(names)) as progress,
    ):
        from flatten.run.again import read_again
        from flatten.run.batch import Around
        from flatten.run.compare import differences
        from flatten.tables import create

        require_lasting_catalog(spark, into)
        if options["into"]:
            require_rebuilt(spark, into)
        if diff:
            create.require_flat(spark, live)
        files = archived_files(archive, names, landing)
        counts = interruptible(
            lambda: read_again(spark, settings, Around(), "replay", files, lambda done: progress(done["files"]))
        )
        found = interruptible(lambda: differences(spark, live, into)) if diff and not settings.dry_run else None
    if as_json:
        click.echo(json.dumps({"counts": counts, "differences": found}))
        return
    click.echo(shown_counts(counts, dry_run=settings.dry_run))
    if found:
        click.echo(shown_differences(found, live.text, into.text))
