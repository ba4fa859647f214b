"""The printed migration is executed: AWS commands with the AWS CLI against an emulator, while items arrive."""

import gzip
import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.migrate import OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION
from lambda_deploy.operate.test_event import MARK
from support.aws_account import BUCKET, FUNCTION, TABLE, Account, write_bundle
from support.databricks_api import TOKEN, DatabricksApi
from support.emulators import CREDENTIALS, clients_of, ministack
from support.old_pipeline import (
    OLD_ARCHIVE,
    OLD_JOB,
    OLD_ROLE,
    create_old_pipeline,
    create_other_function,
    create_unified_pipeline,
    notify,
    old_job,
)

pytestmark = pytest.mark.process

OUR_JOB = 620135
TABLE_NAME = "main.telemetry.car_telemetry_flattened"
Step = dict[str, Any]


@dataclass
class Flow:
    """Items that arrive without a pause during the migration; `sent` are their ids."""

    dynamodb: Any
    stop: Event = field(default_factory=Event)
    sent: list[str] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = Thread(target=self._send)
        thread.start()
        try:
            yield
        finally:
            self.stop.set()
            thread.join()

    def _send(self) -> None:
        while not self.stop.wait(1):  # ministack starts a process for each object
            event_id = f"event-{len(self.sent) + 1}"
            item = {"event_id": {"S": event_id}, "signals": {"L": []}}
            self.dynamodb.put_item(TableName=TABLE, Item=item)
            self.sent.append(event_id)


