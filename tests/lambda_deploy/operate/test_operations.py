"""The operations of a first day, against an emulator that runs the deployed zip."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.operate.test_event import MARK
from stream_to_s3.objects import compressed
from support.aws_account import BUCKET, FUNCTION, JOB, REGION, TABLE, Account, write_bundle
from support.captured import Said
from support.databricks_api import DatabricksApi, job_settings
from support.emulators import clients_of, ministack
from support.stream_events import inserts, poison, stream_event

pytestmark = pytest.mark.process

PLACE = f"s3://{BUCKET}"


def _pause(seconds: float) -> None:
    time.sleep(min(seconds, 0.2))


@dataclass
class Site:
    """A deployed target and its workspace."""

    account: Account
    api: DatabricksApi

    def run(self, *arguments: str, **variables: Any) -> int:
        """Run a command of `stream-lambda`."""
        path = write_bundle(self.account.folder, warehouse_id="0123456789abcdef", **variables)
        clients, workspaces = self.account.clients, self.api.client
        tools = Tools({"DATABRICKS_HOST": self.api.url}, lambda region: clients, workspaces, time.time, _pause)
        return run([arguments[0], "--bundle", str(path), *arguments[1:]], tools)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("account")
    job = job_settings("--table", "main.telemetry.rows")
    with ExitStack() as opened:
        url = opened.enter_context(ministack(folder))
        api = opened.enter_context(DatabricksApi(jobs={JOB: job}))
        clients = opened.enter_context(clients_of(url))
        account = Account(clients, folder)
        account.create_table("NEW_AND_OLD_IMAGES")
        clients("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
        closed = dict.fromkeys(names, True)
        clients("s3").put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=closed)
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        clients("s3").put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
        site = Site(account, api)
        assert site.run("deploy", "--yes", "--no-test-event") == 0
        yield site


def lines(said: Said) -> dict[str, Any]:
    return {line["check"]: line for line in json.loads(said.out)["lines"]}


def test_the_doctor_finds_no_problem_after_a_deployment(site: Site, said: Callable[[], Said]) -> None:
    assert site.run("doctor", "--json") == 0
    found = lines(said())
    assert {name: line["reason"] for name, line in found.items() if line["verdict"] != "ok"} == {}


def test_the_doctor_finds_a_disabled_mapping(site: Site, said: Callable[[], Said]) -> None:
    client = site.account.clients("lambda")
    [mapping] = client.list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        assert site.run("doctor", "--json") == 1
        line = lines(said())["mapping"]
    finally:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    assert (line["verdict"], line["cure"]) == ("problem", "stream-lambda deploy -t prod")


def test_a_test_event_reaches_s3_and_is_deleted(site: Site, said: Callable[[], Said]) -> None:
    assert site.run("test-event", "--no-table", "--wait", "60", "--json") == 0
    steps = json.loads(said().out)["steps"]
    assert [step["where"] for step in steps] == ["dynamodb", "s3", "deleted"]
    assert steps[1]["detail"].startswith(f"{PLACE}/telemetry/")
    # The usual time once the mapping is enabled and has caught up.
    assert steps[1]["seconds"] < 10
    assert site.account.clients("dynamodb").scan(TableName=TABLE)["Items"] == []


def test_a_test_event_waits_for_its_row(site: Site, said: Callable[[], Said]) -> None:
    class Everything(list[str]):
        """The rows of a fast job."""

        def __contains__(self, event_id: object) -> bool:
            return str(event_id).startswith(MARK)

    site.api.tables["main.telemetry.rows"] = {"id": "t", "columns": [], "events": Everything()}
    assert site.run("test-event", "--wait", "60", "--wait-table", "60") == 0
    assert "the row has Charge_IsCharging true" in said().out
    site.api.is_starting = True
    try:
        assert site.run("test-event", "--wait", "60", "--wait-table", "0") == 1
    finally:
        site.api.is_starting = False
    assert "the warehouse did not answer" in said().err


def test_the_status_names_the_object_of_a_test_event(site: Site, said: Callable[[], Said]) -> None:
    site.run("test-event", "--no-table", "--wait", "60")
    said()
    assert site.run("status", "--json") == 0
    found = json.loads(said().out)["lines"]
    assert found["mapping"]["text"].startswith("Enabled")
    assert found["newest object"]["text"].startswith(f"{PLACE}/telemetry/")
    assert found["newest object"]["lag_seconds"] < 60


def test_failed_objects_are_redriven_and_shown_by_status(site: Site, said: Callable[[], Said]) -> None:
    s3 = site.account.clients("s3")
    arn = f"arn:aws:lambda:{REGION}:000000000000:function:{FUNCTION}"
    payload = json.dumps(stream_event(inserts(2)))
    failed = "aws/lambda/u/shardId-1/2025/10/28/2025-10-28T20.11.06-4f5e6d"
    body = json.dumps({"requestContext": {"functionArn": arn}, "payload": payload})
    s3.put_object(Bucket=BUCKET, Key=failed, Body=body)
    stays = "telemetry-quarantine/2025/10/28/20/1-1-1-0a1b2c3d.ndjson.gz"
    s3.put_object(Bucket=BUCKET, Key=stays, Body=compressed([json.dumps({"record": poison(3)})]))
    site.run("status", "--json")
    assert json.loads(said().out)["lines"]["failed objects"]["text"] == "2 wait for `stream-lambda redrive -t prod`"
    assert site.run("redrive", "--dry-run") == 1
    assert "events that would be redriven: 2; objects: 2; objects that still fail: 1" in said().out
    assert site.run("redrive", "--yes", "--json") == 1
    outcomes = json.loads(said().out)["objects"]
    assert [(one["outcome"], one["converted"]) for one in outcomes] == [("moved", 2), ("left", 0)]
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert {f"redriven/{failed}", outcomes[0]["landed"], stays} <= set(keys)
    assert failed not in keys


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["redrive", "--json"], 64, "add --yes or --dry-run"),
        (["test-event", "--wait", "soon"], 64, "soon"),
        (["test-event", "--wait", "-1"], 64, "-1 is not in the range"),
        (["logs"], 64, "No such command"),
        (["cost", "--events-per-month", "0"], 64, "events-per-month"),
        (["status", "--target", "no`where\n"], 1, "no`where"),
        (["doctor", "--bundle", "/not/there.yml"], 1, "/not/there.yml"),
    ],
    ids=["json cannot ask", "wait", "before now", "no logs", "no events", "target", "no bundle"],
)
def test_bad_input_is_one_sentence(
    site: Site, said: Callable[[], Said], arguments: list[str], code: int, sentence: str
) -> None:
    assert site.run(*arguments) == code
    output = said()
    assert sentence in output.err
    assert output.out == ""
