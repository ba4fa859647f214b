"""The operations on the console, against an emulator that runs the deployed zip: what one does on a first day."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.operations_cli import with_smoke_test
from lambda_deploy.test_event import MARK
from stream_to_s3.objects import compressed
from support.aws_account import BUCKET, FUNCTION, JOB, REGION, TABLE, VARIABLES, Account, write_bundle
from support.captured import Said
from support.databricks_api import DatabricksApi
from support.emulators import client, ministack
from support.stream_events import inserts, poison, stream_event

pytestmark = pytest.mark.process

ROLE = f"{FUNCTION}-role"
PLACE = f"s3://{BUCKET}"


def _pause(seconds: float) -> None:
    time.sleep(min(seconds, 0.2))


@dataclass
class Site:
    """A deployed target and its workspace."""

    account: Account
    api: DatabricksApi
    landed_by_deploy: list[str] = field(default_factory=list)

    def run(self, *arguments: str, **variables: Any) -> int:
        """A command on the console."""
        path = write_bundle(self.account.folder, warehouse_id="0a1b2c3d", **variables)
        clients, workspaces = self.account.clients, self.api.client
        tools = Tools({"DATABRICKS_HOST": self.api.url}, lambda region: clients, workspaces, time.time, _pause)
        return run([arguments[0], "--bundle", str(path), *arguments[1:]], with_smoke_test(tools))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("account")
    job = {
        "name": "flatten",
        "trigger": {"pause_status": "UNPAUSED", "periodic": {"interval": 5, "unit": "MINUTES"}},
        "max_concurrent_runs": 1,
    }
    volumes = {
        f"main.telemetry_ops.{name}": f"{PLACE}/{VARIABLES[f'{name}_prefix']}"
        for name in ("landing", "archive", "quarantine")
    }
    with ExitStack() as opened:
        url = opened.enter_context(ministack(folder))
        api = opened.enter_context(DatabricksApi(jobs={JOB: job}, locations=[PLACE], volumes=volumes))

        @cache
        def clients(service: str) -> Any:
            made = client(service, url)
            opened.callback(made.close)
            return made

        account = Account(clients, folder)
        account.create_table("NEW_AND_OLD_IMAGES")
        clients("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        site = Site(account, api)
        assert site.run("deploy", "--yes") == 0
        found = clients("s3").list_objects_v2(Bucket=BUCKET, Prefix="telemetry/")["Contents"]
        site.landed_by_deploy = [one["Key"] for one in found][:1]
        yield site


def lines(said: Said) -> dict[str, Any]:
    return {line["check"]: line for line in json.loads(said.out)["lines"]}


def test_the_doctor_finds_nothing_wrong_with_what_deploy_has_made(site: Site, said: Callable[[], Said]) -> None:
    assert site.run("doctor", "--json") == 0
    found = lines(said())
    assert {name: line["reason"] for name, line in found.items() if line["verdict"] != "ok"} == {}


@pytest.mark.parametrize("statement", ["WriteObjects", "ReadStream", "WriteOnFailure", "WriteLog"])
def test_the_doctor_names_what_a_role_without_a_statement_may_not_call(
    site: Site, said: Callable[[], Said], statement: str
) -> None:
    iam = site.account.clients("iam")
    [name] = iam.list_role_policies(RoleName=ROLE)["PolicyNames"]
    document = iam.get_role_policy(RoleName=ROLE, PolicyName=name)["PolicyDocument"]
    less = {**document, "Statement": [one for one in document["Statement"] if one["Sid"] != statement]}
    assert len(less["Statement"]) == len(document["Statement"]) - 1
    [removed] = [one for one in document["Statement"] if one["Sid"] == statement]
    iam.put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=json.dumps(less))
    try:
        assert site.run("doctor", "--json") == 1
        line = lines(said())["permissions"]
    finally:
        iam.put_role_policy(RoleName=ROLE, PolicyName=name, PolicyDocument=json.dumps(document))
    assert line["verdict"] == "problem"
    assert removed["Action"][0] in line["reason"]


def test_the_doctor_sees_a_mapping_that_somebody_has_switched_off(site: Site, said: Callable[[], Said]) -> None:
    client = site.account.clients("lambda")
    [mapping] = client.list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]
    client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        assert site.run("doctor", "--json") == 1
        line = lines(said())["mapping"]
    finally:
        client.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)
    assert (line["verdict"], line["mend"]) == ("problem", "stream-lambda deploy")


def test_the_deployment_has_ended_with_a_test_event(site: Site) -> None:
    s3 = site.account.clients("s3")
    bodies = [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in site.landed_by_deploy]
    assert [MARK.encode() in gzip.decompress(body) for body in bodies] == [True]


def test_a_test_event_goes_through_the_zip_into_s3_and_away_again(site: Site, said: Callable[[], Said]) -> None:
    assert site.run("test-event", "--no-table", "--wait", "60", "--json") == 0
    steps = json.loads(said().out)["steps"]
    assert [step["where"] for step in steps] == ["dynamodb", "s3", "deleted"]
    assert steps[1]["detail"].startswith(f"{PLACE}/telemetry/")
    assert site.account.clients("dynamodb").scan(TableName=TABLE)["Items"] == []


def test_the_log_tells_of_the_batch_and_the_status_of_the_function(site: Site, said: Callable[[], Said]) -> None:
    site.run("test-event", "--no-table", "--wait", "60")
    said()
    assert site.run("logs", "--since", "1h", "--json") == 0
    messages = [json.loads(line)["message"] for line in said().out.splitlines()]
    assert any('"batch stored"' in message for message in messages)
    assert site.run("status") == 0
    assert f"{FUNCTION}, Active, 512 MB" in said().out


def test_what_failed_is_redriven_and_the_doctor_says_so(site: Site, said: Callable[[], Said]) -> None:
    s3 = site.account.clients("s3")
    arn = f"arn:aws:lambda:{REGION}:000000000000:function:{FUNCTION}"
    payload = json.dumps(stream_event(inserts(2)))
    failed = "aws/lambda/u/shardId-1/2025/10/28/2025-10-28T20.11.06-4f5e6d"
    body = json.dumps({"requestContext": {"functionArn": arn}, "payload": payload})
    s3.put_object(Bucket=BUCKET, Key=failed, Body=body)
    stays = "telemetry-quarantine/2025/10/28/20/1-1-1-0a1b2c3d.ndjson.gz"
    s3.put_object(Bucket=BUCKET, Key=stays, Body=compressed([json.dumps({"record": poison(3)})]))
    site.run("doctor", "--json")
    assert lines(said())["failed records"]["mend"] == "stream-lambda redrive"
    assert site.run("redrive", "--dry-run") == 1
    assert "2 objects: 2 events would be redriven, 1 objects still fail" in said().out
    assert site.run("redrive", "--yes", "--json") == 1
    outcomes = json.loads(said().out)["objects"]
    assert [(one["outcome"], one["converted"]) for one in outcomes] == [("moved", 2), ("left", 0)]
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert {f"redriven/{failed}", outcomes[0]["landed"], stays} <= set(keys)
    assert failed not in keys


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["redrive", "--json"], 64, "needs --yes or --dry-run"),
        (["logs", "--level", "LOUD"], 64, "LOUD"),
        (["test-event", "--wait", "soon"], 64, "soon"),
        (["test-event", "--wait", "-1"], 64, "-1 is not in the range"),
        (["logs", "--since", "`x`" * 5_000], 64, "is no time"),
        (["cost"], 64, "--events-per-month"),
        (["cost", "--events-per-month", "0"], 64, "events-per-month"),
        (["status", "--target", "no`where\n"], 1, "no`where"),
        (["doctor", "--bundle", "/not/there.yml"], 1, "/not/there.yml"),
    ],
    ids=["json asks nothing", "level", "wait", "before now", "since", "no number", "no events", "target", "no bundle"],
)
def test_bad_input_is_one_sentence(
    site: Site, said: Callable[[], Said], arguments: list[str], code: int, sentence: str
) -> None:
    assert site.run(*arguments) == code
    told = said()
    assert sentence in told.err
    assert told.out == ""


def test_the_bill_follows_the_bundle(site: Site, said: Callable[[], Said]) -> None:
    start = {"periodic": {"interval": 1, "unit": "HOURS"}}
    assert site.run("cost", "--events-per-month", "1000000", "--json", start=start, lambda_memory_mb=1024) == 0
    found = json.loads(said().out)
    assert (found["usage"]["schedule_seconds"], found["usage"]["memory_mb"]) == (3600, 1024)
    assert site.run("cost", "--events-per-month", "1000000", start={"file_arrival": {"url": "/Volumes/x"}}) == 0
    out = said().out
    assert "Runs of the schedule" not in out
    assert "prices of us-east-1, 2026-11-22" in out
