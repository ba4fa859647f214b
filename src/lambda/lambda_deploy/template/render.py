"""Render the template of the stack from databricks.yml alone: the same dict each time.

Values found only at deploy time (the stream's ARN, the code's key, the job's number, KMS keys) are parameters. All else
is literal, also names, so that the template shows what will exist. Properties of each type:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
"""

import json
from typing import Any, Final

from lambda_deploy import names
from lambda_deploy.config import Config
from lambda_deploy.template.alarms import alarms
from lambda_deploy.template.dashboard import dashboard_body
from lambda_deploy.template.policy import bucket_arn, function_statements, policy_document

RUNTIME: Final = "python3.13"
HANDLER: Final = "stream_to_s3.handler.handler"
POLICY_NAME: Final = "stream-to-s3"
# Replacing or removing these resources stops the stream for a while, or reads it again.
VITAL: Final = ("Function", "Mapping")

_NOTHING: Final = {"Ref": "AWS::NoValue"}


def template(config: Config) -> dict[str, Any]:
    """Return the template of a target. Raises ConfigError when no table is set."""
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{config.bundle_name}, target {config.target}: DynamoDB stream to S3 by one Lambda function",
        "Parameters": _parameters(config),
        "Conditions": _conditions(config),
        "Resources": _resources(config),
        "Outputs": {"MappingId": {"Value": {"Ref": "Mapping"}}, "RoleArn": {"Value": _role_arn(config)}},
    }


def template_body(content: dict[str, Any]) -> str:
    """Return a template as text for CloudFormation."""
    return json.dumps(content, separators=(",", ":"))


def _parameters(config: Config) -> dict[str, Any]:
    found = {
        "StreamArn": _parameter(f"ARN of the stream of the table {names.table_name(config)}"),
        "CodeKey": _parameter(f"Key of the function's zip in the bucket {config.bucket}"),
    }
    if not config.role_arn:
        found["TableKeyArn"] = _parameter("ARN of the table's customer-managed KMS key; empty if it has none", "")
        found["BucketKeyArn"] = _parameter("ARN of the bucket's default KMS key; empty if it has none", "")
    if config.kms_key_id and not config.role_arn:
        found["KmsKeyArn"] = _parameter(f"ARN of the KMS key {config.kms_key_id}")
    if config.lambda_starts_job:
        found["JobId"] = _parameter(
            "Number of the Databricks job that the function starts; empty if it starts none", ""
        )
    return found


def _parameter(description: str, default: str | None = None) -> dict[str, str]:
    return {"Type": "String", "Description": description, **({} if default is None else {"Default": default})}


def _conditions(config: Config) -> dict[str, Any]:
    parameters = {"TableHasKey": "TableKeyArn", "BucketHasKey": "BucketKeyArn", "StartsJob": "JobId"}
    given = _parameters(config)
    return {name: _is_given(parameter) for name, parameter in parameters.items() if parameter in given}


def _is_given(parameter: str) -> dict[str, Any]:
    return {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}


def _resources(config: Config) -> dict[str, Any]:
    found = {} if config.role_arn else {"Role": _role(config)}
    found |= {"LogGroup": _log_group(config), "Function": _function(config), "Mapping": _mapping(config)}
    found["Topic"] = _resource("AWS::SNS::Topic", TopicName=names.topic_name(config))
    if config.alert_email:
        found["Subscription"] = _subscription(config)
    found |= {name: _resource("AWS::CloudWatch::Alarm", **alarm) for name, alarm in alarms(config).items()}
    return {**found, "Dashboard": _dashboard(config)}


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def _role(config: Config) -> dict[str, Any]:
    document = policy_document(function_statements(config))
    boundary = {"PermissionsBoundary": config.permissions_boundary} if config.permissions_boundary else {}
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return _resource(
        "AWS::IAM::Role",
        RoleName=names.role_name(config),
        Description=f"Permissions of the function {config.function_name}",
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]},
        # Inline: a separate policy would race with the mapping, which Lambda tries as soon as the role exists.
        # https://github.com/serverless/serverless/issues/3997
        Policies=[{"PolicyName": POLICY_NAME, "PolicyDocument": document}],
        **boundary,
    )


