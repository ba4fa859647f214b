"""The deployer's policy covers what CloudFormation does with our types, by AWS's schemas, and our own calls."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.template.deployer import deployer_statements
from lambda_deploy.template.render import template
from support.aws_account import EVERYTHING, Account, moto_account, write_bundle
from support.captured import Said
from support.effects import schema

ROLE = "arn:aws:iam::123456789012:role/ours"
NETWORK: dict[str, Any] = {"subnet_ids": ["subnet-0a1b2c3d"], "security_group_ids": ["sg-0a1b2c3d"]}
# What AWS's handlers can do and we never ask for, by purpose.
UNUSED = {
    "concurrency, scaling, recursion, runtimes, signing, layers, versions": (
        "lambda:PutFunctionConcurrency lambda:DeleteFunctionConcurrency lambda:PutFunctionScalingConfig "
        "lambda:GetFunctionScalingConfig lambda:PutFunctionRecursionConfig lambda:PutRuntimeManagementConfig "
        "lambda:PutFunctionCodeSigningConfig lambda:DeleteFunctionCodeSigningConfig lambda:GetCodeSigningConfig "
        "lambda:GetLayerVersion lambda:PublishVersion lambda:PassCapacityProvider lambda:AssociateRuntimeAlias"
    ),
    "file systems": "elasticfilesystem:DescribeMountTargets s3files:ListMountTargets",
    "a key of the function's or the mapping's own": (
        "kms:CreateGrant kms:Decrypt kms:Encrypt kms:GenerateDataKey logs:AssociateKmsKey logs:DisassociateKmsKey"
    ),
    "versions of the code's object": "s3:GetObjectVersion",
    "managed policies": "iam:AttachRolePolicy iam:DetachRolePolicy",
    "deliveries, indexes and protection of logs": (
        "logs:PutDataProtectionPolicy logs:DeleteDataProtectionPolicy logs:CreateLogDelivery s3:REST.PUT.OBJECT "
        "firehose:TagDeliveryStream logs:PutResourcePolicy logs:DeleteResourcePolicy logs:PutIndexPolicy "
        "logs:DeleteIndexPolicy logs:PutLogGroupDeletionProtection logs:PutBearerTokenAuthentication"
    ),
    "protection of topics": "sns:PutDataProtectionPolicy",
}
# Calls whose permission has another name: https://docs.aws.amazon.com/service-authorization/latest/reference/
RIGHTS = {
    "lambda.Invoke": "lambda:InvokeFunction",
    "s3.GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3.HeadBucket": "s3:ListBucket",
    "s3.HeadObject": "s3:GetObject",
    "s3.ListObjectsV2": "s3:ListBucket",
}


def actions(statements: list[dict[str, Any]]) -> set[str]:
    """Return the actions that a policy allows."""
    return {action for each in statements for action in each["Action"]}


@pytest.mark.parametrize("handler", ["create", "read", "update", "delete"])
def test_cloudformation_may_do_what_the_schemas_of_aws_name(tmp_path: Path, handler: str) -> None:
    with moto_account(tmp_path) as account:
        config = account.config(**EVERYTHING, **NETWORK)
    allowed, unused = actions(deployer_statements(config)), " ".join(UNUSED.values()).split()
    for kind in {each["Type"] for each in template(config)["Resources"].values()}:
        wanted = set(schema(kind)["handlers"][handler]["permissions"])
        assert wanted - allowed - set(unused) == set(), kind


def test_unused_actions_are_in_the_schemas_and_not_allowed(tmp_path: Path) -> None:
    with moto_account(tmp_path) as account:
        config = account.config(**EVERYTHING, **NETWORK)
    kinds = {each["Type"] for each in template(config)["Resources"].values()}
    every = {p for kind in kinds for each in schema(kind)["handlers"].values() for p in each["permissions"]}
    unused = set(" ".join(UNUSED.values()).split())
    assert unused <= every
    assert not unused & actions(deployer_statements(config))


def test_our_own_calls_are_allowed(account: Account) -> None:
    account.calls.clear()
    options = {**EVERYTHING, "kms_key_id": account.clients("kms").create_key()["KeyMetadata"]["KeyId"]}
    for command, *arguments in (["plan"], ["deploy", "--yes"], ["deploy", "--yes"]):
        assert account.run(command, *arguments, **options) == 0
    allowed = actions(deployer_statements(account.config(**options)))
    asked = set(account.calls) - {"sts.GetCallerIdentity", "kms.CreateKey"}
    rights = {RIGHTS.get(call, call.replace(".", ":")) for call in asked if not call.startswith("monitoring.")}
    assert rights - allowed == set()


def test_with_a_role_for_cloudformation_the_deployer_only_passes_it(tmp_path: Path) -> None:
    with moto_account(tmp_path) as account:
        config = account.config(cloudformation_role_arn=ROLE)
    statements = {each["Sid"]: each for each in deployer_statements(config)}
    assert statements["PassRole"]["Resource"] == [ROLE]
    assert statements["PassRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}
    }
    assert not [
        action for action in actions(list(statements.values())) if re.search(r":(?:CreateRole|Put\w+Alarm)", action)
    ]


def test_with_an_existing_role_no_role_is_made(tmp_path: Path) -> None:
    with moto_account(tmp_path) as account:
        statements = {each["Sid"]: each for each in deployer_statements(account.config(role_arn=ROLE))}
    assert "Role" not in statements
    assert statements["PassRole"]["Resource"] == [ROLE]


def test_the_command_prints_it_as_a_policy_of_this_account(account: Account, said: Callable[[], Said]) -> None:
    assert account.run("template", "--deployer-policy", **EVERYTHING) == 0
    policy = json.loads(said().out)
    assert policy["Version"] == "2012-10-17"
    assert {each["Effect"] for each in policy["Statement"]} == {"Allow"}
    assert len({each["Sid"] for each in policy["Statement"]}) == len(policy["Statement"])
    resources = [resource for each in policy["Statement"] for resource in each["Resource"]]
    assert "arn:aws:lambda:eu-west-1:123456789012:function:chargeminder-unified-processor" in resources
    assert all(re.fullmatch(r"\*|arn:aws:[a-z0-9]+:(?:eu-west-1)?:(?:123456789012)?:[^$]+", each) for each in resources)


def test_the_template_needs_no_credentials(tmp_path: Path, said: Callable[[], Said]) -> None:
    assert run(["template", "--bundle", str(write_bundle(tmp_path))], Tools({})) == 0
    assert json.loads(said().out)["AWSTemplateFormatVersion"] == "2010-09-09"
