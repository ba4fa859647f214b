"""Write SQL text: names, literals, schemas and predicates, and a name for a DataFrame."""

import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


_MOST_RANGES = 1_000
"""With more parts than these a predicate is slower than the files that it saves."""


def quoted(name: str) -> str:
    """Quote a name for Spark SQL."""
    return "`" + name.replace("`", "``") + "`"


def literal(text: str) -> str:
    """Write text as a literal of Spark SQL, which would replace ${...} by a setting even there."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("$", "\\u0024") + "'"


def moment_literal(moment: datetime) -> str:
    """Write a time with a zone as a literal of Spark SQL."""
    return f"TIMESTAMP'{moment.isoformat()}'"


def ddl(columns: Mapping[str, str]) -> str:
    """Write columns, name -> SQL type, as a schema for Spark."""
    return ", ".join(f"{quoted(name)} {kind}" for name, kind in columns.items())


def assigned(values: Mapping[str, str], alias: str = "t") -> str:
    """Write the assignments of an UPDATE, name -> SQL."""
    return ", ".join(f"{alias}.{quoted(name)} = {value}" for name, value in values.items())


def dates_within(column: str, windows: Iterable[tuple[date, date]]) -> str:
    """Return SQL: whether a date column is NULL or within one of these windows, first and last date inclusive."""
    parts = (f"{column} BETWEEN DATE'{first.isoformat()}' AND DATE'{last.isoformat()}'" for first, last in windows)
    return f"({' OR '.join([f'{column} IS NULL', *parts])})"


def dates_among(column: str, dates: Iterable[date]) -> str:
    """Return SQL: whether a date column is NULL or one of these dates.

    Written as ranges: for an IN list Delta compares only its lowest and highest value with a file's.
    """
    ranges: list[tuple[date, date]] = []
    for each in sorted(set(dates)):
        if ranges and each - ranges[-1][1] == timedelta(1):
            ranges[-1] = ranges[-1][0], each
        else:
            ranges.append((each, each))
    if len(ranges) > _MOST_RANGES:
        listed = ", ".join(f"DATE'{each.isoformat()}'" for each in sorted(set(dates)))
        return f"({column} IS NULL OR {column} IN ({listed}))"
    return dates_within(column, ranges)


def hours_among(column: str, hours: Iterable[int | None]) -> str:
    """Return SQL: whether a TIMESTAMP column is one of these hours, in microseconds since 1970 UTC; None means NULL."""
    given = set(hours)
    known = [f"timestamp_micros({each})" for each in sorted(each for each in given if each is not None)]
    if len(known) > _MOST_RANGES:
        parts = [f"{column} IN ({', '.join(known)})"]
    else:  # as in `dates_among`
        parts = [f"{column} = {each}" for each in known]
    parts += [f"{column} IS NULL"] if None in given else []
    return f"({' OR '.join(parts)})" if parts else "false"


@contextmanager
def named(rows: "DataFrame") -> Iterator[str]:
    """Give a DataFrame a name for SQL, for the time of the `with`; the name is unique."""
    name = f"flatten_{uuid.uuid4().hex}"
    rows.createTempView(name)
    try:
        yield name
    finally:
        rows.sparkSession.catalog.dropTempView(name)
