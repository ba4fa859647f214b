"""Share code between the commands: options, the table, the session."""

import os
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flatten.decide.lines import RemovePolicy
from flatten.errors import CommandError, FlattenError, TableError, UsageError
from flatten.session import on_databricks, session_for
from flatten.settings import Settings
from flatten.storage.location import absolute
from flatten.tables.names import TableName

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from flatten.run.replay import Period

F = TypeVar("F", bound=Callable[..., Any])


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def option(name: str, *names: str, **settings: Any) -> Callable[[F], F]:
    """Return an option that is also read from FLATTEN_<OPTION>."""
    variable = "FLATTEN_" + name.strip("-").partition("/")[0].upper().replace("-", "_")
    return click.option(name, *names, envvar=variable, show_envvar=True, **settings)


TABLE = option("--table", required=True, metavar="NAME_OR_PATH", help="catalog.schema.table, or a path with a slash.")
OPS = option(
    "--ops",
    metavar="SCHEMA_OR_DIR",
    help="The folder or schema of the side tables. [default: for schema.t schema_ops, for ./tables/t ./tables_ops]",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
DRY_RUN = click.option(
    "--dry-run/--no-dry-run", default=False, help="Read and decide, say what would be written, write nothing."
)
POLICY = click.Choice(["soft", "hard", "keep"])
ON_DELETE = option(
    "--on-delete", type=POLICY, default="soft", show_default=True, help="What a removed item does to its row."
)
ON_EXPIRY = option(
    "--on-expiry", type=POLICY, default="keep", show_default=True, help="What an expired item does to its row."
)
COUNT = click.IntRange(1, 1_000_000_000)


def day(context: click.Context, parameter: click.Parameter, value: str | None) -> date | None:
    """Read a date; an empty text means no date, because a parameter of a job always has a value."""
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise click.BadParameter(f"{value!r} is not a date such as 2026-01-31.") from None


def together(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Return several options as one, in this order."""
    return lambda command: reduce(lambda made, one: one(made), reversed(options), command)


DAYS = together(
    option("--from", "first", metavar="YYYY-MM-DD", callback=day, help="First day, UTC."),
    option("--to", "last", metavar="YYYY-MM-DD", callback=day, help="Last day, UTC."),
)
FLAT_TABLE = together(TABLE, OPS)
REMOVALS = together(ON_DELETE, ON_EXPIRY)


def or_none(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return an option's text; None for an empty one."""
    return value or None


def period_of(first: date | None, last: date | None) -> "Period":
    """Return the days from `first` to `last`. Raises UsageError when the one is after the other."""
    from flatten.run.replay import Period

    if first and last and first > last:
        raise UsageError(f"--from {first} is after --to {last}: give the earlier day first.")
    return Period(first, last)


def second_look(
    table: TableName, source: str, on_delete: RemovePolicy, on_expiry: RemovePolicy, *, dry_run: bool
) -> Settings:
    """Return the settings of a command that reads lines again, of files that `source` is the root of."""
    return Settings(
        source=source,
        archive="",
        rejects="",
        table=table,
        state="",
        run_id=uuid.uuid4().hex,
        started_at=now(),
        on_delete=on_delete,
        on_expiry=on_expiry,
        read_again=True,
        dry_run=dry_run,
    )


@contextmanager
def session(*locations: str | None) -> Iterator["SparkSession"]:
    """Open a session that can read these locations, the tables and the state folder.

    Raises CommandError for what Spark or the system raises in the `with`, while Spark can still say what it was.
    """
    with session_for(locations) as spark:
        from flatten.tables.commits import SPARK_ENDED, SPARK_ERRORS

        try:
            yield spark
        except (*SPARK_ERRORS, *SPARK_ENDED, OSError) as error:
            raise failed(error) from error


def failed(error: Exception) -> FlattenError:
    """Return the error of a command that ended with an error of Spark, of the system, or of our code."""
    from flatten.tables.commits import SPARK_ENDED, SPARK_ERRORS, last_words

    if isinstance(error, (*SPARK_ERRORS, *SPARK_ENDED, OSError)):
        return CommandError(f"Command failed: {last_words(error).rstrip('.')}. Fix the cause and run it again.")
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno}"
    return CommandError(f"A bug of flatten, {place}: run it with --debug, and report what it prints.")


def named_table(text: str, ops: str | None) -> TableName:
    """Return the table that the options name; a path becomes absolute."""
    if "/" not in text:
        return TableName.of(text, ops)
    return TableName.of(absolute(text), ops and absolute(ops))


def require_lasting_catalog(spark: "SparkSession", table: TableName) -> None:
    """Raise TableError when the table would be deleted with the session."""
    if table.is_path or on_databricks(os.environ):
        return
    if spark.conf.get("spark.sql.catalogImplementation", "") == "in-memory":
        raise TableError(
            f"The table {table.text!r} would be deleted when this command ends, like all tables by name here: give "
            "--table a path, or set FLATTEN_WAREHOUSE to a folder for tables by name."
        )
