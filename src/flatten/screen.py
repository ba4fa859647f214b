"""Show progress and results: a bar and colours on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from time import monotonic
from typing import Any, TextIO


@dataclass(frozen=True)
class Screen:
    """Where progress goes. `lively` says whether a bar can be drawn: a terminal, and rich is installed."""

    out: TextIO
    lively: bool
    quiet: bool

    @classmethod
    def of(cls, out: TextIO, *, quiet: bool = False) -> "Screen":
        """Inspect a stream."""
        return cls(out, lively=out.isatty() and find_spec("rich") is not None, quiet=quiet)

    @contextmanager
    def progress(
        self, unit: str, total: int | None = None, clock: Callable[[], float] = monotonic
    ) -> Iterator[Callable[[int], None]]:
        """Yield a function to call with the finished count; each change is shown once, with the time left if there is a
        `total`.
        """
        if self.quiet:
            yield lambda done: None
        elif self.lively:
            with _bar(self.out, unit, total) as advance:
                yield advance
        else:
            yield _lines(self.out, unit, total, clock)


def _lines(out: TextIO, unit: str, total: int | None, clock: Callable[[], float]) -> Callable[[int], None]:
    shown, began = 0, clock()

    def advance(done: int) -> None:
        nonlocal shown
        if done != shown:
            shown = done
            left = "" if total is None else f" of {total}{_left(done, total, clock() - began)}"
            print(f"{unit}: {done}{left}", file=out, flush=True)

    return advance


def _left(done: int, total: int, seconds: float) -> str:
    left = seconds / done * max(total - done, 0)
    return f", about {left / 60:.0f} min left" if left >= 90 else f", about {left:.0f} s left"


@contextmanager
def _bar(out: TextIO, unit: str, total: int | None) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    of = TextColumn(
        "{task.completed} {task.description}" if total is None else "{task.completed} of {task.total} " + unit
    )
    columns = (SpinnerColumn(), of, TimeElapsedColumn(), *([] if total is None else [TimeRemainingColumn()]))
    with Progress(*columns, console=Console(file=out), transient=True) as bar:
        task = bar.add_task(unit, total=total)
        yield lambda done: bar.update(task, completed=done)


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: 1 file, 2,000 files."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def shown_status(found: dict[str, Any]) -> str:
    """Return the result of `status` as lines of text."""
    files, landing = found["files"], found["landing"]
    lines = [
        f"table        {found['table']}",
        f"rows         {found['rows']:,} ({found['deleted']:,} deleted)",
        f"newest event {found['newest_event'] or '-'}",
        f"files        {files['committed']:,} committed, {files['quarantined']:,} quarantined",
        f"searched     {counted(found['searched'], 'line')} looked up under all dates",
    ]
    if landing is not None:
        late = f", {len(landing['late']):,} for more than an hour" if landing["late"] else ""
        lines.append(f"landing      {landing['waiting']:,} to read, {landing['to_archive']:,} to archive{late}")
    lines += [f"quarantined  {count:,} {reason}" for reason, count in found["quarantined"].items()]
    lines += map(_run_line, found["runs"])
    return "\n".join(lines)


def _run_line(run: dict[str, Any]) -> str:
    error = f": {run['error']}" if run["error"] else ""
    return f"{run['command']:<12} {run['started_at']}  {run['seconds']:.1f} s  {run['outcome']}{error}"


_VERDICTS = ("applied", "superseded", "repeated", "ignored", "quarantined")


def shown_counts(counts: Mapping[str, int], *, dry_run: bool) -> str:
    """Write what a command did that reads lines again."""
    verdicts = ", ".join(f"{counts[verdict]:,} {verdict}" for verdict in _VERDICTS)
    files, lines = counted(counts["files"], "file"), counted(counts["lines"], "line")
    return f"{files}, {lines}: {verdicts}.\n{_rows_written(counts, dry_run)}"


def _rows_written(counts: Mapping[str, int], dry_run: bool) -> str:
    done = "would be written; this was a dry run" if dry_run else "written"
    return f"{counted(counts['rows_written'], 'row')} {done}."


def shown_redriven(counts: dict[str, Any], *, dry_run: bool) -> str:
    """Write what `redrive` did."""
    lines = [f"{counted(counts['lines'], 'line')}, {counts['redriven']:,} redriven.", _rows_written(counts, dry_run)]
    failed = sorted(counts["failed"].items())
    lines += [f"Still quarantined: {counted(count, 'line')}, {reason}." for reason, count in failed]
    if counts["without_text"]:
        without = counted(counts["without_text"], "line")
        lines.append(f"Without text in the quarantine: {without}. Give them by --lines.")
    return "\n".join(lines)


def shown_differences(found: dict[str, Any], one: str, other: str) -> str:
    """Write in what two tables differ."""
    lines = [f"differ in {name}: {counted(count, 'row')}" for name, count in found["columns"].items()]
    for key, table in (("in_one", one), ("in_other", other)):
        count, columns = found[f"only_{key}"], found[f"columns_only_{key}"]
        lines += [f"only in {table}: {counted(count, 'event')}"] if count else []
        lines += [f"columns only in {table}: {', '.join(columns)}"] if columns else []
    lines += [f"events that differ: {', '.join(found['events'])}"] if found["events"] else []
    return "\n".join(lines) or "The tables differ in nothing but the versions and the run that wrote a row."


def shown_event(found: dict[str, Any], table: str) -> str:
    """Write the answer of `explain` for somebody who does not know the pipeline."""
    rows = {0: "no row", 1: "one row"}.get(len(found["rows"]), f"{len(found['rows'])} rows")
    lines = [f"Event {found['event_id']} has {rows} in {table}."]
    for row in found["rows"]:
        removed = f" The item was removed on {row['deleted_at']}." if row["deleted_at"] else ""
        place = f"number {row['sequence_number']} of stream {row['stream']}" if row["stream"] else "without a number"
        time = row["changed_at"] or row["delivered_at"] or "an unknown time"
        lines += [
            f"It shows the change of {time} ({place}).{removed}",
            f"That change came in {row['source_file']} and was written on {row['pipeline_processed_at']} by version "
            f"{row['pipeline_version']} with signal catalogue {row['catalogue_version']}.",
        ]
    lines.append(f"{counted(len(found['lines']), 'line')} of it in {counted(found['files'], 'file')}:")
    for line in found["lines"]:
        change = f"{line['change'] or 'line'} of {line['time'] or 'an unknown time'}"
        where = f"{line['file']}, line {line['line']} ({'archived' if line['archived'] else 'in landing'})"
        lines.append(f"- {change}: {line['verdict']}. {line['why']} {where}.")
    lines += [f"Could not be looked into: {each}" for each in found["unreadable"]]
    return "\n".join(lines)
