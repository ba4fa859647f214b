"""The rehearsal while it goes on: one picture that is drawn over on a terminal, a plain line now and then elsewhere."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rehearsal.report.report import counted, duration
from rehearsal.report.summary import outcomes
from rehearsal.report.trace import JobRun, Look

LINE_SECONDS: Final = 5.0
_RATE_SECONDS: Final = 5.0
_BAR_CHARACTERS: Final = 40
_STAGES: Final = ("put", "in S3", "in the table")


class Show(Protocol):
    """What is called with each look. `busy` says that a run is asked for or at work beside those that are over.

    `kept` is what others than the job's runs kept aside so far: their own count is in `lines`.
    """

    def __call__(self, look: Look, runs: Sequence[JobRun], busy: bool, kept: int = 0) -> None:
        """Shows it, at once or when the next line is due."""


@contextmanager
def picture(
    out: TextIO, clock: Callable[[], float], changes: int | None = None, every: float = LINE_SECONDS
) -> Iterator[Show]:
    """Yields what shows a look. `clock` is in seconds; looks are taken on the same one.

    `changes` is how many there will be, if that is known: the bars are measured by it. In a pipe there is a line
    every `every` seconds and one at the end, for the last look, if that was not shown.
    """
    began = clock()
    if out.isatty():
        with _drawn(out, began, changes) as show:
            yield show
    else:
        lines = _Lines(out, clock, began, every)
        try:
            yield lines
        finally:
            lines.finish()


@contextmanager
def _drawn(out: TextIO, began: float, changes: int | None) -> Iterator[Show]:
    rates = Rates()
    with Live(console=Console(file=out, highlight=False), auto_refresh=False) as live:

        def show(look: Look, runs: Sequence[JobRun], busy: bool, kept: int = 0) -> None:
            facts = [f"runs        {runs_text(runs, busy)}"]
            facts += [f"kept aside  {_kept(runs, kept):,}", f"elapsed     {duration(look.at - began)}"]
            bars = _bars(look, rates.after(look), changes or look.put)
            live.update(Group(bars, *(Text(fact) for fact in facts)), refresh=True)

        yield show


def _bars(look: Look, rates: Sequence[float], changes: int) -> Table:
    bars = Table.grid(padding=(0, 2))
    for stage, count, rate in zip(_STAGES, _counts(look), rates, strict=True):
        bar = ProgressBar(total=max(1, changes), completed=count, width=_BAR_CHARACTERS, complete_style="cyan")
        bars.add_row(stage, bar, f"{count:>9,}", f"{rate:>7,.0f}/s")
    return bars


class _Lines:
    """A line when one is due; the last look is never withheld."""

    def __init__(self, out: TextIO, clock: Callable[[], float], began: float, every: float) -> None:
        self._out = out
        self._clock = clock
        self._began = began
        self._every = every
        self._due = began
        self._rates = Rates()
        self._withheld: str | None = None

    def __call__(self, look: Look, runs: Sequence[JobRun], busy: bool, kept: int = 0) -> None:
        stages = zip(_STAGES, _counts(look), self._rates.after(look), strict=True)
        counts = ", ".join(f"{count:,} {stage} ({rate:,.0f}/s)" for stage, count, rate in stages)
        elapsed = duration(look.at - self._began)
        self._withheld = f"{elapsed:>7}: {counts}; runs {runs_text(runs, busy)}; kept aside {_kept(runs, kept):,}"
        if self._clock() >= self._due:
            self._due = self._clock() + self._every
            self.finish()

    def finish(self) -> None:
        if self._withheld is not None:
            print(self._withheld, file=self._out, flush=True)
        self._withheld = None


class Rates:
    """How fast each stage's count grows, per second, over the last five seconds of looks."""

    def __init__(self) -> None:
        self._looks: deque[Look] = deque()

    def after(self, look: Look) -> list[float]:
        """Of put, in S3, in the table, with this look; zeros as long as no time has passed."""
        self._looks.append(look)
        while len(self._looks) > 2 and look.at - self._looks[1].at >= _RATE_SECONDS:
            self._looks.popleft()
        first = self._looks[0]
        seconds = look.at - first.at
        grown = zip(_counts(first), _counts(look), strict=True)
        return [(newer - older) / seconds if seconds > 0 else 0.0 for older, newer in grown]


def _counts(look: Look) -> tuple[int, int, int]:
    return look.put, look.stored, look.in_table


def _kept(runs: Sequence[JobRun], kept: int) -> int:
    return kept + sum([run.lines.get("quarantined", 0) for run in runs])


def runs_text(runs: Sequence[JobRun], busy: bool) -> str:
    """`6 asked for, 1 at work, 5 done (1 failed)`."""
    wrong = counted({name: count for name, count in outcomes(runs).items() if name != "succeeded"})
    done = f"{len(runs):,} done" + (f" ({wrong})" if wrong else "")
    return f"{len(runs) + busy:,} asked for, {int(busy)} at work, {done}"
