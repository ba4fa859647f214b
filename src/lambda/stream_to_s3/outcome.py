"""The outcome of starting the job."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Outcome:
    """An outcome for the log and the metrics; `detail` is a sentence without secrets."""

    what: Literal["started", "skipped", "failed", "off"]
    detail: str


AfterWrite = Callable[[str, float], Outcome]
"""Starts the job for the object with this key, within this many seconds. Raises nothing."""


def without_trigger(problem: str | None) -> AfterWrite:
    """Return the callable for a function without a trigger, or with this problem in the trigger's settings."""
    outcome = Outcome("failed", problem) if problem else Outcome("off", "no trigger is configured")
    return lambda key, seconds_left: outcome
