"""A rehearsal in numbers: how long events took to each stage, what was made on the way, and what it would cost.

A percentile is the nearest rank: the smallest of the values that at least so many percent do not exceed. So it is
always a time that an event really took.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from lambda_deploy.cost import PerMillion, packaged_prices, per_million

from rehearsal.trace import JobRun, Kept, Passage, Trace

MEMORY_MB: Final = 512
STAGES: Final = ("object", "run called", "run began", "row")


@dataclass(frozen=True)
class Latency:
    """How long events took from their put to a stage, in seconds; None when none came there. `count` did."""

    count: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True)
class Summary:
    """What came of a rehearsal. `latencies` by STAGES; `kept` has one entry for each keeper and reason.

    `cost` is for a million events in batches of `events_per_object`, which is None (as `mean_bytes` is) when there
    are no objects.
    """

    seconds: float
    changes: int
    invocations: int
    objects: int
    mean_bytes: float | None
    events_per_object: float | None
    latencies: Mapping[str, Latency]
    runs: Mapping[str, int]
    rows: int
    deleted: int
    kept: Sequence[Kept]
    cost: PerMillion | None
    problems: Sequence[str]


def summary(trace: Trace, memory_mb: int = MEMORY_MB) -> Summary:
    """The numbers of a trace; `memory_mb` is what the function has, for the cost."""
    per_object = trace.looks[-1].stored / trace.objects if trace.looks and trace.objects else None
    return Summary(
        seconds=max([look.at for look in trace.looks]) - start(trace) if trace.looks else 0.0,
        changes=trace.changes,
        invocations=trace.invocations,
        objects=trace.objects,
        mean_bytes=trace.object_bytes / trace.objects if trace.objects else None,
        events_per_object=per_object,
        latencies={stage: latency(delays(trace.passages, stage)) for stage in STAGES},
        runs=outcomes(trace.runs),
        rows=trace.rows,
        deleted=trace.deleted,
        kept=_merged(trace.kept),
        cost=per_million(max(1, round(per_object)), memory_mb, packaged_prices()) if per_object else None,
        problems=trace.problems,
    )


def outcomes(runs: Iterable[JobRun]) -> Mapping[str, int]:
    """How many runs ended how."""
    return dict(Counter(run.outcome for run in runs))


def start(trace: Trace) -> float:
    """When it began, in seconds since the epoch: the first thing seen. 0 when nothing was."""
    put = [passage.put for passage in trace.passages]
    return min([*put, *(look.at for look in trace.looks), *(run.called for run in trace.runs)], default=0.0)


def delays(passages: Iterable[Passage], stage: str) -> list[float]:
    """The seconds from put to a stage of STAGES, of the events that came there, shortest first.

    A run that was asked for before the put, and took the event in nevertheless, was not waited for: 0.
    """
    match stage:
        case "object":
            found = [passage.stored - passage.put for passage in passages if passage.stored is not None]
        case "run called":
            found = [max(0.0, passage.called - passage.put) for passage in passages if passage.called is not None]
        case "run began":
            found = [max(0.0, passage.began - passage.put) for passage in passages if passage.began is not None]
        case _:
            found = [passage.in_table - passage.put for passage in passages if passage.in_table is not None]
    return sorted(found)


def latency(ordered: Sequence[float]) -> Latency:
    """Its percentiles; the seconds are given in order."""
    return Latency(len(ordered), percentile(ordered, 50), percentile(ordered, 95))


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """The nearest rank of values in order; None of none."""
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else None


def _merged(kept: Iterable[Kept]) -> list[Kept]:
    counts: Counter[tuple[Any, str]] = Counter()
    for one in kept:
        counts[one.by, one.reason] += one.count
    return [Kept(by, reason, count) for (by, reason), count in sorted(counts.items())]


def as_dict(found: Summary) -> dict[str, Any]:
    """For `--json`: the fields, with the cost's total beside its parts."""
    shown = asdict(found)
    if found.cost is not None:
        shown["cost"]["total"] = found.cost.total
    return shown
