"""The judgement of a check: a verdict, a reason and a remedy."""

from typing import Literal

Verdict = Literal["ok", "warning", "problem"]
Judgement = tuple[Verdict, str, str]
"""Verdict, reason and remedy of a check."""


def ok(reason: str) -> Judgement:
    """Return a judgement without a remedy."""
    return "ok", reason, ""


def warning(reason: str, cure: str) -> Judgement:
    """Return the judgement on something that works, but not well."""
    return "warning", reason, cure


def problem(reason: str, cure: str) -> Judgement:
    """Return the judgement on something that does not work."""
    return "problem", reason, cure
