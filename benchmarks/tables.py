"""A report in words: plain tables for a screen or a pipe, and Markdown for a page of docs/."""

from collections.abc import Sequence

from benchmarks.bars import Bar, Report, Result

Row = Sequence[str]


def as_text(report: Report) -> str:
    """All tables of a report, as plain text."""
    machine = ", ".join(report.machine.values())
    parts = [f"{report.benchmark}: {report.command}", f"{report.at}, {machine}"]
    for result in report.results:
        parts += ["", result.name, *(_aligned(rows) for rows in _tables(result)), *result.notes]
    return "\n".join(parts)


def as_markdown(report: Report) -> str:
    """All tables of a report, as a section of a page."""
    machine = ", ".join(report.machine.values())
    parts = [f"### {report.benchmark}\n", f"`{report.command}` printed on {report.at} ({machine}):"]
    for result in report.results:
        parts += [f"\n**{result.name}**", *(f"\n{_piped(rows)}" for rows in _tables(result))]
        parts += [f"\n{note}" for note in result.notes]
    return "\n".join(parts) + "\n"


def bars_text(bars: Sequence[Bar]) -> str:
    """Bars alone, as plain text."""
    return _aligned(_bar_rows(bars)) if bars else "No bars."


def _tables(result: Result) -> list[list[Row]]:
    found = []
    if result.seconds:
        found.append([("contender", "seconds", "ratio"), *(_second_row(result, name) for name in result.seconds)])
    if result.figures:
        found.append([("figure", "found"), *((name, number(value)) for name, value in result.figures.items())])
    if result.bars:
        found.append(_bar_rows(result.bars))
    return found


def _second_row(result: Result, name: str) -> Row:
    times = result.ratio(name)
    return name, f"{result.seconds[name]:.2f}", "" if times is None else f"{times:.2f}"


def _bar_rows(bars: Sequence[Bar]) -> list[Row]:
    rows: list[Row] = [("bar", "wanted", "found", "")]
    for bar in bars:
        unit = "" if bar.unit == "times" else f" {bar.unit}"
        found = "-" if bar.found is None else f"{bar.found:.2f}{unit}"
        rows.append((bar.what, f"{bar.side} {bar.limit:g}{unit}", found, bar.verdict))
    return rows


def number(value: float) -> str:
    """A figure with as many digits as it deserves."""
    if value == int(value) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def _aligned(rows: Sequence[Row]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) if place == 0 else cell.rjust(width) for place, (cell, width) in enumerate(cells))
        for cells in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    return "\n".join(f"  {line}".rstrip() for line in lines)


def _piped(rows: Sequence[Row]) -> str:
    head, *body = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])
