"""The built zip under AWS's runtime client: what the mapping and the log see of the function."""

import gzip
import json
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import pytest

from lambda_deploy.build import build
from rehearsal.aws.runtime import Function, Invocation
from rehearsal.databricks.server import RUN_NOW, RUNS_LIST, Fault, WorkspaceServer, json_answer
from rehearsal.databricks.workspace import FederationPolicy, Principal, Workspace, WorkspaceJob
from rehearsal.loopback import Answer
from support.emulators import CREDENTIALS, client, ministack, s3_client
from support.fault_proxy import FaultProxy, cut_after, error, fault_proxy, passed
from support.stream_events import inserts, poison, stream_event
from support.tokens import unverified

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only"),
]

HANDLER = "stream_to_s3.handler.handler"
SUCCESS: dict[str, list[str]] = {"batchItemFailures": []}
JOB = 620135
CLIENT_SECRET = "dose-5ecre7"
PERSONAL_TOKEN = "dapi-5ecre7"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("zip") / "stream_to_s3.zip").path


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


PROBE = """
import sys
import stream_to_s3.handler
def handler(event, context):
    return sorted({name.partition(".")[0] for name in sys.modules})
"""
# botocore uses the certificates of certifi if they are installed.
BROUGHT_BY_OTHERS = {
    "runtime_client",
    "simplejson",
    "snapshot_restore_py",
    "s3transfer",
    "certifi",
    "__main__",
    "__mp_main__",
}


@dataclass
class Harness:
    """Deploys the zip with a bucket behind a proxy that has faults."""

    archive: Path
    s3: Any
    proxy: FaultProxy
    url: str
    bucket: str
    folder: Path
    stack: ExitStack

    def function(self, variables: Mapping[str, str] | None = None, timeout: float = 60) -> Function:
        """Return the deployed zip; it ends with the test."""
        environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url, "TELEMETRY_BUCKET": self.bucket}
        folder = self.folder / uuid4().hex
        folder.mkdir()
        return self.stack.enter_context(
            Function(self.archive, HANDLER, environment | dict(variables or {}), folder, timeout)
        )

    def objects(self) -> dict[str, list[Any]]:
        """Return the parsed lines of each object, by key."""
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        bodies = {
            entry["Key"]: self.s3.get_object(Bucket=self.bucket, Key=entry["Key"])["Body"].read() for entry in found
        }
        return {key: [json.loads(line) for line in gzip.decompress(body).splitlines()] for key, body in bodies.items()}


@pytest.fixture
def harness(archive: Path, upstream: str, tmp_path: Path) -> Iterator[Harness]:
    bucket = f"raw-{uuid4()}"
    with ExitStack() as stack:
        s3 = stack.enter_context(s3_client(upstream))
        proxy, url = stack.enter_context(fault_proxy(upstream))
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield Harness(archive, s3, proxy, url, bucket, tmp_path, stack)


def test_a_cold_start_and_warm_calls_store_their_batches(harness: Harness) -> None:
    function = harness.function()
    calls = [function.invoke(stream_event(inserts(3, start=start))) for start in (1, 4, 7)]
    assert [call.response for call in calls] == [SUCCESS] * 3
    assert [call.was_cold for call in calls] == [True, False, False]
    lines = [line for stored in harness.objects().values() for line in stored]
    assert [line["event_id"] for line in lines] == [f"event-{number}" for number in range(1, 10)]


