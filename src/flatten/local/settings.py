"""Read the settings of a local session from the environment."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from flatten.errors import UsageError

KINDS = ("classic", "connect")


@dataclass(frozen=True)
class SessionSettings:
    """The settings of a local session; Databricks ignores them.

    `kind` is one of `KINDS`, `driver_memory` is in Java's form (2g). `jars` is a folder that has, or gets, the Delta
    jars. `warehouse` is a folder in which tables by name are kept; without it they end with the session. `s3a` adds the
    jars of Hadoop's S3 client, which connects to `s3_endpoint`, or to AWS without one. `log` gets Spark's output.
    `extra` are more Spark settings, which override ours.
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
        """Read FLATTEN_SESSION, _CORES, _DRIVER_MEMORY, _JARS, _S3A, _WAREHOUSE and _SPARK_LOG, and the AWS SDKs'
        AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL
        (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).

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
            raise UsageError(f"FLATTEN_DRIVER_MEMORY is {memory!r}; it must have Java's form, such as 512m or 4g.")
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


def _folder(name: str | None) -> Path | None:
    return Path(name).absolute() if name else None
