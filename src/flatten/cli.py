"""The command line: `flatten run | status | maintain`. Every option is also read from FLATTEN_<OPTION>.

Exit codes: 0 done (also with quarantined lines), 1 the work could not be done, 2 wrong usage.
"""

import json
import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from flatten import __version__
from flatten.errors import BadTable, CommandStopped, FlattenError
from flatten.interrupts import heeded
from flatten.screen import Screen, shown_status
from flatten.storage import S3A

F = TypeVar("F", bound=Callable[..., Any])


def _now() -> datetime:
    return datetime.now(UTC)


def _option(name: str, **settings: Any) -> Callable[[F], F]:
    variable = "FLATTEN_" + name.strip("-").partition("/")[0].upper().replace("-", "_")
    return click.option(name, envvar=variable, show_envvar=True, **settings)


_TABLE = _option("--table", required=True, metavar="NAME_OR_PATH", help="catalog.schema.table, or a path with a slash.")
_OPS = _option(
    "--ops",
    metavar="SCHEMA_OR_DIR",
    help="Where the side tables live. [default: for schema.t schema_ops, for ./tables/t ./tables_ops]",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_COUNT = click.IntRange(1, 1_000_000_000)
_POLICY = click.Choice(["soft", "hard", "keep"])


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(version)s")
def cli() -> None:
    """Vehicle telemetry events, from files to one flat Delta row per event.

    \b
    Try it:
      flatten run --source landing --archive archive --table ./tables/telemetry --state state
      flatten status --table ./tables/telemetry
    """


@cli.command()
@_option("--source", required=True, metavar="DIR", help="Where the files arrive.")
@_option("--archive", required=True, metavar="DIR", help="Where committed files are moved to.")
@_option("--rejects", metavar="DIR", help="Where unusable files are moved to. [default: <archive>/_quarantine]")
@_TABLE
@_option("--state", required=True, metavar="DIR", help="Where the job remembers what it has read.")
@_OPS
@_option("--on-delete", type=_POLICY, default="soft", show_default=True, help="What a removed item does to its row.")
@_option("--on-expiry", type=_POLICY, default="keep", show_default=True, help="What an expired item does to its row.")
@_option("--max-files", type=_COUNT, default=1000, show_default=True, help="Files a micro-batch at most.")
@_option(
    "--discovery",
    type=click.Choice(["listing", "file-events"]),
    default="listing",
    show_default=True,
    help="How Auto Loader finds files; elsewhere they are listed.",
)
@_JSON
def run(as_json: bool, **options: Any) -> None:
    """Handle every file that is there, then stop.

    \b
    Example:
      flatten run --source landing --archive archive --table ./tables/telemetry --state state
    """
    from flatten import job
    from flatten.directory import require_possible
    from flatten.locations import open_location
    from flatten.session_settings import on_databricks

    settings = _run_settings(options)
    open_location(settings.source).check("source", to_write=True)
    for role, place in settings.made().items():
        if "://" not in place:
            require_possible(role, place)
    screen = Screen.of(sys.stderr, quiet=as_json)
    with (
        _session(settings.source, settings.archive, settings.rejects, settings.table.text) as spark,
        screen.progress("micro-batches") as progress,
    ):
        _require_lasting_catalog(spark, settings.table)
        auto_loader = on_databricks(os.environ)
        report = heeded(lambda: job.run(spark, settings, _now, auto_loader=auto_loader, progress=progress))
    click.echo(json.dumps(report.as_dict()) if as_json else report.as_text())


@cli.command()
@_TABLE
@_OPS
@_option("--source", metavar="DIR", help="Count the files that wait there, too.")
@_option("--check-days", type=click.IntRange(1), help="End with 1 when a file of these days is not complete.")
@_JSON
def status(table: str, ops: str | None, source: str | None, check_days: int | None, as_json: bool) -> None:
    """Show rows, files, quarantine and the last runs.

    \b
    Example:
      flatten status --table ./tables/telemetry --source landing
    """
    from flatten.locations import open_location
    from flatten.status import require_complete
    from flatten.status import status as read_status
    from flatten.storage import absolute

    name = _table(table, ops)
    if source:
        open_location(absolute(source)).check("source", to_write=False)
    with _session(source, name.text) as spark:
        found = heeded(lambda: read_status(spark, name, source and absolute(source)))
        click.echo(json.dumps(found) if as_json else shown_status(found))
        if check_days:
            heeded(lambda: require_complete(spark, name, check_days, _now()))


@cli.command()
@_TABLE
@_OPS
@_option("--state", required=True, metavar="DIR", help="A folder of its own. The job's serves, too, on one machine.")
@_option("--archive", metavar="DIR", help="The archive to thin.")
@_option(
    "--archive-days",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Remove archived files older than this; 0 keeps all.",
)
@_option("--compact/--no-compact", default=None, help="Compact the tables. [default: yes, but not on Databricks]")
@_JSON
def maintain(as_json: bool, **options: Any) -> None:
    """Prove that each event has one row, compact, and thin what may go.

    \b
    Example:
      flatten maintain --table ./tables/telemetry --state state --archive archive --archive-days 365
    """
    from flatten.locations import open_location
    from flatten.maintain import Keeping
    from flatten.maintain import maintain as keep
    from flatten.session_settings import on_databricks
    from flatten.storage import absolute

    if options["archive_days"] and not options["archive"]:
        raise click.UsageError("--archive-days needs --archive: which one is to be thinned?")
    if options["archive_days"]:
        open_location(absolute(options["archive"])).check("archive", to_write=True)
    compact = options["compact"] if options["compact"] is not None else not on_databricks(os.environ)
    keeping = Keeping(
        table=_table(options["table"], options["ops"]),
        state=absolute(options["state"]),
        run_id=uuid.uuid4().hex,
        compact=compact,
        archive=options["archive"] and absolute(options["archive"]),
        archive_days=options["archive_days"] or None,
    )
    with _session(keeping.archive, keeping.table.text) as spark:
        found = heeded(lambda: keep(spark, keeping, _now))
    mended = found["duplicates_mended"]
    text = f"{len(mended)} events had several rows; {found['moves_forgotten']} old dates forgotten; "
    click.echo(json.dumps(found) if as_json else f"{text}{found['archive_removed']} archived files removed.")


def _run_settings(options: dict[str, Any]) -> Any:
    from flatten.settings import Settings
    from flatten.storage import absolute

    archive = absolute(options["archive"])
    settings = Settings(
        source=absolute(options["source"]),
        archive=archive,
        rejects=absolute(options["rejects"]) if options["rejects"] else f"{archive}/_quarantine",
        table=_table(options["table"], options["ops"]),
        state=absolute(options["state"]),
        run_id=uuid.uuid4().hex,
        started_at=_now(),
        on_delete=options["on_delete"],
        on_expiry=options["on_expiry"],
        max_files=options["max_files"],
        discovery=options["discovery"],
    )
    settings.check()
    return settings


@contextmanager
def _session(*locations: str | None) -> Iterator[Any]:
    """Open a session that can read these locations, the tables and the state folder.

    Raises CommandStopped for what Spark or the system raises in the `with`, while Spark can still say what it was.
    """
    import dataclasses

    from flatten.commits import SPARK_ENDED, SPARK_ERRORS
    from flatten.session import spark_session
    from flatten.session_settings import SessionSettings

    settings = SessionSettings.from_environment(os.environ)
    in_bucket = any(location and location.startswith(S3A) for location in locations)
    with spark_session(dataclasses.replace(settings, s3a=settings.s3a or in_bucket)) as spark:
        try:
            yield spark
        except (*SPARK_ERRORS, *SPARK_ENDED, OSError) as error:
            raise _stopped(error) from error


def _stopped(error: Exception) -> FlattenError:
    from flatten.commits import last_words

    return CommandStopped(f"The command stopped: {last_words(error).rstrip('.')}. Run it again when that is mended.")


def _table(text: str, ops: str | None) -> Any:
    from flatten.storage import absolute
    from flatten.tables import TableName

    if "/" not in text:
        return TableName.of(text, ops)
    return TableName.of(absolute(text), ops and absolute(ops))


def _require_lasting_catalog(spark: Any, table: Any) -> None:
    from flatten.session_settings import on_databricks

    if table.is_path or on_databricks(os.environ):
        return
    if spark.conf.get("spark.sql.catalogImplementation", "") == "in-memory":
        raise BadTable(
            f"The table {table.text!r} would be gone when this command ends, as all that are made by name here: give "
            "--table a path, or name a folder for such tables in FLATTEN_WAREHOUSE."
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; return when it succeeded, else end with the exit code of its error.

    This is the entry point of the wheel: a job's task counts a return as success and an exception as failure.
    """
    # py4j logs the tracebacks of what it hands on; the sentence below is what a person needs.
    logging.getLogger().addHandler(logging.NullHandler())
    try:
        cli.main(args=arguments, standalone_mode=False)
    except FlattenError as error:
        click.echo(f"flatten: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    except click.ClickException as error:
        error.show()
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, click.Abort):
        click.echo("flatten: interrupted; what was committed stays, run again to complete it.", err=True)
        raise SystemExit(130) from None
    except Exception as error:
        from flatten.commits import SPARK_ENDED, SPARK_ERRORS

        if not isinstance(error, (*SPARK_ERRORS, *SPARK_ENDED, OSError)):
            raise
        click.echo(f"flatten: {_stopped(error)}", err=True)
        raise SystemExit(1) from None
