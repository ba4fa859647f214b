"""Find all that is known of one event: its row, and its lines in the archive and in landing. Changes nothing."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from flatten.decide.lines import FoundRow, RemovePolicy, judged
from flatten.decide.why import why, why_bad
from flatten.errors import UsageError
from flatten.events.envelope import BadLineError, Change, event_id_of, read_change, read_line
from flatten.events.landing_file import BadFileError, split_file
from flatten.events.timestamps import date_of, moment_of
from flatten.run.given import GivenFile
from flatten.run.replay import EVER, Period, archived_files, names_within
from flatten.storage.location import Location
from flatten.tables import create
from flatten.tables.names import TableName

_DAY = timedelta(1)
_LINEAGE = ("deleted_at", "changed_at", "delivered_at", "pipeline_processed_at")


@dataclass(frozen=True, slots=True)
class Place:
    """Where files are; `landing` is the folder of their paths in the tables.

    `is_landing` says whether these are the files that no run has archived.
    """

    location: Location
    landing: str
    is_landing: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """The event, its table, and where to search."""

    event_id: str
    table: TableName
    places: Sequence[Place]
    period: Period | None = None
    on_delete: RemovePolicy = "soft"
    on_expiry: RemovePolicy = "keep"


@dataclass(frozen=True, slots=True)
class _Found:
    """A line that is of the event, or a bad one that mentions it."""

    path: str
    number: int
    in_landing: bool
    change: Change | BadLineError


def require_possible(event_id: str) -> None:
    """Raise UsageError for an id that no event can have."""
    try:
        event_id_of({"event_id": event_id})
    except BadLineError as bad:
        raise UsageError(f"No event has the id {event_id[:60]!r} ({bad.detail}): give the id of an event.") from None


def explain(spark: SparkSession, asked: Asked, progress: Callable[[int], None] = lambda files: None) -> dict[str, Any]:
    """Return the event's `rows` (their lineage) and its `lines` in the order of changes: file, line, change, time,
    number, verdict, why; the number of searched `files`, and those that could not be read (unreadable). Times are text,
    in UTC. `progress` gets the number of searched files.

    Without a period the archive is searched from the day before the event to the day after the row's change, and all of
    landing. Raises TableError when the table does not exist or this job did not create it, UsageError when neither a
    period nor a row limits the search.
    """
    create.require(spark, asked.table)
    period = asked.period or _period_of(asked, [row for row, _ in _rows(spark, asked)])
    searched: set[tuple[str, int]] = set()
    unread: dict[str, str] = {}
    found: list[_Found] = []
    for file, in_landing in _files(asked, period, unread):
        this = file.path, hash(file.content)
        if this not in searched:  # the job may archive a file after it was read in landing
            searched.add(this)
            found += _lines(asked.event_id, file, unread, in_landing=in_landing)
            progress(len(searched))
    rows = _rows(spark, asked)  # after the files: the job may write meanwhile
    row = max(rows, key=lambda each: each[0].order, default=(None, {}))[0]
    bad = {each.path for each in found if isinstance(each.change, BadLineError)}
    redriven = _redriven(spark, asked.table, bad)
    lines = sorted((_shown(asked, each, row, redriven) for each in found), key=lambda pair: pair[0])
    return {
        "event_id": asked.event_id,
        "rows": [each for _, each in rows],
        "files": len(searched),
        "lines": [each for _, each in lines],
        "unreadable": [f"{path} {why}" for path, why in sorted(unread.items())],
    }


def _period_of(asked: Asked, rows: Iterable[FoundRow]) -> Period:
    days = [day for row in rows for day in (row.event_date, date_of(row.changed_at)) if day]
    if not days:
        raise UsageError(
            f"{asked.event_id} has no row with a time in {asked.table.text}, so the days to search are unknown: give "
            "--from and --to."
        )
    first, last = min(days), max(days)
    return Period(max(first, date.min + _DAY) - _DAY, min(last, date.max - _DAY) + _DAY)


def _files(asked: Asked, period: Period, unread: dict[str, str]) -> Iterator[tuple[GivenFile, bool]]:
    """Yield the files, landing first: one that a run archives meanwhile is in one of the two."""
    for place in sorted(asked.places, key=lambda each: not each.is_landing):
        within = EVER if place.is_landing and not asked.period else period
        names = names_within(place.location, within)
        for file in archived_files(place.location, names, place.landing, unread):
            yield file, place.is_landing


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


def _redriven(spark: SparkSession, table: TableName, paths: Collection[str]) -> dict[tuple[str, int], str]:
    """Return when quarantined lines of these files were redriven, by file and line."""
    if not paths:
        return {}
    lines = spark.table(table.side("quarantine")).where("redriven_at IS NOT NULL AND line_number IS NOT NULL")
    found = lines.where(F.col("source_file").isin(list(paths)))
    rows = found.select("source_file", "line_number", F.unix_micros("redriven_at").alias("at")).collect()
    return {(row.source_file, row.line_number): shown_time(row["at"]) or "" for row in rows}


def _lines(event_id: str, file: GivenFile, unread: dict[str, str], *, in_landing: bool) -> Iterator[_Found]:
    """Yield the event's lines of a file."""
    forms = [json.dumps(event_id, ensure_ascii=each).encode() for each in (True, False)]
    try:
        lines = split_file(file.path, file.content)
    except BadFileError as bad:
        unread[file.path] = f"cannot be used ({bad.detail})"
        return
    for line in lines:
        mentioned = any(each in line.content for each in forms)
        if not mentioned and b"\\u" not in line.content and b"\\/" not in line.content:
            continue
        try:
            event = read_line(line.content)
            if event.get("event_id") == event_id:
                yield _Found(file.path, line.number, in_landing, read_change(event))
        except BadLineError as bad:
            if mentioned:
                yield _Found(file.path, line.number, in_landing, bad)


def _shown(
    asked: Asked, found: _Found, row: FoundRow | None, redriven: Mapping[tuple[str, int], str]
) -> tuple[Any, dict[str, Any]]:
    """Return the sort key of a line, and what is said of it."""
    path, number, change = found.path, found.number, found.change
    place: dict[str, Any] = {"file": path, "line": number, "archived": not found.in_landing}
    if isinstance(change, BadLineError):
        verdict, reason = why_bad(
            change.reason, change.detail, in_landing=found.in_landing, redriven=redriven.get((path, number))
        )
        nothing = dict.fromkeys(("change", "time", "number"))
        return (0, "", "", 0, path, number), place | nothing | {"verdict": verdict, "why": reason}
    line = judged(path, 0, number, change, asked.on_delete, asked.on_expiry)
    verdict, reason = why(line, row, in_landing=found.in_landing, expired=change.expired)
    return (
        (line.order.kind, *line.order.place, path, number),
        place
        | {"change": change.event_name, "time": shown_time(change.changed_at or change.delivered_at)}
        | {"number": change.sequence_number, "verdict": verdict, "why": reason},
    )


def shown_time(micros: int | None) -> str | None:
    """Format a time for readers: UTC, to the second."""
    return None if micros is None else f"{moment_of(micros):%Y-%m-%d %H:%M:%S} UTC"
