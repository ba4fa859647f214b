"""Redrive quarantined lines, unchanged or corrected.

Rows are written first, the marks in the quarantine after them: after a crash in between, the next run finds the rows
and sets the marks. A line keeps its number; the path of its file ends in `#redriven`, because its text may differ from
the file.
"""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from flatten.errors import UsageError
from flatten.events.landing_file import BOM
from flatten.events.timestamps import micros_of
from flatten.run import values
from flatten.run.batch import Around, Batch
from flatten.run.envelopes import Envelopes
from flatten.run.given import GivenFile, frame, in_micro_batches
from flatten.run.replay import EVER, Period
from flatten.settings import Settings
from flatten.tables import create, quarantine
from flatten.tables.commits import retried
from flatten.tables.runs import Run

SUFFIX = "#redriven"
Place = tuple[str, int]
"""A quarantined line: source_file and line_number."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines: of a reason, of a file, quarantined in a period; with `corrected`, place -> text, only these."""

    reason: str | None = None
    file: str | None = None
    period: Period = EVER
    corrected: Mapping[Place, bytes] | None = None

    def of(self, waiting: DataFrame) -> DataFrame:
        """Return those rows of the quarantine."""
        for column, value in (("reason", self.reason), ("source_file", self.file)):
            waiting = waiting.where(F.col(column) == value) if value else waiting
        day = F.to_date("quarantined_at")
        waiting = waiting.where(day >= F.lit(self.period.first)) if self.period.first else waiting
        return waiting.where(day <= F.lit(self.period.last)) if self.period.last else waiting


def require_lines(reason: str | None) -> None:
    """Raise UsageError for a reason that no line can have."""
    if reason and reason not in quarantine.REASONS:
        raise UsageError(f"{reason} is not a reason of the quarantine: give one of {', '.join(quarantine.REASONS)}.")
    if reason and reason.startswith("file_"):
        raise UsageError(
            f"{reason} is a reason of whole files: put the repaired file into landing under a new name, and `flatten "
            "run` reads it."
        )


