"""What became of starting the job."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Outcome:
    """For the log and the metrics; `detail` is a sentence without secrets."""

    what: Literal["started", "skipped", "failed", "off"]
    detail: str


class NoTrigger:
    """Used where no trigger is configured, or where its settings are wrong."""

    def __init__(self, problem: str | None) -> None:
        self._outcome = Outcome("failed", problem) if problem else Outcome("off", "no trigger is configured")

    def after_write(self, key: str, seconds_left: float) -> Outcome:
        """Return what is always the same."""
        return self._outcome
