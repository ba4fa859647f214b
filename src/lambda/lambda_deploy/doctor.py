"""What is wrong, why, and the command that mends it: one line for each thing that was looked at."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from lambda_deploy.doctor_seen import Seen, Unseen

T = TypeVar("T")
Verdict = Literal["ok", "warning", "problem"]


@dataclass(frozen=True)
class Line:
    """What came of a check: `reason` is a sentence, `mend` what to run or do, "" when there is nothing to mend."""

    check: str
    verdict: Verdict
    reason: str
    mend: str = ""


Said = tuple[Verdict, str, str]
"""Verdict, reason and cure of a check; the line adds its name."""


def fine(reason: str) -> Said:
    """Nothing to mend."""
    return "ok", reason, ""


def warning(reason: str, mend: str) -> Said:
    """It works, but."""
    return "warning", reason, mend


def problem(reason: str, mend: str) -> Said:
    """It does not work, or events will be lost."""
    return "problem", reason, mend


def of(seen: Seen[T], judge: Callable[[T], Said]) -> Said:
    """What `judge` says of a fact; a warning when the fact could not be looked at."""
    if isinstance(seen, Unseen):
        return warning(f"could not be looked at: {seen.why}", "ask for the right to look, or let somebody else look")
    return judge(seen)


def has_problem(lines: Iterable[Line]) -> bool:
    """Whether the doctor ends with exit code 1."""
    return any(line.verdict == "problem" for line in lines)
