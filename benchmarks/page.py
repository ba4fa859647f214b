"""Copies what was measured into the docs: `python -m benchmarks.page` writes the generated parts anew.

docs/performance.md gets every report of benchmarks/results/ but the simulation's, which docs/scaling.md gets.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks import command
from benchmarks.bars import Report
from benchmarks.tables import as_markdown

BEGIN, END = "<!-- figures: written by `python -m benchmarks.page` -->", "<!-- end of figures -->"
_DOCS = Path(__file__).parents[1] / "docs"
_NOTHING = "Nothing was measured yet.\n"


class NoPlace(Exception):
    """Raised when a page has no place for figures."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write both pages, return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.page", description=__doc__, epilog="Example: python -m benchmarks.page"
    )
    parser.add_argument("--results", type=Path, default=command.RESULTS, help="folder of results")
    parser.add_argument("--docs", type=Path, default=_DOCS, help="folder of the pages")
    options = parser.parse_args(arguments)
    try:
        reports = command.read(options.results)
        for page, chosen in parts(reports).items():
            path = options.docs / page
            path.write_text(with_figures(path.read_text("utf-8"), chosen), "utf-8")
    except (NoPlace, OSError, ValueError) as wrong:
        print(f"Error: {wrong}", file=sys.stderr)
        return 1
    return 0


def parts(reports: Sequence[Report]) -> dict[str, list[Report]]:
    """Which page gets which reports."""
    return {
        "performance.md": [report for report in reports if report.benchmark != "scale"],
        "scaling.md": [report for report in reports if report.benchmark == "scale"],
    }


def with_figures(text: str, reports: Sequence[Report]) -> str:
    """The text of a page with these reports at its place for figures. Raises NoPlace."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoPlace(f"the page has no {BEGIN} with {END} after it: put both where the figures belong")
    figures = "\n".join(as_markdown(report) for report in reports) or _NOTHING
    return f"{before}{begin}\n\n{figures}\n{end}{after}"


if __name__ == "__main__":
    sys.exit(main())
