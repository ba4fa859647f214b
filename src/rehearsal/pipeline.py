"""The whole pipeline on this machine, its parts in the order in which the data goes through them.

    Producer -> DynamoDB stream -> Poller (event source mapping) -> Function (the zip) -> S3 -> FlattenJob -> table

Everything is real but AWS's and Databricks' own machines: docs/rehearsal.md says what stands for what.
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
from rehearsal.cloud import Cloud, cloud
from rehearsal.compute import Compute
from rehearsal.job import JOB_ID, FlattenJob, Schedule
from rehearsal.mapping.driver import Driver
from rehearsal.mapping.journal import Journal
from rehearsal.mapping.lane import BackOff, exponential
from rehearsal.mapping.on_failure import S3Destination
from rehearsal.mapping.poller import Poller
from rehearsal.mapping.response import Invoke, invoke_of
from rehearsal.mapping.settings import NO_LIMIT, MappingSettings
from rehearsal.mapping.stream import DynamoDbStream
from rehearsal.producer import Producer
from rehearsal.runtime import Function
from rehearsal.workspace import Principal
from rehearsal.workspace_http import WorkspaceServer

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
_GLANCE_SECONDS: Final = 0.5
_SHORT_LIFE: Final = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:CompileThresholdScaling=5"
"""For a Java that lives for a minute: its second compiler does not pay."""


@dataclass(frozen=True)
class Plan:
    """How the pipeline is set up: as databricks.yml has it, but for what a rehearsal of a minute cannot wait for.

    `starts` says who starts the job: the Lambda after each object (Option A), or a schedule (Option B). Times are
    in seconds. `rate` is how many changes the application makes a second, None as many as it can.
    """

    batch_size: int = 1000
    batching_window: int = 1
    starts: Literal["lambda", "schedule"] = "lambda"
    schedule_seconds: float = 15
    rate: float | None = None
    retries: int = NO_LIMIT
    function_timeout: float = 60
    max_files: int = 1000

    def mapping(self) -> MappingSettings:
        """The event source mapping that `stream-lambda deploy` would make."""
        return MappingSettings(
            batch_size=self.batch_size, batching_window_seconds=self.batching_window, max_retries=self.retries
        )


@dataclass(frozen=True)
class Places:
    """Where the job reads and writes: S3 for files, folders for tables and state."""

    folder: Path

    @property
    def table(self) -> Path:
        """The flat table."""
        return self.folder / "tables" / "telemetry"

    def side(self, kind: str) -> Path:
        """A side table: quarantine, files, runs, moves or lease."""
        return self.folder / "tables_ops" / f"telemetry_{kind}"

    def arguments(self, max_files: int) -> list[str]:
        """The options of `flatten run`."""
        places = {
            "--source": f"s3a://{BUCKET}/{LANDING}",
            "--archive": f"s3a://{BUCKET}/{ARCHIVE}",
            "--rejects": f"s3a://{BUCKET}/{REJECTS}",
            "--table": str(self.table),
            "--ops": str(self.folder / "tables_ops"),
            "--state": str(self.folder / "state"),
            "--max-files": str(max_files),
        }
        return [part for option, value in places.items() for part in (option, value)]


@dataclass(frozen=True)
class Pipeline:
    """The parts, running."""

    plan: Plan
    places: Places
    cloud: Cloud
    producer: Producer
    journal: Journal
    poller: Poller
    driver: Driver
    function: Function
    workspace: WorkspaceServer
    compute: Compute
    job: FlattenJob
    scratch: Path

    def settle(self, seconds: float = _SETTLE_SECONDS, stop: Callable[[], bool] = lambda: False) -> bool:
        """Waits until every change has gone as far as it will; say whether that came within the time, before `stop`.

        What no run was started for, because the trigger failed, is taken up by a run of the schedule, as it is there.
        """
        until = time.monotonic() + seconds
        while not self.driver.wait(_GLANCE_SECONDS):
            if stop() or time.monotonic() > until:
                return False
        self.job.wait()
        while self.landed():
            if stop() or time.monotonic() > until:
                return False
            self.job.start()
            self.job.wait()
        return True

    def landed(self) -> list[str]:
        """The keys of the objects that wait for the job."""
        return list(self.objects(LANDING, ".ndjson.gz"))

    def objects(self, prefix: str, suffix: str = "") -> dict[str, int]:
        """The keys below a prefix that end so, with the sizes of their objects in bytes."""
        pages = self.cloud.s3().get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        found = (entry for page in pages for entry in page.get("Contents", []))
        return {entry["Key"]: entry["Size"] for entry in found if entry["Key"].endswith(suffix)}

    def read(self, key: str) -> bytes:
        """The bytes of an object."""
        return self.cloud.s3().get_object(Bucket=BUCKET, Key=key)["Body"].read()


@dataclass(frozen=True)
class Doors:
    """Where something can stand between two parts, for those who rehearse failures.

    `s3` is given the URL of the cloud and returns the one that the function is told; `invoke` is given what calls
    the function and returns what the mapping calls.
    """

    s3: Callable[[str], str] = lambda url: url
    invoke: Callable[[Invoke], Invoke] = lambda invoke: invoke
    back_off: BackOff = exponential


@contextmanager
def pipeline(
    folder: Path,
    plan: Plan,
    *,
    doors: Doors | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Pipeline]:
    """Starts all parts and ends them, whatever happens. `folder` gets the tables, the state and the logs.

    Raises RehearsalError when a part does not start.
    """
    doors = doors or Doors()
    with ExitStack() as opened:
        local = opened.enter_context(cloud())
        stream_arn = local.create_table(TABLE)
        local.create_bucket(BUCKET)
        places, scratch = Places(folder), opened.enter_context(_scratch(folder / "tmp"))
        compute, job = _job(opened, places, scratch, local, plan, clock)
        workspace = opened.enter_context(WorkspaceServer(job.workspace, clock))
        trigger = _trigger(local, job, workspace) if plan.starts == "lambda" else {}
        function = _function(opened, folder, doors.s3(local.endpoint), {**local.environment, **trigger}, plan)
        producer = Producer(local.dynamodb(), TABLE, clock=clock, sleep=sleep, rate=plan.rate)
        journal = Journal()
        poller = Poller(
            DynamoDbStream(local.dynamodbstreams(), stream_arn, producer.rewrite),
            doors.invoke(invoke_of(function)),
            plan.mapping(),
            clock=clock,
            destination=S3Destination(local.s3(), BUCKET, str(uuid4()), _FUNCTION_ARN, lambda: str(uuid4())),
            watch=journal,
            back_off=doors.back_off,
        )
        driver = opened.enter_context(Driver(poller))
        if plan.starts == "schedule":
            opened.enter_context(Schedule(job, plan.schedule_seconds))
        yield Pipeline(
            plan, places, local, producer, journal, poller, driver, function, workspace, compute, job, scratch
        )


def _job(
    opened: ExitStack, places: Places, scratch: Path, local: Cloud, plan: Plan, clock: Callable[[], float]
) -> tuple[Compute, FlattenJob]:
    cluster = {
        **local.environment,
        "FLATTEN_S3A": "1",
        "JAVA_TOOL_OPTIONS": _SHORT_LIFE,
        "TMPDIR": str(scratch),  # a run that is killed leaves Spark's files
    }
    compute = opened.enter_context(Compute(cluster, places.folder / "job.log"))
    return compute, opened.enter_context(FlattenJob(compute, places.arguments(plan.max_files), clock))


def _function(opened: ExitStack, folder: Path, url: str, variables: Mapping[str, str], plan: Plan) -> Function:
    home = folder / "function"
    home.mkdir(parents=True)
    archive = build(folder / "stream_to_s3.zip").path
    told = {**variables, "AWS_ENDPOINT_URL": url, "TELEMETRY_BUCKET": BUCKET}
    return opened.enter_context(Function(archive, HANDLER, told, home, timeout=plan.function_timeout))


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _trigger(local: Cloud, job: FlattenJob, workspace: WorkspaceServer) -> Mapping[str, str]:
    """Give the Lambda an identity in the workspace, by a secret: the variables that say so."""
    client_id, client_secret = "trigger-of-the-rehearsal", secrets.token_urlsafe(24)
    job.workspace.principals.append(Principal(client_id, client_secret, jobs=(JOB_ID,)))
    secret = json.dumps({"client_id": client_id, "client_secret": client_secret})
    local.secretsmanager().create_secret(Name="chargeminder-databricks", SecretString=secret)
    return {
        "DATABRICKS_HOST": workspace.url,
        "DATABRICKS_JOB_ID": str(JOB_ID),
        "DATABRICKS_SECRET_ID": "chargeminder-databricks",
    }
