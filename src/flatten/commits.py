"""Commits that meet those of another writer are tried again, a bounded number of times."""

from collections.abc import Callable
from typing import TypeVar

from pyspark.errors import PySparkException

from flatten.errors import ConflictsPersist

T = TypeVar("T")
ATTEMPTS = 5
_CONFLICTS = ("DELTA_CONCURRENT", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED")


def retried(commit: Callable[[], T], attempts: int = ATTEMPTS) -> T:
    """Call `commit` until it meets no conflict. It must do the same however often it is called.

    Raises ConflictsPersist after `attempts`; other errors pass.
    https://docs.delta.io/latest/concurrency-control.html
    """
    for _ in range(attempts):
        try:
            return commit()
        except PySparkException as met:
            if not _is_conflict(met):
                raise
            conflict = met
    raise ConflictsPersist(
        f"Other writers changed the table {attempts} times in a row ({_name(conflict)}): stop them, then run again."
    )


def _is_conflict(error: PySparkException) -> bool:
    return _name(error).startswith(_CONFLICTS) or "Concurrent" in type(error).__name__


def _name(error: PySparkException) -> str:
    return error.getCondition() or type(error).__name__