def test_the_log_is_one_json_object_per_batch_with_its_metrics(harness: Harness) -> None:
    call = harness.function().invoke(stream_event([*inserts(2), poison(3)]))
    [logged] = call.logged()
    assert call.printed.count("\n") == 1
    assert logged["key"] in harness.objects()
    assert logged["quarantine_key"] in harness.objects()
    assert (logged["written"], logged["EventsQuarantined"], logged["trigger"]) == (2, 1, "off")
    assert logged["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "StreamToS3"
    assert logged["FunctionName"] == "chargeminder-unified-processor"
    assert 0 < logged["write_milliseconds"] <= logged["milliseconds"]


def test_prefixes_and_key_come_from_the_environment(harness: Harness) -> None:
    function = harness.function(
        {
            "TELEMETRY_PREFIX": "jo/telemetry/",
            "QUARANTINE_PREFIX": "jo/telemetry-quarantine/",
            "KMS_KEY_ID": "alias/telemetry",
        }
    )
    assert function.invoke(stream_event([*inserts(1), poison(2)])).response == SUCCESS
    quarantine, landing = sorted(harness.objects())
    assert (quarantine.split("2025")[0], landing.split("2025")[0]) == ("jo/telemetry-quarantine/", "jo/telemetry/")
    assert harness.s3.head_object(Bucket=harness.bucket, Key=landing)["ServerSideEncryption"] == "aws:kms"


def test_the_largest_batch_that_lambda_accepts_is_one_object(harness: Harness) -> None:
    assert harness.function().invoke(stream_event(inserts(2_000, signals=7))).response == SUCCESS
    [lines] = harness.objects().values()
    assert [line["event_id"] for line in lines] == [f"event-{number}" for number in range(1, 2_001)]


def test_surrogates_and_38_digits_go_through_the_runtime(harness: Harness) -> None:
    batch = inserts(1)
    digits = "-0." + "1234567890" * 3 + "12345678"
    batch[0]["dynamodb"]["NewImage"]["odd"] = {"M": {"\ud83d": {"N": digits}, "a\nb": {"S": "\udfff"}}}
    assert harness.function().invoke(stream_event(batch)).response == SUCCESS
    [key] = harness.objects()
    text = gzip.decompress(harness.s3.get_object(Bucket=harness.bucket, Key=key)["Body"].read()).decode("ascii")
    assert rf'"odd":{{"\ud83d":{digits},"a\nb":"\udfff"}}' in text


BAD_SETTINGS = {
    "TELEMETRY_BUCKET": "No Bucket",
    "TELEMETRY_PREFIX": "telemetry",
    "QUARANTINE_PREFIX": "/",
    "KMS_KEY_ID": "x",
}


@pytest.mark.parametrize(("name", "value"), BAD_SETTINGS.items(), ids=BAD_SETTINGS)
def test_a_wrong_setting_stops_the_start_with_its_name(harness: Harness, name: str, value: str) -> None:
    function = harness.function({name: value})
    for _ in range(2):
        call = function.invoke(stream_event(inserts(1)))
        assert call.error is not None
        assert call.error["errorType"] == "SettingsError"
        assert call.error["errorMessage"].startswith(f"{name} is {value!r}")
    assert harness.objects() == {}


def test_an_event_of_another_kind_is_an_error_and_the_function_continues(harness: Harness) -> None:
    function = harness.function()
    call = function.invoke({"Records": [{"eventSource": "aws:s3"}]})
    assert call.error is not None
    assert call.error["errorType"] == "NotAStreamEventError"
    assert function.invoke(stream_event(inserts(1))).response == SUCCESS


def test_a_failure_of_s3_is_an_error_that_is_logged_and_the_next_delivery_succeeds(harness: Harness) -> None:
    function = harness.function()
    harness.proxy.faults[:] = [error(403, "AccessDenied")]
    failed = function.invoke(stream_event(inserts(2)))
    assert failed.error is not None
    assert failed.error["errorType"] == "StorageError"
    assert failed.logged()[0]["level"] == "ERROR"
    assert "AccessDenied" in failed.logged()[0]["error"]
    assert function.invoke(stream_event(inserts(2))).response == SUCCESS


def test_the_sdk_retries_after_slow_down(harness: Harness) -> None:
    harness.proxy.faults[:] = [error(503, "SlowDown")] * 2
    assert harness.function().invoke(stream_event(inserts(2))).response == SUCCESS
    assert harness.proxy.puts == 3


def test_after_a_cut_connection_the_retry_gets_412_and_succeeds(harness: Harness) -> None:
    harness.proxy.faults[:] = [cut_after]
    call = harness.function().invoke(stream_event(inserts(2)))
    assert call.response == SUCCESS
    assert call.logged()[0]["already_stored"] is True
    assert len(harness.objects()) == 1


def test_a_crash_between_the_two_objects_loses_nothing(harness: Harness) -> None:
    function = harness.function()
    function.invoke(stream_event([]))

    def killed(forward: Callable[[], Answer]) -> Answer:
        function.kill()
        return Answer(None)

    harness.proxy.faults[:] = [passed, killed]
    batch = stream_event([poison(1), *inserts(2, start=2)])
    crashed = function.invoke(batch)
    assert crashed.error == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "Runtime exited with error: exit status -9",
    }
    assert len(harness.objects()) == 1
    again = function.invoke(batch)
    assert (again.response, again.was_cold) == (SUCCESS, True)
    assert sorted(len(lines) for lines in harness.objects().values()) == [1, 2]


def test_a_timeout_after_the_put_is_followed_by_success(harness: Harness) -> None:
    function = harness.function(timeout=2)
    harness.proxy.faults[:] = [harness.proxy.hang_after]
    batch = stream_event(inserts(2))
    timed_out = function.invoke(batch)
    assert timed_out.error is not None
    assert timed_out.error["errorType"] == "Sandbox.Timedout"
    again = function.invoke(batch)
    assert (again.response, again.logged()[0]["already_stored"]) == (SUCCESS, True)
    assert len(harness.objects()) == 1


