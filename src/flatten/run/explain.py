"""Find all that is known of one event: its row, and its lines in the archive and in landing. Changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from flatten.decide.lines import FoundRow, JudgedLine, RemovePolicy, action_of
from flatten.decide.why import why
from flatten.errors import UsageError
from flatten.events.envelope import BadLineError, Change, read_change, read_line
from flatten.events.landing_file import BadFileError, Line, split_file
from flatten.events.timestamps import date_of
from flatten.run.given import GivenFile
from flatten.run.replay import EVER, Period, archived_files, names_within
from flatten.storage.location import Location
from flatten.tables import create
from flatten.tables.names import TableName

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LINEAGE = ("deleted_at", "changed_at", "delivered_at", "pipeline_processed_at")


@dataclass(frozen=True, slots=True)
class Place:
    """Where files are; `landing` is the folder of their paths in the tables."""

    location: Location
    landing: str

    @property
    def is_landing(self) -> bool:
        """Return whether these are the files that no run has archived."""
        return self.location.root == self.landing


@dataclass(frozen=True, slots=True)
class Asked:
    """The event, its table, and where to search."""

    event_id: str
    table: TableName
    places: Sequence[Place]
    period: Period | None = None
    on_delete: RemovePolicy = "soft"
    on_expiry: RemovePolicy = "keep"


def explain(spark: SparkSession, asked: Asked, progress: Callable[[int], None] = lambda files: None) -> dict[str, Any]:
    """Return the event's `rows` (their lineage) and its `lines` in the order of changes: file, line, change, time,
    number, verdict, why; the number of searched `files`, and those that could not be read (unreadable). Times are text,
    in UTC. `progress` gets the number of searched files.

    Without a period the archive is searched from the day before the event to the day after the row's change, and all of
    landing. Raises TableError when the table does not exist or this job did not create it, UsageError when neither a
    period nor a row limits the search.
    """
    create.require(spark, asked.table)
    rows = _rows(spark, asked)
    period = asked.period or _period_of(asked, [row for row, _ in rows])
    row = max(rows, key=lambda each: each[0].order, default=(None, {}))[0]
    redriven = _redriven(spark, asked)
    lines: list[tuple[Any, dict[str, Any]]] = []
    unreadable: list[str] = []
    looked_into = 0
    for place in asked.places:
        within = EVER if place.is_landing and not asked.period else period
        for file in archived_files(place.location, names_within(place.location, within), place.landing):
            try:
                lines += _lines(asked, place, file, row, redriven)
            except BadFileError as bad:
                unreadable.append(f"{file.path}: {bad.detail}")
            looked_into += 1
            progress(looked_into)
    told = [each for _, each in sorted(lines, key=lambda pair: pair[0])]
    return {
        "event_id": asked.event_id,
        "rows": [each for _, each in rows],
        "files": looked_into,
        "lines": told,
        "unreadable": unreadable,
    }


def _period_of(asked: Asked, rows: Iterable[FoundRow]) -> Period:
    days = [day for row in rows for day in (row.event_date, date_of(row.changed_at)) if day]
    if not days:
        raise UsageError(
            f"{asked.event_id} has no row with a time in {asked.table.text}, so the days to search are unknown: give "
            "--from and --to."
        )
    return Period(min(days) - timedelta(1), max(days) + timedelta(1))


def _rows(spark: SparkSession, asked: Asked) -> list[tuple[FoundRow, dict[str, Any]]]:
    table = spark.table(asked.table.sql).where(F.col("event_id") == asked.event_id)
    micros = [F.unix_micros(name).alias(name) for name in _LINEAGE]
    others = [name for name in FoundRow._fields if name not in _LINEAGE]
    found = [row.asDict() for row in table.select(*others, *micros).collect()]
    return [
        (
            FoundRow(*(row[name] for name in FoundRow._fields)),
            {name: str(row[name]) if row[name] is not None else None for name in others}
            | {name: shown_time(row[name]) for name in _LINEAGE},
        )
        for row in found
    ]


def _redriven(spark: SparkSession, asked: Asked) -> dict[tuple[str, int], str]:
    """Return when quarantined lines that mention the event were redriven, by file and line."""
    quarantine = spark.table(asked.table.side("quarantine")).where(
        "redriven_at IS NOT NULL AND line_number IS NOT NULL"
    )
    found = quarantine.where(F.contains("raw", F.lit(asked.event_id)))
    rows = found.select("source_file", "line_number", F.unix_micros("redriven_at").alias("at")).collect()
    return {(row.source_file, row.line_number): shown_time(row["at"]) or "" for row in rows}


def _lines(
    asked: Asked, place: Place, file: GivenFile, row: FoundRow | None, redriven: dict[tuple[str, int], str]
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the event's lines of a file, each with its sort key."""
    for line in _mentioning(asked.event_id, split_file(file.path, file.content)):
        told: dict[str, Any] = {"file": file.path, "line": line.number, "archived": not place.is_landing}
        try:
            event = read_line(line.content)
            if event.get("event_id") != asked.event_id:
                continue
            change = read_change(event)
        except BadLineError as bad:
            at = redriven.get((file.path, line.number))
            again = f" It was redriven on {at}." if at else " `flatten redrive` reads it once it is corrected."
            found = {"verdict": "quarantined", "why": f"{bad.reason}: {bad.detail}.{again}"}
            yield (0, "", "", 0, file.path, line.number), told | dict.fromkeys(("change", "time", "number")) | found
            continue
        judged = _judged(asked, file, line.number, change)
        verdict, reason = why(judged, row, in_landing=place.is_landing, expired=change.expired)
        yield (
            (judged.order.kind, *judged.order.place, file.path, line.number),
            told
            | {"change": change.event_name, "time": shown_time(change.changed_at or change.delivered_at)}
            | {"number": change.sequence_number, "verdict": verdict, "why": reason},
        )


def _mentioning(event_id: str, lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines that may be of the event: with its id, or with an escape."""
    wanted = event_id.encode(), b"\\u", b"\\/"
    yield from (line for line in lines if any(each in line.content for each in wanted))


def _judged(asked: Asked, file: GivenFile, number: int, change: Change) -> JudgedLine:
    return JudgedLine(
        file.path,
        file.modified_at,
        number,
        None,
        action_of(change, asked.on_delete, asked.on_expiry),
        change.event_id,
        change.stream,
        change.sequence_number,
        change.changed_at,
        change.delivered_at,
        change.event_date,
        change.previous_date,
    )


def shown_time(micros: int | None) -> str | None:
    """Format a time for readers: UTC, to the second."""
    return None if micros is None else f"{_EPOCH + timedelta(microseconds=micros):%Y-%m-%d %H:%M:%S} UTC"
