"""The template's policy has no wildcard, is sufficient for the real zip, and has no unnecessary statement.

The handler's calls are tried with the role's credentials, on an emulator that enforces IAM. What AWS does on the role's
behalf (stream, log, traces, on-failure objects, keys) is tried with the simulation of the deployed role.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest

from lambda_deploy.build import build
from lambda_deploy.config import Config
from lambda_deploy.stack.plan import resources_of
from lambda_deploy.template.policy import WITHOUT_RESOURCE
from lambda_deploy.template.render import POLICY_NAME, template
from rehearsal.aws.runtime import Function, Invocation
from rehearsal.databricks.server import WorkspaceServer
from rehearsal.databricks.workspace import FederationPolicy, Principal, Workspace, WorkspaceJob
from support.aws_account import BUCKET, FUNCTION, JOB, REGION, Account, Moments, make_clients
from support.emulators import ministack
from support.stream_events import inserts, poison, stream_event
from support.tokens import unverified

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform != "linux", reason="awslambdaric exists for Linux only"),
]

HANDLER = "stream_to_s3.handler.handler"
TOKEN = "dapi-5ecre7"
ROLE = f"{FUNCTION}-{REGION}"
ROOT = boto3.Session("test", "test", region_name=REGION)
# Statements by who needs them: the handler's calls, or AWS on behalf of the role.
BY_THE_HANDLER = ("WriteObjects", "ReadSecret", "IdentifyToDatabricks")
# Every setting that adds a statement, but the two ways to say who it is. ministack knows no subnet of that name.
ALL_STATEMENTS = {"tracing": True}


@dataclass
class Harness:
    """A deployed target, with the zip ready to run under its role."""

    account: Account
    config: Config
    archive: Path
    url: str
    folder: Path
    server: WorkspaceServer
    policy: dict[str, Any] = field(default_factory=dict)

    def deploy(self, **changes: Any) -> dict[str, Any]:
        """Deploy with these settings and return the statements of the role's policy.

        If they are already deployed, only the policy has been changed since: it is restored.
        """
        config = replace(self.config, host=self.server.url, **changes)
        if config == self.config:
            self.put(self.policy)
            return self.policy
        self.config = config
        self.account.deploy(config, json.dumps({"token": TOKEN}))
        self.policy = self.deployed()
        return self.policy

    def deployed(self) -> dict[str, Any]:
        """Return the statements of the template's policy by name, with the deployed parameters."""
        site = self.account.site(self.config)
        parameters = site.cloudformation.read().parameters
        [policy] = resources_of(template(self.config), parameters, site)["Role"]["Properties"]["Policies"]
        found = {each["Sid"]: each for each in policy["PolicyDocument"]["Statement"]}
        return {name: {key: value for key, value in each.items() if key != "Sid"} for name, each in found.items()}

    @cached_property
    def key(self) -> str:
        """Return the ARN of a KMS key."""
        return str(self.account.clients("kms").create_key()["KeyMetadata"]["Arn"])

    def put(self, policy: Mapping[str, Any]) -> None:
        """Give the role this policy instead."""
        document = {"Version": "2012-10-17", "Statement": [{"Sid": name, **each} for name, each in policy.items()]}
        self.account.clients("iam").put_role_policy(
            RoleName=ROLE, PolicyName=POLICY_NAME, PolicyDocument=json.dumps(document)
        )

    def invoke(self) -> Invocation:
        """Run the zip in a new process, with the deployed variables and the role's credentials."""
        variables = self.account.clients("lambda").get_function_configuration(FunctionName=FUNCTION)["Environment"]
        environment = {**variables["Variables"], **self.credentials(), "AWS_ENDPOINT_URL": self.url}
        folder = self.folder / uuid4().hex
        folder.mkdir()
        start = next(BATCHES)
        with Function(self.archive, HANDLER, environment, folder) as function:
            return function.invoke(stream_event([poison(start), *inserts(2, start=start + 1)]))

    def credentials(self) -> dict[str, str]:
        """Return the role's credentials. It trusts Lambda alone, so for this moment it trusts the account, too."""
        iam = self.account.clients("iam")
        arn, trust = (iam.get_role(RoleName=ROLE)["Role"][name] for name in ("Arn", "AssumeRolePolicyDocument"))
        open_trust = json.loads(json.dumps(trust))
        open_trust["Statement"][0]["Principal"] = {"AWS": arn.split(":")[4]}
        iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(open_trust))
        given = self.account.clients("sts").assume_role(RoleArn=arn, RoleSessionName=FUNCTION)["Credentials"]
        iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(trust))
        return {
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
            "AWS_REGION": REGION,
        }

    def decisions(self, statement: Mapping[str, Any]) -> set[str]:
        """Return IAM's decision for each action of a statement on each of its resources."""
        iam = self.account.clients("iam")
        arn = iam.get_role(RoleName=ROLE)["Role"]["Arn"]
        return {
            result["EvalDecision"]
            for resource in statement["Resource"]
            for result in iam.simulate_principal_policy(
                PolicySourceArn=arn, ActionNames=statement["Action"], ResourceArns=[inside(resource)]
            )["EvaluationResults"]
        }