# The trigger


@dataclass
class Triggered:
    harness: Harness
    workspace: Workspace
    server: WorkspaceServer
    upstream: str

    def function(self, variables: Mapping[str, str], timeout: float = 60) -> Function:
        """Return the zip with a trigger that starts our job at the simulated Databricks."""
        host = {"DATABRICKS_HOST": self.server.url, "DATABRICKS_JOB_ID": str(JOB)}
        return self.harness.function({**host, **variables}, timeout)

    def stored_secret(self, **content: str) -> dict[str, str]:
        """Return the settings that name a new secret with this content."""
        name = f"telemetry/{uuid4()}"
        manager = client("secretsmanager", self.upstream)
        manager.create_secret(Name=name, SecretString=json.dumps(content))
        manager.close()
        return {"DATABRICKS_SECRET_ID": name}


@pytest.fixture
def triggered(harness: Harness, upstream: str) -> Iterator[Triggered]:
    workspace = Workspace(time.time)
    workspace.jobs[JOB] = WorkspaceJob(JOB, run_seconds=3600)
    # ministack signs with another key, so this test ignores the signature: test_auth.py checks it.
    policy = FederationPolicy(issuer=_issuer(upstream), subject=_subject(upstream))
    workspace.principals.append(Principal("client-1", CLIENT_SECRET, PERSONAL_TOKEN, policy, jobs=(JOB,)))
    with WorkspaceServer(workspace, time.time, unverified) as server:
        yield Triggered(harness, workspace, server, upstream)


def _claims(upstream: str) -> dict[str, Any]:
    sts = client("sts", upstream)
    token = sts.get_web_identity_token(Audience=["databricks"], SigningAlgorithm="RS256", DurationSeconds=300)
    sts.close()
    return unverified(token["WebIdentityToken"])


def _issuer(upstream: str) -> str:
    return str(_claims(upstream)["iss"])


def _subject(upstream: str) -> str:
    return str(_claims(upstream)["sub"])


def without_sts(made: Triggered) -> dict[str, str]:
    """Simulate a boto3 whose STS lacks the call."""
    model = made.harness.folder / "models/sts/2011-06-15/service-2.json"
    model.parent.mkdir(parents=True)
    model.write_text("{}")
    return {"DATABRICKS_CLIENT_ID": "client-1", "AWS_DATA_PATH": str(model.parents[2])}