@dataclass
class Stage:
    """An account with an older pipeline, and the workspace of its job, which keeps rows in `old_rows`."""

    account: Account
    url: str
    api: DatabricksApi
    flow: Flow
    function: str = FUNCTION
    old_rows: set[str] = field(default_factory=set)
    printed: list[str] = field(default_factory=list)
    read: dict[str, list[str]] = field(default_factory=dict)

    @property
    def stream(self) -> str:
        """Return the ARN of the table's stream."""
        table = self.account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]
        return str(table["LatestStreamArn"])

    def run(self, *arguments: str) -> int:
        """Run a command of `stream-lambda`."""
        folder = self.account.folder
        bundle = write_bundle(folder, warehouse_id="0123456789abcdef", function_name=self.function)
        clients = self.account.clients
        tools = Tools({"DATABRICKS_HOST": self.api.url}, lambda region: clients, self.api.client, time.time, _pause)
        return run([arguments[0], "--bundle", str(bundle), *arguments[1:]], tools)

    def steps(self, capsys: pytest.CaptureFixture[str]) -> list[Step]:
        """Return what migrate prints now."""
        capsys.readouterr()
        assert self.run("migrate", "--json") == 0
        out = capsys.readouterr().out
        self.printed.append(out)
        steps: list[Step] = json.loads(out)["steps"]
        return steps

    def do(self, steps: list[Step], *titles: str) -> None:
        """Run the printed commands of steps, and their checks until the output is as expected."""
        for step in [step for step in steps if not titles or step["title"] in titles]:
            for command in step["commands"]:
                self.execute(command)
            for check in step["checks"]:
                shows = "" if check["shows"] == "nothing" else check["shows"]
                self.wait(lambda check=check, shows=shows: self.execute(check["command"]) == shows)  # type: ignore[misc] # defaults bind

    def execute(self, command: str) -> str:
        """Run one printed command; commands of the Databricks CLI go to the simulated workspace."""
        match shlex.split(command):
            case ["aws", *arguments]:
                return self._aws(arguments)
            case ["stream-lambda", "deploy", *arguments]:
                assert self.run("deploy", "--yes", "--no-test-event", *arguments) == 0
            case ["stream-lambda", *arguments]:
                # No job of ours runs here, so there is no row to wait for.
                assert self.run(*arguments, "--no-table") == 0
                return "the row has Charge_IsCharging true"
            case ["databricks", "jobs", "update", "--json", body]:
                self._call("/api/2.2/jobs/update", body)
            case ["databricks", "jobs", "list-runs", "--job-id", number, "--active-only"]:
                return "active" if self.api.active.get(int(number)) else ""
            case ["databricks", "api", "post", path, "--json", body]:
                self._call(path, body)
            case ["databricks", "tables", "get", name]:
                return "there" if name in self.api.tables else "an error: the table does not exist"
            case ["databricks", "bundle", *_]:
                self.api.jobs[OUR_JOB] = {"name": "flatten", "max_concurrent_runs": 1}
            case other:
                raise AssertionError(f"this test cannot run {other}")
        return ""

    def _aws(self, arguments: list[str]) -> str:
        environment = {**CREDENTIALS, "AWS_ENDPOINT_URL": self.url, "HOME": str(self.account.folder)}
        command = [sys.executable, "-m", "awscli", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, f"{shlex.join(arguments)}: {done.stderr}"
        return done.stdout.rstrip("\n")

    def _call(self, path: str, body: str) -> None:
        answer: Any = self.api.client().api_client.do("POST", path, body=json.loads(body))
        assert answer.get("status", {}).get("state", "SUCCEEDED") == "SUCCEEDED"

    def wait(self, look: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 240
        while not look():
            assert time.monotonic() < deadline, "the emulator was too slow"
            time.sleep(0.2)

    def keys(self, prefix: str) -> list[str]:
        pages = self.account.clients("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def ids(self, keys: list[str]) -> list[str]:
        """Return the events in objects of either pipeline, each of which is written once and read once."""
        for key in [key for key in keys if key not in self.read]:
            body = self.account.clients("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
            text = gzip.decompress(body) if key.endswith(".gz") else body
            self.read[key] = [json.loads(line)["event_id"] for line in text.splitlines()]
        return [event_id for key in keys for event_id in self.read[key]]

    def ours(self) -> list[str]:
        """Return the sent events in all lines that the new function has written, as often as they occur."""
        ids = self.ids([key for key in self.keys("telemetry/") if key.endswith(".ndjson.gz")])
        return [event_id for event_id in ids if not event_id.startswith(MARK)]

    def run_old_job(self, number: int) -> None:
        """Run the older job: read everything below the prefix, then archive it."""
        keys = self.keys("telemetry/")
        self.old_rows |= set(self.ids(keys))
        s3 = self.account.clients("s3")
        for key in keys:
            s3.copy_object(Bucket=BUCKET, Key=OLD_ARCHIVE + key, CopySource={"Bucket": BUCKET, "Key": key})
            s3.delete_object(Bucket=BUCKET, Key=key)

    def mapping_states(self) -> dict[str, str]:
        """Return the state of each function's mapping."""
        found = self.account.clients("lambda").list_event_source_mappings()["EventSourceMappings"]
        return {one["FunctionArn"].split(":")[6]: one["State"] for one in found}

    def notified(self) -> list[str]:
        """Return the functions that the bucket calls."""
        found = self.account.clients("s3").get_bucket_notification_configuration(Bucket=BUCKET)
        return sorted([one["LambdaFunctionArn"].split(":")[6] for one in found.get("LambdaFunctionConfigurations", [])])

    def left(self) -> tuple[set[str], bool]:
        """Return the names of all functions, and whether the old role exists."""
        functions = {one["FunctionName"] for one in self.account.clients("lambda").list_functions()["Functions"]}
        roles = {one["RoleName"] for one in self.account.clients("iam").list_roles()["Roles"]}
        return functions, OLD_ROLE in roles

    def assert_nothing_lost_or_duplicated(self, since: int = 0) -> None:
        """Check that each event is in an old row or in an object for our job; those since then once in ours."""
        sent = self.flow.sent
        self.wait(lambda: set(sent) <= self.old_rows | set(self.ids(self.keys("telemetry/"))))
        ours = self.ours()
        assert len(ours) == len(set(ours))
        assert set(sent[since:]) <= set(ours)


def _pause(seconds: float) -> None:
    time.sleep(min(seconds, 0.2))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as opened:
        url = opened.enter_context(ministack(tmp_path))
        tables = {TABLE_NAME: {"id": "the-old-one", "columns": ["event_id"], "events": []}}
        api = opened.enter_context(DatabricksApi(jobs={OLD_JOB: old_job()}, tables=tables, patience_seconds=60))
        clients = opened.enter_context(clients_of(url))
        account = Account(clients, tmp_path)
        account.create_table("NEW_AND_OLD_IMAGES")
        clients("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        stage = Stage(account, url, api, Flow(clients("dynamodb")))
        api.on_run = stage.run_old_job
        yield stage


PAUSED = old_job(
    schedule={**old_job()["schedule"], "pause_status": "PAUSED"}, max_concurrent_runs=0, queue={"enabled": False}
)
REVERSIBLE = (
    "stop the older job",
    "rename the older table",
    "deploy the new function",
    "switch the old mapping off",
    "remove the notification of the bucket",
)


def test_migrating_from_two_lambdas_with_undo_in_between(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    clients = stage.account.clients
    create_old_pipeline(clients, BUCKET, stage.stream, stage.api.url)
    notify(clients, BUCKET, create_other_function(clients, "thumbnails"), "images/")
    with stage.flow.running():
        stage.wait(lambda: len(stage.old_rows) > 20)
        printed = stage.steps(capsys)
        stage.do(printed, *REVERSIBLE)
        assert (stage.api.jobs[OLD_JOB], list(stage.api.tables)) == (PAUSED, [f"{TABLE_NAME}_before"])
        assert stage.mapping_states() == {OLD_STREAM_FUNCTION: "Disabled", FUNCTION: "Enabled"}
        assert stage.notified() == ["thumbnails"]
        stage.wait(lambda: len(stage.ours()) > 20)
        assert [step["is_done"] for step in stage.steps(capsys)][:3] == [True, True, True]

        # Undo: the last step first, without our function, which stays.
        for title in reversed([one for one in REVERSIBLE if one != "deploy the new function"]):
            for command in next(step for step in printed if step["title"] == title)["back"]:
                stage.execute(command)
        assert (stage.api.jobs[OLD_JOB], list(stage.api.tables)) == (old_job(), [TABLE_NAME])
        assert stage.notified() == [OLD_TRIGGER_FUNCTION, "thumbnails"]
        before = len(stage.old_rows)
        stage.wait(lambda: len(stage.old_rows) > before + 20)

        stage.do([step for step in stage.steps(capsys) if not step["is_done"]])
        in_the_end = len(stage.flow.sent)
        stage.wait(lambda: len(stage.flow.sent) > in_the_end + 20)

    stage.assert_nothing_lost_or_duplicated(since=in_the_end)
    assert (stage.mapping_states(), stage.notified()) == ({FUNCTION: "Enabled"}, ["thumbnails"])
    assert stage.left() == ({FUNCTION, "thumbnails"}, False)
    assert stage.api.skipped > 0
    assert stage.steps(capsys) == []
    assert TOKEN not in "".join(stage.printed)


@pytest.mark.parametrize("ours", [FUNCTION, "telemetry-to-s3"], ids=["in its place", "in parallel"])
def test_migrating_from_the_single_function_version(
    stage: Stage, capsys: pytest.CaptureFixture[str], ours: str
) -> None:
    stage.function = ours
    create_unified_pipeline(stage.account.clients, BUCKET, stage.stream, stage.api.url)
    with stage.flow.running():
        stage.wait(lambda: len(stage.keys("telemetry/")) > 2)
        stage.do(stage.steps(capsys))
        in_the_end = len(stage.flow.sent)
        stage.wait(lambda: len(stage.flow.sent) > in_the_end + 20)
    stage.assert_nothing_lost_or_duplicated()
    assert stage.mapping_states() == {ours: "Enabled"}
    assert stage.left() == ({ours}, False)
    assert TOKEN not in "".join(stage.printed)
