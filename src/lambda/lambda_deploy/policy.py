"""What the function may do, each statement with its reason (docs/iam.md, which a test holds against this)."""

from typing import Any, Final

from lambda_deploy.config import ON_FAILURE_PREFIX, Config
from lambda_deploy.facts import KNOWN_LATER, Facts

REASONS: Final[dict[str, str]] = {
    "WriteObjects": "The function puts batches under the landing prefix and what it cannot convert under the "
    "quarantine prefix, and nothing elsewhere. `If-None-Match` needs no right to read.",
    "ReadStream": "Lambda reads the table's stream as this role. One stream, not the table.",
    "ListStreams": "Lambda asks for it when the mapping is made. It lists names, and AWS knows no resource for it.",
    "WriteOnFailure": "Lambda writes batches that it gives up as this role, under `aws/lambda/`, a place that it "
    "chooses itself; only to a bucket of this account.",
    "FindOnFailureBucket": "Lambda asks for it before it takes a bucket as the on-failure destination.",
    "WriteLog": "Lambda writes the log as this role. The log group is made by the deployment, so the right to make one "
    "is not needed.",
    "WriteTraces": "X-Ray. AWS knows no resource for these two.",
    "UseKey": "S3 encrypts with the bucket's KMS key, or the one of `kms_key_id`, on behalf of this role. Through S3 "
    "only.",
    "ReadSecret": "The function identifies itself to Databricks with this secret. With `lambda_starts_job` and no "
    "`lambda_client_id` only.",
    "IdentifyToDatabricks": "AWS signs a token about the role, for Databricks alone and for five minutes at most. AWS "
    "knows no resource for it. With `lambda_starts_job` and `lambda_client_id` only.",
}

# Calls for which AWS allows no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/
WITHOUT_RESOURCE: Final = frozenset(["IdentifyToDatabricks", "ListStreams", "WriteTraces"])


def statements(config: Config, facts: Facts) -> dict[str, Any]:
    """The statements of the function's policy by their ids."""
    found = {
        "WriteObjects": _allowed(
            ["s3:PutObject"],
            [f"{facts.bucket_arn}/{prefix}*" for prefix in (config.landing_prefix, config.quarantine_prefix)],
        ),
        "ReadStream": _allowed(
            ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"],
            [facts.stream_arn or KNOWN_LATER],
        ),
        "ListStreams": _allowed(["dynamodb:ListStreams"], ["*"]),
        **_on_failure(facts),
        "WriteLog": _allowed(
            ["logs:CreateLogStream", "logs:PutLogEvents"], [facts.arn("logs", f"log-group:{config.log_group}:*")]
        ),
        "WriteTraces": _allowed(["xray:PutTelemetryRecords", "xray:PutTraceSegments"], ["*"]),
    }
    if facts.key_arns:
        through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{config.region}.amazonaws.com"}}
        found["UseKey"] = _allowed(["kms:GenerateDataKey"], facts.key_arns, through_s3)
    if config.needs_secret:
        found["ReadSecret"] = _allowed(["secretsmanager:GetSecretValue"], [facts.secret_arn or KNOWN_LATER])
    elif config.lambda_starts_job:
        found["IdentifyToDatabricks"] = _allowed(
            ["sts:GetWebIdentityToken"],
            ["*"],
            # https://docs.databricks.com/aws/en/dev-tools/auth/provider-aws-iam
            {
                "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "databricks"},
                "NumericLessThanEquals": {"sts:DurationSeconds": "300"},
            },
        )
    return found


def _on_failure(facts: Facts) -> dict[str, Any]:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
    ours = {"StringEquals": {"s3:ResourceAccount": facts.account}}
    return {
        "WriteOnFailure": _allowed(["s3:PutObject"], [f"{facts.bucket_arn}/{ON_FAILURE_PREFIX}*"], ours),
        "FindOnFailureBucket": _allowed(["s3:ListBucket"], [facts.bucket_arn], ours),
    }


def _allowed(actions: list[str], resources: list[str], condition: dict[str, Any] | None = None) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Action": sorted(actions), "Resource": sorted(resources)}
    return {**statement, "Condition": condition} if condition else statement
