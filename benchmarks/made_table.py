"""Make a table that already has rows of some days, and the next batches."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks import events
from benchmarks.events import EVENT_ID_SQL, FIRST_DAY, SEQUENCE_NUMBER_SQL, Change, Kind

_SAMPLE = 500


@dataclass(frozen=True)
class Size:
    """A table: its rows, over how many days (even, or one). Each day is one file."""

    rows: int
    days: int

    @property
    def name(self) -> str:
        """Return its name for output."""
        return f"{self.rows / 1_000_000:.3g} million rows, {self.days} day{'s' if self.days > 1 else ''}"

    @property
    def last_day(self) -> date:
        """Return the day of the newest rows, and of the batches."""
        return FIRST_DAY + timedelta(days=self.days - 1)

    def write(self, sample: DataFrame, table: str) -> None:
        """Append the rows to a Delta table by path: the values of a few flat rows under other keys.

        Two tasks write, because starting a task takes as long as some thousand rows of this many columns.
        """
        a_day = self.rows // self.days
        key = {
            "event_id": EVENT_ID_SQL,
            "event_date": f"date_add(DATE'{FIRST_DAY}', CAST(id DIV {a_day} AS INT))",
            "sequence_number": SEQUENCE_NUMBER_SQL,
        }
        own = [f"{value} AS {name}" for name, value in key.items() if name in sample.columns]
        numbered = sample.withColumn("n", F.expr("row_number() OVER (ORDER BY event_id) - 1")).drop(*key)
        ids = sample.sparkSession.range(0, self.rows, 1, min(2, self.days))
        keys = ids.selectExpr(*own, f"CAST(id % {_SAMPLE} AS INT) AS n")
        rows = keys.join(F.broadcast(numbered), "n").drop("n").write.format("delta").mode("append")
        rows.option("mergeSchema", "true").option("maxRecordsPerFile", a_day).save(table)

    def batch(self, number: int, lines: int, *, mixed: bool = True) -> Iterator[Change]:
        """Yield the lines of the batch with this number (from 0): every id once, later in the stream than all before.

        Of mixed lines a tenth are updates and a hundredth removals of events of the last day.
        """
        for place in range(lines):
            order = self.rows + number * lines + place
            kind = _kind(place) if mixed else "INSERT"
            met = self.rows - 1 - (number * lines + place) % (self.rows // self.days)
            yield Change(order if kind == "INSERT" else met, order, self.last_day, kind)


def sample_changes() -> Iterator[Change]:
    """Yield the changes whose flat rows `Size.write` uses."""
    return events.fleet(_SAMPLE)


def _kind(place: int) -> Kind:
    if place % 100 == 0:
        return "REMOVE"
    return "MODIFY" if place % 10 == 5 else "INSERT"