def read_corrected(path: Path) -> dict[Place, bytes]:
    """Read corrected lines: a JSON object on each line, with `source_file`, `line_number` and `raw`, as in the
    quarantine. Raises UsageError for any other line, and for a file that cannot be read.
    """
    try:
        texts = path.read_text("utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as wrong:
        raise UsageError(f"{path} cannot be read as UTF-8 text ({wrong}): give the corrected lines.") from None
    found: dict[Place, bytes] = {}
    for number, text in enumerate(texts, start=1):
        if text.strip():
            place, raw = _corrected(f"{path}, line {number}", text)
            if place in found:
                raise UsageError(f"{path}, line {number} corrects a line that was corrected before: leave one of them.")
            found[place] = raw
    if not found:
        raise UsageError(f"{path} has no lines: give the corrected lines, a JSON object each.")
    return found


def _corrected(where: str, text: str) -> tuple[Place, bytes]:
    try:
        fields = json.loads(text)
        file, line, raw = fields["source_file"], fields["line_number"], fields["raw"]
    except (ValueError, TypeError, KeyError, RecursionError):
        file = line = raw = None
    if not (isinstance(file, str) and type(line) is int and isinstance(raw, str)):
        raise UsageError(
            f"{where} is not a JSON object with source_file, line_number and raw, which is text: correct it."
        )
    if "\n" in raw or not raw.strip():
        raise UsageError(f"{where}: raw is empty or has a line end; write the event on one line.")
    return (file, line), raw.encode("utf-8", "surrogatepass")


def redrive(
    spark: SparkSession, settings: Settings, around: Around, wanted: Wanted, progress: Callable[[int], None]
) -> dict[str, Any]:
    """Redrive the lines; return how many there were (lines), succeeded (redriven), have no text (without_text), failed
    by their new reason (failed), and how many rows were written (rows_written).

    `progress` gets the number of finished lines. Raises TableError when the table does not exist or this job did not
    create it, UsageError when a corrected line was never quarantined; nothing is written then.
    """
    create.require(spark, settings.table)
    lines = _lines(spark, settings, wanted)
    counts: dict[str, Any] = dict.fromkeys(("lines", "redriven", "without_text", "rows_written"), 0) | {"failed": {}}
    counts |= {"lines": len(lines), "without_text": sum(text is None for text in lines.values())}

    def redrive_all() -> None:
        done = 0
        for batch in in_micro_batches(_files(lines), settings.max_files):
            outcomes, rows_written = _redriven(spark, settings, around, batch)
            failed = Counter(counts["failed"]) + Counter(each[0] for each in outcomes.values() if each)
            counts["redriven"] += sum(each is None for each in outcomes.values())
            counts.update(failed=dict(failed), rows_written=counts["rows_written"] + rows_written)
            done += len(outcomes)
            progress(done)

    if settings.dry_run or not lines:
        redrive_all()
        return counts
    this = Run(settings.table, settings.run_id, "redrive", settings.started_at)
    with this.recorded(spark, around.clock, counts, around.patience):
        redrive_all()
    return counts


def _lines(spark: SparkSession, settings: Settings, wanted: Wanted) -> dict[Place, bytes | None]:
    """Return the text of the lines, by place, in order; None if the quarantine has no text."""
    columns = ("source_file", "line_number", "raw", "raw_base64")
    rows = wanted.of(quarantine.waiting(spark, settings.table)).select(*columns)
    lines = {(row.source_file, row.line_number): _text(row) for row in rows.toLocalIterator()}
    if wanted.corrected is not None:
        _require_known(spark, settings, wanted.corrected)
        lines = {place: text for place, text in wanted.corrected.items() if place in lines}
    return dict(sorted(lines.items()))


def _text(row: Row) -> bytes | None:
    if row.raw_base64 is not None:
        return base64.b64decode(row.raw_base64)
    return None if row.raw is None else str(row.raw).encode()


def _require_known(spark: SparkSession, settings: Settings, corrected: Mapping[Place, bytes]) -> None:
    """Raise UsageError for a line that was never quarantined. One that was already redriven is left out."""
    files = sorted({path for path, _ in corrected})
    rows = spark.table(settings.table.side("quarantine")).where(F.col("source_file").isin(files))
    known = {(row.source_file, row.line_number) for row in rows.select("source_file", "line_number").collect()}
    unknown = sorted(corrected.keys() - known)
    if unknown:
        raise UsageError(
            f"{unknown[0][0]}, line {unknown[0][1]} is not in the quarantine of {settings.table.text}: give its "
            "source_file and line_number from there."
        )


def _files(lines: Mapping[Place, bytes | None]) -> Iterator[GivenFile]:
    """Yield the lines of each file as one file, in which each keeps its number: other lines are empty.

    It begins with a byte order mark, which is dropped: so a line that looks like gzip or has a mark stays a line.
    """
    for path, places in groupby(lines, key=lambda place: place[0]):
        content = bytearray(BOM)
        at = 1
        for place in places:
            text = lines[place]
            if text is not None:
                content += b"\n" * (place[1] - at) + text
                at = place[1]
        if len(content) > len(BOM):
            yield GivenFile(f"{path}{SUFFIX}", 0, bytes(content))


def _redriven(
    spark: SparkSession, settings: Settings, around: Around, batch: Iterable[GivenFile]
) -> tuple[dict[Place, tuple[str, str] | None], int]:
    """Write the rows of these lines and mark the lines; return the result of each, and the number of written rows."""
    files = frame(spark, list(batch))
    written = Batch(files, settings, around, is_in_memory=True)
    seen = retried(written.write, around.patience)
    outcomes: dict[Place, tuple[str, str] | None] = dict.fromkeys(_places(seen))
    bad = seen.bad_lines()
    if bad:
        failed = values.bad_lines(files, bad, micros_of(around.clock()))
        for row in failed.select("source_file", "line_number", "reason", "detail").collect():
            outcomes[row.source_file.removesuffix(SUFFIX), row.line_number] = row.reason, row.detail
    if outcomes and not settings.dry_run:
        quarantine.mark(spark, settings.table, outcomes, around.clock())
    around.reached("quarantine")
    return outcomes, written.rows_written


def _places(seen: Envelopes) -> Iterator[Place]:
    lines = seen.lines.select(["path", "line_number"])
    for path, number in zip(*(column.to_pylist() for column in lines.columns), strict=True):
        yield path.removesuffix(SUFFIX), number
