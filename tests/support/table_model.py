"""The flat table in plain Python: what the SQL of `look_up`, `merge` and `duplicates` does to its rows."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from math import inf
from typing import Any, NamedTuple

from flatten.decide.lines import Closing, FoundRow, JudgedLine, Versions
from flatten.decide.windows import Search

Rank = tuple[int, float, int, str, int]
"""The order of a change as Python's own comparison has it; not the order that is tested. It holds where the times of
the stream's changes follow their numbers.
"""


def rank(stream: str | None, sequence_number: str | None, delivered_at: int | None, changed_at: int | None) -> Rank:
    """Return the place of a change among the changes of its event: by the second of its time, the stream's last."""
    second = inf if changed_at is None else changed_at // 1_000_000
    if sequence_number is not None:
        return 1, second, 1, stream or "", int(sequence_number)
    if changed_at is not None:
        return 1, second, 0, "", changed_at
    return 0, 0, 0, "", -(10**20) if delivered_at is None else delivered_at


class TableRow(NamedTuple):
    """A row: the columns of a `FoundRow`, whether `deleted_at` is set, and all other values as one."""

    event_id: str
    event_date: date | None
    stream: str | None
    sequence_number: str | None
    delivered_at: int | None
    changed_at: int | None
    source_file: str | None
    catalogue_version: str = "1"
    pipeline_version: str = "1"
    deleted: bool = False
    values: Any = None

    @property
    def rank(self) -> Rank:
        """Its order."""
        return rank(self.stream, self.sequence_number, self.delivered_at, self.changed_at)


class TableModel:
    """Rows; an event may have several."""

    def __init__(self) -> None:
        self.rows: list[TableRow] = []

    def look_up(self, search: Search) -> list[FoundRow]:
        """Return what `look_up` finds."""
        return [FoundRow(*row[:9]) for row in self.rows if _is_sought(row, search)]

    def merge_rows(
        self,
        rows: Sequence[TableRow],
        dates: Collection[date],
        *,
        meets_rows: bool,
        renewed: Collection[Versions] = (),
    ) -> int:
        """Do the MERGE of `merge_rows`; return the number of rows written."""
        changed = 0
        assert len({row.event_id for row in rows}) == len(rows), "a MERGE takes one line of an event"
        for source in rows:
            met = self._met(source.event_id, dates)
            for at in met:
                row = self.rows[at]
                versions = Versions(row.catalogue_version, row.pipeline_version)
                if meets_rows and (source.rank > row.rank or (versions in renewed and _is_same(source, row))):
                    self.rows[at] = source
                    changed += 1
            if not met:
                self.rows.append(source)
                changed += 1
        return changed

    def close_rows(self, closings: Sequence[Closing], dates: Collection[date]) -> int:
        """Do the MERGE of `close_rows`; return the number of rows written."""
        changed = 0
        assert len({line.event_id for line, *_ in closings}) == len(closings), "a MERGE takes one line of an event"
        for closing in closings:
            met = self._met(closing.line.event_id, dates)
            for at in met:
                if _rank_of(closing.line) > self.rows[at].rank:
                    self.rows[at] = _closed(self.rows[at], closing)
                    changed += 1
            if not met and closing.newest is None:
                self.rows.append(_tombstone(closing.line))
                changed += 1
        return changed

    def remove_duplicates(self) -> None:
        """Keep the newest row of every event."""
        kept: dict[str, TableRow] = {}
        for row in self.rows:
            if row.event_id not in kept or row.rank > kept[row.event_id].rank:
                kept[row.event_id] = row
        self.rows = list(kept.values())

    def of(self, event_id: str) -> list[TableRow]:
        """Return the rows of an event."""
        return [row for row in self.rows if row.event_id == event_id]

    def _met(self, event_id: str, dates: Collection[date]) -> list[int]:
        """Return the positions of the rows that a MERGE under these literal dates meets."""
        return [
            at
            for at, row in enumerate(self.rows)
            if row.event_id == event_id and (row.event_date is None or row.event_date in dates)
        ]


def _is_same(source: TableRow, row: TableRow) -> bool:
    return source.rank == row.rank and (source.sequence_number is not None or source.source_file == row.source_file)


def _rank_of(each: JudgedLine | FoundRow) -> Rank:
    return rank(each.stream, each.sequence_number, each.delivered_at, each.changed_at)


def _tombstone(line: JudgedLine) -> TableRow:
    order = line.stream, line.sequence_number, None, line.changed_at
    return TableRow(line.event_id, line.event_date, *order, line.path, deleted=True)


def _closed(row: TableRow, closing: Closing) -> TableRow:
    if closing.action == "erase":
        return _tombstone(closing.line)._replace(event_date=row.event_date)
    if closing.newest is not None and _rank_of(closing.newest) > row.rank:
        return row._replace(deleted=True)
    tombstone = _tombstone(closing.line)
    return tombstone._replace(event_date=row.event_date, delivered_at=row.delivered_at, values=row.values)


def _is_sought(row: TableRow, search: Search) -> bool:
    if row.event_id in search.everywhere:
        return True
    return row.event_id in search.near and (row.event_date is None or _is_within(row.event_date, search.windows))


def _is_within(day: date, windows: Iterable[tuple[date, date]]) -> bool:
    return any(first <= day <= last for first, last in windows)
