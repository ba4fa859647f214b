"""Open the Spark session: Databricks' session, or a local one (`flatten.local`)."""

import atexit
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from flatten.storage.location import S3A

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from flatten.local.settings import SessionSettings

T = TypeVar("T")
_here: "tuple[SparkSession, ExitStack] | None" = None


def on_databricks(environment: Mapping[str, str]) -> bool:
    """Return whether this process runs on Databricks compute, which provides a session."""
    return "DATABRICKS_RUNTIME_VERSION" in environment


def open_session(settings: "SessionSettings | None" = None) -> "SparkSession":
    """Return the session of this process: the existing one, or a new local one until `stop_session`.

    Without `settings` they are read from the environment. Raises `JavaError`, `JarsError` or `SessionError`.
    """
    global _here
    if on_databricks(os.environ):
        from pyspark.sql import SparkSession

        return SparkSession.builder.getOrCreate()
    if not _here:
        from flatten.local.settings import SessionSettings
        from flatten.local.spark import start

        with ExitStack() as ending:
            spark = start(settings or SessionSettings.from_environment(os.environ), ending)
            atexit.register(stop_session)
            _here = spark, ending.pop_all()
    return _here[0]


def stop_session() -> None:
    """End the local session of this process, its JVM, and the temporary files of both."""
    global _here
    atexit.unregister(stop_session)
    if _here:
        _, ending = _here
        _here = None
        ending.close()


@contextmanager
def spark_session(settings: "SessionSettings | None" = None) -> Iterator["SparkSession"]:
    """Open a session for the time of a `with`; one that was open before stays open."""
    was_open = _here is not None
    try:
        yield open_session(settings)
    finally:
        if not was_open:
            stop_session()


@contextmanager
def session_for(locations: Iterable[str | None]) -> Iterator["SparkSession"]:
    """Open the session for a command, with S3 support if its locations need it."""
    if on_databricks(os.environ):
        yield open_session()
        return
    from flatten.local.settings import SessionSettings

    settings = SessionSettings.from_environment(os.environ)
    in_bucket = any(location and location.startswith(S3A) for location in locations)
    with spark_session(replace(settings, s3a=settings.s3a or in_bucket)) as spark:
        yield spark


def interruptible(work: Callable[[], T]) -> T:
    """Do the work so that Ctrl-C ends it cleanly; return its result or raise its error."""
    if on_databricks(os.environ):
        return work()
    from flatten.local.interrupts import interruptible as interruptible_here

    return interruptible_here(work)
