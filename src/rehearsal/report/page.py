"""A rehearsal as one HTML file that opens in a browser without a network: page.html, filled in.

Every text from the data passes `printable` and is escaped, here or by the elements of `svg`; the page's own policy
forbids scripts and whatever would be loaded.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from string import Template
from typing import Final

from rehearsal.report import charts
from rehearsal.report.report import cost_text, counted, duration, printable, verdict
from rehearsal.report.summary import MEMORY_MB, Summary, delays, start, summary
from rehearsal.report.trace import JobRun, Passage, Trace

_SLOWEST: Final = 5
_BELOW: Final = (
    "Below, the runs of the job: thin and grey from when one was asked for until it began, thick while it was at work; "
    "green succeeded, red failed, brown was killed."
)
_HISTOGRAMS: Final = (("object", "From the put to an object in S3"), ("row", "From the put to a row of the table"))


@dataclass(frozen=True)
class Table:
    """A table of texts. Columns whose heading is in `numbers` stand to the right."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[str] = frozenset()

    def html(self, nothing: str) -> str:
        """The table, or these words when it has no rows."""
        if not self.rows:
            return f'<p class="soft">{escape(nothing)}</p>'
        head = "".join(self._cell("th", name, name) for name in self.headings)
        rows = ("".join(map(self._datum, self.headings, row)) for row in self.rows)
        body = "\n".join(f"<tr>{row}</tr>" for row in rows)
        table = f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"
        return f'<div class="scroll" tabindex="0">{table}</div>'

    def _datum(self, name: str, said: str) -> str:
        return self._cell("td", name, said)

    def _cell(self, tag: str, name: str, said: str) -> str:
        style = ' class="number"' if name in self.numbers else ""
        return f"<{tag}{style}>{_text(said)}</{tag}>"


def page(trace: Trace, memory_mb: int = MEMORY_MB) -> str:
    """The whole file, to be written in UTF-8; `memory_mb` is what the function has, for the cost."""
    found = summary(trace, memory_mb)
    return Template(files("rehearsal.report").joinpath("page.html").read_text("utf-8")).substitute(
        verdict=_text(verdict(found)),
        tone="bad" if found.problems else "good" if found.changes else "",
        when=_when(trace, found),
        problems=_problems(found.problems),
        facts=_facts(found),
        timeline=_timeline(trace),
        latencies=_latencies(trace.passages, found),
        kept=_kept(found),
        runs=_runs(trace.runs, start(trace)),
        slowest=_slowest(trace.passages),
        cost=f"<p>{_text(cost_text(found.cost) if found.cost else 'No object was written.')}</p>",
        settings=_settings(trace.settings),
    )


def _text(said: str) -> str:
    return escape(printable(said))


def _when(trace: Trace, found: Summary) -> str:
    if not trace.looks:
        return "Nothing was seen."
    began = datetime.fromtimestamp(start(trace), UTC)
    return f"{began:%Y-%m-%d %H:%M:%S} UTC, {duration(found.seconds)}"


def _problems(problems: Iterable[str]) -> str:
    items = "\n".join(f"<li>{_text(problem)}</li>" for problem in problems)
    return f'<ul class="problems">\n{items}\n</ul>' if items else ""


def _facts(found: Summary) -> str:
    facts = [
        (f"put → {name}", duration(one.p50), f"p50; p95 {duration(one.p95)}")
        for name, one in found.latencies.items()
        if name != "run called"
    ]
    facts += [
        ("rows", f"{found.rows:,}", f"{found.deleted:,} deleted, of {found.changes:,} changes"),
        ("objects", f"{found.objects:,}", f"{_each(found)}by {found.invocations:,} invocations"),
        ("runs of the job", f"{sum(found.runs.values()):,}", counted(found.runs) or "none"),
    ]
    tiles = (f"<div><dt>{_text(a)}</dt><dd>{_text(b)}</dd><dd>{_text(c)}</dd></div>" for a, b, c in facts)
    return '<dl class="facts">\n' + "\n".join(tiles) + "\n</dl>"


def _each(found: Summary) -> str:
    if found.mean_bytes is None or found.events_per_object is None:
        return ""
    return f"{found.mean_bytes:,.0f} bytes and {found.events_per_object:,.1f} events each, "


def _timeline(trace: Trace) -> str:
    legend = "".join(
        f'<li><svg viewBox="0 0 28 12" aria-hidden="true"><path class="stage {style}" d="M0,6 L28,6"/></svg>{said}</li>'
        for style, said in charts.LINES
    )
    wide, narrow = charts.timeline(trace, 960, 300, "timeline"), charts.timeline(trace, 380, 240, "timeline-narrow")
    drawings = f'<div class="wide">{wide}</div><div class="narrow">{narrow}</div>'
    below = f"<figcaption>{_BELOW}</figcaption>" if trace.runs else ""
    return f'<ul class="legend">{legend}</ul>\n<figure>{drawings}{below}</figure>'


def _latencies(passages: Sequence[Passage], found: Summary) -> str:
    figures = (
        f"<figure><h3>{title}</h3>{charts.histogram(delays(passages, stage), 400, 170, stage, title)}</figure>"
        for stage, title in _HISTOGRAMS
    )
    rows = [
        (f"put → {stage}", duration(one.p50), duration(one.p95), f"{one.count:,}")
        for stage, one in found.latencies.items()
    ]
    table = Table(("stage", "p50", "p95", "events"), rows, frozenset({"p50", "p95", "events"}))
    return f'<div class="pair">{"".join(figures)}</div>\n{table.html("")}'


def _kept(found: Summary) -> str:
    rows = [(one.by, one.reason, f"{one.count:,}") for one in found.kept]
    return Table(("kept by", "reason", "count"), rows, frozenset({"count"})).html("Everything could be processed.")


def _runs(runs: Sequence[JobRun], begin: float) -> str:
    rows = [
        (
            f"{number}",
            run.outcome,
            duration(run.called - begin),
            duration(run.began - run.called),
            duration(run.ended - run.began),
            f"{run.files:,}",
            counted({verdict: count for verdict, count in run.lines.items() if count}) or "-",
        )
        for number, run in enumerate(runs, 1)
    ]
    headings = ("run", "outcome", "asked for at", "waited", "worked", "files", "lines")
    numbers = frozenset({"run", "asked for at", "waited", "worked", "files"})
    return Table(headings, rows, numbers).html("No run was over.")


def _slowest(passages: Iterable[Passage]) -> str:
    came = [(passage.in_table - passage.put, passage) for passage in passages if passage.in_table is not None]
    came.sort(key=lambda one: -one[0])
    rows = [
        (one.event_id, *(_after(one, at) for at in (one.stored, one.called, one.began, one.in_table)))
        for _, one in came[:_SLOWEST]
    ]
    headings = ("event", "in S3", "run called", "run began", "row")
    return Table(headings, rows, frozenset(headings[1:])).html("No event became a row.")


def _after(passage: Passage, at: float | None) -> str:
    return duration(None if at is None else at - passage.put)


def _settings(settings: Mapping[str, str]) -> str:
    return Table(("setting", "value"), list(settings.items())).html("None were said.")
