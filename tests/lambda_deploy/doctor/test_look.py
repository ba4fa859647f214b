"""What the doctor sees: of AWS through moto, of the workspace through the real SDK, and what the command says of it."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambda_deploy.cli import run
from lambda_deploy.config import Config
from lambda_deploy.console import Tools
from lambda_deploy.doctor_aws import CloudEyes, context_entries
from lambda_deploy.doctor_seen import Cloud, Function, House, Neighbour, Secret, Table, Unseen
from lambda_deploy.doctor_workspace import HouseEyes, quoted
from lambda_deploy.errors import WorkspaceError
from support.aws_account import BUCKET, FUNCTION, JOB, TABLE, VARIABLES, Account, write_bundle
from support.captured import Said
from support.databricks_api import DatabricksApi
from support.old_pipeline import create_old_pipeline, create_other_function

NOW = 1_800_000_000.0
JOB_SETTINGS = {
    "name": "flatten",
    "trigger": {"pause_status": "UNPAUSED", "periodic": {"interval": 5, "unit": "MINUTES"}},
    "max_concurrent_runs": 1,
    "tasks": [
        {
            "task_key": "run",
            "python_wheel_task": {
                "package_name": "flatten",
                "entry_point": "flatten",
                "parameters": ["run", "--table", "main.telemetry.rows", "--ops", "main.telemetry_ops"],
            },
        }
    ],
}
PLACE = f"s3://{BUCKET}"
VOLUMES = {
    f"main.telemetry_ops.{name}": f"{PLACE}/{VARIABLES[f'{name}_prefix']}"
    for name in ("landing", "archive", "quarantine")
}


@pytest.fixture
def api() -> Iterator[DatabricksApi]:
    rows = {"id": "t", "columns": ["event_id"], "events": ["event-1"]}
    with DatabricksApi(
        jobs={JOB: JOB_SETTINGS},
        locations=[PLACE],
        volumes=VOLUMES,
        tables={"main.telemetry.rows": rows},
        permissions={JOB: {"app-1": "CAN_MANAGE_RUN", "app-2": "CAN_VIEW", "app-3": "IS_OWNER"}},
    ) as api:
        yield api


def look(account: Account, **variables: Any) -> Cloud:
    """What there is to see in an account; `leftovers` is tested with the command."""
    config = account.config(**variables)
    return CloudEyes(config, {}, account.clients, lambda: NOW, list, list).look()


def test_an_account_without_a_function_is_seen_as_it_is(account: Account) -> None:
    seen = look(account)
    stream = account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    assert seen.account == "123456789012"
    assert seen.table == Table((("event_id", "HASH"),), stream, "NEW_AND_OLD_IMAGES")
    assert (seen.bucket_region, seen.function, seen.mappings) == ("eu-west-1", None, ())
    assert (seen.oldest_seconds, seen.neighbours, seen.waiting) == (None, (), 0)


@pytest.mark.parametrize("variable", ["bucket", "dynamodb_table"])
def test_what_is_not_there_is_none(account: Account, variable: str) -> None:
    seen = look(account, **{variable: "not-there"})
    assert (seen.bucket_region is None, seen.table is None) == (variable == "bucket", variable == "dynamodb_table")


def test_a_bucket_in_another_region_is_seen(account: Account) -> None:
    with closing(boto3.client("s3", "ap-south-1", aws_access_key_id="A", aws_secret_access_key="made-up")) as there:
        there.create_bucket(Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
    assert look(account, bucket="far-away").bucket_region == "ap-south-1"


def test_a_neighbour_and_old_records_are_seen(account: Account) -> None:
    clients = account.clients
    create_other_function(clients, FUNCTION)
    create_other_function(clients, "neighbour", "another-role")
    where = {"TELEMETRY_BUCKET": BUCKET, "TELEMETRY_PREFIX": "jo/telemetry/", "DATABRICKS_HOST": "https://not.shown"}
    clients("lambda").update_function_configuration(FunctionName="neighbour", Environment={"Variables": where})
    clients("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[
            {
                "MetricName": "IteratorAge",
                "Dimensions": [{"Name": "FunctionName", "Value": FUNCTION}],
                "Timestamp": NOW - 600 + age,
                "Value": age * 1000.0,
                "Unit": "Milliseconds",
            }
            for age in (5, 125, 10)
        ],
    )
    seen = look(account)
    assert isinstance(seen.function, Function)
    assert seen.neighbours == (Neighbour("neighbour", ("jo/telemetry/",)),)
    assert seen.oldest_seconds == 125.0


def test_what_failed_is_counted_without_the_files_of_the_job(account: Account) -> None:
    for key in ("aws/lambda/u/s/x", "telemetry-quarantine/2026/a.ndjson.gz", "telemetry-quarantine/files/b.gz", "z"):
        account.clients("s3").put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert look(account).waiting == 2
    assert look(account, bucket="not-there-yet").waiting == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"client_id": "c", "client_secret": "dose-5ecre7"}', Secret(("client_id", "client_secret"), "c")),
        ('{"token": "dapi-5ecre7"}', Secret(("token",), None)),
        ('{"token": ""}', Secret((), None)),
        ("dapi-5ecre7", Secret((), None)),
        ('["token"]', Secret((), None)),
        (None, None),
    ],
    ids=["client", "token", "empty", "not JSON", "array", "none"],
)
def test_of_the_secret_only_its_fields_and_its_owner_are_seen(
    account: Account, text: str | None, expected: Secret | None
) -> None:
    if text is not None:
        account.clients("secretsmanager").create_secret(Name=f"{FUNCTION}/databricks", SecretString=text)
    seen = look(account, lambda_starts_job=True)
    assert seen.secret == expected
    assert "5ecre7" not in repr(seen)


def test_what_may_not_be_looked_at_is_said_and_the_rest_is_seen(account: Account) -> None:
    def refused(**request: Any) -> Any:
        answer: Any = {"Error": {"Code": "AccessDenied", "Message": "no"}}
        raise ClientError(answer, "SimulatePrincipalPolicy")

    def clients(service: str) -> Any:
        return SimpleNamespace(simulate_principal_policy=refused) if service == "iam" else account.clients(service)

    create_other_function(account.clients, FUNCTION)
    statement = {"Action": ["s3:PutObject"], "Resource": [f"arn:aws:s3:::{BUCKET}/telemetry/*"]}
    seen = CloudEyes(account.config(), {}, clients, lambda: NOW, lambda: [statement], list).look()
    assert isinstance(seen.denied, Unseen)
    assert "simulating the role's rights: AccessDenied" in seen.denied.why
    assert seen.bucket_region == "eu-west-1"


def test_the_rights_of_a_function_that_may_not_be_looked_at_are_unseen_too(account: Account) -> None:
    def refused(**request: Any) -> Any:
        answer: Any = {"Error": {"Code": "AccessDenied", "Message": "no"}}
        raise ClientError(answer, "GetFunctionConfiguration")

    events = account.clients("lambda").meta.events
    events.register("before-call.lambda.GetFunctionConfiguration", refused)
    try:
        seen = CloudEyes(account.config(), {}, account.clients, lambda: NOW, list, lambda: ["x"]).look()
    finally:
        events.unregister("before-call.lambda.GetFunctionConfiguration", refused)
    assert isinstance(seen.function, Unseen)
    assert seen.denied == seen.function
    assert seen.leftovers == ("x",)


def test_conditions_are_told_to_the_simulation() -> None:
    condition = {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "databricks"},
        "NumericLessThanEquals": {"sts:DurationSeconds": "300"},
    }
    assert context_entries(condition) == [
        {"ContextKeyName": "sts:DurationSeconds", "ContextKeyValues": ["300"], "ContextKeyType": "numeric"},
        {"ContextKeyName": "sts:IdentityTokenAudience", "ContextKeyValues": ["databricks"], "ContextKeyType": "string"},
    ]


def eyes(account: Account, api: DatabricksApi, **variables: Any) -> HouseEyes:
    return HouseEyes(account.config(warehouse_id="0a1b2c3d", **variables), api.client)


def test_the_workspace_is_seen_through_its_sdk(account: Account, api: DatabricksApi) -> None:
    house = eyes(account, api).look()
    assert house.user == "jo.smith@example.com"
    assert (house.external_locations, house.volumes) == ((PLACE,), VOLUMES)
    assert not isinstance(house.jobs, Unseen)
    [job] = house.jobs
    assert (job.job_id, job.starts, job.paused, job.max_concurrent_runs) == (JOB, "periodic", False, 1)
    assert job.may_start == {"app-1", "app-3"}
    assert job.options == {"--table": "main.telemetry.rows", "--ops": "main.telemetry_ops"}


@pytest.mark.parametrize(
    ("start", "kind", "paused"),
    [
        ({}, None, False),
        ({"schedule": {"quartz_cron_expression": "0 * * * * ?", "timezone_id": "UTC"}}, "schedule", False),
        ({"continuous": {"pause_status": "PAUSED"}}, "continuous", True),
        ({"trigger": {"pause_status": "PAUSED", "file_arrival": {"url": "/Volumes/a"}}}, "file_arrival", True),
        ({"trigger": {"table_update": {"table_names": ["a.b.c"]}}}, "another trigger", False),
    ],
    ids=["nothing", "schedule", "continuous", "file arrival", "another"],
)
def test_what_starts_the_job_is_seen(
    account: Account, api: DatabricksApi, start: dict[str, Any], kind: str | None, paused: bool
) -> None:
    api.jobs[JOB] = {"name": "flatten", **start}
    [job] = eyes(account, api).jobs()
    assert (job.starts, job.paused) == (kind, paused)


def test_jobs_whose_names_differ_in_case_are_not_ours(account: Account, api: DatabricksApi) -> None:
    api.jobs[7] = {**JOB_SETTINGS, "name": "FLATTEN"}
    assert [job.job_id for job in eyes(account, api).jobs()] == [JOB]


@pytest.mark.parametrize(
    ("user", "shown", "prefix"),
    [("jo.smith@example.com", "Jo", "jo_smith"), ("0a1b2c3d-0000-4000-8000-00000000000f", "CI / main", "ci_main")],
    ids=["a person", "a service principal"],
)
def test_a_developers_job_has_the_prefix_of_the_bundle(
    account: Account, api: DatabricksApi, user: str, shown: str, prefix: str
) -> None:
    api.user, api.shown = user, shown
    api.jobs = {7: {**JOB_SETTINGS, "name": f"[dev {prefix}] flatten"}}
    config = Config.read(write_bundle(account.folder), "dev", {})
    assert [job.job_id for job in HouseEyes(config, api.client).jobs()] == [7]


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        ((401, "UNAUTHENTICATED"), "databricks auth login"),
        ((403, "PERMISSION_DENIED"), "ask an owner"),
        ((400, "BAD_REQUEST"), "refused"),
        ((404, "NOT_FOUND"), "refused"),
    ],
    ids=["expired", "no right", "bad request", "not found"],
)
def test_what_the_workspace_refuses_is_unseen(
    account: Account, api: DatabricksApi, refusal: tuple[int, str], sentence: str
) -> None:
    api.refusals["/api/2.1/unity-catalog/external-locations"] = refusal
    house = eyes(account, api).look()
    assert isinstance(house.external_locations, Unseen)
    assert sentence in house.external_locations.why
    assert house.volumes == VOLUMES


def test_an_unknown_token_ends_the_look_at_once(account: Account, api: DatabricksApi) -> None:
    api.token = "another"
    house = eyes(account, api).look()
    assert isinstance(house.user, Unseen)
    assert house == House(house.user, house.user, house.user, house.user)


@pytest.mark.parametrize(("event", "there"), [("event-1", True), ("' OR 1=1 --", False)])
def test_a_row_is_asked_for_by_a_parameter(account: Account, api: DatabricksApi, event: str, there: bool) -> None:
    assert eyes(account, api).has_event(event) is there


def test_without_a_warehouse_no_table_can_be_asked(account: Account, api: DatabricksApi) -> None:
    with pytest.raises(WorkspaceError, match="warehouse_id is not set"):
        HouseEyes(account.config(), api.client).has_event("event-1")


def test_a_table_that_the_job_has_not_made_yet_has_no_row(account: Account, api: DatabricksApi) -> None:
    api.tables.clear()
    assert not eyes(account, api).has_event("event-1")


def test_a_statement_that_fails_says_why(account: Account, api: DatabricksApi) -> None:
    with pytest.raises(WorkspaceError, match=r"FAILED: \[TABLE_OR_VIEW_NOT_FOUND"):
        eyes(account, api).sql("ALTER TABLE `a` RENAME TO `b`")


def test_a_name_with_backticks_stays_one_name() -> None:
    assert quoted("main.tele`metry.rows") == "`main`.`tele``metry`.`rows`"


def doctor(account: Account, api: DatabricksApi | None, *arguments: str, **variables: Any) -> int:
    path = write_bundle(account.folder, warehouse_id="0a1b2c3d", **variables)
    tools = Tools(
        {"DATABRICKS_HOST": api.url if api else ""}, lambda region: account.clients, api.client if api else _nobody
    )
    return run(["doctor", "--bundle", str(path), *arguments], tools)


def _nobody(host: str) -> Any:
    raise AssertionError("no workspace is named, so none is asked")


def verdicts(said: Said) -> dict[str, str]:
    return {line["check"]: line["verdict"] for line in json.loads(said.out)["lines"]}


def test_before_a_deployment_the_command_ends_with_1_and_names_what_is_missing(
    account: Account, api: DatabricksApi, said: Callable[[], Said]
) -> None:
    assert doctor(account, api, "--json") == 1
    found = verdicts(said())
    assert {name for name, verdict in found.items() if verdict == "problem"} == {"function", "mapping"}
    assert found["permissions"] == "warning"


def test_leftovers_of_two_lambdas_are_named(account: Account, api: DatabricksApi, said: Callable[[], Said]) -> None:
    stream = account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    create_old_pipeline(account.clients, BUCKET, stream, api.url)
    doctor(account, api)
    line = next(line for line in said().out.splitlines() if "two-Lambda" in line)
    assert "chargeminder-dynamodb-stream-processor" in line
    assert "a notification of" in line


def test_without_a_workspace_aws_is_looked_at_all_the_same(account: Account, said: Callable[[], Said]) -> None:
    path = write_bundle(account.folder)
    tools = Tools({}, lambda region: account.clients, _nobody)
    assert run(["doctor", "--bundle", str(path), "--target", "dev", "--json"], tools) == 1
    found = verdicts(said())
    assert (found["workspace"], found["table key"]) == ("warning", "ok")
    assert "job" not in found


def test_names_that_would_move_the_cursor_are_printed_as_escapes(
    account: Account, api: DatabricksApi, said: Callable[[], Said]
) -> None:
    api.user = "jo\x1b[2J\n\u202e"
    doctor(account, api)
    out = said().out
    assert "jo\\x1b[2J\\n\\u202e" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("arguments", [["--colour"], ["now"]])
def test_wrong_usage_ends_with_64(account: Account, arguments: list[str]) -> None:
    assert doctor(account, None, *arguments) == 64
