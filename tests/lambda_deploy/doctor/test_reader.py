"""The doctor's facts from AWS (moto) and the workspace (the real SDK), and its output."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.doctor.facts import BucketFacts, Findings, StarterFacts, TableFacts, TableKeyFacts, Unseen
from lambda_deploy.doctor.reader import FactReader
from lambda_deploy.lakehouse import Lakehouse
from support.aws_account import BUCKET, FUNCTION, HOST, JOB, TABLE, Account, write_bundle
from support.captured import Said
from support.databricks_api import DatabricksApi
from support.old_pipeline import create_old_pipeline, create_other_function

NOW = 1_800_000_000.0
JOB_SETTINGS = {
    "name": "flatten",
    "trigger": {"pause_status": "UNPAUSED", "periodic": {"interval": 5, "unit": "MINUTES"}},
    "max_concurrent_runs": 1,
}


@pytest.fixture
def api() -> Iterator[DatabricksApi]:
    with DatabricksApi(jobs={JOB: JOB_SETTINGS}, permissions={JOB: {"app-1": "CAN_MANAGE_RUN"}}) as api:
        yield api


def look(account: Account, api: DatabricksApi | None = None, **variables: Any) -> Findings:
    config = account.config(**variables)
    return FactReader(config, {}, account.clients, Lakehouse(config, api.client) if api else None, lambda: NOW).read()


def test_the_facts_of_an_account_without_a_function(account: Account) -> None:
    seen = look(account)
    stream = account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    assert seen.account == "123456789012"
    assert seen.role_arn == f"arn:aws:iam::123456789012:role/{FUNCTION}-eu-west-1"
    assert seen.table == TableFacts((("event_id", "HASH"),), stream, "NEW_AND_OLD_IMAGES")
    # moto's buckets have no default encryption; those of AWS do since 2023.
    assert seen.bucket == BucketFacts("eu-west-1", "", is_closed=False)
    assert (seen.table_key, seen.readers, seen.mappings, seen.oldest_seconds) == (None, (), (), None)
    assert (seen.older_pipelines, seen.starter, seen.workspace, seen.jobs) == ((), None, None, None)


@pytest.mark.parametrize("variable", ["bucket", "dynamodb_table"])
def test_what_does_not_exist_is_none(account: Account, variable: str) -> None:
    seen = look(account, None, **{variable: "not-there"})
    assert (seen.bucket is None, seen.table is None) == (variable == "bucket", variable == "dynamodb_table")


def test_an_empty_table_name_is_unseen_with_a_remedy(account: Account) -> None:
    seen = look(account, dynamodb_table="")
    assert isinstance(seen.table, Unseen)
    assert "set the table for this target" in seen.table.why


def test_a_bucket_in_another_region_is_seen(account: Account) -> None:
    with closing(boto3.client("s3", "ap-south-1", aws_access_key_id="A", aws_secret_access_key="made-up")) as there:
        there.create_bucket(Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "ap-south-1"})
    bucket = look(account, bucket="far-away").bucket
    assert isinstance(bucket, BucketFacts)
    assert bucket.region == "ap-south-1"


def test_a_closed_and_encrypted_bucket_is_seen(account: Account) -> None:
    names = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    account.clients("s3").put_public_access_block(
        Bucket=BUCKET, PublicAccessBlockConfiguration=dict.fromkeys(names, True)
    )
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/telemetry"}}
    account.clients("s3").put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert look(account).bucket == BucketFacts("eu-west-1", "aws:kms", is_closed=True)


@pytest.mark.parametrize("manager", ["CUSTOMER", "AWS"])
def test_the_policy_of_the_tables_customer_managed_key_is_read(account: Account, manager: str) -> None:
    arn = account.clients("kms").create_key()["KeyMetadata"]["Arn"]

    def clients(service: str) -> Any:
        if service == "dynamodb":
            table = account.clients(service).describe_table(TableName=TABLE)["Table"]
            described = {"Table": {**table, "SSEDescription": {"SSEType": "KMS", "KMSMasterKeyArn": arn}}}
            return SimpleNamespace(describe_table=lambda **_: described)
        if service == "kms" and manager == "AWS":
            return SimpleNamespace(describe_key=lambda **_: {"KeyMetadata": {"KeyManager": "AWS"}})
        return account.clients(service)

    key = FactReader(account.config(), {}, clients, None, lambda: NOW).read().table_key
    if manager == "AWS":
        assert key is None
        return
    assert isinstance(key, TableKeyFacts)
    assert (key.arn, key.state, key.statements[0]["Action"]) == (arn, "Enabled", "kms:*")


def test_the_mapping_and_old_records_are_seen(account: Account) -> None:
    create_other_function(account.clients, FUNCTION)
    stream = account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    account.clients("lambda").create_event_source_mapping(
        FunctionName=FUNCTION, EventSourceArn=stream, StartingPosition="TRIM_HORIZON"
    )
    dimensions = [{"Name": "FunctionName", "Value": FUNCTION}]
    data: list[Any] = [
        {"MetricName": "IteratorAge", "Dimensions": dimensions, "Timestamp": NOW - 600 + age, "Value": age * 1000.0}
        for age in (5, 125, 10)
    ]
    account.clients("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=data)
    seen = look(account)
    assert not isinstance(seen.mappings, Unseen)
    assert [(one.function, one.table) for one in seen.mappings] == [(FUNCTION, TABLE)]
    assert (seen.readers, seen.oldest_seconds) == (seen.mappings, 125.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"client_id": "c", "client_secret": "dose-5ecre7"}', StarterFacts("secret", "c")),
        ('{"token": "dapi-5ecre7"}', StarterFacts("token", None)),
        ('{"token": ""}', StarterFacts("nothing", None)),
        ("dapi-5ecre7", StarterFacts("nothing", None)),
        ('["token"]', StarterFacts("nothing", None)),
        (None, StarterFacts("nothing", None)),
    ],
    ids=["client", "token", "empty", "not JSON", "array", "none"],
)
def test_only_the_owner_of_the_secret_is_read(account: Account, text: str | None, expected: StarterFacts) -> None:
    if text is not None:
        account.clients("secretsmanager").create_secret(Name=f"{FUNCTION}/databricks", SecretString=text)
    seen = look(account, lambda_starts_job=True)
    assert seen.starter == expected
    assert "5ecre7" not in repr(seen)


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        ({"JwtVendingEnabled": True}, "federation"),
        ({"JwtVendingEnabled": False}, "federation is off"),
        ("FeatureDisabled", "federation is off"),
        ("AccessDenied", None),
    ],
    ids=["on", "off", "never switched on", "no right"],
)
def test_federation_is_read_from_the_account(account: Account, answer: Any, how: str | None) -> None:
    def info() -> Any:
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": "no"}}, "GetOutboundWebIdentityFederationInfo")
        return answer

    def clients(service: str) -> Any:
        iam = SimpleNamespace(get_outbound_web_identity_federation_info=info)
        return iam if service == "iam" else account.clients(service)

    config = account.config(lambda_starts_job=True, lambda_client_id="app-1")
    starter = FactReader(config, {}, clients, None, lambda: NOW).read().starter
    assert (starter.how if isinstance(starter, StarterFacts) else None) == how


def test_a_denied_fact_is_reported_and_the_others_are_read(account: Account) -> None:
    def refused(**request: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetMetricStatistics")

    def clients(service: str) -> Any:
        return SimpleNamespace(get_metric_statistics=refused) if service == "cloudwatch" else account.clients(service)

    seen = FactReader(account.config(), {}, clients, None, lambda: NOW).read()
    assert isinstance(seen.oldest_seconds, Unseen)
    assert "reading the iterator age: AccessDenied" in seen.oldest_seconds.why
    assert isinstance(seen.bucket, BucketFacts)


def test_the_workspace_is_seen_through_its_sdk(account: Account, api: DatabricksApi) -> None:
    seen = look(account, api)
    assert seen.workspace == "jo.smith@example.com"
    assert seen.jobs is not None
    assert not isinstance(seen.jobs, Unseen)
    assert [(one.job_id, one.starts, one.may_start) for one in seen.jobs] == [(JOB, "periodic", frozenset(["app-1"]))]


def test_with_an_unknown_token_the_workspace_is_not_read(account: Account, api: DatabricksApi) -> None:
    api.token = "another"
    seen = look(account, api)
    assert isinstance(seen.workspace, Unseen)
    assert seen.jobs == seen.workspace
    assert isinstance(seen.bucket, BucketFacts)


def doctor(account: Account, api: DatabricksApi | None, *arguments: str, **variables: Any) -> int:
    path = write_bundle(account.folder, **variables)
    host = api.url if api else HOST
    tools = Tools({"DATABRICKS_HOST": host}, lambda region: account.clients, api.client if api else _nobody)
    return run(["doctor", "--bundle", str(path), *arguments], tools)


def _nobody(host: str) -> Any:
    raise ValueError("no way to log in")


def verdicts(said: Said) -> dict[str, str]:
    return {line["check"]: line["verdict"] for line in json.loads(said.out)["lines"]}


def test_before_a_deployment_the_command_exits_with_1_and_names_what_is_missing(
    account: Account, api: DatabricksApi, said: Callable[[], Said]
) -> None:
    assert doctor(account, api, "--json") == 1
    found = verdicts(said())
    assert {name for name, verdict in found.items() if verdict == "problem"} == {"mapping"}
    assert {name for name, verdict in found.items() if verdict == "warning"} == {"bucket"}


def test_an_older_pipeline_is_named(account: Account, api: DatabricksApi, said: Callable[[], Said]) -> None:
    stream = account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    create_old_pipeline(account.clients, BUCKET, stream, api.url)
    doctor(account, api)
    line = next(line for line in said().out.splitlines() if "older pipelines" in line)
    assert "chargeminder-dynamodb-stream-processor" in line


def test_without_access_to_a_workspace_aws_is_still_checked(account: Account, said: Callable[[], Said]) -> None:
    assert doctor(account, None, "--json") == 1
    found = verdicts(said())
    assert (found["workspace"], found["table key"]) == ("problem", "ok")


def test_an_invalid_variable_that_the_lambda_does_not_need_is_a_separate_line(
    account: Account, api: DatabricksApi, said: Callable[[], Said]
) -> None:
    assert doctor(account, api, "--json", discovery="listings") == 1
    lines = json.loads(said().out)["lines"]
    assert [line["reason"] for line in lines[:2]] == [
        "discovery is 'listings'",
        "account 123456789012, region eu-west-1",
    ]


def test_control_characters_are_printed_as_escapes(
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
