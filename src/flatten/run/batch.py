"""Commit one micro-batch, in this order: rows, quarantine, files.

Repeating a commit changes nothing: rows are compared by their order, quarantined lines by file and number, files by
path and digest. After a crash

- before the rows, or between rows, quarantine and files: the engine delivers the batch again, and what is missing is
  added.
- between the files and the engine's checkpoint: it comes again, and nothing changes.
- after the checkpoint: the files are recorded and still in landing; the next run archives them.

`process_batch` must not swallow an exception: a batch that returns is committed, and its files may be moved.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import reduce
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from flatten import __version__
from flatten.decide.decision import VERDICTS, Decision, decide
from flatten.decide.lines import JudgedLine, Versions
from flatten.decide.windows import search_for
from flatten.events import catalogue
from flatten.events.timestamps import micros_of
from flatten.run import values
from flatten.run.envelopes import Envelopes, SeenFile, read_envelopes
from flatten.run.source import whole_files
from flatten.settings import Settings
from flatten.storage import open_location
from flatten.storage.location import has_literal, listed
from flatten.tables import create, files, merge, quarantine
from flatten.tables.commits import OutdatedError, Patience, retried
from flatten.tables.look_up import look_up

Reached = Callable[[str], None]
"""Called with the name of each boundary that is passed: envelopes, found, values, rows, quarantine, files, query,
copied, deleted, archived.
"""


def unobserved(boundary: str) -> None:
    """Ignore a boundary."""


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Around:
    """The external inputs of a run: the time, the retry policy, and the observer of boundaries."""

    clock: Callable[[], datetime] = utc_now
    patience: Patience = field(default_factory=Patience)
    reached: Reached = unobserved


@dataclass(frozen=True)
class Committed:
    """What a batch did: what the files table says of each file, and how many rows of the flat table were written."""

    entries: list[dict[str, Any]]
    rows_written: int


def process_batch(batch: DataFrame, batch_id: int | None, settings: Settings, around: Around) -> None:
    """Commit the files of a micro-batch (path, modificationTime, length, content).

    A module-level function of plain data: Spark Connect runs it in another process, with the session of the batch. Its
    results go through the tables.
    """
    commit_batch(batch, batch_id, settings, around)


def commit_batch(batch: DataFrame, batch_id: int | None, settings: Settings, around: Around) -> Committed:
    """Do what `process_batch` does and return it; a dry run decides alone."""
    written = Batch(batch, settings, around, is_in_memory=batch_id is None)
    entries = retried(written.commit, around.patience)
    recorded = {"run_id": settings.run_id, "batch_id": batch_id, "committed_at": micros_of(around.clock())}
    if entries and not settings.dry_run:
        files.record(batch.sparkSession, [entry | recorded for entry in entries], settings.table, around.patience)
    around.reached("files")
    return Committed(entries, written.rows_written)


class Batch:
    """The rows and the quarantine of one micro-batch. `rows_written` counts those of the last attempt."""

    def __init__(self, batch: DataFrame, settings: Settings, around: Around, *, is_in_memory: bool = False) -> None:
        self._spark: SparkSession = batch.sparkSession
        self._batch, self._settings, self._around = batch, settings, around
        self._is_in_memory = is_in_memory
        self._met: dict[int, frozenset[date]] = {}
        self._verdicts: dict[str, Counter[str]] = {}
        self._searched: Counter[str] = Counter()
        self.rows_written = 0

    def commit(self) -> list[dict[str, Any]]:
        """Write rows and quarantine; return the entries of the files table. Raises as `write` does."""
        seen = self.write()
        if not self._settings.dry_run:
            self._quarantine(seen)
        self._around.reached("quarantine")
        verdicts, searched = self._verdicts, self._searched
        return [_entry(file, verdicts.get(file.path, Counter()), searched[file.path]) for file in seen.files.values()]

    def write(self) -> Envelopes:
        """Read, look up, decide, write rows; return what was read.

        Raises OutdatedError when rows or files have changed since they were read: the next call reads the files again.
        """
        seen = self._ours(read_envelopes(self._batch, self._settings))
        self._around.reached("envelopes")
        self._verdicts, self._searched, self.rows_written = {}, Counter(), 0
        for number, lines in enumerate(seen.turns()):
            decision = self._write(number, lines, seen)
            self.rows_written += decision.rows_to_write + decision.rows_to_close
            self._verdicts |= decision.verdicts
            self._searched.update(line.path for line in lines if line.counts and line.has_no_place)
        self._around.reached("rows")
        return seen

    def _ours(self, seen: Envelopes) -> Envelopes:
        """Leave out what a listing of landing does not have.

        That is what is behind a link, what is hidden for us and not for Spark (`_metadata`), and what is outside: Spark
        reads the key `landing/../x` as `x`.
        """
        settings = self._settings
        if settings.read_again:
            return seen
        landing = open_location(settings.source)
        names = {settings.name_of(path) for path in seen.files if path.startswith(settings.path_of(""))}
        shown = {name for name in names if all(map(listed, name.split("/")))}
        ours = set(map(settings.path_of, shown - landing.links(shown)))
        return seen.without(seen.files.keys() - ours)

    def _write(self, turn: int, lines: Sequence[JudgedLine], seen: Envelopes) -> Decision:
        """Look up the rows of a turn's events, decide, and write the rows.

        The next look-up must find what the MERGE can meet: so it includes the dates of this decision.
        """
        spark, table = self._spark, self._settings.table
        decision = self._decide(turn, lines)
        self._around.reached("found")
        if self._settings.dry_run:
            return decision
        if decision.chosen:
            rows = self._flat_rows(decision.chosen, seen, alone=len(lines) == len(seen.lines))
            written = merge.merge_rows(
                rows, table, decision.dates, meets_rows=decision.meets_rows, renewed=decision.renewed
            )
            _require(decision.rows_to_write, written)
        self._around.reached("values")
        if decision.closings:
            closed = merge.close_rows(spark, decision.closings, table, decision.dates, self._settings.started_at)
            _require(decision.rows_to_close, closed)
        return decision

    def _decide(self, turn: int, lines: Sequence[JudgedLine]) -> Decision:
        spark, table, again = self._spark, self._settings.table, self._settings.read_again
        search = search_for(lines, self._settings.lookback_days, self._met.get(turn, ()), all_dates=again)
        is_missing = self._settings.dry_run and create.columns_of(spark, table.sql) is None
        rows = [] if is_missing else look_up(spark, table, search)
        decision = decide(lines, rows, Versions(catalogue.VERSION, __version__) if again else None)
        self._met[turn] = frozenset(decision.dates)
        return decision

    def _flat_rows(self, numbers: Mapping[str, "array[int]"], seen: Envelopes, *, alone: bool) -> DataFrame:
        """Return the rows of the lines, after adding their new columns to the table."""
        chosen = {path: (seen.files[path].sha256, each) for path, each in numbers.items()}
        codes = {code for path in chosen for code in seen.files[path].codes}
        create.add_columns(self._spark, self._settings.table, catalogue.packaged().columns(codes))
        # Each of several turns reads only its files: otherwise each would read the whole batch, unless it is in memory.
        in_one = alone or self._is_in_memory or not all(map(has_literal, chosen))
        files_read = self._batch if in_one else whole_files(self._spark, chosen)
        return values.flat_rows(files_read, chosen, values.columns_for(codes), micros_of(self._settings.started_at))

    def _quarantine(self, seen: Envelopes) -> None:
        """Write bad files and bad lines to the quarantine; the text of the lines needs another pass."""
        now = self._around.clock()
        bad_files = [(file.path, file.reason, file.detail or "") for file in seen.files.values() if file.reason]
        bad = seen.bad_lines()
        paths = {path for path, *_ in bad_files} | bad.keys()
        if not paths:
            return
        table = self._settings.table
        found = [quarantine.file_rows(self._spark, bad_files, now)] if bad_files else []
        if bad:
            found.append(values.bad_lines(self._batch, bad, micros_of(now)))
        quarantine.write(reduce(DataFrame.unionByName, found), table, paths, self._around.patience)
        if bad:
            lines = {path: numbers for path, (_, numbers) in bad.items()}
            _require(sum(map(len, lines.values())), quarantine.lines_held(self._spark, table, lines))


def _require(wanted: int, written: int) -> None:
    if wanted != written:
        raise OutdatedError(f"{written} of {wanted} rows were written")


def _entry(file: SeenFile, counted: Counter[str], searched: int) -> dict[str, Any]:
    """Return the entry of a file in the files table: its lines by verdict, whose sum is the number of its lines."""
    counts = {verdict: counted[verdict] for verdict in VERDICTS}
    if file.reason:
        counts["quarantined"] = file.line_count
    return {
        "path": file.path,
        "size": file.size,
        "modified_at": file.modified_at,
        "sha256": file.sha256,
        "lines": file.line_count,
        **counts,
        "searched": searched,
        "outcome": files.QUARANTINED if file.reason else files.COMMITTED,
    }
