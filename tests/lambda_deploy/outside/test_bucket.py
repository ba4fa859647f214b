"""The bucket is checked, created only on request, and otherwise left unchanged."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lambda_deploy.errors import UnfitError
from lambda_deploy.outside.bucket import bucket_exists, bucket_key_arn
from support.aws_account import BUCKET, Account
from support.captured import Said
from support.fake_cloudformation import refused

ACCOUNT = "123456789012"


def test_a_bucket_of_this_account_and_region_is_accepted(account: Account) -> None:
    assert bucket_exists(account.config(), account.clients, ACCOUNT)


def test_a_missing_bucket_is_created_only_on_request(account: Account, said: Callable[[], Said]) -> None:
    assert account.run("plan", bucket="new-bucket") == 1
    assert "the bucket 'new-bucket' does not exist: create it, or deploy with --create-bucket" in said().err
    assert account.run("deploy", "--yes", "--create-bucket", bucket="new-bucket") == 0
    place = account.clients("s3").get_bucket_location(Bucket="new-bucket")["LocationConstraint"]
    assert place == "eu-west-1"


def answering(answer: Any) -> Callable[[str], Any]:
    """Return clients of an S3 with this answer for a bucket:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    """

    def head_bucket(**_: Any) -> Any:
        if isinstance(answer, ClientError):
            raise answer
        return answer

    return lambda service: SimpleNamespace(head_bucket=head_bucket)


ELSEWHERE = [
    {"BucketRegion": "eu-central-1", "ResponseMetadata": {"HTTPHeaders": {}}},
    {"ResponseMetadata": {"HTTPHeaders": {"x-amz-bucket-region": "eu-central-1"}}},
]


@pytest.mark.parametrize("answer", ELSEWHERE, ids=["in the answer", "in a header"])
def test_a_bucket_in_another_region_is_refused(account: Account, answer: dict[str, Any]) -> None:
    with pytest.raises(UnfitError, match=f"'{BUCKET}' is in eu-central-1, the function in eu-west-1"):
        bucket_exists(account.config(), answering(answer), ACCOUNT)


def test_a_bucket_of_another_account_is_refused(account: Account) -> None:
    with pytest.raises(UnfitError, match="belongs to another account"):
        bucket_exists(account.config(), answering(refused("403", "Forbidden")), ACCOUNT)


def test_a_bucket_keeps_its_owners_settings(account: Account) -> None:
    s3 = account.clients("s3")
    s3.put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [{"Key": "owner", "Value": "jo"}]})
    account.calls.clear()
    assert account.run("deploy", "--yes") == 0
    assert not [call for call in account.calls if call.startswith("s3.PutBucket")]


def test_the_default_key_of_a_bucket_is_found_by_its_id(account: Account) -> None:
    key = account.clients("kms").create_key()["KeyMetadata"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key["KeyId"]}}
    account.clients("s3").put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert bucket_key_arn(account.config(), account.clients) == key["Arn"]


def test_a_bucket_without_a_default_key_has_no_key(account: Account) -> None:
    assert bucket_key_arn(account.config(), account.clients) == ""