WAYS: dict[str, Callable[[Triggered], dict[str, str]]] = {
    "the role itself": lambda made: {"DATABRICKS_CLIENT_ID": "client-1"},
    "the role itself, with any boto3": without_sts,
    "a client secret": lambda made: made.stored_secret(client_id="client-1", client_secret=CLIENT_SECRET),
    "a personal token": lambda made: made.stored_secret(token=PERSONAL_TOKEN),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_job_is_started_in_each_way(triggered: Triggered, way: Callable[[Triggered], Any]) -> None:
    function = triggered.function(way(triggered))
    calls = [function.invoke(stream_event(inserts(1, start=number))) for number in (1, 2, 3)]
    assert [call.response for call in calls] == [SUCCESS] * 3
    assert [call.logged()[0]["trigger"] for call in calls] == ["started", "started", "skipped"]
    assert [run.state for run in triggered.workspace.runs] == ["RUNNING", "QUEUED"]


SESSION_TOKEN = "session-5ecre7"
SECRETS = (SESSION_TOKEN, CLIENT_SECRET, PERSONAL_TOKEN, "Bearer ", "Basic ", "eyJ")


EVERYTHING = {"AWS_LAMBDA_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_FORMAT": "JSON"}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_secret_is_logged_at_any_level(triggered: Triggered, way: Callable[[Triggered], Any]) -> None:
    function = triggered.function({**way(triggered), "AWS_SESSION_TOKEN": SESSION_TOKEN, **EVERYTHING})
    call = function.invoke(stream_event(inserts(1)))
    assert [line["trigger"] for line in call.logged() if "trigger" in line] == ["started"]
    assert "urllib3" in call.printed
    assert [secret for secret in SECRETS if secret in call.printed] == []


def test_a_stored_batch_without_an_answer_starts_the_job(triggered: Triggered) -> None:
    function = triggered.function(triggered.stored_secret(token=PERSONAL_TOKEN))
    triggered.harness.proxy.faults[:] = [cut_after]
    logged = function.invoke(stream_event(inserts(1))).logged()[0]
    assert (logged["already_stored"], logged["trigger"]) == (True, "started")


def redirect(request: Any) -> Answer:
    return Answer(307, b"", {"Location": "http://127.0.0.1:9/collect"})


FAULTS: dict[str, tuple[Fault, str]] = {
    "bad token": (
        lambda request: json_answer(401, {"error_code": "UNAUTHENTICATED"}),
        "answered 401 (UNAUTHENTICATED)",
    ),
    "a page for browsers": (lambda request: Answer(200, b"<html>", {"Content-Type": "text/html"}), "got text/html"),
    "a redirect to another host": (redirect, "answered 307, a redirect, which is never followed"),
    "a cut connection": (lambda request: Answer(None), "ConnectionError"),
}


@pytest.mark.parametrize(("fault", "detail"), FAULTS.values(), ids=FAULTS)
def test_a_failed_trigger_does_not_fail_the_batch(triggered: Triggered, fault: Fault, detail: str) -> None:
    triggered.server.faults[RUNS_LIST] = [fault]
    function = triggered.function(triggered.stored_secret(token=PERSONAL_TOKEN))
    check_failed(triggered, function.invoke(stream_event(inserts(2))), detail)
    assert function.invoke(stream_event(inserts(2, start=3))).logged()[0]["trigger_detail"].startswith("paused for ")
    assert RUN_NOW not in {request.target for request in triggered.server.requests}


def test_a_workspace_that_hangs_does_not_fail_the_batch(triggered: Triggered) -> None:
    ended = Event()
    triggered.harness.stack.callback(ended.set)
    triggered.server.faults[RUNS_LIST] = [lambda request: Answer(None) if ended.wait(10) else Answer(503)]
    function = triggered.function(triggered.stored_secret(token=PERSONAL_TOKEN), timeout=4)
    check_failed(triggered, function.invoke(stream_event(inserts(2))), "")


def check_failed(triggered: Triggered, call: Invocation, detail: str) -> None:
    """Check that the batch is stored and answered, the failure logged and counted, and no secret is in the log."""
    assert call.response == SUCCESS
    assert len(triggered.harness.objects()) == 1
    logged = call.logged()[-1]
    assert (logged["trigger"], logged["TriggerFailed"], logged["level"]) == ("failed", 1, "WARNING")
    assert detail in logged["trigger_detail"]
    assert [secret for secret in SECRETS if secret in call.printed] == []


BAD_PLACES = {
    "a host that does not exist": ({"DATABRICKS_HOST": "http://127.0.0.1:9"}, "ConnectionError"),
    "a name that does not resolve": ({"DATABRICKS_HOST": "https://" + "a." * 130 + "invalid"}, "ConnectionError"),
    "a secret that does not exist": ({"DATABRICKS_SECRET_ID": "nothing"}, "GetSecretValue: ResourceNotFoundException"),
    "an invalid host": ({"DATABRICKS_HOST": "workspace"}, "DATABRICKS_HOST is 'workspace'"),
    "an invalid job": ({"DATABRICKS_JOB_ID": "flatten"}, "DATABRICKS_JOB_ID is 'flatten'"),
}


@pytest.mark.parametrize(("variables", "detail"), BAD_PLACES.values(), ids=BAD_PLACES)
def test_an_invalid_trigger_setting_does_not_fail_the_batch(
    triggered: Triggered, variables: dict[str, str], detail: str
) -> None:
    function = triggered.function({**triggered.stored_secret(token=PERSONAL_TOKEN), **variables})
    check_failed(triggered, function.invoke(stream_event(inserts(2))), detail)


@pytest.mark.parametrize("host", ["", "http://127.0.0.1:9"], ids=["no trigger", "a trigger"])
def test_a_cold_start_imports_boto3_and_the_standard_library_only(harness: Harness, host: str) -> None:
    probe = harness.folder / "probe.zip"
    probe.write_bytes(harness.archive.read_bytes())
    with zipfile.ZipFile(probe, "a") as content:
        content.writestr("probe.py", PROBE)
    trigger = {"DATABRICKS_HOST": host, "DATABRICKS_JOB_ID": "1", "DATABRICKS_CLIENT_ID": "client-1"}
    environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": harness.url, "TELEMETRY_BUCKET": harness.bucket, **trigger}
    function = harness.stack.enter_context(Function(probe, "probe.handler", environment, harness.folder))
    ours = {"stream_to_s3", "awslambdaric", "probe", "boto3", "botocore", "jmespath", "dateutil", "urllib3", "six"}
    loaded = set(function.invoke({}).response)
    assert "stream_to_s3" in loaded
    assert loaded - ours - BROUGHT_BY_OTHERS - sys.stdlib_module_names == set()
