"""The numbers of a rehearsal, for the terminal and for the page."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rehearsal.report.trace import EventTimes, Trace


class Fact(NamedTuple):
    """A number with its name and a note."""

    name: str
    value: str
    note: str = ""


def verdict(trace: Trace) -> str:
    """Return the result in one sentence."""
    if trace.problems:
        count = len(trace.problems)
        return f"{count:,} problem{'s' if count > 1 else ''} in {trace.changes:,} changes."
    if not trace.changes:
        return "No change was made, so nothing was checked."
    count = sum([each.count for each in trace.unprocessed])
    return (
        f"Everything arrived: {trace.changes:,} changes, {trace.rows:,} rows, "
        f"{count:,} bad items stored with the reason."
    )


def facts(trace: Trace) -> Iterator[Fact]:
    """Yield the numbers of a rehearsal."""
    for stage, name in (("object", "from put to S3 object"), ("row", "from put to row")):
        ordered = delays(trace.event_times, stage)
        p50, p95 = (duration(percentile(ordered, percent)) for percent in (50, 95))
        yield Fact(name, p50, f"p50; p95 {p95}, {len(ordered):,} events")
    yield Fact("rows", f"{trace.rows:,}", f"{trace.deleted:,} deleted, of {trace.changes:,} changes")
    mean = sum(trace.objects) / max(1, len(trace.objects))
    yield Fact("objects", f"{len(trace.objects):,}", f"{mean:,.0f} bytes each, {trace.invocations:,} invocations")
    yield Fact("runs of the job", f"{len(trace.runs):,}", counted(Counter(run.outcome for run in trace.runs)))
    yield Fact("time", duration(trace.seconds), "from the first put until every change had arrived")


def text(trace: Trace) -> str:
    """Return the summary as plain lines, one per fact; the problems come last."""
    lines = [f"{fact.name:<22} {fact.value:>8}   {fact.note}" for fact in facts(trace)]
    lines += [f"{'not processed':<22} {each.count:>8,}   {each.by}: {each.reason}" for each in trace.unprocessed]
    return "\n".join([verdict(trace), "", *lines, *(f"Problem: {problem}" for problem in trace.problems)])


def delays(event_times: Iterable[EventTimes], stage: str) -> list[float]:
    """Return the seconds from the put to a stage, `object` or `row`, of the events that reached it, shortest first."""
    came = ((times.stored if stage == "object" else times.in_table, times.put) for times in event_times)
    return sorted(at - put for at, put in came if at is not None)


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Return the percentile of sorted values by nearest rank; None without values."""
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else None


def counted(counts: Mapping[str, int]) -> str:
    """Return `3 succeeded, 1 failed`."""
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count) or "none"


def duration(seconds: float | None) -> str:
    """Return seconds with three significant digits, at most two decimals."""
    return "-" if seconds is None else f"{seconds:.{2 if abs(seconds) < 10 else 1 if abs(seconds) < 100 else 0}f} s"
