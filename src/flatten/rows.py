"""The rows of a micro-batch: its lines are judged, the dates of moved events noted, then the rows merged."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from flatten import duplicates, flat_rows, merge, moves, staging
from flatten.errors import FlattenError
from flatten.settings import Settings
from flatten.verdicts import Verdicts, judge

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Facts:
    """What a batch's lines say together: their dates, the signals they carry, whether some are bad or telling
    (`moves.TELLING`), and when the oldest of its removals was made.
    """

    dates: frozenset[date | None]
    codes: frozenset[str]
    any_bad: bool
    any_telling: bool
    removals_since: datetime | None


def facts_of(staged: DataFrame) -> Facts:
    """Learn in one pass what must be known before the lines are judged."""
    good = "line_number > 0 AND reason IS NULL"
    changed = F.greatest(F.unix_micros("changed_at"), F.lit(0))
    row = staged.agg(
        F.collect_set("event_date").alias("dates"),
        F.collect_set("previous_date").alias("previous"),
        F.array_distinct(F.flatten(F.collect_set("codes"))).alias("codes"),
        F.count_if(F.col("reason").isNotNull()).alias("bad"),
        F.count_if(F.expr(f"{good} AND ({moves.TELLING})")).alias("telling"),
        F.min(F.when(F.col("event_name") == "REMOVE", changed)).alias("since"),
    ).collect()[0]
    return Facts(
        dates=frozenset(row.dates) | frozenset(row.previous),
        codes=frozenset(row.codes),
        any_bad=row.bad > 0,
        any_telling=row.telling > 0,
        removals_since=None if row.since is None else _EPOCH + timedelta(microseconds=row.since),
    )


@dataclass(frozen=True)
class RowsCommit:
    """Commits the rows of one micro-batch (path, content of its files) whose lines are staged.

    `hold` asks for the table's lease; `reached` is told of the boundaries moves and values.
    """

    batch: DataFrame
    batch_id: int
    staged: DataFrame
    facts: Facts
    settings: Settings
    hold: Callable[[], None]
    reached: Callable[[str], None]
    _looks: "count[int]" = field(default_factory=count)

    def run(self, now: datetime) -> Verdicts:
        """Judge the batch and merge what is newer than the table. Called again, it judges anew and changes nothing."""
        spark, table = self.batch.sparkSession, self.settings.table
        noted = moves.noted_dates(self.staged, table)
        dates = self.facts.dates | noted
        judged = judge(self.staged, table, dates)
        closing = None
        if self.facts.any_telling or judged.astray or judged.parted or noted:
            told = self._keep(moves.telling(spark.table("flatten_judged"), self.staged, table))
            # A line that meets several rows is there as often.
            closing = told.where("closes").dropDuplicates(["event_id"]) if judged.closes else None
            judged, dates = self._note(told, judged, dates, now)
        if judged.doubled:
            duplicates.keep_newest(spark, table, duplicates.met_twice(spark), self.hold, now)
            dates |= moves.noted_dates(self.staged, table)
            judged = judge(self.staged, table, dates)
        self.reached("moves")
        self.hold()
        if judged.winners:
            self._merge(judged, dates)
        self.reached("values")
        if closing is not None:
            self.hold()
            merge.merge_closures(closing, table, dates, now)
        return judged

    def _keep(self, told: DataFrame) -> DataFrame:
        """Keep the lines that tell of moves, among them all removals: more than one look is taken at them."""
        return staging.keep(told, self.settings, f"{self.batch_id}-told-{next(self._looks)}")

    def _note(
        self, told: DataFrame, judged: Verdicts, dates: frozenset[date | None], now: datetime
    ) -> tuple[Verdicts, frozenset[date | None]]:
        """Note what the lines tell; where an event stands under a date that was not known, judge the batch anew."""
        table = self.settings.table
        self.hold()
        moves.note(moves.found(told, table, astray=judged.astray, since=self.facts.removals_since), table, now)
        known = dates | moves.noted_dates(self.staged, table)
        return (judged, dates) if known == dates else (judge(self.staged, table, known), known)

    def _merge(self, judged: Verdicts, dates: frozenset[date | None]) -> None:
        micros = round(self.settings.started_at.timestamp() * 1_000_000)
        rows = flat_rows.flat_rows(self.batch, judged.winners, self.facts.codes, micros)
        written = merge.merge_rows(rows, self.settings.table, dates, rows_met=judged.rows_met > 0)
        _require_all(judged, written)


def _require_all(judged: Verdicts, written: int) -> None:
    """Raise FlattenError when a file was changed or taken away between the two looks at it: lines were judged
    whose values nobody merged. The batch is tried again then, on what is there now.
    """
    winners = sum(len(lines) for _, lines in judged.winners.values())
    if written < winners:
        raise FlattenError(
            f"{winners - written} of {winners} lines went away while they were read: something beside this job "
            "changes or removes files of the source."
        )
