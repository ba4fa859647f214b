"""docs/iam.md holds what the code does: each statement with its reason, each right that is used and no other."""

import re
from contextlib import suppress
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from lambda_deploy.apply import deploy
from lambda_deploy.plan import plan
from lambda_deploy.policy import REASONS, statements
from lambda_deploy.resources import resources
from support.aws_account import EVERYTHING, SECRET, Account, moto_account
from support.aws_drifts import DRIFTS

PAGE = (Path(__file__).parents[2] / "docs/iam.md").read_text("utf-8")

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
OTHERWISE_NAMED = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:PutBucketLifecycleConfiguration": "s3:PutLifecycleConfiguration",
    "s3:DeleteBucketLifecycle": "s3:PutLifecycleConfiguration",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3:PutBucketNotificationConfiguration": "s3:PutBucketNotification",
}
# Needed by calls that name a role, or tags for something new.
IMPLIED = {"iam:PassRole"}


def table(head: str) -> list[list[str]]:
    """The rows of the table with this head."""
    lines = PAGE.partition(head)[2].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")]


def quoted(text: str) -> list[str]:
    """What stands between backticks."""
    return re.findall(r"`([^`]+)`", text)


def test_each_statement_is_there_with_its_actions_and_the_reason_in_the_code(tmp_path: Path) -> None:
    rows = {quoted(row[0])[0]: row for row in table("| statement | actions | on | reason |")}
    assert {name: row[3].removesuffix(" |") for name, row in rows.items()} == REASONS
    with moto_account(tmp_path) as account:
        account.create_table("NEW_AND_OLD_IMAGES")
        for client_id in ("", "client-1"):
            config = account.config(lambda_starts_job=True, lambda_client_id=client_id)
            for name, statement in statements(config, account.site(config).facts).items():
                assert sorted(quoted(rows[name][1])) == statement["Action"]
                assert (quoted(rows[name][2]) == ["*"]) == (statement["Resource"] == ["*"])


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The rights that are used: all is made, drifted, mended, removed and made again."""
    with moto_account(tmp_path_factory.mktemp("account")) as account:
        account.create_table()
        key = account.clients("kms").create_key()["KeyMetadata"]["KeyId"]
        config = account.config(**EVERYTHING, kms_key_id=key)
        account.calls.clear()
        account.deploy(config)
        made = set(account.calls)
        for drift in DRIFTS.values():
            with suppress(ClientError):
                drift(account.clients)
        account.calls.clear()
        account.deploy(config)
        renew_secret(account)
        account.destroy(config)
        account.deploy(config)
        calls = made | set(account.calls)
    actions = {call.replace(".", ":") for call in calls}
    return {OTHERWISE_NAMED.get(action, action) for action in actions} | IMPLIED


def renew_secret(account: Account) -> None:
    """A new value for the secret."""
    site = account.site(account.config(**EVERYTHING), SECRET)
    deploy(site, resources(site), plan(resources(site)), account.said.append)


def test_whoever_deploys_needs_the_rights_on_the_page_and_no_other(used: set[str]) -> None:
    listed = {
        right for row in table("| service | to read | to write | to remove |") for right in quoted(" ".join(row[1:]))
    }
    assert listed == used


def test_a_plan_needs_the_rights_to_read_alone(tmp_path: Path) -> None:
    to_read = {right for row in table("| service | to read | to write | to remove |") for right in quoted(row[1])}
    with moto_account(tmp_path) as account:
        account.create_table()
        config = account.config(**EVERYTHING)
        account.deploy(config)
        account.calls.clear()
        account.plan(config)
        actions = {call.replace(".", ":") for call in account.calls}
    assert {OTHERWISE_NAMED.get(action, action) for action in actions} <= to_read
