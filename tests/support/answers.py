"""The results of the views over a table, and over a few events that are written here."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from flatten.events import catalogue
from flatten.tables.schema import EVENT_COLUMNS, LINEAGE_COLUMNS
from flatten.tables.sql import ddl, moment_literal, named
from flatten.views.fill import Flat, query

MORNING = datetime(2026, 3, 10, 8, 0, tzinfo=UTC)
SENT = (
    "charge-ischarging",
    "charge-detailedchargingstatus",
    "charge-energyadded",
    "charge-wattage",
    "closure-sunroof",
    "location-preciselocation",
    "odometer-traveleddistance",
    "tractionbattery-nominalcapacity",
    "tractionbattery-range",
    "tractionbattery-stateofcharge",
)
"""The signals with columns for the events of a `Diary`."""
_COLUMNS = {name: kind for name, (kind, _) in (EVENT_COLUMNS | LINEAGE_COLUMNS).items()}
_COLUMNS |= catalogue.packaged().columns(SENT)
COLUMNS = frozenset(_COLUMNS)
"""The columns of a table of `said` events."""
_TIMES = tuple(name for name, kind in _COLUMNS.items() if kind == "TIMESTAMP")


def after(hours: float) -> datetime:
    """Return the time this many hours after `MORNING`."""
    return MORNING + timedelta(hours=hours)


def said(vehicle: str, hours: float, /, oem: Any = None, **columns: Any) -> dict[str, Any]:
    """Return an event's row: delivered this many hours after `MORNING`, its signals measured at `oem`, else then.

    `columns` are signals' columns; their statuses are OK unless they are given.
    """
    row: dict[str, Any] = {
        "event_id": f"{vehicle} {hours} {sorted(columns.items())}",
        "vehicle_id": vehicle,
        "vehicle_make": "Make",
        "vehicle_model": vehicle,
        "delivered_at": after(hours),
        "recorded_at": after(hours),
    }
    for code in SENT:
        signal = catalogue.packaged().signals[code]
        if not signal.columns().keys().isdisjoint(columns):
            retrieved, updated = signal.stamps.values()
            row |= {signal.status: "OK", retrieved: after(hours), updated: after(hours if oem is None else oem)}
    row |= columns
    row.setdefault("event_date", row["recorded_at"] and row["recorded_at"].date())
    return row


@dataclass(frozen=True)
class Answers:
    """The results of views of a table at a time, by vehicle."""

    spark: SparkSession
    flat: Flat

    def rows(self, view: str) -> dict[str, list[Row]]:
        """Return a view's rows by vehicle, in the order of their times, which are seconds since 1970 UTC."""
        asked = self.spark.sql(query(view, self.flat))
        stamps = {
            name: (F.unix_micros(name) / 1_000_000).alias(name) for name, kind in asked.dtypes if kind == "timestamp"
        }
        numbers = asked.select(*(stamps.get(name, F.col(name)) for name in asked.columns))
        order = {"charging_sessions": ("started_at",), "vehicle_day": ("day",)}.get(view, ())
        found: dict[str, list[Row]] = {}
        for row in numbers.orderBy("vehicle_id", *order).collect():
            found.setdefault(row.vehicle_id, []).append(row)
        return found


@contextmanager
def table_of(spark: SparkSession, events: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Make a table of these events, with `COLUMNS`, for the time of the `with`; return its name."""
    rows = [tuple(_plain(event.get(name)) for name in _COLUMNS) for event in events]
    texts = {name: "DOUBLE" if name in _TIMES else kind for name, kind in _COLUMNS.items()}
    frame = spark.createDataFrame(rows, ddl(texts))
    moments = {name: F.timestamp_micros((F.col(name) * 1_000_000).cast("bigint")) for name in _TIMES}
    with named(frame.withColumns(moments)) as table:
        yield table


def answer(
    spark: SparkSession, view: str, events: Iterable[dict[str, Any]], now: datetime, days: int = 30
) -> dict[str, list[Row]]:
    """Return what a view says of these events."""
    with table_of(spark, events) as table:
        return Answers(spark, Flat(table, COLUMNS, days, moment_literal(now))).rows(view)


def _plain(value: Any) -> Any:
    return value.timestamp() if isinstance(value, datetime) else value


def as_table(answer: DataFrame) -> str:
    """Return an answer as a table of Markdown; times are in UTC, to the minute."""
    shown = [F.date_format(name, "yyyy-MM-dd HH:mm") if kind == "timestamp" else name for name, kind in answer.dtypes]
    rows = [[_shown(cell) for cell in row] for row in answer.select(*shown).collect()]
    lines = [answer.columns, ["---"] * len(answer.columns), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines).replace("| --- ", "|---").replace("--- |", "---|")


def _shown(cell: Any) -> str:
    if isinstance(cell, float):
        return f"{cell:.2f}".rstrip("0").rstrip(".")
    return "" if cell is None else str(cell)
