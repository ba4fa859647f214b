"""The deployer's permissions, for `stream-lambda template --deployer-policy`; docs/reference/iam.md explains them.

CloudFormation acts with the deployer's permissions, or with those of `cloudformation_role_arn`; then that role needs
the statements about resources, and the deployer does not.
"""

from typing import Any

from lambda_deploy import names
from lambda_deploy.config import Config
from lambda_deploy.template.policy import arn, bucket_arn, statement


def deployer_statements(config: Config) -> list[dict[str, Any]]:
    """Return the statements of the deployer's policy, with pseudo parameters as in a template."""
    given = [_stack(config), *_outside(config), _passing(config)]
    return given if config.cloudformation_role_arn else [*given, *_resources(config)]


def _on(name: str, service: str, actions: str, *resources: Any) -> dict[str, Any]:
    return statement(name, [f"{service}:{action}" for action in actions.split()], list(resources))


def _stack(config: Config) -> dict[str, Any]:
    stack = arn("cloudformation", f"stack/{names.stack_name(config)}/*", config.region)
    actions = (
        "CreateChangeSet DeleteChangeSet DeleteStack DescribeChangeSet DescribeEvents DescribeStackEvents "
        "DescribeStackResource DescribeStacks ExecuteChangeSet GetTemplate TagResource UpdateTerminationProtection"
    )
    return _on("Stack", "cloudformation", actions, stack)


def _outside(config: Config) -> list[dict[str, Any]]:
    table = arn("dynamodb", f"table/{names.table_name(config)}", config.region)
    code = bucket_arn(config, f"/{names.code_prefix(config)}*")
    reads = ["cloudwatch:GetDashboard", "iam:GetRole", "lambda:GetFunctionConfiguration", "sns:GetTopicAttributes"]
    named = [_dashboard(config), _role_arn(config), _function(config), _topic(config)]
    found = [
        _on("Table", "dynamodb", "DescribeTable UpdateTable", table),
        _on("Bucket", "s3", "CreateBucket GetEncryptionConfiguration ListBucket", bucket_arn(config)),
        _on("Code", "s3", "DeleteObject GetObject PutObject", code),
        statement("Names", reads, named),
        _on("Start", "lambda", "InvokeFunction", _function(config)),
        _on("Mappings", "lambda", "DeleteEventSourceMapping ListEventSourceMappings", "*"),
        _on("Alarms", "cloudwatch", "DescribeAlarms", "*"),
        _on("Keys", "kms", "DescribeKey", "*"),
    ]
    if config.needs_secret:
        secret = arn("secretsmanager", f"secret:{names.secret_name(config)}-*", config.region)
        actions = "CreateSecret DeleteSecret DescribeSecret PutSecretValue RestoreSecret TagResource"
        found.append(_on("Secret", "secretsmanager", actions, secret))
    return found


def _passing(config: Config) -> dict[str, Any]:
    to, role = "lambda", config.role_arn or _role_arn(config)
    if config.cloudformation_role_arn:
        to, role = "cloudformation", config.cloudformation_role_arn
    only = {"StringEquals": {"iam:PassedToService": f"{to}.amazonaws.com"}}
    return statement("PassRole", ["iam:PassRole"], [role], only)


def _resources(config: Config) -> list[dict[str, Any]]:
    """Return what CloudFormation does with the stack's resources, from AWS's schemas of their types."""
    alarms = arn("cloudwatch", f"alarm:{names.alarm_name(config, '*')}", config.region)
    group = arn("logs", f"log-group:{names.log_group(config)}*", config.region)
    mappings = arn("lambda", "event-source-mapping:*", config.region)
    of_group = "CreateLogGroup DeleteLogGroup DeleteRetentionPolicy PutRetentionPolicy TagResource UntagResource"
    of_groups = (
        "DescribeIndexPolicies DescribeLogGroups DescribeResourcePolicies GetDataProtectionPolicy ListTagsForResource"
    )
    of_function = (
        "CreateFunction DeleteFunction GetFunction GetFunctionCodeSigningConfig GetFunctionRecursionConfig "
        "GetRuntimeManagementConfig ListTags TagResource UntagResource UpdateFunctionCode UpdateFunctionConfiguration"
    )
    of_topic = (
        "CreateTopic DeleteTopic GetDataProtectionPolicy ListSubscriptionsByTopic ListTagsForResource "
        "SetTopicAttributes Subscribe TagResource UntagResource"
    )
    of_network = "DescribeNetworkInterfaces DescribeSecurityGroups DescribeSubnets DescribeVpcs"
    return [
        *([] if config.role_arn else [_role(config)]),
        _on("LogGroup", "logs", of_group, group),
        _on("LogGroups", "logs", of_groups, "*"),
        _on("Function", "lambda", of_function, _function(config)),
        _on("Mapping", "lambda", "CreateEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping", "*"),
        _on("MappingTags", "lambda", "ListTags TagResource UntagResource", mappings),
        _on("Topic", "sns", of_topic, _topic(config)),
        _on("Subscription", "sns", "GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe", "*"),
        _on("Alarm", "cloudwatch", "DeleteAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource", alarms),
        _on(
            *("Dashboard", "cloudwatch", "DeleteDashboards ListTagsForResource PutDashboard TagResource UntagResource"),
            _dashboard(config),
        ),
        *([_on("Network", "ec2", of_network, "*")] if config.subnet_ids else []),
    ]


def _role(config: Config) -> dict[str, Any]:
    actions = (
        "CreateRole DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy GetRolePolicy ListAttachedRolePolicies "
        "ListRolePolicies PutRolePermissionsBoundary PutRolePolicy TagRole UntagRole UpdateAssumeRolePolicy UpdateRole "
        "UpdateRoleDescription"
    )
    return _on("Role", "iam", actions, _role_arn(config))


def _role_arn(config: Config) -> dict[str, str]:
    return arn("iam", f"role/{names.role_name(config)}")


def _function(config: Config) -> dict[str, str]:
    return arn("lambda", f"function:{config.function_name}", config.region)


def _topic(config: Config) -> dict[str, str]:
    return arn("sns", names.topic_name(config), config.region)


def _dashboard(config: Config) -> dict[str, str]:
    return arn("cloudwatch", f"dashboard/{names.dashboard_name(config)}")
