"""`flatten run`."""

import json
import os
import sys
import uuid
from typing import Any

import click

from flatten.cli.common import (
    COUNT,
    JSON,
    ON_DELETE,
    ON_EXPIRY,
    OPS,
    TABLE,
    named_table,
    now,
    option,
    require_lasting_catalog,
    session,
)
from flatten.errors import FilesLeftError
from flatten.screen import Screen
from flatten.session import interruptible, on_databricks
from flatten.settings import Settings
from flatten.storage import open_location
from flatten.storage.directory import require_possible
from flatten.storage.location import absolute


@click.command()
@option("--source", required=True, metavar="DIR", help="The folder in which files arrive (landing).")
@option("--archive", required=True, metavar="DIR", help="The folder to which recorded files are moved.")
@option(
    "--rejects", metavar="DIR", help="The folder to which unusable files are moved. [default: <archive>/_quarantine]"
)
@TABLE
@option("--state", required=True, metavar="DIR", help="The state folder: the checkpoint of what was read.")
@OPS
@ON_DELETE
@ON_EXPIRY
@option("--max-files", type=COUNT, default=1000, show_default=True, help="Largest number of files in a micro-batch.")
@option(
    "--lookback-days",
    type=click.IntRange(0, 36_500),
    default=7,
    show_default=True,
    help="How many days before and after the dates of its lines an event's row is looked up.",
)
@option(
    "--discovery",
    type=click.Choice(["listing", "file-events"]),
    default="listing",
    show_default=True,
    help="How Auto Loader finds files; elsewhere they are listed.",
)
@option(
    "--change-data-feed/--no-change-data-feed",
    default=False,
    show_default=True,
    help="Let Delta record every changed row of the table, for readers of its change data feed.",
)
@JSON
def run(as_json: bool, **options: Any) -> None:
    """Process every file that exists, then stop.

    \b
    Example:
      flatten run --source landing --archive archive --table ./tables/telemetry --state state
    """
    settings = _run_settings(options)
    open_location(settings.source).check("source", to_write=True)
    for role, place in settings.made().items():
        if "://" in place:
            open_location(place)
        else:
            require_possible(role, place)
    screen = Screen.of(sys.stderr, quiet=as_json)
    with (
        session(settings.source, settings.archive, settings.rejects, settings.table.text) as spark,
        screen.progress("micro-batches") as progress,
    ):
        from flatten import job
        from flatten.run.batch import Around

        require_lasting_catalog(spark, settings.table)
        auto_loader = on_databricks(os.environ)
        report = interruptible(lambda: job.run(spark, settings, Around(), auto_loader=auto_loader, progress=progress))
    click.echo(json.dumps(report.as_dict()) if as_json else report.as_text())
    if report.problem:
        raise FilesLeftError(report.problem)


def _run_settings(options: dict[str, Any]) -> Settings:
    archive = absolute(options["archive"])
    settings = Settings(
        source=absolute(options["source"]),
        archive=archive,
        rejects=absolute(options["rejects"]) if options["rejects"] else f"{archive}/_quarantine",
        table=named_table(options["table"], options["ops"]),
        state=absolute(options["state"]),
        run_id=uuid.uuid4().hex,
        started_at=now(),
        on_delete=options["on_delete"],
        on_expiry=options["on_expiry"],
        max_files=options["max_files"],
        lookback_days=options["lookback_days"],
        discovery=options["discovery"],
        change_data_feed=options["change_data_feed"],
    )
    settings.check()
    return settings
