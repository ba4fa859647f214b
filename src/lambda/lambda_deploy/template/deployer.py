"""What whoever deploys may do: printed by `stream-lambda template --deployer-policy`, explained in docs/iam.md.

CloudFormation acts with the rights of whoever deploys, or with those of `cloudformation_role_arn`; then the statements
about resources belong to that role, and are not needed here.
"""

from typing import Any

from lambda_deploy import names
from lambda_deploy.config import Config
from lambda_deploy.template.policy import arn, bucket_arn, statement


def deployer_statements(config: Config) -> list[dict[str, Any]]:
    """Return the statements of the deployer's policy, with pseudo parameters as a template has them."""
    resources = [] if config.cloudformation_role_arn else _resources(config)
    return [*_stack(config), *_outside(config), *_passing(config), *resources]


def _stack(config: Config) -> list[dict[str, Any]]:
    stack = arn("cloudformation", f"stack/{names.stack_name(config)}/*", config.region)
    actions = [
        *("CreateChangeSet", "DeleteChangeSet", "DeleteStack", "DescribeChangeSet", "DescribeEvents"),
        *(
            "DescribeStackEvents",
            "DescribeStackResource",
            "DescribeStacks",
            "ExecuteChangeSet",
            "GetTemplate",
            "TagResource",
        ),
        "UpdateTerminationProtection",
    ]
    return [statement("Stack", [f"cloudformation:{action}" for action in actions], [stack])]


def _outside(config: Config) -> list[dict[str, Any]]:
    table = arn("dynamodb", f"table/{names.table_name(config)}", config.region)
    function = arn("lambda", f"function:{config.function_name}", config.region)
    code = bucket_arn(config, f"/{names.code_prefix(config)}*")
    found = [
        statement("Table", ["dynamodb:DescribeTable", "dynamodb:UpdateTable"], [table]),
        statement("Bucket", ["s3:GetEncryptionConfiguration", "s3:ListBucket"], [bucket_arn(config)]),
        statement("Code", ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"], [code]),
        statement("Start", ["lambda:GetFunctionConfiguration", "lambda:InvokeFunction"], [function]),
        statement("Mappings", ["lambda:DeleteEventSourceMapping", "lambda:ListEventSourceMappings"], ["*"]),
        statement("Names", ["cloudwatch:DescribeAlarms", "cloudwatch:GetDashboard", "kms:DescribeKey"], ["*"]),
    ]
    if config.needs_secret:
        secret = arn("secretsmanager", f"secret:{names.secret_name(config)}-*", config.region)
        actions = ["CreateSecret", "DeleteSecret", "DescribeSecret", "PutSecretValue", "RestoreSecret", "TagResource"]
        found.append(statement("Secret", [f"secretsmanager:{action}" for action in actions], [secret]))
    return found


def _passing(config: Config) -> list[dict[str, Any]]:
    def passes(name: str, role: Any, service: str) -> dict[str, Any]:
        return statement(name, ["iam:PassRole"], [role], {"StringEquals": {"iam:PassedToService": service}})

    if config.cloudformation_role_arn:
        return [passes("PassToCloudFormation", config.cloudformation_role_arn, "cloudformation.amazonaws.com")]
    role = config.role_arn or arn("iam", f"role/{names.role_name(config)}")
    return [passes("PassToLambda", role, "lambda.amazonaws.com")]


def _resources(config: Config) -> list[dict[str, Any]]:
    """What CloudFormation does with the stack's resources, by the vendor's own schemas of their types."""
    region = config.region
    function = arn("lambda", f"function:{config.function_name}", region)
    mapping = arn("lambda", "event-source-mapping:*", region)
    topic = arn("sns", names.topic_name(config), region)
    alarm = arn("cloudwatch", f"alarm:{names.alarm_name(config, '*')}", region)
    dashboard = arn("cloudwatch", f"dashboard/{names.dashboard_name(config)}")
    group = arn("logs", f"log-group:{names.log_group(config)}*", region)
    return [
        *([] if config.role_arn else [_role(config)]),
        _on("LogGroup", "logs", group, "CreateLogGroup DeleteLogGroup PutRetentionPolicy TagResource UntagResource"),
        _on("LogGroups", "logs", "*", "DescribeLogGroups ListTagsForResource"),
        _on(
            *("Function", "lambda", function),
            "CreateFunction DeleteFunction GetFunction ListTags TagResource UntagResource UpdateFunctionCode "
            "UpdateFunctionConfiguration",
        ),
        _on("Mapping", "lambda", "*", "CreateEventSourceMapping GetEventSourceMapping UpdateEventSourceMapping"),
        _on("MappingTags", "lambda", mapping, "ListTags TagResource UntagResource"),
        _on(
            *("Topic", "sns", topic),
            "CreateTopic DeleteTopic GetTopicAttributes ListSubscriptionsByTopic ListTagsForResource "
            "SetTopicAttributes Subscribe TagResource UntagResource",
        ),
        _on("Subscriptions", "sns", "*", "GetSubscriptionAttributes SetSubscriptionAttributes Unsubscribe"),
        _on("Alarms", "cloudwatch", alarm, "DeleteAlarms ListTagsForResource PutMetricAlarm TagResource UntagResource"),
        _on("Dashboard", "cloudwatch", dashboard, "DeleteDashboards PutDashboard TagResource UntagResource"),
    ]


def _role(config: Config) -> dict[str, Any]:
    actions = (
        "CreateRole DeleteRole DeleteRolePermissionsBoundary DeleteRolePolicy GetRole GetRolePolicy "
        "ListAttachedRolePolicies ListRolePolicies ListRoleTags PutRolePermissionsBoundary PutRolePolicy TagRole "
        "UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription"
    )
    return _on("Role", "iam", arn("iam", f"role/{names.role_name(config)}"), actions)


def _on(name: str, service: str, resource: Any, actions: str) -> dict[str, Any]:
    return statement(name, [f"{service}:{action}" for action in actions.split()], [resource])
