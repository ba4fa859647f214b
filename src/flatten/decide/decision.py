"""Decide which change wins: a pure function of a batch's lines and of the rows of their events.

Rules (contract 3): the newest line of an event wins, and it is applied if it is newer than the row. An equal line is
repeated, an older one superseded; both change nothing. So the order of arrival does not matter, and only the row is
remembered. Critical cases:

- A replay after a crash: the row already has the winner's order and file, so the winner counts as applied again and
  nothing is written. A row without a number is identified by its file alone.
- A removal without an image wins over a line with values of the same batch: the values are written first (`chosen`),
  then the row is closed (`closings`). After a crash in between, the replay finds the values and closes the row.
- A removal of an incremental export has the item's image from before the export. Its values are used only when nothing
  else is known of the event; otherwise it counts as a removal without an image. As with every such removal, an older
  change that comes after it changes nothing.
- A tombstone (`erase`) below such a removal: values older than it never return.
- An event has several rows, because its dates are further apart than the look-back: the newest decides. All of them are
  older than a winner, so all are replaced; maintenance leaves one. A removal without an image gives its order to the
  newest row only: with equal orders, maintenance might keep old values.
- A newer version (`now`) reads the batch again: the line whose values a row shows writes it again when an older version
  of the catalogue or the job wrote the row. Not so a row that was closed by a removal without an image: its values are
  those of an older line, and older lines never win.
- Another writer commits between look-up and write: the MERGE compares the order again, in its own transaction.
  `rows_to_write` and `rows_to_close` say how many rows it must change; another number means a new look-up.
"""

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from flatten.decide.lines import VALUELESS, Action, Closing, FoundRow, JudgedLine, Versions

VERDICTS = ("applied", "superseded", "repeated", "ignored", "quarantined")


@dataclass
class Decision:
    """The verdict on each line, and what is to be written.

    `verdicts` counts lines by file path. `chosen` has the numbers of the lines to flatten by path, ascending.
    `closings` are removals without values. `dates` are the dates of all affected rows, before and after. `meets_rows`
    says whether a chosen line replaces a row; `renewed` are the versions of rows that a line of equal order replaces.
    """

    verdicts: dict[str, Counter[str]] = field(default_factory=dict)
    chosen: dict[str, "array[int]"] = field(default_factory=dict)
    closings: list[Closing] = field(default_factory=list)
    dates: set[date] = field(default_factory=set)
    meets_rows: bool = False
    renewed: set[Versions] = field(default_factory=set)
    rows_to_write: int = 0
    rows_to_close: int = 0

    def _count(self, line: JudgedLine, verdict: str) -> None:
        self.verdicts.setdefault(line.path, Counter())[verdict] += 1

    def _choose(self, line: JudgedLine, rows: Sequence[FoundRow]) -> None:
        self.chosen.setdefault(line.path, array("I")).append(line.line_number)
        self.meets_rows = self.meets_rows or bool(rows)
        self.rows_to_write += max(1, len(rows))
        self._concern(line, rows)

    def _renew(self, line: JudgedLine, rows: Sequence[FoundRow], now: Versions) -> None:
        """Choose a line whose row an older version wrote; its event's older rows are replaced, too."""
        stale = [row for row in rows if _is_stale(row, line, now)]
        self.renewed.update(row.versions for row in stale)
        self._choose(line, [*stale, *(row for row in rows if line.order > row.order)])

    def _close(self, closing: Closing, rows: Sequence[FoundRow]) -> None:
        self.closings.append(closing)
        self.rows_to_close += max(1, len(rows))
        self._concern(closing.line, rows)

    def _concern(self, line: JudgedLine, rows: Sequence[FoundRow]) -> None:
        dates = (line.event_date, *(row.event_date for row in rows))
        self.dates.update(each for each in dates if each)


def decide(lines: Iterable[JudgedLine], rows: Iterable[FoundRow], now: Versions | None = None) -> Decision:
    """Decide on the lines of a batch, given all rows of their events that were found.

    With `now`, the versions that would write, a row of an older version is written again by its own line.
    """
    decision = Decision()
    found = _by_event(rows)
    for event_id, group in _counting(lines, decision).items():
        group.sort(key=lambda line: line.place)
        group.sort(key=lambda line: line.order, reverse=True)
        _decide_event(group, found.get(event_id, ()), decision, now)
    for path, numbers in decision.chosen.items():
        decision.chosen[path] = array("I", sorted(numbers))
    return decision


def _by_event(rows: Iterable[FoundRow]) -> Mapping[str, Sequence[FoundRow]]:
    found: dict[str, list[FoundRow]] = {}
    for row in rows:
        found.setdefault(row.event_id, []).append(row)
    return found


def _counting(lines: Iterable[JudgedLine], decision: Decision) -> dict[str, list[JudgedLine]]:
    """Return the lines that count, by event; add the verdicts of the others."""
    groups: dict[str, list[JudgedLine]] = {}
    for line in lines:
        if line.counts:
            groups.setdefault(line.event_id, []).append(line)
        else:
            decision._count(line, "ignored" if line.reason is None else "quarantined")
    return groups


def _decide_event(
    lines: Sequence[JudgedLine], rows: Sequence[FoundRow], decision: Decision, now: Versions | None
) -> None:
    """Decide on the lines of one event, newest first."""
    row = max(rows, key=lambda each: each.order, default=None)
    lines = [_as_mark(line, row, lines[-1]) if line.has_earlier_image else line for line in lines]
    winner, *others = lines
    for line in others:
        decision._count(line, _verdict_beside(line, winner))
    if row is None or winner.order > row.order:
        decision._count(winner, "applied")
        _write(lines, row, rows, decision)
    else:
        decision._count(winner, _verdict_against(winner, row))
        own = next((line for line in lines if now and _is_stale(row, line, now)), None)
        if now and own:
            decision._renew(own, rows, now)


def _as_mark(line: JudgedLine, row: FoundRow | None, oldest: JudgedLine) -> JudgedLine:
    is_all = row is None and line.order == oldest.order
    return line if is_all else line._replace(action="mark")


def _is_stale(row: FoundRow, line: JudgedLine, now: Versions) -> bool:
    """Whether an older version took a row's values from this very change. Without a number the file says so."""
    same = line.order == row.order and (line.sequence_number is not None or line.path == row.source_file)
    return same and line.action not in VALUELESS and row.versions.is_older_than(now)


def _verdict_beside(line: JudgedLine, winner: JudgedLine) -> str:
    if line.order.is_none:
        return "ignored"
    return "repeated" if line.order == winner.order else "superseded"


def _verdict_against(winner: JudgedLine, row: FoundRow) -> str:
    """Return the verdict on a line that is not newer than the row."""
    equal = winner.order == row.order or (winner.order.is_none and row.order.is_none)
    if equal and row.source_file == winner.path:
        return "applied"
    if winner.order.is_none:
        return "ignored"
    return "repeated" if equal else "superseded"


def _write(lines: Sequence[JudgedLine], row: FoundRow | None, rows: Sequence[FoundRow], decision: Decision) -> None:
    """Choose the line with the row's values, and close the row when the winner has none."""
    winner = lines[0]
    newest: JudgedLine | FoundRow | None = row
    below = next((line for line in lines if line.action != "mark" and (row is None or line.order > row.order)), None)
    if below is not None and below.action not in VALUELESS:
        decision._choose(below, rows)
        newest = below
    if winner.action in VALUELESS:
        action: Action = "erase" if below is not None and below.action == "erase" else winner.action
        decision._close(Closing(winner, action, newest), rows)
