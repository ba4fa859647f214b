"""Create the views of a table by name in its catalog, and replace those whose text has changed.

The comment of a view has the digest of its text. Another view or table with its name is not changed.
"""

import hashlib
import re
from collections.abc import Iterator

from pyspark.sql import SparkSession

from flatten.errors import TableError
from flatten.tables import create
from flatten.tables.names import TableName
from flatten.tables.sql import literal
from flatten.views.fill import VIEWS, Flat, query

_MADE = re.compile(r"\. Made by flatten views, text ([0-9a-f]{16})$")


def flat_table(spark: SparkSession, table: TableName, days: int) -> Flat:
    """Return the table as the views read it.

    Raises TableError when the table does not exist, or this job did not create it.
    """
    create.require_flat(spark, table)
    return Flat(table.sql, frozenset(spark.table(table.sql).columns), days)


def statements(table: TableName, flat: Flat) -> Iterator[tuple[str, str, str]]:
    """Yield name, comment and SQL of each view, in the order of creation.

    For a table by path the views are temporary, because they have no schema: they belong to the session that runs the
    SQL.
    """
    names = {view: table.sibling(view) for view in VIEWS}
    for view, about in VIEWS.items():
        text = query(view, flat, names)
        comment = f"{about}. Made by flatten views, text {hashlib.sha256(text.encode()).hexdigest()[:16]}"
        kind = "TEMPORARY VIEW" if table.is_path else "VIEW"
        yield view, comment, f"CREATE OR REPLACE {kind} {names[view]} COMMENT {literal(comment)} AS\n{text}"


def update(spark: SparkSession, table: TableName, days: int) -> dict[str, str]:
    """Create or replace the views of a table by name; return what was done: created, replaced or unchanged.

    Raises TableError when another object has the name of a view; then none is changed.
    """
    wanted = list(statements(table, flat_table(spark, table, days)))
    before = {view: _comment(spark, table.sibling(view)) for view, _, _ in wanted}
    done = {}
    for view, comment, sql in wanted:
        done[view] = "created" if before[view] is None else "unchanged" if before[view] == comment else "replaced"
        if done[view] != "unchanged":
            spark.sql(sql)
    return done


def _comment(spark: SparkSession, name: str) -> str | None:
    if not spark.catalog.tableExists(name):
        return None
    comment = spark.catalog.getTable(name).description or ""
    if not _MADE.search(comment):
        raise TableError(f"{name} exists and was not made by `flatten views`: rename it, or drop it.")
    return comment
