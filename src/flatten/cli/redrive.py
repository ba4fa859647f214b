"""`flatten redrive`."""

import json
import sys
from datetime import date
from pathlib import Path
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
    second_look,
    session,
)
from flatten.errors import UsageError
from flatten.screen import Screen, shown_redriven
from flatten.session import interruptible


@click.command()
@FLAT_TABLE
@option("--reason", callback=or_none, metavar="REASON", help="Only lines with this reason.")
@option("--file", callback=or_none, metavar="PATH", help="Only lines of this file, as in the column source_file.")
@DAYS
@option(
    "--lines",
    callback=or_none,
    metavar="FILE",
    help="Only these corrected lines: a JSON object on each line, with source_file, line_number and raw.",
)
@REMOVALS
@DRY_RUN
@JSON
def redrive(table: str, ops: str | None, first: date | None, last: date | None, as_json: bool, **options: Any) -> None:
    """Read quarantined lines again, unchanged or corrected; the days are those of their quarantine.

    A line that succeeds gets redriven_at in the quarantine; one that fails stays there with its new reason. After an
    interruption run it again: finished lines are only looked up.

    \b
    Examples:
      flatten redrive --table ./tables/telemetry --reason bad_signals
      flatten redrive --table ./tables/telemetry --lines corrected.ndjson
    """
    from flatten.run.redrive import Wanted, read_corrected, require_lines
    from flatten.run.redrive import redrive as redrive_all

    require_lines(options["reason"])
    lines = Path(options["lines"]).expanduser() if options["lines"] else None
    if lines and not lines.is_file():
        raise UsageError(f"{lines} is not a file: give a file with the corrected lines.")
    corrected = read_corrected(lines) if lines else None
    wanted = Wanted(options["reason"], options["file"], period_of(first, last), corrected)
    name = named_table(table, ops)
    settings = second_look(name, "", options["on_delete"], options["on_expiry"], dry_run=options["dry_run"])
    screen = Screen.of(sys.stderr, quiet=as_json)
    with session(name.text) as spark:
        from flatten.run.batch import Around

        with screen.progress("lines") as progress:
            counts = interruptible(lambda: redrive_all(spark, settings, Around(), wanted, progress))
    click.echo(json.dumps(counts) if as_json else shown_redriven(counts, dry_run=settings.dry_run))
