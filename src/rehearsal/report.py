"""A rehearsal's summary in words: tables on a terminal, plain lines elsewhere, and the phrases that the page shares."""

from collections.abc import Mapping
from typing import Final, TextIO

from lambda_deploy.cost import PerMillion
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from rehearsal.summary import Latency, Summary

_SHOWN_CHARACTERS: Final = 300


def as_text(found: Summary) -> str:
    """Plain lines, without colours, one fact a line; the problems come last."""
    lines = [f"{name:<18} {value}" for name, value in _facts(found)]
    lines += [f"{'put -> ' + stage:<18} {percentiles(one)}" for stage, one in found.latencies.items()]
    lines += [f"{'kept':<18} {one.count:,} by {one.by}: {printable(one.reason)}" for one in found.kept]
    lines += [f"{'problem':<18} {printable(problem)}" for problem in found.problems]
    return "\n".join(lines)


def show(found: Summary, out: TextIO) -> None:
    """Writes it as tables on a terminal, and as plain lines elsewhere."""
    if not out.isatty():
        print(as_text(found), file=out, flush=True)
        return
    console = Console(file=out, highlight=False)
    for table in _tables(found):
        console.print(table)
    for problem in found.problems:
        console.print(Text(f"Problem: {printable(problem)}", style="bold red"))


def _tables(found: Summary) -> list[Table]:
    facts = Table("what", "found", title=verdict(found), title_style="bold red" if found.problems else "green")
    for name, value in _facts(found):
        facts.add_row(name, value)
    latencies = Table("from put to", *(Column(name, justify="right") for name in ("p50", "p95", "events")))
    for stage, one in found.latencies.items():
        latencies.add_row(stage, duration(one.p50), duration(one.p95), f"{one.count:,}")
    kept = Table("kept by", "reason", Column("count", justify="right"))
    for this in found.kept:
        kept.add_row(this.by, Text(printable(this.reason)), f"{this.count:,}")
    return [facts, latencies, *([kept] if found.kept else [])]


def _facts(found: Summary) -> list[tuple[str, str]]:
    facts = [
        ("changes", f"{found.changes:,} in {duration(found.seconds)}"),
        ("invocations", f"{found.invocations:,}"),
        ("objects", objects_text(found)),
        ("runs", counted(found.runs) or "none"),
        ("rows", f"{found.rows:,} ({found.deleted:,} deleted)"),
    ]
    return [*facts, *([("a million events", cost_text(found.cost))] if found.cost else [])]


def verdict(found: Summary) -> str:
    """What came of it, in a sentence."""
    if found.problems:
        count = len(found.problems)
        return f"{count:,} problem{'s' if count > 1 else ''} in {found.changes:,} changes."
    if not found.changes:
        return "No change was made, so nothing is shown to be right."
    kept = sum([one.count for one in found.kept])
    return f"All came right: {found.changes:,} changes, {found.rows:,} rows, {kept:,} kept aside with their reasons."


def objects_text(found: Summary) -> str:
    """How many, of what size, with how many events."""
    if not found.mean_bytes or found.events_per_object is None:
        return f"{found.objects:,}"
    return f"{found.objects:,}, {found.mean_bytes:,.0f} bytes and {found.events_per_object:,.1f} events on average"


def cost_text(cost: PerMillion) -> str:
    """The sum in dollars, and of what."""
    return (
        f"${cost.total:.4f} in batches of {cost.batch:,} "
        f"(requests ${cost.requests:.4f}, puts ${cost.puts:.4f}, computing ${cost.compute:.4f})"
    )


def percentiles(one: Latency) -> str:
    """Both of them, and of how many."""
    return f"p50 {duration(one.p50)}, p95 {duration(one.p95)} of {one.count:,}"


def counted(counts: Mapping[str, int]) -> str:
    """`3 succeeded, 1 failed`."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items())


def duration(seconds: float | None) -> str:
    """Seconds with three digits that count, as far as they are after the point."""
    if seconds is None:
        return "-"
    return f"{seconds:.{2 if abs(seconds) < 10 else 1 if abs(seconds) < 100 else 0}f} s"


def printable(text: str) -> str:
    """One line for a person: what does not print is shown as an escape, and what is long is cut."""
    head = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in text[:_SHOWN_CHARACTERS]
    )
    return head if len(text) <= _SHOWN_CHARACTERS else f"{head}… ({len(text):,} characters)"
