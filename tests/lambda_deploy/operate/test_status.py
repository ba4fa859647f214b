"""`status`: what it reads of both clouds, the lag of each part, and the commands for details."""

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.lakehouse import Lakehouse
from lambda_deploy.mappings import stream_mappings
from lambda_deploy.operate.status import Row, Status
from support.aws_account import BUCKET, FUNCTION, JOB, TABLE, Account, write_bundle
from support.captured import Said
from support.databricks_api import DatabricksApi, job_settings
from support.fake_stack import cloudformation
from support.old_pipeline import create_other_function

NOON = datetime(2027, 1, 15, 12, tzinfo=UTC).timestamp()
STACK = "chargeminder-telemetry-prod"
SETTINGS = job_settings("--table", "main.telemetry.rows")
ALARM: dict[str, Any] = {
    "AlarmName": f"{FUNCTION}-errors", "Namespace": "AWS/Lambda", "MetricName": "Errors", "Statistic": "Sum",
    "Period": 300, "EvaluationPeriods": 1, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip


@pytest.fixture
def api() -> Iterator[DatabricksApi]:
    tables = {"main.telemetry.rows": {"id": "t", "columns": [], "events": []}}
    with DatabricksApi(jobs={JOB: SETTINGS}, tables=tables) as api:
        yield api


@pytest.fixture
def deployed(account: Account) -> Account:
    """Return a function with a mapping, and a stack with a topic and an alarm; it is noon."""
    account.clock.now = NOON
    create_other_function(account.clients, FUNCTION)
    stream = account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    account.clients("lambda").create_event_source_mapping(
        FunctionName=FUNCTION, EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=10
    )
    account.clients("cloudwatch").put_metric_alarm(**ALARM)
    account.clients("cloudwatch").put_metric_alarm(**{**ALARM, "AlarmName": f"{FUNCTION}-shared-errors"})
    topic = account.clients("sns").create_topic(Name=f"{FUNCTION}-alerts")["TopicArn"]
    stack = cloudformation(("AWS::SNS::Topic", topic), ("AWS::CloudWatch::Alarm", ALARM["AlarmName"]))
    return replace(account, clients=lambda name: stack if name == "cloudformation" else account.clients(name))


def rows(account: Account, api: DatabricksApi | None = None, **variables: Any) -> dict[str, Row]:
    config = account.config(warehouse_id="0123456789abcdef", **variables)
    lakehouse = Lakehouse(config, api.client) if api else None
    return {row.label: row for row in Status(config, account.clients, lakehouse, account.clock).rows()}


def put(account: Account, namespace: str, name: str, value: float, minutes_ago: float) -> None:
    datum: Any = {
        "MetricName": name,
        "Dimensions": [{"Name": "FunctionName", "Value": FUNCTION}],
        "Timestamp": NOON - minutes_ago * 60,
        "Value": value,
    }
    account.clients("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


def test_before_a_deployment_each_line_says_that_it_is_missing(account: Account) -> None:
    found = rows(account)
    assert found["stack"].text == f"{STACK} does not exist: run `stream-lambda deploy -t prod`"
    assert {found[label].text for label in ("mapping", "alarms", "subscription")} == {"not deployed"}
    assert found["newest row"].text == found["job"].text == "no workspace is set"
    assert [row.label for row in found.values() if row.at is not None] == []


def test_the_stack_and_the_mapping_have_the_states_of_aws(deployed: Account) -> None:
    found = rows(deployed)
    assert found["stack"].text == f"{STACK}, UPDATE_COMPLETE"
    assert found["mapping"].text == "Enabled, last result: none yet"


def test_the_age_of_the_newest_record_includes_the_time_since_it_was_read(deployed: Account) -> None:
    put(deployed, "AWS/Lambda", "IteratorAge", 500_000, 90)
    put(deployed, "AWS/Lambda", "IteratorAge", 30_000, 10)
    put(deployed, "AWS/Lambda", "IteratorAge", 1, 60 * 5)
    row = rows(deployed)["newest record read"]
    assert row.text == "read at 11:50 UTC, 30 s old"
    assert row.lag(NOON) == 10 * 60 + 30
    assert rows(deployed)["trigger"].text == "not used: the job is started by schedule"


def test_a_silent_stream_says_so(deployed: Account) -> None:
    assert rows(deployed)["newest record read"] == Row("newest record read", "none in the last 3 hours")


@pytest.mark.parametrize("prefix", ["telemetry/", "telemetry-archive/"])
def test_the_newest_object_is_found_in_landing_or_archive(deployed: Account, prefix: str) -> None:
    deployed.clients("s3").put_object(Bucket=BUCKET, Key=f"{prefix}2027/01/14/23/a.ndjson.gz", Body=b"x")
    row = rows(deployed)["newest object"]
    assert row.text == f"s3://{BUCKET}/{prefix}2027/01/14/23/a.ndjson.gz"
    assert row.at is not None
    deployed.clients("s3").put_object(Bucket=BUCKET, Key=f"{prefix}2027/01/15/09/b.ndjson.gz", Body=b"x")
    assert rows(deployed)["newest object"].text.endswith("/09/b.ndjson.gz")


def test_objects_of_earlier_days_are_not_listed(deployed: Account) -> None:
    deployed.clients("s3").put_object(Bucket=BUCKET, Key="telemetry/2027/01/12/23/a.ndjson.gz", Body=b"x")
    assert rows(deployed)["newest object"].text == "none today or yesterday"


def test_the_newest_row_shows_its_delay(deployed: Account, api: DatabricksApi) -> None:
    api.newest = [str(int(NOON) - 120), str(int(NOON) - 300)]
    row = rows(deployed, api)["newest row"]
    assert row.text == "main.telemetry.rows, 180 s after its change in DynamoDB"
    assert row.lag(NOON) == 120
    api.newest = [None, None]
    assert rows(deployed, api)["newest row"].text == "none in the last day"


def test_the_job_shows_the_result_of_its_newest_run(deployed: Account, api: DatabricksApi) -> None:
    assert rows(deployed, api)["job"].text == "flatten, no run yet"
    api.runs[JOB] = [{"run_id": 1, "start_time": int(NOON - 60) * 1000, "state": {"result_state": "FAILED"}}]
    row = rows(deployed, api)["job"]
    assert (row.text, row.lag(NOON)) == ("flatten, newest run FAILED", 60)
    api.jobs.clear()
    assert rows(deployed, api)["job"].text == "the job does not exist: run `databricks bundle deploy -t prod`"


@pytest.mark.parametrize(
    ("started", "failed", "text", "lag"),
    [
        ([], [], "neither a start nor a failure in the last 3 hours", None),
        ([(1, 20)], [(1, 40)], "started last", 1200),
        ([(1, 40), (0, 5)], [(2, 20)], "failed last", 1200),
    ],
    ids=["silence", "started", "failed"],
)
def test_the_triggers_last_outcome_is_the_newer_one(
    deployed: Account, started: list[Any], failed: list[Any], text: str, lag: float | None
) -> None:
    for name, points in (("TriggerStarted", started), ("TriggerFailed", failed)):
        for value, minutes_ago in points:
            put(deployed, "StreamToS3", name, value, minutes_ago)
    row = rows(deployed, lambda_starts_job=True)["trigger"]
    assert (row.text, row.lag(NOON)) == (text, lag)


def test_failed_objects_are_counted_without_the_files_of_the_job(deployed: Account) -> None:
    assert rows(deployed)["failed objects"].text == "none"
    for key in ("aws/lambda/u/s/x", "telemetry-quarantine/2026/a.ndjson.gz", "telemetry-quarantine/files/b.gz", "z"):
        deployed.clients("s3").put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert rows(deployed)["failed objects"].text == "2 wait for `stream-lambda redrive -t prod`"


def test_only_alarms_of_the_stack_that_are_on_are_named(deployed: Account) -> None:
    assert rows(deployed)["alarms"].text == "none of 1 is on"
    cloudwatch = deployed.clients("cloudwatch")
    cloudwatch.set_alarm_state(AlarmName=f"{FUNCTION}-errors", StateValue="ALARM", StateReason="simulated")
    assert rows(deployed)["alarms"].text == f"ALARM: {FUNCTION}-errors"


@pytest.mark.parametrize(
    ("arns", "text"),
    [
        ([], "no subscription: nobody receives the alarms, set alert_email"),
        (["PendingConfirmation"], "not confirmed: nobody receives the alarms, answer the e-mail from AWS"),
        (["arn:aws:sns:eu-west-1:123456789012:t:1"], "jo@example.com"),
    ],
    ids=["nobody", "not confirmed", "confirmed"],
)
def test_a_subscription_counts_when_it_is_confirmed(deployed: Account, arns: list[str], text: str) -> None:
    pages = [{"Subscriptions": [{"SubscriptionArn": arn, "Endpoint": "jo@example.com"} for arn in arns]}]
    sns = SimpleNamespace(get_paginator=lambda name: SimpleNamespace(paginate=lambda **_: pages))

    def clients(service: str) -> Any:
        return sns if service == "sns" else deployed.clients(service)

    status = Status(deployed.config(), clients, None, deployed.clock)
    assert status.subscription() == (text, None)


def test_a_denied_part_is_a_line_and_the_others_are_shown(deployed: Account) -> None:
    def refused(**request: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetMetricStatistics")

    def clients(service: str) -> Any:
        alarms = deployed.clients("cloudwatch").describe_alarms
        metrics = SimpleNamespace(get_metric_statistics=refused, describe_alarms=alarms)
        return metrics if service == "cloudwatch" else deployed.clients(service)

    found = {row.label: row for row in Status(deployed.config(), clients, None, deployed.clock).rows()}
    assert found["newest record read"].text.startswith("unknown: reading the newest record read: AccessDenied")
    assert found["mapping"].text == "Enabled, last result: none yet"


def run_status(account: Account, api: DatabricksApi, *arguments: str) -> int:
    path = write_bundle(account.folder, warehouse_id="0123456789abcdef")
    tools = Tools({"DATABRICKS_HOST": api.url}, lambda region: account.clients, api.client, account.clock)
    return run(["status", "--bundle", str(path), *arguments], tools)


def test_the_screen_ends_with_complete_commands(
    deployed: Account, api: DatabricksApi, said: Callable[[], Said]
) -> None:
    api.newest = [str(int(NOON) - 1200), None]
    assert run_status(deployed, api) == 0
    screen, _, commands = said().out.partition("\n\nFor details:\n")
    assert "newest row            20 min  main.telemetry.rows" in screen
    assert [shlex.split(line)[:3] for line in commands.splitlines()] == [
        ["aws", "logs", "tail"],
        ["aws", "s3", "ls"],
        ["aws", "cloudwatch", "get-metric-statistics"],
        ["aws", "cloudformation", "describe-stack-events"],
        ["databricks", "jobs", "list-runs"],
    ]
    assert f"/aws/lambda/{FUNCTION}" in commands
    assert f"s3://{BUCKET}/telemetry/2027/01/15/" in commands
    assert f"--job-id {JOB} " in commands


def test_the_same_as_json(deployed: Account, api: DatabricksApi, said: Callable[[], Said]) -> None:
    assert run_status(deployed, api, "--json") == 0
    found = json.loads(said().out)
    assert found["lines"]["mapping"] == {"text": "Enabled, last result: none yet", "at": None, "lag_seconds": None}
    assert len(found["commands"]) == 5


def test_mappings_are_found_by_function_and_by_stream(deployed: Account) -> None:
    client = deployed.clients("lambda")
    [by_function] = stream_mappings(client, FunctionName=FUNCTION)
    assert stream_mappings(client, EventSourceArn=by_function.source) == [by_function]
    assert (by_function.function, by_function.table) == (FUNCTION, TABLE)