def _role_arn(config: Config) -> Any:
    return config.role_arn or {"Fn::GetAtt": ["Role", "Arn"]}


def _log_group(config: Config) -> dict[str, Any]:
    # With this DeletionPolicy an existing group is imported, and `destroy` leaves it with its logs.
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources-automatically.html
    keep = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    properties = {"LogGroupName": names.log_group(config), "RetentionInDays": config.log_retention_days}
    return {**_resource("AWS::Logs::LogGroup", **properties), **keep}


def _function(config: Config) -> dict[str, Any]:
    vpc = {"SubnetIds": list(config.subnet_ids), "SecurityGroupIds": list(config.security_group_ids)}
    return _resource(
        "AWS::Lambda::Function",
        FunctionName=config.function_name,
        Description=f"{names.table_name(config)} to s3://{config.bucket}/{config.landing_prefix}"[:256],
        Runtime=RUNTIME,
        Architectures=["arm64"],
        Handler=HANDLER,
        Code={"S3Bucket": config.bucket, "S3Key": {"Ref": "CodeKey"}},
        MemorySize=config.memory_mb,
        Timeout=config.timeout_seconds,
        Role=_role_arn(config),
        Environment={"Variables": _environment(config)},
        # The handler writes JSON: Lambda would wrap it, and the metrics in it.
        LoggingConfig={"LogFormat": "Text", "LogGroup": {"Ref": "LogGroup"}},
        TracingConfig={"Mode": "Active" if config.tracing else "PassThrough"},
        **({"VpcConfig": vpc} if config.subnet_ids else {}),
    )


def _environment(config: Config) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in config.function_environment("JobId").items():
        shown = {"Ref": "JobId"} if name == "DATABRICKS_JOB_ID" else value
        found[name] = {"Fn::If": ["StartsJob", shown, _NOTHING]} if name.startswith("DATABRICKS_") else shown
    return found


def _mapping(config: Config) -> dict[str, Any]:
    # StartingPosition never changes: another one for the same stream fails with a conflict, and LATEST would
    # miss what is written meanwhile. When the table gets a new stream, the mapping of the old one is kept until
    # that stream is empty. https://github.com/aws/serverless-application-model/issues/1690
    mapping = _resource(
        "AWS::Lambda::EventSourceMapping",
        EventSourceArn={"Ref": "StreamArn"},
        FunctionName={"Ref": "Function"},
        StartingPosition="TRIM_HORIZON",
        Enabled=True,
        BatchSize=config.batch_size,
        MaximumBatchingWindowInSeconds=config.batching_window_seconds,
        ParallelizationFactor=1,
        BisectBatchOnFunctionError=True,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumRetryAttempts=config.max_retries,
        MaximumRecordAgeInSeconds=config.max_record_age_seconds,
        DestinationConfig={"OnFailure": {"Destination": bucket_arn(config)}},
        MetricsConfig={"Metrics": ["EventCount"]},
    )
    return {**mapping, "UpdateReplacePolicy": "Retain", "DeletionPolicy": "Delete"}


def _subscription(config: Config) -> dict[str, Any]:
    # A separate resource: as a property of the topic, a changed address would leave the old one subscribed.
    topic = {"TopicArn": {"Ref": "Topic"}, "Protocol": "email", "Endpoint": config.alert_email}
    return _resource("AWS::SNS::Subscription", **topic)


def _dashboard(config: Config) -> dict[str, Any]:
    return _resource(
        "AWS::CloudWatch::Dashboard",
        DashboardName=names.dashboard_name(config),
        DashboardBody={"Fn::Sub": json.dumps(dashboard_body(config), separators=(",", ":"))},
    )
