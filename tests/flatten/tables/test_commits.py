"""Conflicting commits, and the reported text of Spark's errors."""

import pytest
from py4j.protocol import Py4JNetworkError
from pyspark.errors import PySparkException

from flatten.errors import ConflictError
from flatten.tables.commits import OutdatedError, Patience, last_words, retried

IN_A_MICRO_BATCH = """[STREAM_FAILED] Query [id = 1, runId = 2] terminated with exception: An exception was raised \
by the Python Proxy. Return Message: Traceback (most recent call last):
  File "/lib/py4j/clientserver.py", line 642, in _call_proxy
    return_value = getattr(self.pool[obj_id], method)(*params)
  File "/src/flatten/job.py", line 144, in process_batch
    raise {error}
{error}

\tat py4j.Protocol.getReturnValue(Protocol.java:476)
\tat py4j.reflection.PythonProxyHandler.invoke(PythonProxyHandler.java:108)
Caused by: java.lang.IllegalStateException: not this
 SQLSTATE: XXKST"""
WITH_ITS_QUERY = """[STREAM_FAILED] Traceback (most recent call last):
OSError: [Errno 28] No space left
 SQLSTATE: 39000 SQLSTATE: XXKST
=== Streaming Query ===
Identifier: [id = 1, runId = 2]"""
CHAINED = """KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "a.py", line 1, in f
    raise OSError: no error stands here
OSError: [Errno 28] No space left on device"""
FROM_JAVA = """py4j.protocol.Py4JJavaError: An error occurred while calling o1.sql.
: org.apache.spark.SparkException: [FAILED_READ_FILE] Cannot read x."""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[TABLE_NOT_FOUND] It does not exist.\nmore", "[TABLE_NOT_FOUND] It does not exist."),
        (WITH_ITS_QUERY, "OSError: [Errno 28] No space left"),
        ("", "PySparkException"),
        ("\n \n", "PySparkException"),
        ("Traceback (most recent call last):", "Traceback (most recent call last)"),
        (IN_A_MICRO_BATCH.format(error="OSError: [Errno 28] No space left"), "OSError: [Errno 28] No space left"),
        (IN_A_MICRO_BATCH.format(error="flatten.errors.FlattenError: It is gone."), "It is gone."),
        (IN_A_MICRO_BATCH.format(error="KeyboardInterrupt"), "KeyboardInterrupt"),
        (
            IN_A_MICRO_BATCH.format(error="pyspark.errors.AnalysisException: [A] No.\n'Project [x]\n+- Relation: y"),
            "pyspark.errors.AnalysisException: [A] No.",
        ),
        (IN_A_MICRO_BATCH.format(error=CHAINED), "OSError: [Errno 28] No space left on device"),
        (
            IN_A_MICRO_BATCH.format(error=FROM_JAVA),
            "org.apache.spark.SparkException: [FAILED_READ_FILE] Cannot read x.",
        ),
    ],
)
def test_the_line_with_the_cause_is_reported(text: str, told: str) -> None:
    assert last_words(PySparkException(text)) == told


@pytest.mark.parametrize(
    "error", [Py4JNetworkError("Answer from Java side is empty"), ConnectionRefusedError(111, "x")]
)
def test_an_ended_spark_is_reported(error: Exception) -> None:
    assert last_words(error).startswith("Spark has ended, perhaps because it ran out of memory (FLATTEN_DRIVER_MEMORY=")


class MuteError(Exception):
    """Like an error of Java whose JVM has ended, so that it has no text."""

    def __str__(self) -> str:
        raise ConnectionRefusedError


def test_an_error_without_text_after_the_end_of_spark_is_reported() -> None:
    assert last_words(MuteError()) == "Spark has ended, so its error has no text."


class Beside:
    """A commit that has a number of conflicts."""

    def __init__(self, conflicts: int, condition: str = "DELTA_CONCURRENT_APPEND") -> None:
        self.calls, self._conflicts, self._condition = 0, conflicts, condition

    def __call__(self) -> int:
        self.calls += 1
        if self.calls <= self._conflicts:
            raise MetError(self._condition)
        return self.calls


class MetError(PySparkException):
    """Like Delta's errors."""

    def __init__(self, condition: str) -> None:
        super().__init__(message="changed by another writer")
        self._condition = condition

    def getCondition(self) -> str:  # noqa: N802  # pyspark's name
        return self._condition


def patience(waits: list[float], attempts: int = 4) -> Patience:
    return Patience(attempts, 0.5, lambda: 0.5, waits.append)


@pytest.mark.parametrize("conflicts", range(4))
@pytest.mark.parametrize("condition", ["DELTA_CONCURRENT_APPEND", "DELTA_METADATA_CHANGED", "FIELD_ALREADY_EXISTS"])
def test_a_conflict_is_retried_after_a_growing_wait(conflicts: int, condition: str) -> None:
    commit, waits = Beside(conflicts, condition), list[float]()
    assert retried(commit, patience(waits)) == conflicts + 1
    assert waits == [0.5, 1.0, 2.0][:conflicts]


def test_data_that_changed_since_the_look_up_is_looked_up_again() -> None:
    calls = []

    def commit() -> str:
        calls.append(1)
        if len(calls) < 3:
            raise OutdatedError("2 of 3 rows were written")
        return "done"

    assert retried(commit, patience([])) == "done"


def test_conflicts_are_retried_a_limited_number_of_times() -> None:
    commit = Beside(1_000, "DELTA_METADATA_CHANGED")
    with pytest.raises(ConflictError, match=r"4 times in a row .*\(DELTA_METADATA_CHANGED\): stop the other writer"):
        retried(commit, patience([]))
    assert commit.calls == 4


def test_another_error_is_not_retried() -> None:
    commit = Beside(1_000, "DIVIDE_BY_ZERO")
    with pytest.raises(MetError):
        retried(commit, patience([]))
    assert commit.calls == 1
