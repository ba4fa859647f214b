"""The function's permissions: least privilege. docs/reference/iam.md has the reason of each statement, by its name."""

from typing import Any, Final

from lambda_deploy import names
from lambda_deploy.config import ON_FAILURE_PREFIX, Config

# Calls for which AWS allows no resource: https://docs.aws.amazon.com/service-authorization/latest/reference/
WITHOUT_RESOURCE: Final = frozenset(["IdentifyToDatabricks", "ListStreams", "UseNetworkInterfaces", "WriteTraces"])


def policy_document(statements: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a policy of these statements."""
    return {"Version": "2012-10-17", "Statement": statements}


def function_statements(config: Config) -> list[dict[str, Any]]:
    """Return the statements of the function's role, as in a template. Raises ConfigError when no table is set."""
    return [*_always(config), *_keys(config), *_trigger(config), *_optional(config)]


def statement(name: str, actions: list[str], resources: list[Any], condition: Any = None) -> dict[str, Any]:
    """Return a statement that allows actions on resources."""
    allowed = {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resources}
    return {**allowed, "Condition": condition} if condition else allowed


def arn(service: str, rest: str, region: str = "") -> dict[str, str]:
    """Return an ARN of the stack's account; without a region for global services."""
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:{service}:{region}:${{AWS::AccountId}}:{rest}"}


def bucket_arn(config: Config, rest: str = "") -> dict[str, str]:
    """Return the ARN of the bucket, or of objects in it."""
    return {"Fn::Sub": f"arn:${{AWS::Partition}}:s3:::{config.bucket}{rest}"}


def _always(config: Config) -> list[dict[str, Any]]:
    here = {"StringEquals": {"s3:ResourceAccount": {"Ref": "AWS::AccountId"}}}
    prefixes = [bucket_arn(config, f"/{prefix}*") for prefix in (config.landing_prefix, config.quarantine_prefix)]
    streams = arn("dynamodb", f"table/{names.table_name(config)}/stream/*", config.region)
    log = arn("logs", f"log-group:{names.log_group(config)}:*", config.region)
    reads = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
    return [
        statement("WriteObjects", ["s3:PutObject"], prefixes, here),
        statement("ReadStream", reads, [streams]),
        statement("ListStreams", ["dynamodb:ListStreams"], ["*"]),
        # Not the mapping's folder only: naming the mapping here would be a circular reference.
        statement("WriteOnFailure", ["s3:PutObject"], [bucket_arn(config, f"/{ON_FAILURE_PREFIX}*")], here),
        statement("FindOnFailureBucket", ["s3:ListBucket"], [bucket_arn(config)], here),
        statement("WriteLog", ["logs:CreateLogStream", "logs:PutLogEvents"], [log]),
    ]


def _keys(config: Config) -> list[dict[str, Any]]:
    through_s3 = {"StringEquals": {"kms:ViaService": {"Fn::Sub": f"s3.{config.region}.${{AWS::URLSuffix}}"}}}

    def writes(name: str, parameter: str) -> dict[str, Any]:
        return statement(name, ["kms:GenerateDataKey"], [{"Ref": parameter}], through_s3)

    # Without it the mapping reports "Cannot access stream": https://github.com/aws/aws-cdk/issues/22796
    table = statement("ReadWithTableKey", ["kms:Decrypt", "kms:DescribeKey"], [{"Ref": "TableKeyArn"}])
    given = [_if("TableHasKey", table), _if("BucketHasKey", writes("WriteWithBucketKey", "BucketKeyArn"))]
    return [*given, *([writes("WriteWithKey", "KmsKeyArn")] if config.kms_key_id else [])]


def _if(condition: str, allowed: dict[str, Any]) -> dict[str, Any]:
    return {"Fn::If": [condition, allowed, {"Ref": "AWS::NoValue"}]}


def _trigger(config: Config) -> list[dict[str, Any]]:
    if config.needs_secret:
        # AWS adds six characters: a secret that is deleted and made again has others.
        secret = arn("secretsmanager", f"secret:{names.secret_name(config)}-??????", config.region)
        return [statement("ReadSecret", ["secretsmanager:GetSecretValue"], [secret])]
    if not config.lambda_starts_job:
        return []
    # https://docs.databricks.com/aws/en/dev-tools/auth/provider-aws-iam
    bounds = {
        "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": "databricks"},
        "NumericLessThanEquals": {"sts:DurationSeconds": "300"},
    }
    return [statement("IdentifyToDatabricks", ["sts:GetWebIdentityToken"], ["*"], bounds)]


def _optional(config: Config) -> list[dict[str, Any]]:
    # Lambda requires them for all resources: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html
    network = [
        *("ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"),
        *("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"),
    ]
    traces = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    found = [statement("WriteTraces", traces, ["*"])] if config.tracing else []
    return [*found, statement("UseNetworkInterfaces", network, ["*"])] if config.subnet_ids else found
