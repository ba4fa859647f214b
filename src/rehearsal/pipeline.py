"""Run the whole pipeline on this machine, with its parts in the order of the data.

    Producer -> DynamoDB stream -> Poller (event source mapping) -> Function (the zip) -> S3 -> FlattenJob -> table

docs/rehearsal.md lists what replaces the machines of AWS and Databricks; the rest is real.
"""

import json
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from uuid import uuid4

from lambda_deploy.build import build
from rehearsal.aws.cloud import Cloud, cloud
from rehearsal.aws.mapping.journal import Journal
from rehearsal.aws.mapping.lane import BackOff, exponential
from rehearsal.aws.mapping.on_failure import S3Destination
from rehearsal.aws.mapping.poller import Driver, Poller
from rehearsal.aws.mapping.response import Invoke, invoke_of
from rehearsal.aws.mapping.settings import NO_LIMIT, MappingSettings
from rehearsal.aws.mapping.stream import DynamoDbStream
from rehearsal.aws.runtime import Function
from rehearsal.databricks.compute import Compute
from rehearsal.databricks.job import JOB_ID, FlattenJob, Schedule
from rehearsal.databricks.server import WorkspaceServer
from rehearsal.databricks.workspace import Principal
from rehearsal.producer import Producer

TABLE: Final = "chargeminder-car-telemetry"
BUCKET: Final = "chargeminder-telemetry-raw"
LANDING: Final = "telemetry/"
ARCHIVE: Final = "telemetry-archive/"
REJECTS: Final = "telemetry-rejects/"
QUARANTINE: Final = "telemetry-quarantine/"
ON_FAILURE: Final = "aws/lambda/"
HANDLER: Final = "stream_to_s3.handler.handler"
_FUNCTION_ARN: Final = "arn:aws:lambda:eu-west-1:123456789012:function:chargeminder-unified-processor"
_SETTLE_SECONDS: Final = 300.0
_POLL_SECONDS: Final = 0.5
_SCHEDULE_SECONDS: Final = 15.0
_SHORT_LIFE: Final = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:CompileThresholdScaling=5"
"""For a Java process that runs for a minute its second compiler costs more than it saves."""


@dataclass(frozen=True)
class Setup:
    """The set-up of the pipeline: as in databricks.yml, with shorter times, for a rehearsal of a minute.

    `starts` says who starts the job: the Lambda after each object (Option A), or a schedule (Option B). The window is
    in seconds. `rate` is the application's changes per second, None for as many as possible.
    """

    batching_window: int = 1
    starts: Literal["lambda", "schedule"] = "lambda"
    rate: float | None = None
    retries: int = NO_LIMIT


@dataclass(frozen=True)
class Pipeline:
    """The running parts. Files are in the bucket; `folder` has the tables, the state and the logs."""

    setup: Setup
    folder: Path
    cloud: Cloud
    producer: Producer
    journal: Journal
    driver: Driver
    function: Function
    workspace: WorkspaceServer
    compute: Compute
    job: FlattenJob

    @property
    def table(self) -> Path:
        """Return the folder of the flat table."""
        return self.folder / "tables" / "telemetry"

    def side(self, kind: str) -> Path:
        """Return the folder of a side table: quarantine, files or runs."""
        return self.folder / "tables_ops" / f"telemetry_{kind}"

    def settle(self, seconds: float = _SETTLE_SECONDS, stop: Callable[[], bool] = lambda: False) -> bool:
        """Wait until every change has arrived; return False after the timeout or after `stop`.

        When the trigger failed, the files that no run has read are read by a scheduled run, as in production.
        """
        until = time.monotonic() + seconds
        while not self.driver.wait(_POLL_SECONDS):
            if stop() or time.monotonic() > until:
                return False
        self.job.wait()
        while self.objects(LANDING, ".ndjson.gz"):
            if stop() or time.monotonic() > until:
                return False
            self.job.start()
            self.job.wait()
        return True

    def objects(self, prefix: str, suffix: str = "") -> dict[str, int]:
        """Return the keys with this prefix and suffix, with the sizes of their objects in bytes."""
        pages = self.cloud.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        found = (entry for page in pages for entry in page.get("Contents", []))
        return {entry["Key"]: entry["Size"] for entry in found if entry["Key"].endswith(suffix)}

    def read(self, key: str) -> bytes:
        """Return the bytes of an object."""
        return bytes(self.cloud.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())


