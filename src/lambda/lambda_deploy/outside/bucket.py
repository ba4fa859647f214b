"""Check the bucket, and create it only on request. Its settings belong to its owner; `doctor` reports weak ones."""

from typing import Any

from botocore.exceptions import ClientError

from lambda_deploy.aws import Clients, found
from lambda_deploy.config import Config
from lambda_deploy.errors import UnfitError
from lambda_deploy.explain import code_of, explained


def bucket_exists(config: Config, clients: Clients, account: str) -> bool:
    """Return whether the bucket exists. Raises UnfitError when it is in another account or region."""
    with explained(f"checking the bucket {config.bucket}"):
        try:
            head = found(clients("s3").head_bucket, Bucket=config.bucket, ExpectedBucketOwner=account)
        except ClientError as error:
            if code_of(error) not in ("403", "AccessDenied"):
                raise
            raise UnfitError(
                f"the bucket {config.bucket!r} belongs to another account, or the deployer lacks s3:ListBucket: use "
                f"another bucket name, or credentials other than those of {account}"
            ) from error
    if head is None:
        return False
    _check_region(config, head)
    return True


def create_bucket(config: Config, clients: Clients) -> None:
    """Create the bucket in the region of the function, with AWS's defaults: private and encrypted."""
    place: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": config.region}}
    with explained(f"creating the bucket {config.bucket}"):
        clients("s3").create_bucket(Bucket=config.bucket, **({} if config.region == "us-east-1" else place))


def bucket_key_arn(config: Config, clients: Clients) -> str:
    """Return the ARN of the KMS key with which the bucket encrypts by default; "" when it uses none."""
    with explained(f"reading the encryption of the bucket {config.bucket}"):
        answer = found(clients("s3").get_bucket_encryption, Bucket=config.bucket) or {}
    for rule in answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", []):
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        if default.get("SSEAlgorithm", "").startswith("aws:kms") and default.get("KMSMasterKeyID"):
            return key_arn(clients, str(default["KMSMasterKeyID"]))
    return ""


def key_arn(clients: Clients, key: str) -> str:
    """Return the ARN of a KMS key by its id, alias or ARN."""
    if ":key/" in key:
        return key
    with explained(f"looking up the KMS key {key!r} (kms_key_id, or the bucket's default)"):
        return str(clients("kms").describe_key(KeyId=key)["KeyMetadata"]["Arn"])


def _check_region(config: Config, head: dict[str, Any]) -> None:
    headers = head["ResponseMetadata"]["HTTPHeaders"]
    region = head.get("BucketRegion") or headers.get("x-amz-bucket-region") or config.region
    if region != config.region:
        raise UnfitError(
            f"the bucket {config.bucket!r} is in {region}, the function in {config.region}: Lambda reads code from "
            "and writes on-failure objects to a bucket in its own region only, so set aws_region or use another "
            "bucket"
        )
