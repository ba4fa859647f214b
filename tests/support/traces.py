"""Traces of rehearsals, small enough to compute manually."""

from dataclasses import replace
from typing import Any, Final

from rehearsal.check import Unprocessed
from rehearsal.databricks.job import JobRun
from rehearsal.report.trace import EventTimes, Snapshot, Trace

START: Final = 1_800_000_000.0
EMPTY: Final = Trace(
    settings={},
    event_times=[],
    snapshots=[],
    runs=[],
    unprocessed=[],
    changes=0,
    objects=[],
    invocations=0,
    rows=0,
    deleted=0,
    problems=[],
)
HOSTILE: Final = "<script src=\"//evil.example/x.js\">alert('1')</script>`../&"


def times(event_id: str, *after: float, put: float = 0.0) -> EventTimes:
    """Return an event put `put` seconds after the start; `after`: seconds until it was in S3 and in the table."""
    came = dict(zip(("stored", "in_table"), (START + put + seconds for seconds in after), strict=False))
    return EventTimes(event_id, START + put, came.get("stored"), came.get("in_table"))


def run(called: float, began: float, ended: float, **other: Any) -> JobRun:
    """Return a run, in seconds after the start; it succeeded unless `outcome` is given."""
    return JobRun(START + called, START + began, START + ended, **{"outcome": "succeeded", **other})


def snapshots(*counts: tuple[float, int, int, int]) -> list[Snapshot]:
    """Return snapshots: seconds after the start, and the counts."""
    return [Snapshot(START + at, put, stored, in_table) for at, put, stored, in_table in counts]


SMALL: Final = replace(
    EMPTY,
    settings={"batch_size": "2"},
    event_times=[times("a", 1.0, 9.0), times("b", 2.0, 7.0, put=1.0), times("c", 3.0, put=2.0), times("d")],
    snapshots=snapshots((0, 0, 0, 0), (5, 4, 2, 0), (10, 4, 3, 2)),
    runs=[run(1.5, 2.0, 6.0, files=2, lines={"applied": 2, "ignored": 0}), run(6.5, 7.0, 8.0, outcome="failed")],
    unprocessed=[Unprocessed("job", "bad_event_id", 2), Unprocessed("lambda", "reserved_attribute", 4)],
    changes=4,
    objects=[1000, 2000],
    invocations=3,
    rows=2,
    deleted=1,
)
"""Four changes in ten seconds: two reached the table, one S3, one nothing."""
