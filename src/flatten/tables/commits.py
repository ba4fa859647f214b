"""Retry commits that conflict with another writer, a limited number of times, with a growing wait."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from random import random
from time import sleep
from typing import TypeVar

from py4j.protocol import Py4JError, Py4JJavaError
from pyspark.errors import PySparkException

from flatten.errors import ConflictError

T = TypeVar("T")
SPARK_ERRORS = (PySparkException, Py4JJavaError)
"""What Spark raises. Classic Spark raises Delta's conflicts as Java errors, unless delta-spark is imported."""

SPARK_ENDED = (Py4JError, ConnectionError)
"""What a call of Spark raises when its JVM has ended."""

_CONFLICTS = (
    *("DELTA_CONCURRENT", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED", "DELTA_SCHEMA_CHANGE_SINCE_ANALYSIS"),
    *("FIELD_ALREADY_EXISTS", "PATH_NOT_FOUND"),  # another writer added a column first; a file was deleted
)
_JAVA_CONFLICTS = ("Concurrent", "MetadataChanged", "ProtocolChanged")
_TRACEBACK = "Traceback (most recent call last):"
_ERROR = re.compile(r"[A-Za-z_][\w.]*(: |$)")
_AFTERWARDS = re.compile(r"\s+at [\w.$/]+\(|=== ")  # frames of Java, or the state of the query


class OutdatedError(Exception):
    """Raised inside a commit when the tables or files changed after it was decided."""


@dataclass(frozen=True)
class Patience:
    """How often and after which wait a commit is retried. `chance` returns 0 to 1, `pause` takes seconds."""

    attempts: int = 8
    seconds: float = 0.5
    chance: Callable[[], float] = random
    pause: Callable[[float], None] = sleep


def retried(commit: Callable[[], T], patience: Patience | None = None) -> T:
    """Call `commit` until it has no conflict. Repeated calls must do the same.

    The n-th wait is up to `seconds` * 2**n, at random, so that two writers do not collide again. Raises ConflictError
    after all attempts; other errors pass through. https://docs.delta.io/latest/concurrency-control.html
    """
    patience = patience or Patience()
    for attempt in range(patience.attempts):
        if attempt:
            patience.pause(patience.chance() * patience.seconds * 2**attempt)
        try:
            return commit()
        except OutdatedError as changed:
            why = str(changed)
        except SPARK_ERRORS as met:
            if not is_conflict(met):
                raise
            why = _name(met)
    raise ConflictError(
        f"The tables or the files of the source changed {patience.attempts} times in a row during this job ({why}): "
        "stop the other writer, then run again."
    )


def is_conflict(error: PySparkException | Py4JJavaError) -> bool:
    """Return whether a commit was refused because another writer committed first."""
    return _name(error).startswith(_CONFLICTS + _JAVA_CONFLICTS)


def _name(error: PySparkException | Py4JJavaError) -> str:
    """Return the error's condition, else the name of its class in Java or Python."""
    if isinstance(error, Py4JJavaError):
        return str(error.java_exception.getClass().getSimpleName())
    return error.getCondition() or type(error).__name__


def last_words(wrong: Exception) -> str:
    """Return the line of an error with the cause: the last line of a Python traceback in it, else the first line."""
    if isinstance(wrong, SPARK_ENDED) and not isinstance(wrong, Py4JJavaError):
        return "Spark has ended, perhaps because it ran out of memory (FLATTEN_DRIVER_MEMORY=4g gives it more)."
    try:
        text = str(wrong)
    except SPARK_ENDED:  # a Java error fetches its text only on request
        return "Spark has ended, so its error has no text."
    lines = [line for line in text.splitlines() if line.strip()]
    if isinstance(wrong, Py4JJavaError):  # its first line names a Python call
        del lines[:1]
    cause = _end_of_traceback(lines) or (lines[0].strip(": ") if lines else type(wrong).__name__)
    return cause.partition(": ")[2] if cause.startswith("flatten.errors.") else cause


def _end_of_traceback(lines: Sequence[str]) -> str | None:
    """Return the error at the end of the last Python traceback; Java's lines may follow it."""
    python = list(takewhile(lambda line: not _AFTERWARDS.match(line), lines))
    if not any(line.endswith(_TRACEBACK) for line in python):
        return None
    errors = [number for number, line in enumerate(python) if _ERROR.match(line)]
    if not errors:
        return None
    error, *more = python[errors[-1] :]
    return more[0].strip(": ") if more and "Py4JJavaError: " in error else error  # as in `last_words`
