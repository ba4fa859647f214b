"""The command line: `flatten run | status | maintain | smoke`. Every option is also read from FLATTEN_<OPTION>.

Exit codes: 0 done (also with quarantined lines), 1 the work could not be done, 2 wrong usage.
"""

import json
import logging
import os
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flatten import __version__
from flatten.errors import CommandError, FilesLeftError, FlattenError, SmokeError, TableError
from flatten.screen import Screen, shown_status
from flatten.session import interruptible, on_databricks, session_for
from flatten.settings import Settings
from flatten.storage import open_location
from flatten.storage.directory import require_possible
from flatten.storage.location import absolute
from flatten.tables.names import TableName

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

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
@_option("--source", required=True, metavar="DIR", help="Where the files arrive (landing).")
@_option("--archive", required=True, metavar="DIR", help="Where recorded files are moved to.")
@_option("--rejects", metavar="DIR", help="Where unusable files are moved to. [default: <archive>/_quarantine]")
@_TABLE
@_option("--state", required=True, metavar="DIR", help="Where the job remembers what it has read.")
@_OPS
@_option("--on-delete", type=_POLICY, default="soft", show_default=True, help="What a removed item does to its row.")
@_option("--on-expiry", type=_POLICY, default="keep", show_default=True, help="What an expired item does to its row.")
@_option("--max-files", type=_COUNT, default=1000, show_default=True, help="Files a micro-batch at most.")
@_option(
    "--lookback-days",
    type=click.IntRange(0, 36_500),
    default=7,
    show_default=True,
    help="How many days from the dates of its lines an event's row is looked for.",
)
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
    settings = _run_settings(options)
    open_location(settings.source).check("source", to_write=True)
    for role, place in settings.made().items():
        if "://" in place:
            open_location(place)
        else:
            require_possible(role, place)
    screen = Screen.of(sys.stderr, quiet=as_json)
    with (
        _session(settings.source, settings.archive, settings.rejects, settings.table.text) as spark,
        screen.progress("micro-batches") as progress,
    ):
        from flatten import job
        from flatten.run.batch import Around

        _require_lasting_catalog(spark, settings.table)
        auto_loader = on_databricks(os.environ)
        report = interruptible(lambda: job.run(spark, settings, Around(), auto_loader=auto_loader, progress=progress))
    click.echo(json.dumps(report.as_dict()) if as_json else report.as_text())
    if report.problem:
        raise FilesLeftError(report.problem)


@cli.command()
@_TABLE
@_OPS
@_option("--source", metavar="DIR", help="Look at the files that wait there, too.")
@_option(
    "--check-days",
    type=click.IntRange(1, 36_500),
    help="End with 1 when a file of these days is not complete or a line of them is quarantined.",
)
@_option(
    "--check-minutes",
    type=click.IntRange(1, 10_000_000),
    help="Show nothing; end with 1 when no row was written for so long, or a file waits for more than an hour.",
)
@_JSON
def status(
    table: str, ops: str | None, source: str | None, check_days: int | None, check_minutes: int | None, as_json: bool
) -> None:
    """Show rows, files, quarantine and the last runs, or check that rows are written.

    \b
    Example:
      flatten status --table ./tables/telemetry --source landing
    """
    name = _table(table, ops)
    landing = source and absolute(source)
    if landing:
        open_location(landing).check("source", to_write=False)
    with _session(landing, name.text) as spark:
        from flatten.run.status import require_complete, require_fresh
        from flatten.run.status import status as read_status

        if check_minutes:
            interruptible(lambda: require_fresh(spark, name, check_minutes, landing, _now()))
            return
        found = interruptible(lambda: read_status(spark, name, landing, _now()))
        click.echo(json.dumps(found) if as_json else shown_status(found))
        if check_days:
            late = found["landing"]["late"] if landing else []
            interruptible(lambda: require_complete(spark, name, check_days, late, _now()))


