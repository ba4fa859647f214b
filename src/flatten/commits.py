"""Commits that meet those of another writer are tried again, a bounded number of times."""

from collections.abc import Callable
from typing import TypeVar

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from flatten.errors import ConflictsPersist

T = TypeVar("T")
ATTEMPTS = 5
SPARK_ERRORS = (PySparkException, Py4JJavaError)
"""What Spark raises. Classic Spark hands Delta's conflicts on as Java has them, unless delta-spark is imported."""

_CONFLICTS = ("DELTA_CONCURRENT", "DELTA_METADATA_CHANGED", "DELTA_PROTOCOL_CHANGED")
_JAVA_CONFLICTS = ("Concurrent", "MetadataChanged", "ProtocolChanged")


def retried(commit: Callable[[], T], attempts: int = ATTEMPTS) -> T:
    """Call `commit` until it meets no conflict. It must do the same however often it is called.

    Raises ConflictsPersist after `attempts`; other errors pass.
    https://docs.delta.io/latest/concurrency-control.html
    """
    for _ in range(attempts):
        try:
            return commit()
        except SPARK_ERRORS as met:
            name = _name(met)
            if not name.startswith(_CONFLICTS + _JAVA_CONFLICTS):
                raise
    raise ConflictsPersist(
        f"Other writers changed the table {attempts} times in a row ({name}): stop them, then run again."
    )


def _name(error: PySparkException | Py4JJavaError) -> str:
    """Return the error's condition, else the name of its class in Java or Python."""
    if isinstance(error, Py4JJavaError):
        return str(error.java_exception.getClass().getSimpleName())
    return error.getCondition() or type(error).__name__
