"""The Spark session: the one that Databricks gives, or one of our own on this machine."""

import atexit
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flatten.errors import UsageError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

KINDS = ("classic", "connect")
_here: "tuple[SparkSession, ExitStack] | None" = None


@dataclass(frozen=True)
class SessionSettings:
    """What a local session is made of; Databricks takes no notice of it.

    `kind` is one of `KINDS`, `driver_memory` as Java writes it (2g). `jars` is a folder that has, or gets,
    the Delta jars. `warehouse` is a folder in which tables known by name last; without it they end with the
    session. `s3a` adds the jars of Hadoop's S3 client, which talks to `s3_endpoint`, or to AWS without one. `log`
    takes what Spark has to say. `extra` are further Spark settings, which win over ours.
    """

    kind: str = "classic"
    cores: int = 2
    driver_memory: str = "2g"
    jars: Path | None = None
    s3a: bool = False
    s3_endpoint: str | None = None
    warehouse: Path | None = None
    log: Path | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "SessionSettings":
        """Read FLATTEN_SESSION, _CORES, _DRIVER_MEMORY, _JARS, _S3A, _WAREHOUSE and _SPARK_LOG, and the SDKs' own
        AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).

        Raises `UsageError`.
        """
        kind = environment.get("FLATTEN_SESSION") or cls.kind
        if kind not in KINDS:
            raise UsageError(f"FLATTEN_SESSION is {kind!r}; it must be one of: {', '.join(KINDS)}.")
        cores = environment.get("FLATTEN_CORES") or str(cls.cores)
        if not (cores.isascii() and cores.isdigit() and int(cores)):
            raise UsageError(f"FLATTEN_CORES is {cores!r}; it must be a whole number of 1 or more.")
        memory = environment.get("FLATTEN_DRIVER_MEMORY") or cls.driver_memory
        if not re.fullmatch(r"[1-9][0-9]*[mg]", memory, re.IGNORECASE):
            raise UsageError(f"FLATTEN_DRIVER_MEMORY is {memory!r}; write it as Java does: 512m or 4g.")
        return cls(
            kind=kind,
            cores=int(cores),
            driver_memory=memory,
            jars=_folder(environment.get("FLATTEN_JARS")),
            s3a=environment.get("FLATTEN_S3A", "") not in ("", "0"),
            s3_endpoint=environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL") or None,
            warehouse=_folder(environment.get("FLATTEN_WAREHOUSE")),
            log=_folder(environment.get("FLATTEN_SPARK_LOG")),
        )


def on_databricks(environment: Mapping[str, str]) -> bool:
    """Return whether this process runs on Databricks compute, which has a session of its own."""
    return "DATABRICKS_RUNTIME_VERSION" in environment


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


def _folder(name: str | None) -> Path | None:
    return Path(name).absolute() if name else None
