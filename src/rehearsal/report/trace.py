"""What a rehearsal saw, as plain data: when each event was at each stage, and what became of the rest.

Times are seconds since the epoch. The live picture, the summary and the page are all made from this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

RunOutcome = Literal["succeeded", "failed", "killed"]


@dataclass(frozen=True)
class Passage:
    """An event that was put once: when it was put, in an S3 object, and in the table. None: it never came there.

    `called` is when the job run was asked for that took it in, `began` when that run went to work.
    """

    event_id: str
    put: float
    stored: float | None
    called: float | None
    began: float | None
    in_table: float | None


@dataclass(frozen=True)
class Look:
    """How many changes had come to each stage at a moment; `in_table` counts lines that the job is done with."""

    at: float
    put: int
    stored: int
    in_table: int


@dataclass(frozen=True)
class JobRun:
    """A run of the job: asked for, at work, over. `lines` by verdict (applied, superseded, ...), empty if it failed."""

    called: float
    began: float
    ended: float
    outcome: RunOutcome
    files: int = 0
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """What could not be processed: by whom it was kept (lambda, job, mapping), why, and how often."""

    by: Literal["lambda", "job", "mapping"]
    reason: str
    count: int


@dataclass(frozen=True)
class Trace:
    """A whole rehearsal. `settings` are shown as they are; `problems` are sentences, none when all came right."""

    settings: Mapping[str, str]
    passages: Sequence[Passage]
    looks: Sequence[Look]
    runs: Sequence[JobRun]
    kept: Sequence[Kept]
    changes: int
    objects: int
    object_bytes: int
    invocations: int
    rows: int
    deleted: int
    problems: Sequence[str]
