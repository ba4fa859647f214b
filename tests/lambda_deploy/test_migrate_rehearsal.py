"""The migration rehearsed: both pipelines in an emulator, items flowing throughout, none lost."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.errors import NotReadyError
from lambda_deploy.migrate_seen import OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION
from lambda_deploy.wait import Wait
from support.aws_account import BUCKET, FUNCTION, TABLE, Account, write_bundle
from support.databricks_api import DatabricksApi
from support.emulators import client, ministack
from support.old_pipeline import (
    OLD_ARCHIVE,
    OLD_JOB,
    OLD_JOB_NAME,
    OLD_ROLE,
    create_old_pipeline,
    create_other_function,
    notify,
    old_job,
)

pytestmark = pytest.mark.process

OUR_JOB = 620135
TABLE_NAME = "main.telemetry.car_telemetry_flattened"


@dataclass
class Flow:
    """Items that come without a pause while the migration is under way; `sent` are their ids."""

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
        while not self.stop.wait(0.02):
            event_id = f"event-{len(self.sent) + 1}"
            item = {"event_id": {"S": event_id}, "signals": {"L": []}}
            self.dynamodb.put_item(TableName=TABLE, Item=item)
            self.sent.append(event_id)


@dataclass
class Stage:
    """An account with the two-Lambda pipeline, and the workspace of its job, which keeps rows in `old_rows`."""

    account: Account
    api: DatabricksApi
    bundle: Path
    flow: Flow
    old_rows: set[str] = field(default_factory=set)

    def run(self, *arguments: str) -> int:
        """A command on the console."""
        tools = Tools(
            {"DATABRICKS_HOST": self.api.url}, lambda region: self.account.clients, self.api.client, time.time, _pause
        )
        return run([arguments[0], "--bundle", str(self.bundle), *arguments[1:]], tools)

    def wait(self, look: Callable[[], bool]) -> None:
        def attempt() -> None:
            if not look():
                raise NotReadyError("not yet")

        Wait(time.time, _pause, lambda text: None, 60).until(attempt, "the emulator")

    def keys(self, prefix: str) -> list[str]:
        pages = self.account.clients("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def ids(self, keys: list[str]) -> set[str]:
        """The events in objects of either pipeline."""
        found = set()
        for key in keys:
            body = self.account.clients("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
            text = gzip.decompress(body) if key.endswith(".gz") else body
            found |= {json.loads(line)["event_id"] for line in text.splitlines()}
        return found

    def run_old_job(self, number: int) -> None:
        """What a run of the older job does: read everything below the prefix, then archive it."""
        keys = self.keys("telemetry/")
        self.old_rows |= self.ids(keys)
        s3 = self.account.clients("s3")
        for key in keys:
            s3.copy_object(Bucket=BUCKET, Key=OLD_ARCHIVE + key, CopySource={"Bucket": BUCKET, "Key": key})
            s3.delete_object(Bucket=BUCKET, Key=key)

    def mapping_states(self) -> dict[str, str]:
        """The state of each function's mapping."""
        found = self.account.clients("lambda").list_event_source_mappings()["EventSourceMappings"]
        return {one["FunctionArn"].split(":")[6]: one["State"] for one in found}

    def notified(self) -> list[str]:
        """The functions that the bucket calls."""
        found = self.account.clients("s3").get_bucket_notification_configuration(Bucket=BUCKET)
        return sorted([one["LambdaFunctionArn"].split(":")[6] for one in found.get("LambdaFunctionConfigurations", [])])

    def functions(self) -> set[str]:
        """The names of all functions."""
        return {one["FunctionName"] for one in self.account.clients("lambda").list_functions()["Functions"]}

    def roles(self) -> set[str]:
        """The names of all roles."""
        return {one["RoleName"] for one in self.account.clients("iam").list_roles()["Roles"]}

    def tells_event_bridge(self) -> bool:
        """Whether the bucket does, as deploy has made it."""
        found = self.account.clients("s3").get_bucket_notification_configuration(Bucket=BUCKET)
        return "EventBridgeConfiguration" in found


