"""Share code between the commands: options, the table, the session."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from flatten.errors import CommandError, FlattenError, TableError
from flatten.session import on_databricks, session_for
from flatten.storage.location import absolute
from flatten.tables.names import TableName

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

F = TypeVar("F", bound=Callable[..., Any])


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


def option(name: str, **settings: Any) -> Callable[[F], F]:
    """Return an option that is also read from FLATTEN_<OPTION>."""
    variable = "FLATTEN_" + name.strip("-").partition("/")[0].upper().replace("-", "_")
    return click.option(name, envvar=variable, show_envvar=True, **settings)


TABLE = option("--table", required=True, metavar="NAME_OR_PATH", help="catalog.schema.table, or a path with a slash.")
OPS = option(
    "--ops",
    metavar="SCHEMA_OR_DIR",
    help="The folder or schema of the side tables. [default: for schema.t schema_ops, for ./tables/t ./tables_ops]",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
COUNT = click.IntRange(1, 1_000_000_000)


@contextmanager
def session(*locations: str | None) -> Iterator["SparkSession"]:
    """Open a session that can read these locations, the tables and the state folder.

    Raises CommandError for what Spark or the system raises in the `with`, while Spark can still say what it was.
    """
    from flatten.tables.commits import SPARK_ENDED, SPARK_ERRORS

    with session_for(locations) as spark:
        try:
            yield spark
        except (*SPARK_ERRORS, *SPARK_ENDED, OSError) as error:
            raise failed(error) from error


def failed(error: Exception) -> FlattenError:
    """Return the error of a command that ended with an error of Spark or the system."""
    from flatten.tables.commits import last_words

    return CommandError(f"Command failed: {last_words(error).rstrip('.')}. Fix the cause and run it again.")


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