@dataclass(frozen=True)
class Hooks:
    """Functions between two parts, for tests that simulate failures.

    `s3` takes the URL of the emulator and returns the one that the function gets; `invoke` takes the callable that
    invokes the function and returns the one that the mapping calls.
    """

    s3: Callable[[str], str] = lambda url: url
    invoke: Callable[[Invoke], Invoke] = lambda invoke: invoke
    back_off: BackOff = exponential


@contextmanager
def pipeline(
    folder: Path,
    setup: Setup,
    *,
    hooks: Hooks | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Pipeline]:
    """Start all parts, and end them in any case. `folder` gets the tables, the state and the logs.

    Raises RehearsalError when a part does not start.
    """
    hooks = hooks or Hooks()
    with ExitStack() as opened:
        local = opened.enter_context(cloud())
        stream_arn = local.create_table(TABLE)
        local.create_bucket(BUCKET)
        compute = opened.enter_context(_compute(opened, folder, local))
        job = opened.enter_context(FlattenJob(compute, _arguments(folder), clock))
        workspace = opened.enter_context(WorkspaceServer(job.workspace, clock))
        trigger = _trigger(local, job, workspace) if setup.starts == "lambda" else {}
        function = _function(opened, folder, hooks.s3(local.endpoint), {**local.environment, **trigger})
        producer = Producer(local.client("dynamodb"), TABLE, clock=clock, sleep=sleep, rate=setup.rate)
        journal = Journal()
        poller = Poller(
            DynamoDbStream(local.client("dynamodbstreams"), stream_arn, producer.rewrite),
            hooks.invoke(invoke_of(function)),
            MappingSettings(batching_window_seconds=setup.batching_window, max_retries=setup.retries),
            clock=clock,
            destination=S3Destination(local.client("s3"), BUCKET, str(uuid4()), _FUNCTION_ARN, lambda: str(uuid4())),
            watch=journal,
            back_off=hooks.back_off,
        )
        driver = opened.enter_context(Driver(poller))
        if setup.starts == "schedule":
            opened.enter_context(Schedule(job, _SCHEDULE_SECONDS))
        yield Pipeline(setup, folder, local, producer, journal, driver, function, workspace, compute, job)


def _arguments(folder: Path) -> list[str]:
    """Return the options of `flatten run`."""
    places = {
        "source": f"s3a://{BUCKET}/{LANDING}",
        "archive": f"s3a://{BUCKET}/{ARCHIVE}",
        "rejects": f"s3a://{BUCKET}/{REJECTS}",
        "table": f"{folder}/tables/telemetry",
        "ops": f"{folder}/tables_ops",
        "state": f"{folder}/state",
    }
    return [part for option, place in places.items() for part in (f"--{option}", place)]


def _compute(opened: ExitStack, folder: Path, local: Cloud) -> Compute:
    scratch = folder / "tmp"
    scratch.mkdir()
    opened.callback(shutil.rmtree, scratch, ignore_errors=True)
    cluster = {
        **local.environment,
        "FLATTEN_S3A": "1",
        "JAVA_TOOL_OPTIONS": _SHORT_LIFE,
        "TMPDIR": str(scratch),  # a killed run leaves Spark's files
    }
    return Compute(cluster, folder / "job.log")


def _function(opened: ExitStack, folder: Path, url: str, variables: Mapping[str, str]) -> Function:
    home = folder / "function"
    home.mkdir(parents=True)
    archive = build(folder / "stream_to_s3.zip").path
    known = {**variables, "AWS_ENDPOINT_URL": url, "TELEMETRY_BUCKET": BUCKET}
    return opened.enter_context(Function(archive, HANDLER, known, home))


def _trigger(local: Cloud, job: FlattenJob, workspace: WorkspaceServer) -> Mapping[str, str]:
    """Give the Lambda an identity in the workspace, by a secret, and return the variables that set it."""
    client_id, client_secret = "trigger-of-the-rehearsal", secrets.token_urlsafe(24)
    job.workspace.principals.append(Principal(client_id, client_secret, jobs=(JOB_ID,)))
    secret = json.dumps({"client_id": client_id, "client_secret": client_secret})
    local.client("secretsmanager").create_secret(Name="chargeminder-databricks", SecretString=secret)
    return {
        "DATABRICKS_HOST": workspace.url,
        "DATABRICKS_JOB_ID": str(JOB_ID),
        "DATABRICKS_SECRET_ID": "chargeminder-databricks",
    }