def lines_of(logged: Mapping[str, Any]) -> int:
    """Return how many lines the written object has, by its key."""
    return int(logged["key"].split("-")[-2])


def inside(resource: str) -> str:
    """Return one concrete resource that matches a resource of a statement."""
    return resource if resource == "*" else resource.replace("??????", "abcdef").replace("*", "x")


def without_unknown_conditions(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return a policy without the conditions that the emulator does not know: it evaluates them as not met."""
    return {
        name: {part: value for part, value in each.items() if part != "Condition" or name not in UNKNOWN_CONDITIONS}
        for name, each in policy.items()
    }


# https://docs.databricks.com/aws/en/dev-tools/auth/provider-aws-iam and
# https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html, which the emulator does not know.
UNKNOWN_CONDITIONS = {
    "IdentifyToDatabricks": {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "databricks"},
        "NumericLessThanEquals": {"sts:DurationSeconds": "300"},
    },
    "WriteWithKey": {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}},
}
BATCHES = iter(range(1, 10_000, 10))


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    folder = tmp_path_factory.mktemp("harness")
    archive = build(folder / "a.zip").path
    workspace = Workspace(time.time)
    workspace.jobs[JOB] = WorkspaceJob(JOB, run_seconds=0)
    with ExitStack() as opened:
        url = opened.enter_context(ministack(folder, AUTH="true"))

        def make(service: str) -> Any:
            made: Any = ROOT.client(service, endpoint_url=url)  # type: ignore[call-overload] # its name is a parameter
            opened.callback(made.close)
            return made

        account = Account(make_clients(make, []), folder, clock=Moments())
        table_key = account.clients("kms").create_key()["KeyMetadata"]["Arn"]
        account.create_table("NEW_AND_OLD_IMAGES", kms_key=table_key)
        server = opened.enter_context(WorkspaceServer(workspace, time.time, unverified))
        harness = Harness(account, account.config(lambda_starts_job=True), archive, url, folder, server)
        harness.deploy()
        claims = unverified(
            account.clients("sts").get_web_identity_token(
                Audience=["databricks"], SigningAlgorithm="RS256", DurationSeconds=300
            )["WebIdentityToken"]
        )
        # The emulator's tokens are about the account, not about the caller.
        policy = FederationPolicy(issuer=claims["iss"], subject=claims["sub"])
        workspace.principals.append(Principal("client-1", "made-up", TOKEN, policy, jobs=(JOB,)))
        yield harness


WAYS = {"a secret": {"client_id": ""}, "its own identity": {"client_id": "client-1"}}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_the_zip_works_with_the_deployed_policy(harness: Harness, way: dict[str, str]) -> None:
    harness.put(without_unknown_conditions(harness.deploy(**way)))
    call = harness.invoke()
    assert call.response == {"batchItemFailures": []}, call.error
    [logged] = call.logged()
    assert (lines_of(logged), logged["EventsQuarantined"]) == (2, 1)
    assert (logged["trigger"], logged["trigger_detail"][:4]) == ("started", "run ")


def test_without_permission_to_write_the_batch_fails(harness: Harness) -> None:
    policy = harness.deploy(**WAYS["a secret"])
    harness.put({name: each for name, each in policy.items() if name != "WriteObjects"})
    call = harness.invoke()
    assert call.error is not None
    assert call.error["errorType"] == "StorageError"
    assert "AccessDenied" in call.error["errorMessage"]


@pytest.mark.parametrize("prefix", ["telemetry/", "telemetry-quarantine/"])
def test_each_of_the_two_prefixes_is_needed(harness: Harness, prefix: str) -> None:
    policy = harness.deploy(**WAYS["a secret"])
    left = [resource for resource in policy["WriteObjects"]["Resource"] if not resource.endswith(f"/{prefix}*")]
    assert len(left) == 1
    harness.put({**policy, "WriteObjects": {**policy["WriteObjects"], "Resource": left}})
    call = harness.invoke()
    assert call.error is not None
    assert f"s3://{BUCKET}/{prefix}" in call.error["errorMessage"]
    assert "AccessDenied" in call.error["errorMessage"]


NEEDED_TO_START = {
    "ReadSecret": ("a secret", "secretsmanager:GetSecretValue: AccessDenied"),
    "IdentifyToDatabricks": ("its own identity", "sts:GetWebIdentityToken: AccessDenied"),
}


@pytest.mark.parametrize("name", NEEDED_TO_START)
def test_without_permission_to_authenticate_the_job_is_not_started(harness: Harness, name: str) -> None:
    way, message = NEEDED_TO_START[name]
    policy = harness.deploy(**WAYS[way])
    harness.put({other: each for other, each in policy.items() if other != name})
    [logged] = harness.invoke().logged()
    assert (logged["trigger"], lines_of(logged)) == ("failed", 2)
    assert logged["trigger_detail"].startswith(message)


def test_the_role_may_neither_read_nor_delete_nor_write_elsewhere(harness: Harness) -> None:
    harness.deploy(**WAYS["a secret"])
    others = [
        {"Action": ["s3:GetObject", "s3:DeleteObject"], "Resource": [f"arn:aws:s3:::{BUCKET}/telemetry/x"]},
        {"Action": ["s3:PutObject"], "Resource": [f"arn:aws:s3:::{BUCKET}/telemetry-archive/x"]},
        {"Action": ["s3:PutObject"], "Resource": ["arn:aws:s3:::another/telemetry/x"]},
        {"Action": ["dynamodb:GetItem", "dynamodb:Scan"], "Resource": ["arn:aws:dynamodb:eu-west-1:1:table/x"]},
        {"Action": ["secretsmanager:GetSecretValue"], "Resource": ["arn:aws:secretsmanager:eu-west-1:1:secret:x"]},
        {"Action": ["logs:CreateLogGroup", "lambda:InvokeFunction", "iam:PassRole"], "Resource": ["*"]},
    ]
    for statement in others:
        assert harness.decisions(statement) == {"implicitDeny"}


FOR_AWS = (
    *("ReadStream", "ListStreams", "WriteOnFailure", "FindOnFailureBucket", "WriteLog", "WriteTraces"),
    *("WriteWithKey", "ReadWithTableKey"),
)


@pytest.mark.parametrize("name", FOR_AWS)
def test_each_action_of_aws_is_allowed_by_exactly_one_statement(harness: Harness, name: str) -> None:
    policy = without_unknown_conditions(harness.deploy(kms_key_id=harness.key, **ALL_STATEMENTS, **WAYS["a secret"]))
    harness.put(policy)
    assert harness.decisions(policy[name]) == {"allowed"}
    harness.put({other: each for other, each in policy.items() if other != name})
    assert harness.decisions(policy[name]) == {"implicitDeny"}


@pytest.mark.parametrize("name", ["WriteObjects", "WriteOnFailure", "FindOnFailureBucket"])
def test_objects_go_to_a_bucket_of_this_account_only(harness: Harness, name: str) -> None:
    policy = harness.deploy(**WAYS["a secret"])
    statement = policy[name]
    elsewhere = {**statement, "Condition": {"StringEquals": {"s3:ResourceAccount": "999999999999"}}}
    harness.put({**policy, name: elsewhere})
    assert harness.decisions(statement) == {"implicitDeny"}


@pytest.mark.parametrize("name", UNKNOWN_CONDITIONS)
def test_conditions_unknown_to_the_emulator_are_as_documented(harness: Harness, name: str) -> None:
    way = "its own identity" if name == "IdentifyToDatabricks" else "a secret"
    policy = harness.deploy(kms_key_id=harness.key, **WAYS[way])
    assert policy[name]["Condition"] == UNKNOWN_CONDITIONS[name]
    assert harness.decisions(policy[name]) == {"implicitDeny"}, "the emulator knows it now: take it off the list"


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_wildcards_occur_only_where_aws_allows_no_resource(harness: Harness, way: dict[str, str]) -> None:
    for name, statement in harness.deploy(**way).items():
        assert [action for action in statement["Action"] if "*" in action] == []
        if name in WITHOUT_RESOURCE:
            assert statement["Resource"] == ["*"]
        else:
            # A star only at the end, below a prefix, a table's streams or a log group.
            for resource in statement["Resource"]:
                assert "*" not in resource[:-1]
                assert resource.count(":") >= 5
                assert not resource.endswith(("*", ":::*")) or resource.endswith(("/*", f"{FUNCTION}:*"))
