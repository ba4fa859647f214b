"""`flatten smoke`."""

import json
import os
import uuid
from dataclasses import asdict
from typing import Any

import click

from flatten.cli.common import JSON, OPS, TABLE, named_table, now, option, require_lasting_catalog, session
from flatten.errors import SmokeError
from flatten.session import interruptible, on_databricks
from flatten.settings import Settings
from flatten.storage.location import absolute
from flatten.tables.names import TableName


@click.command()
@option("--folder", required=True, metavar="DIR", help="A folder in which it may create a separate folder for files.")
@TABLE
@option("--state", required=True, metavar="DIR", help="A folder in which it may create a separate state folder.")
@OPS
@JSON
def smoke(as_json: bool, **options: Any) -> None:
    """Test what the job needs of a workspace, on separate folders and tables, and remove them.

    Each line is ok, or says what is missing and what to do. Exits with 1 when one is not ok. The names of its tables
    begin with the table's.

    \b
    Example:
      flatten smoke --folder ./try --table ./tables/smoke --state ./try
    """
    settings = _smoke_settings(options)
    with session(settings.source, settings.table.text) as spark:
        from flatten.run.batch import Around
        from flatten.smoke import Trial
        from flatten.smoke import smoke as try_all

        require_lasting_catalog(spark, settings.table)
        trial = Trial(spark, settings, Around(), on_databricks(os.environ))
        lines = interruptible(lambda: try_all(trial, lambda line: None if as_json else click.echo(line.as_text())))
    if as_json:
        click.echo(json.dumps([asdict(line) for line in lines]))
    missing = [line.name for line in lines if not line.ok]
    if missing:
        raise SmokeError(
            f"{len(missing)} of {len(lines)} lines are not ok: {', '.join(missing)}. Follow their instructions."
        )


def _smoke_settings(options: dict[str, Any]) -> Settings:
    own = f"smoke_{uuid.uuid4().hex[:12]}"
    folder, table = f"{absolute(options['folder'])}/{own}", named_table(options["table"], options["ops"])
    return Settings(
        source=f"{folder}/landing",
        archive=f"{folder}/archive",
        rejects=f"{folder}/rejects",
        table=TableName(f"{table.text}_{own}", table.ops),
        state=f"{absolute(options['state'])}/{own}",
        run_id=uuid.uuid4().hex,
        started_at=now(),
    )