@cli.command()
@_TABLE
@_OPS
@_option("--archive", metavar="DIR", help="The archive to delete expired files from.")
@_option(
    "--archive-days",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Delete days of the archive whose files are all older than this; 0 keeps all.",
)
@_option("--compact/--no-compact", default=None, help="Compact the tables. [default: yes, but not on Databricks]")
@_JSON
def maintain(as_json: bool, **options: Any) -> None:
    """Check that every event has exactly one row, compact the tables, delete expired data.

    \b
    Example:
      flatten maintain --table ./tables/telemetry --archive archive --archive-days 365
    """
    archive = options["archive"] and absolute(options["archive"])
    if options["archive_days"] and not archive:
        raise click.UsageError("--archive-days requires --archive.")
    if options["archive_days"]:
        open_location(archive).check("archive", to_write=True)
    table = _table(options["table"], options["ops"])
    compact = options["compact"] if options["compact"] is not None else not on_databricks(os.environ)
    with _session(archive, table.text) as spark:
        from flatten.run.batch import Around
        from flatten.run.maintain import Keeping
        from flatten.run.maintain import maintain as keep

        keeping = Keeping(table, uuid.uuid4().hex, compact, archive, options["archive_days"] or None)
        found = interruptible(lambda: keep(spark, keeping, Around()))
    duplicates, deleted = len(found["duplicates"]), len(found["archive_deleted"])
    text = f"{duplicates} events had several rows; {deleted} days of the archive deleted."
    click.echo(json.dumps(found) if as_json else text)


@cli.command()
@_option("--folder", required=True, metavar="DIR", help="Where it may make a folder of its own for files.")
@_TABLE
@_option("--state", required=True, metavar="DIR", help="Where it may make a state folder of its own.")
@_OPS
@_JSON
def smoke(as_json: bool, **options: Any) -> None:
    """Try what the job needs of a workspace, on folders and tables of its own, and remove them.

    Each line is ok, or says what is missing and what to do. Ends with 1 when one is not ok. The names of its tables
    begin with the table's.

    \b
    Example:
      flatten smoke --folder ./try --table ./tables/smoke --state ./try
    """
    settings = _smoke_settings(options)
    with _session(settings.source, settings.table.text) as spark:
        from flatten.run.batch import Around
        from flatten.smoke import Trial
        from flatten.smoke import smoke as try_all

        _require_lasting_catalog(spark, settings.table)
        trial = Trial(spark, settings, Around(), on_databricks(os.environ))
        lines = interruptible(lambda: try_all(trial, lambda line: None if as_json else click.echo(line.as_text())))
    if as_json:
        click.echo(json.dumps([asdict(line) for line in lines]))
    missing = [line.name for line in lines if not line.ok]
    if missing:
        raise SmokeError(f"{len(missing)} of {len(lines)} lines are not ok: {', '.join(missing)}. Do what they say.")


def _smoke_settings(options: dict[str, Any]) -> Settings:
    own = f"smoke_{uuid.uuid4().hex[:12]}"
    folder, table = f"{absolute(options['folder'])}/{own}", _table(options["table"], options["ops"])
    return Settings(
        source=f"{folder}/landing",
        archive=f"{folder}/archive",
        rejects=f"{folder}/rejects",
        table=TableName(f"{table.text}_{own}", table.ops),
        state=f"{absolute(options['state'])}/{own}",
        run_id=uuid.uuid4().hex,
        started_at=_now(),
    )


def _run_settings(options: dict[str, Any]) -> Settings:
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
        lookback_days=options["lookback_days"],
        discovery=options["discovery"],
    )
    settings.check()
    return settings


@contextmanager
def _session(*locations: str | None) -> Iterator["SparkSession"]:
    """Open a session that can read these locations, the tables and the state folder.

    Raises CommandError for what Spark or the system raises in the `with`, while Spark can still say what it was.
    """
    from flatten.tables.commits import SPARK_ENDED, SPARK_ERRORS

    with session_for(locations) as spark:
        try:
            yield spark
        except (*SPARK_ERRORS, *SPARK_ENDED, OSError) as error:
            raise _failed(error) from error


def _failed(error: Exception) -> FlattenError:
    from flatten.tables.commits import last_words

    return CommandError(f"Command failed: {last_words(error).rstrip('.')}. Fix the cause and run it again.")


def _table(text: str, ops: str | None) -> TableName:
    if "/" not in text:
        return TableName.of(text, ops)
    return TableName.of(absolute(text), ops and absolute(ops))


def _require_lasting_catalog(spark: "SparkSession", table: TableName) -> None:
    if table.is_path or on_databricks(os.environ):
        return
    if spark.conf.get("spark.sql.catalogImplementation", "") == "in-memory":
        raise TableError(
            f"The table {table.text!r} would be gone when this command ends, as all tables by name here: give "
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
        from flatten.tables.commits import SPARK_ENDED, SPARK_ERRORS

        if not isinstance(error, (*SPARK_ERRORS, *SPARK_ENDED, OSError)):
            raise
        click.echo(f"flatten: {_failed(error)}", err=True)
        raise SystemExit(1) from None
