"""Show progress and results: a bar and colours on a terminal, plain lines elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
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
    def progress(self, unit: str) -> Iterator[Callable[[int], None]]:
        """Yield a function to call with the finished count; each change is shown once."""
        if self.quiet:
            yield lambda done: None
        elif self.lively:
            with _bar(self.out, unit) as advance:
                yield advance
        else:
            yield _lines(self.out, unit)


def _lines(out: TextIO, unit: str) -> Callable[[int], None]:
    shown = 0

    def advance(done: int) -> None:
        nonlocal shown
        if done != shown:
            shown = done
            print(f"{unit}: {done}", file=out, flush=True)

    return advance


@contextmanager
def _bar(out: TextIO, unit: str) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.completed} {task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(file=out), transient=True) as bar:
        task = bar.add_task(unit, total=None)
        yield lambda done: bar.update(task, completed=done)


def shown_status(found: dict[str, Any]) -> str:
    """Return the result of `status` as lines of text."""
    files, landing = found["files"], found["landing"]
    lines = [
        f"table        {found['table']}",
        f"rows         {found['rows']:,} ({found['deleted']:,} deleted)",
        f"newest event {found['newest_event'] or '-'}",
        f"files        {files['committed']:,} committed, {files['quarantined']:,} quarantined",
        f"searched     {found['searched']:,} lines looked up under all dates",
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
