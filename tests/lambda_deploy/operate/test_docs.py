"""docs/deploying.md, migration.md and troubleshooting.md have every command, line, step and alarm."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.doctor.checks import CHECKS
from lambda_deploy.doctor.cli import VARIABLES
from lambda_deploy.errors import WorkspaceError
from lambda_deploy.migrate.cli import migrate_command
from lambda_deploy.migrate.steps import steps
from lambda_deploy.operate.status import Status
from lambda_deploy.template.alarms import ALARMS, alarms
from support.aws_account import BUCKET, FUNCTION, REGION, Account
from support.captured import Said
from support.fake_stack import cloudformation
from support.old_pipeline import A_FOUND_PIPELINE
from support.stream_events import inserts, stream_event

ROOT = Path(__file__).parents[3]
OPERATIONS = (ROOT / "docs/deploying.md").read_text("utf-8")
MIGRATION = (ROOT / "docs/migration.md").read_text("utf-8")


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")}


def quoted(text: str) -> set[str]:
    """Return the texts in backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


def cells(header: str, command: str) -> list[str]:
    """Return the row of a command in the table of deploying.md with this header."""
    table = OPERATIONS.partition(f"| {header}")[2].partition("\n\n")[0]
    [row] = [line for line in table.splitlines() if line.startswith(f"| `{command}` |")]
    return row.split(" | ")


def first_column(page: str, header: str) -> list[str]:
    """Return the first column of the table with this header, without backticks."""
    rows = page.partition(f"| {header}")[2].partition("\n\n")[0].splitlines()[2:]
    return [row.split(" | ")[0].removeprefix("| ").strip("`") for row in rows]


def test_the_page_of_the_migration_has_each_option_of_its_command() -> None:
    assert options(migrate_command) <= quoted(MIGRATION)


def test_each_step_of_the_migration_has_its_row_in_their_order(account: Account) -> None:
    config = account.config()
    assert first_column(MIGRATION, "step") == [step.title for step in steps(config, A_FOUND_PIPELINE)]
    in_place = replace(A_FOUND_PIPELINE, stream_function=config.function_name)
    assert {step.title for step in steps(config, in_place)} <= set(first_column(MIGRATION, "step"))


def test_each_check_of_the_doctor_has_its_row_in_their_order() -> None:
    assert first_column(OPERATIONS, "line | what is looked at") == [VARIABLES, *[check.name for check in CHECKS]]


def test_each_line_of_the_status_has_its_row_in_their_order(account: Account) -> None:
    rows = Status(account.config(), account.clients, None, account.clock).rows()
    assert first_column(OPERATIONS, "line | what it shows") == [row.label for row in rows]


_ACTIONS = {
    "s3.HeadBucket": "s3:ListBucket",
    "s3.ListObjectsV2": "s3:ListBucket",
    "s3.CopyObject": "s3:PutObject",
    "s3.GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3.GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}
# Called only for a table with its own KMS key, and for an account that issues tokens; moto has neither.
_NOT_IN_MOTO = {"kms:DescribeKey", "kms:GetKeyPolicy", "iam:GetOutboundWebIdentityFederationInfo"}


@pytest.mark.parametrize("command", ["status", "doctor", "test-event", "redrive"])
def test_each_command_lists_the_actions_that_it_needs(account: Account, command: str) -> None:
    arguments = {"test-event": ["--no-table", "--wait", "20"], "redrive": ["--yes"]}.get(command, [])
    s3, arn = account.clients("s3"), f"arn:aws:lambda:{REGION}:123456789012:function:{FUNCTION}"
    topic = account.clients("sns").create_topic(Name="alerts")["TopicArn"]
    body = json.dumps({"requestContext": {"functionArn": arn}, "payload": json.dumps(stream_event(inserts(1)))})
    s3.put_object(Bucket=BUCKET, Key="aws/lambda/u/s/x", Body=body)
    # moto dates objects by the real clock.
    account.clock.now = time.time()
    now = datetime.fromtimestamp(account.clock(), UTC)
    s3.put_object(Bucket=BUCKET, Key=f"telemetry/{now:%Y/%m/%d/%H}/x.ndjson.gz", Body=b"")
    stack = cloudformation(("AWS::SNS::Topic", topic), ("AWS::CloudWatch::Alarm", "errors"))

    def with_a_stack(service: str) -> Any:
        return stack if service == "cloudformation" else account.clients(service)

    account.calls.clear()
    for clients in (account.clients, with_a_stack):
        replace(account, clients=clients, workspaces=_nobody).run(command, *arguments, lambda_starts_job=True)
    taken = {_ACTIONS.get(call, call.replace(".", ":")) for call in account.calls} - {"sts:GetCallerIdentity"}
    assert taken == quoted(cells("command | actions", command)[1]) - _NOT_IN_MOTO


def _nobody(host: str) -> Any:
    raise WorkspaceError("no way to log in")


def test_each_alarm_has_its_section_on_the_page_of_troubleshooting() -> None:
    part = (
        (ROOT / "docs/troubleshooting.md")
        .read_text("utf-8")
        .partition("## Alarms of the Lambda\n")[2]
        .partition("\n## ")[0]
    )
    assert sorted(re.findall(r"^### (.+)$", part, re.MULTILINE)) == sorted(ALARMS)
    for section in part.split("### ")[1:]:
        assert [mark in section for mark in ("**Means:**", "**See:**", "**Fix:**")] == [True] * 3


def test_each_alarm_is_in_the_reference_with_its_metric_and_its_bound(account: Account) -> None:
    page = (ROOT / "docs/reference/lambda.md").read_text("utf-8").partition("\n## Alarms\n")[2]
    rows = dict(re.findall(r"(?m)^\| `([a-z0-9-]+)` \| (.+) \|$", page))
    found = alarms(account.config(lambda_starts_job=True)).values()
    assert rows.keys() == {alarm["AlarmName"].removeprefix(f"{FUNCTION}-") for alarm in found}
    for alarm in found:
        row = rows[alarm["AlarmName"].removeprefix(f"{FUNCTION}-")]
        metrics = [alarm["MetricName"]] if "MetricName" in alarm else ["TriggerFailed", "TriggerStarted"]
        assert quoted(row) - {"lambda_starts_job"} == set(metrics)
        bound = f"above {alarm['Threshold']:,}" if "MetricName" in alarm else "in an hour"
        assert ("without data" if "PolledEventCount" in metrics else bound) in row
        assert "MetricName" not in alarm or f"in {alarm['EvaluationPeriods']} period" in row


def test_the_bill_in_the_docs_is_what_the_command_prints(said: Callable[[], Said]) -> None:
    found = re.search(r"`(stream-lambda cost [^`]+)`:\n```\n(.*?)```", OPERATIONS, re.DOTALL)
    assert found is not None
    bundle = ["--bundle", str(ROOT / "databricks.yml")]
    assert run([*found[1].split()[1:], *bundle], Tools({})) == 0
    assert said().out == found[2]
