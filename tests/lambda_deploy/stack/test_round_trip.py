"""create -> plan empty -> each variable changed, one by one -> plan -> deploy -> plan empty -> destroy -> nothing left.

On moto in this process and on ministack, within the table of their gaps (support/emulator_gaps.py).
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy import names
from lambda_deploy.cli import run
from lambda_deploy.outside.secret import secret_from, set_secret
from support.aws_account import (
    BUCKET,
    EVERYTHING,
    HOST,
    SECRET,
    TABLE,
    Account,
    Moments,
    make_clients,
    moto_account,
    write_bundle,
)
from support.captured import Said
from support.emulators import client, ministack

pytestmark = pytest.mark.process

PROD = "chargeminder-telemetry-prod"
START = {**EVERYTHING}
BOUNDARY = "arn:aws:iam::123456789012:policy/limits"
# A variable, its new value, and each property that the plan must show as changed, and no other.
STEPS: dict[str, tuple[Any, set[str]]] = {
    "batch_size": (77, {"Mapping BatchSize: 1000 -> 77"}),
    "batching_window_seconds": (9, {"Mapping MaximumBatchingWindowInSeconds: 5 -> 9"}),
    "lambda_memory_mb": (256, {"Function MemorySize: 512 -> 256"}),
    "lambda_timeout_seconds": (45, {"Function Timeout: 60 -> 45"}),
    "max_record_age_seconds": (3_600, {"Mapping MaximumRecordAgeInSeconds: 82800 -> 3600"}),
    "max_retries": (3, {"Mapping MaximumRetryAttempts: -1 -> 3"}),
    "log_retention_days": (90, {"LogGroup RetentionInDays: 30 -> 90"}),
    "tags": ({"cost": "42"}, {'Stack tags.cost: null -> "42"'}),
    "lambda_client_id": (
        "client-1",
        {
            'Function Environment.Variables.DATABRICKS_CLIENT_ID: null -> "client-1"',
            'Function Environment.Variables.DATABRICKS_SECRET_ID: "chargeminder-unified-processor/databricks" -> null',
            "Role Policies.stream-to-s3.PolicyDocument.Statement.IdentifyToDatabricks: null -> ...",
            "Role Policies.stream-to-s3.PolicyDocument.Statement.ReadSecret: ... -> null",
        },
    ),
    "tracing": (
        True,
        {
            'Function TracingConfig.Mode: "PassThrough" -> "Active"',
            "Role Policies.stream-to-s3.PolicyDocument.Statement.WriteTraces: null -> ...",
        },
    ),
    "quarantine_prefix": (
        "bad/",
        {
            'Function Environment.Variables.QUARANTINE_PREFIX: "telemetry-quarantine/" -> "bad/"',
            "Role Policies.stream-to-s3.PolicyDocument.Statement.WriteObjects.Resource: ... -> ...",
        },
    ),
    "landing_prefix": (
        "new/",
        {
            'Function Description: "chargeminder-car-telemetry to s3://chargeminder-telemetry-raw/telemetry/" -> '
            '"chargeminder-car-telemetry to s3://chargeminder-telemetry-raw/new/"',
            'Function Environment.Variables.TELEMETRY_PREFIX: "telemetry/" -> "new/"',
            "Role Policies.stream-to-s3.PolicyDocument.Statement.WriteObjects.Resource: ... -> ...",
            "Dashboard DashboardBody.widgets[0].properties.markdown: text -> text",
        },
    ),
    "permissions_boundary": (BOUNDARY, {f'Role PermissionsBoundary: null -> "{BOUNDARY}"'}),
    "lambda_starts_job": (
        False,
        {
            'Function Environment.Variables.DATABRICKS_CLIENT_ID: "client-1" -> null',
            f'Function Environment.Variables.DATABRICKS_HOST: "{HOST}" -> null',
            'Function Environment.Variables.DATABRICKS_JOB_ID: "620135" -> null',
            "Role Policies.stream-to-s3.PolicyDocument.Statement.IdentifyToDatabricks: ... -> null",
            "TriggerFailedAlarm remove",
            "Dashboard DashboardBody.widgets: ... -> ...",
        },
    ),
    "alert_email": ("new@example.com", {'Subscription Endpoint: "alerts@example.com" -> "new@example.com"'}),
}
# What an emulator cannot do with a change, by its table of gaps.
LEFT_OUT = {"moto": ["alert_email", "log_retention_days", "tags"], "ministack": []}


@dataclass
class Target:
    """A target that changes step by step."""

    account: Account
    emulator: str
    said: Callable[[], Said] = field(repr=False)
    variables: dict[str, Any] = field(default_factory=lambda: dict(START))

    def run(self, command: str, *arguments: str) -> int:
        path = write_bundle(self.account.folder, **self.variables)
        self.account.clock.now += 1
        tools = replace(self.account.tools(), ask=lambda text, hidden: PROD)
        return run([command, "--bundle", str(path), *arguments], tools)

    def planned(self) -> set[str]:
        """Return a plan as "resource path: old -> new" or "resource remove", with dots for long values."""
        self.said()
        assert self.run("plan", "--json") == 0
        changes = json.loads(self.said().out)["changes"]
        values = {
            f"{change['resource']} {each['path']}: {short(each['old'])} -> {short(each['new'])}"
            for change in changes
            for each in change["differences"]
        }
        return values | {f"{each['resource']} {each['action']}" for each in changes if each["action"] != "update"}

    def exists(self) -> set[str]:
        """Return what exists in the account, except the log group and the table."""
        clients = self.account.clients
        objects = clients("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return {
            *[each["FunctionName"] for each in clients("lambda").list_functions()["Functions"]],
            *[each["UUID"] for each in clients("lambda").list_event_source_mappings()["EventSourceMappings"]],
            *[each["RoleName"] for each in clients("iam").list_roles()["Roles"]],
            *[each["TopicArn"] for each in clients("sns").list_topics()["Topics"]],
            *[each["AlarmName"] for each in clients("cloudwatch").describe_alarms()["MetricAlarms"]],
            *[each["DashboardName"] for each in clients("cloudwatch").list_dashboards()["DashboardEntries"]],
            *[each["Key"] for each in objects],
        }


def short(value: Any) -> str:
    """Return a value in one word."""
    if isinstance(value, str) and "\n" in value:
        return "text"
    return "..." if isinstance(value, dict | list) else json.dumps(value)


@contextmanager
def ministack_account(folder: Path) -> Iterator[Account]:
    """Yield an account of ministack."""
    with ministack(folder) as url:
        yield Account(make_clients(lambda service: client(service, url), []), folder, clock=Moments())


@pytest.fixture(params=["moto", pytest.param("ministack", marks=pytest.mark.process)])
def target(request: pytest.FixtureRequest, tmp_path: Path, said: Callable[[], Said]) -> Iterator[Target]:
    with {"moto": moto_account, "ministack": ministack_account}[request.param](tmp_path) as account:
        account.create_table()
        yield Target(account, request.param, said)


@pytest.fixture
def emulated(tmp_path: Path) -> Iterator[Account]:
    with ministack_account(tmp_path) as account:
        account.create_table()
        yield account


def test_a_target_from_creation_to_removal(target: Target) -> None:
    config = target.account.config(**START)
    set_secret(config, target.account.clients, secret_from(SECRET))
    assert target.run("deploy", "--yes", "--create-bucket") == 0
    assert target.planned() == set()
    assert target.run("plan", "--detailed-exitcode") == 0
    for name, (value, expected) in STEPS.items():
        if name in LEFT_OUT[target.emulator]:
            continue
        target.variables[name] = value
        assert target.planned() == expected, name
        assert target.run("plan", "--detailed-exitcode") == 2
        assert target.run("deploy", "--yes") == 0
        assert target.planned() == set(), name
    _check_is_as_set(target)
    assert target.run("destroy", "--yes") == 0
    assert target.exists() == set()
    if target.emulator == "ministack":
        groups = target.account.clients("logs").describe_log_groups()["logGroups"]
        assert [each["logGroupName"] for each in groups] == [names.log_group(config)]


def _check_is_as_set(target: Target) -> None:
    """Check what the emulators have of the last settings."""
    clients, function = target.account.clients, names.stack_name(target.account.config())
    found = clients("lambda").get_function_configuration(FunctionName="chargeminder-unified-processor")
    assert (found["MemorySize"], found["Timeout"]) == (256, 45)
    variables = {"TELEMETRY_BUCKET": BUCKET, "TELEMETRY_PREFIX": "new/", "QUARANTINE_PREFIX": "bad/"}
    assert found["Environment"]["Variables"] == variables
    [mapping] = clients("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert (mapping["BatchSize"], mapping["MaximumRetryAttempts"]) == (77, 3)
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == f"arn:aws:s3:::{BUCKET}"
    assert mapping["EventSourceArn"].split("/")[1] == TABLE
    stream = clients("dynamodb").describe_table(TableName=TABLE)["Table"]["StreamSpecification"]
    assert stream == {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    if target.emulator == "ministack":
        [topic] = clients("sns").list_topics()["Topics"]
        subscribed = clients("sns").list_subscriptions_by_topic(TopicArn=topic["TopicArn"])["Subscriptions"]
        assert [each["Endpoint"] for each in subscribed] == ["new@example.com"]
        assert len(clients("cloudwatch").describe_alarms()["MetricAlarms"]) == 7
    assert function == PROD


@pytest.mark.process
def test_a_renamed_function_leaves_nothing_of_the_old_one_and_previous_brings_it_back(
    emulated: Account, said: Callable[[], Said]
) -> None:
    target = Target(emulated, "ministack", said, {"alert_email": "alerts@example.com"})
    assert target.run("deploy", "--yes", "--create-bucket") == 0
    target.variables["function_name"] = "another"
    assert target.run("deploy", "--yes") == 1
    assert "Function (another) is replaced" in said().err
    assert target.run("deploy", "--yes", "--replace") == 0
    old = [name for name in target.exists() if "chargeminder-unified" in name]
    assert old == []
    assert target.run("deploy", "--yes", "--previous", "--replace") == 0
    assert [name for name in target.exists() if name.startswith("another")] == []
    target.variables.pop("function_name")
    assert target.planned() == set()


@pytest.mark.process
def test_a_log_group_that_an_earlier_version_made_is_adopted(emulated: Account, said: Callable[[], Said]) -> None:
    emulated.clients("logs").create_log_group(logGroupName="/aws/lambda/chargeminder-unified-processor")
    target = Target(emulated, "ministack", said, {})
    assert target.run("deploy", "--yes", "--create-bucket") == 0
    assert "+ import LogGroup" in said().out
    [group] = emulated.clients("logs").describe_log_groups()["logGroups"]
    assert group["logGroupName"] == "/aws/lambda/chargeminder-unified-processor"
