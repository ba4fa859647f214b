"""`flatten views`."""

import json

import click

from flatten.cli.common import JSON, TABLE, named_table, option, require_lasting_catalog, session
from flatten.session import interruptible


@click.command()
@TABLE
@option(
    "--days",
    type=click.IntRange(1, 36_500),
    default=30,
    show_default=True,
    help="How far the views look back.",
)
@click.option("--print", "as_sql", is_flag=True, help="Print the SQL, change nothing. The default for a path.")
@JSON
def views(table: str, days: int, as_sql: bool, as_json: bool) -> None:
    """Create or update four views next to the table: vehicle_latest, charging_sessions, vehicle_day, vehicle_health.

    Columns of signals that the fleet has sent since are added. docs/answers.md says what the views show.

    \b
    Examples:
      flatten views --table main.telemetry.car_telemetry_flattened
      flatten views --table ./tables/telemetry
    """
    name = named_table(table, None)
    with session(name.text) as spark:
        from flatten.views import update

        if as_sql or name.is_path:
            flat = interruptible(lambda: update.flat_table(spark, name, days))
            sql = {view: text for view, _, text in update.statements(name, flat)}
            click.echo(json.dumps(sql) if as_json else "\n\n".join(f"{text};" for text in sql.values()))
            return
        require_lasting_catalog(spark, name)
        done = interruptible(lambda: update.update(spark, name, days))
    click.echo(json.dumps(done) if as_json else "\n".join(f"{view} {what}" for view, what in done.items()))
