"""Commits that meet those of another writer are tried again, a bounded number of times, after a growing wait."""

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
"""What Spark raises. Classic Spark hands Delta's conflicts on as Java has them, unless delta-spark is imported."""

SPARK_ENDED = (Py4JError, ConnectionError)
"""What a call of Spark raises when its JVM has ended."""

_CONFLICTS = (
    *("DELTA_CONCURRENT", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED", "DELTA_SCHEMA_CHANGE_SINCE_ANALYSIS"),
    *("FIELD_ALREADY_EXISTS", "PATH_NOT_FOUND"),  # another writer was first with a column; a file has gone
)
_JAVA_CONFLICTS = ("Concurrent", "MetadataChanged", "ProtocolChanged")
_TRACEBACK = "Traceback (most recent call last):"
_ERROR = re.compile(r"[A-Za-z_][\w.]*(: |$)")
_AFTERWARDS = re.compile(r"\s+at [\w.$/]+\(|=== ")  # frames of Java, or the state of the query


class LookAgainError(Exception):
    """Raised inside a commit when the tables or files are no longer as they were when it was decided."""


@dataclass(frozen=True)
class Patience:
    """How often and after how long a wait a commit is tried again. `chance` gives 0 to 1, `pause` takes seconds."""

    attempts: int = 8
    seconds: float = 0.5
    chance: Callable[[], float] = random
    pause: Callable[[float], None] = sleep


def retried(commit: Callable[[], T], patience: Patience | None = None) -> T:
    """Call `commit` until it meets no conflict. It must do the same however often it is called.

    The n-th wait is up to `seconds` * 2**n, by chance, so that two writers do not meet again and again. Raises
    ConflictError after all attempts; other errors pass.
    https://docs.delta.io/latest/concurrency-control.html
    """
    patience = patience or Patience()
    for attempt in range(patience.attempts):
        if attempt:
            patience.pause(patience.chance() * patience.seconds * 2**attempt)
        try:
            return commit()
        except LookAgainError as changed:
            why = str(changed)
        except SPARK_ERRORS as met:
            if not is_conflict(met):
                raise
            why = _name(met)
    raise ConflictError(
        f"The tables or the files of the source changed {patience.attempts} times in a row while this job worked on "
        f"them ({why}): stop whoever else changes them, then run again."
    )


def is_conflict(error: PySparkException | Py4JJavaError) -> bool:
    """Return whether a commit was refused because another writer came before it."""
    return _name(error).startswith(_CONFLICTS + _JAVA_CONFLICTS)


def _name(error: PySparkException | Py4JJavaError) -> str:
    """Return the error's condition, else the name of its class in Java or Python."""
    if isinstance(error, Py4JJavaError):
        return str(error.java_exception.getClass().getSimpleName())
    return error.getCondition() or type(error).__name__


def last_words(wrong: Exception) -> str:
    """Return the line of an error that names the cause: the last of a Python traceback in it, else the first."""
    if isinstance(wrong, SPARK_ENDED) and not isinstance(wrong, Py4JJavaError):
        return "Spark itself has ended, perhaps for want of memory (FLATTEN_DRIVER_MEMORY=4g gives it more)."
    try:
        text = str(wrong)
    except SPARK_ENDED:  # the text of an error of Java is asked for when it is needed
        return "Spark has ended, and with it the text of its error."
    lines = [line for line in text.splitlines() if line.strip()]
    if isinstance(wrong, Py4JJavaError):  # its first line names a Python call
        del lines[:1]
    cause = _end_of_traceback(lines) or (lines[0].strip(": ") if lines else type(wrong).__name__)
    return cause.partition(": ")[2] if cause.startswith("flatten.errors.") else cause


def _end_of_traceback(lines: Sequence[str]) -> str | None:
    """Return the error that the last of the tracebacks of Python ends with; Java's lines may follow it."""
    python = list(takewhile(lambda line: not _AFTERWARDS.match(line), lines))
    if not any(line.endswith(_TRACEBACK) for line in python):
        return None
    errors = [number for number, line in enumerate(python) if _ERROR.match(line)]
    if not errors:
        return None
    error, *more = python[errors[-1] :]
    return more[0].strip(": ") if more and "Py4JJavaError: " in error else error  # as in `last_words`
