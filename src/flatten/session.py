"""The Spark session: the one that Databricks gives, or one of our own on this machine."""

import atexit
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from flatten.session_settings import SessionSettings, on_databricks

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_here: "tuple[SparkSession, ExitStack] | None" = None


def open_session(settings: SessionSettings | None = None) -> "SparkSession":
    """Return the session of this process: the one that is there, or a new local one until `stop_session`.

    Without `settings` they are read from the environment. Raises `NoJava`, `NoJars` or `NoSession`.
    """
    global _here
    if on_databricks(os.environ):
        from pyspark.sql import SparkSession

        return SparkSession.builder.getOrCreate()
    if not _here:
        from flatten.local_spark import start

        with ExitStack() as ending:
            spark = start(settings or SessionSettings.from_environment(os.environ), ending)
            atexit.register(stop_session)
            _here = spark, ending.pop_all()
    return _here[0]


def stop_session() -> None:
    """End the local session of this process, its JVM, and every temporary file of the two."""
    global _here
    atexit.unregister(stop_session)
    if _here:
        _, ending = _here
        _here = None
        ending.close()


@contextmanager
def spark_session(settings: SessionSettings | None = None) -> Iterator["SparkSession"]:
    """Open a session for the time of a `with`; one that was open before stays open after it."""
    was_open = _here is not None
    try:
        yield open_session(settings)
    finally:
        if not was_open:
            stop_session()
