"""The archives of code are stored once by their digest, and removed when they are no longer needed."""

from datetime import datetime
from typing import Any

import pytest

from lambda_deploy import names
from lambda_deploy.errors import UnfitError
from lambda_deploy.outside.code import (
    Deployed,
    has_code,
    key_of,
    remember,
    remembered,
    remove_all_code,
    remove_old_code,
    upload_code,
)
from support.aws_account import BUCKET, Account

DEPLOYED = Deployed({"Resources": {}}, {"CodeKey": "x"}, {"target": "prod"})
DAY = 86_400


def stored(account: Account) -> list[str]:
    """Return the keys in the bucket."""
    return [each["Key"] for each in account.clients("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def now(account: Account) -> float:
    """Return the time by the bucket's clock."""
    times: list[datetime] = [
        each["LastModified"] for each in account.clients("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    ]
    return max(times).timestamp()


def test_code_is_stored_once(account: Account) -> None:
    config = account.config()
    for _ in range(2):
        upload_code(config, account.clients, b"code")
    assert stored(account) == [key_of(config, b"code")]
    assert account.calls.count("s3.PutObject") == 1
    assert has_code(config, account.clients, key_of(config, b"code"))


def test_old_code_is_removed_after_a_day_except_the_last_two_deployments(account: Account) -> None:
    config = account.config()
    for content in (b"deployed", b"before", b"older"):
        upload_code(config, account.clients, content)
    keep = [key_of(config, b"deployed"), key_of(config, b"before")]
    assert remove_old_code(config, account.clients, keep, now(account) + DAY - 1) == []
    assert remove_old_code(config, account.clients, keep, now(account) + DAY + 1) == [key_of(config, b"older")]
    assert sorted(stored(account)) == sorted(keep)


def test_what_was_deployed_before_stays(account: Account) -> None:
    config = account.config()
    remember(config, account.clients, DEPLOYED)
    remove_old_code(config, account.clients, [], now(account) + 2 * DAY)
    assert remembered(config, account.clients) == DEPLOYED


def test_code_of_another_stack_is_not_touched(account: Account) -> None:
    other = account.config("dev", developer="jo")
    upload_code(other, account.clients, b"theirs")
    remove_old_code(account.config(), account.clients, [], now(account) + 2 * DAY)
    remove_all_code(account.config(), account.clients)
    assert stored(account) == [names.code_key(other, key_of(other, b"theirs").rsplit("/", 1)[1].removesuffix(".zip"))]


def test_with_the_stack_all_its_code_is_removed(account: Account) -> None:
    config = account.config()
    upload_code(config, account.clients, b"code")
    remember(config, account.clients, DEPLOYED)
    remove_all_code(config, account.clients)
    assert stored(account) == []


def test_before_the_first_deployment_nothing_is_remembered(account: Account) -> None:
    assert remembered(account.config(), account.clients) is None


@pytest.mark.parametrize("content", [b"", b"[", b"{}", b'{"template": {}, "x": 1}'])
def test_an_invalid_record_of_the_last_deployment_is_refused(account: Account, content: bytes) -> None:
    key = f"{names.code_prefix(account.config())}previous.json"
    put: dict[str, Any] = {"Bucket": BUCKET, "Key": key, "Body": content}
    account.clients("s3").put_object(**put)
    with pytest.raises(UnfitError, match=r"previous\.json is not valid: delete it"):
        remembered(account.config(), account.clients)


def test_a_deleted_bucket_has_no_code_to_remove(account: Account) -> None:
    remove_all_code(account.config(bucket="not-there"), account.clients)
    assert "s3.DeleteObject" not in account.calls
