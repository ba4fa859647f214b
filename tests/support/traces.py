"""Traces of rehearsals that tests can reckon with by hand."""

from dataclasses import replace
from typing import Any, Final

from rehearsal.check import Unprocessed
from rehearsal.databricks.job import JobRun
from rehearsal.report.trace import Look, Passage, Trace

START: Final = 1_800_000_000.0
EMPTY: Final = Trace(
    settings={},
    passages=[],
    looks=[],
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


def passage(event_id: str, *after: float, put: float = 0.0) -> Passage:
    """An event put so many seconds after the start; in S3 and in the table, as far as it came, so many after it."""
    came = dict(zip(("stored", "in_table"), (START + put + seconds for seconds in after), strict=False))
    return Passage(event_id, START + put, came.get("stored"), came.get("in_table"))


def run(called: float, began: float, ended: float, **other: Any) -> JobRun:
    """A run at so many seconds after the start; it succeeded unless `outcome` is given."""
    return JobRun(START + called, START + began, START + ended, **{"outcome": "succeeded", **other})


def looks(*counts: tuple[float, int, int, int]) -> list[Look]:
    """Looks at so many seconds after the start."""
    return [Look(START + at, put, stored, in_table) for at, put, stored, in_table in counts]


SMALL: Final = replace(
    EMPTY,
    settings={"batch_size": "2"},
    passages=[passage("a", 1.0, 9.0), passage("b", 2.0, 7.0, put=1.0), passage("c", 3.0, put=2.0), passage("d")],
    looks=looks((0, 0, 0, 0), (5, 4, 2, 0), (10, 4, 3, 2)),
    runs=[run(1.5, 2.0, 6.0, files=2, lines={"applied": 2, "ignored": 0}), run(6.5, 7.0, 8.0, outcome="failed")],
    unprocessed=[Unprocessed("job", "bad_event_id", 2), Unprocessed("lambda", "reserved_attribute", 4)],
    changes=4,
    objects=[1000, 2000],
    invocations=3,
    rows=2,
    deleted=1,
)
"""Four changes in ten seconds: two came into the table, one into S3, one nowhere."""
