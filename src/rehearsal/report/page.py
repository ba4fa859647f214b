"""Fill in page.html: the report of a rehearsal as one HTML file that needs no network.

Every text from the data is escaped; the page's content security policy forbids scripts and anything loaded.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from importlib.resources import files
from string import Template

from rehearsal.report.summary import counted, duration, facts, verdict
from rehearsal.report.timeline import LINES, timeline
from rehearsal.report.trace import Trace


def page(trace: Trace) -> str:
    """Return the whole file, to be written in UTF-8."""
    legend = "".join(f'<li class="{style}">{said}</li>' for style, said in LINES.items())
    tiles = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd><dd>{escape(note)}</dd></div>"
        for name, value, note in facts(trace)
    )
    unprocessed = [(each.by, each.reason, f"{each.count:,}") for each in trace.unprocessed]
    return Template(files("rehearsal.report").joinpath("page.html").read_text("utf-8")).substitute(
        verdict=escape(verdict(trace)),
        tone="bad" if trace.problems else "good",
        when=f"{datetime.fromtimestamp(trace.start, UTC):%Y-%m-%d %H:%M:%S} UTC",
        problems="".join(f"<li>{escape(problem)}</li>" for problem in trace.problems),
        facts=tiles,
        legend=legend,
        timeline=timeline(trace),
        runs=_table(("run", "outcome", "called at", "waited", "worked", "files", "lines"), _runs(trace)),
        unprocessed=_table(("part", "reason", "count"), unprocessed),
        settings=_table(("setting", "value"), list(trace.settings.items())),
    )


def _runs(trace: Trace) -> list[tuple[str, ...]]:
    return [
        (
            f"{number}",
            run.outcome,
            duration(run.called - trace.start),
            duration(run.began - run.called),
            duration(run.ended - run.began),
            f"{run.files:,}",
            counted(run.lines),
        )
        for number, run in enumerate(trace.runs, 1)
    ]


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of texts, or `None.` when it has no rows."""
    if not rows:
        return "<p>None.</p>"
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    return f'<div class="scroll" tabindex="0"><table><tr>{head}</tr>\n{body}</table></div>'
