"""`flatten report`."""

import json
from pathlib import Path

import click

from flatten.cli.common import JSON, TABLE, named_table, option, require_lasting_catalog, session
from flatten.session import interruptible


@click.command()
@TABLE
@option("--out", required=True, metavar="FILE", help="The HTML file to write.")
@option("--days", type=click.IntRange(1, 366), default=7, show_default=True, help="Days before the newest event.")
@JSON
def report(table: str, out: str, days: int, as_json: bool) -> None:
    """Write one HTML file: where each car stands, what it charged, which cars have gone quiet.

    It needs no network, and holds places of cars: give it only to readers of the table.

    \b
    Example:
      flatten report --table ./tables/telemetry --out report.html
    """
    name, file = named_table(table, None), Path(out)
    if file.is_dir() or not file.absolute().parent.is_dir():
        raise click.UsageError(f"{out} cannot be written: give a file in a folder that exists.")
    with session(name.text) as spark:
        from flatten.report.answers import ask
        from flatten.report.page import page

        require_lasting_catalog(spark, name)
        answers = interruptible(lambda: ask(spark, name, days))
    file.write_text(page(answers), "utf-8", errors="backslashreplace")
    found = {"cars": len(answers.latest), "charging_sessions": len(answers.sessions)}
    text = f"{out}: {found['cars']} cars, {found['charging_sessions']} charging sessions."
    click.echo(json.dumps(found) if as_json else text)
