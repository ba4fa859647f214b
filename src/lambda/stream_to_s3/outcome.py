"""What became of starting the job."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Outcome:
    """For the log and the metrics; `detail` is a sentence without secrets."""

    what: Literal["started", "skipped", "failed", "off"]
    detail: str


AfterWrite = Callable[[str, float], Outcome]
"""Starts the job for the object with this key, within so many seconds. Raises nothing."""


def without_trigger(problem: str | None) -> AfterWrite:
    """Return what is called where no trigger is configured, or where its settings have this problem."""
    outcome = Outcome("failed", problem) if problem else Outcome("off", "no trigger is configured")
    return lambda key, seconds_left: outcome