def _pause(seconds: float) -> None:
    time.sleep(min(seconds, 0.2))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as opened:
        url = opened.enter_context(ministack(tmp_path))
        ours = {
            "name": "flatten",
            "trigger": {"periodic": {"interval": 5, "unit": "MINUTES"}},
            "max_concurrent_runs": 1,
        }
        tables = {TABLE_NAME: {"id": "the-old-one", "columns": ["event_id"], "events": []}}
        api = opened.enter_context(DatabricksApi(jobs={OLD_JOB: old_job(), OUR_JOB: ours}, tables=tables))

        @cache
        def clients(service: str) -> Any:
            made = client(service, url)
            opened.callback(made.close)
            return made

        account = Account(clients, tmp_path)
        account.create_table("NEW_AND_OLD_IMAGES")
        clients("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        stream = clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
        bundle = write_bundle(tmp_path, warehouse_id="0a1b2c3d")
        stage = Stage(account, api, bundle, Flow(clients("dynamodb")))
        api.on_run = stage.run_old_job
        create_old_pipeline(clients, BUCKET, stream, api.url)
        notify(clients, BUCKET, create_other_function(clients, "thumbnails"), "images/")
        yield stage


PAUSED = old_job(
    schedule={**old_job()["schedule"], "pause_status": "PAUSED"}, max_concurrent_runs=0, queue={"enabled": False}
)
OLD_ALONE = ({OLD_STREAM_FUNCTION: "Enabled", FUNCTION: "Disabled"}, [OLD_TRIGGER_FUNCTION, "thumbnails"])
BOTH_THERE = ({OLD_STREAM_FUNCTION: "Disabled", FUNCTION: "Enabled"}, ["thumbnails"])
NEW_ALONE = ({FUNCTION: "Enabled"}, ["thumbnails"])


def test_items_that_flow_throughout_a_migration_a_rollback_and_a_migration_are_all_there(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    migrate = ("migrate", "--old-job", OLD_JOB_NAME, "--yes")
    with stage.flow.running():
        stage.wait(lambda: len(stage.old_rows) > 20)
        assert stage.run(*migrate) == 1
        assert "run `stream-lambda deploy`" in capsys.readouterr().err
        assert (stage.api.jobs[OLD_JOB], list(stage.api.tables)) == (PAUSED, [f"{TABLE_NAME}_two_lambdas"])
        rows_when_stopped = set(stage.old_rows)

        assert stage.run("deploy", "--yes", "--no-smoke-test") == 0
        assert stage.run(*migrate, "--no-delete") == 0
        assert (stage.mapping_states(), stage.notified()) == BOTH_THERE
        assert stage.tells_event_bridge()
        assert stage.old_rows == rows_when_stopped

        assert stage.run("migrate", "--rollback", "--yes") == 0
        assert (stage.mapping_states(), stage.notified()) == OLD_ALONE
        assert (stage.api.jobs[OLD_JOB], list(stage.api.tables)) == (old_job(), [TABLE_NAME])
        assert stage.api.jobs[OUR_JOB]["trigger"]["pause_status"] == "PAUSED"
        stage.wait(lambda: len(stage.old_rows) > len(rows_when_stopped) + 20)

        assert stage.run(*migrate) == 0
        in_the_end = len(stage.flow.sent)
        stage.wait(lambda: len(stage.flow.sent) > in_the_end + 20)

    sent = set(stage.flow.sent)
    stage.wait(lambda: sent <= stage.old_rows | stage.ids(stage.keys("telemetry/")))
    ours = [key for key in stage.keys("telemetry/") if key.endswith(".ndjson.gz")]
    assert set(stage.flow.sent[in_the_end:]) <= stage.ids(ours)
    assert (stage.mapping_states(), stage.notified()) == NEW_ALONE
    assert (stage.functions(), OLD_ROLE in stage.roles()) == ({FUNCTION, "thumbnails"}, False)
    assert stage.api.skipped > 0
    assert stage.run("migrate", "--no-old-job", "--yes") == 0
