"""Every single setting of a deployed target, changed by hand: plain calls of boto3, none of the code under test."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from support.aws_account import BUCKET, FUNCTION, REGION

Clients = Callable[[str], Any]
Drift = Callable[[Clients], object]

ACCOUNT = "123456789012"
OTHER = "somebody-else"
ROLE = f"{FUNCTION}-role"
TOPIC = f"{FUNCTION}-alerts"
RULE = f"{FUNCTION}-on-failure"
ALARM = f"{FUNCTION}-errors"
LOG_GROUP = f"/aws/lambda/{FUNCTION}"
SECRET = f"{FUNCTION}/databricks"
POLICY = "stream-to-s3"


def account(clients: Clients) -> str:
    """The number of the account."""
    found: str = clients("sts").get_caller_identity()["Account"]
    return found


def arn(clients: Clients, service: str, rest: str) -> str:
    """An ARN of the account."""
    return f"arn:aws:{service}:{REGION}:{account(clients)}:{rest}"


def mapping_id(clients: Clients) -> str:
    """The UUID of the function's mapping."""
    [mapping] = clients("lambda").list_event_source_mappings(FunctionName=FUNCTION)["EventSourceMappings"]
    found: str = mapping["UUID"]
    return found


def other_zip() -> bytes:
    """Another zip than ours."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("other.py", "def handler(event, context): pass")
    return content.getvalue()


def block(name: str) -> Drift:
    """One of the bucket's four blocks of public access, off."""

    def drift(clients: Clients) -> None:
        s3 = clients("s3")
        blocks = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
        s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration={**blocks, name: False})

    return drift


def bucket_tag(name: str) -> Drift:
    """One of the bucket's tags, gone."""

    def drift(clients: Clients) -> None:
        tags = clients("s3").get_bucket_tagging(Bucket=BUCKET)["TagSet"]
        clients("s3").put_bucket_tagging(Bucket=BUCKET, Tagging={"TagSet": [tag for tag in tags if tag["Key"] != name]})

    return drift


def lifecycle(**changes: Any) -> Drift:
    """The rule of the archive, changed."""

    def drift(clients: Clients) -> None:
        [rule] = clients("s3").get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
        clients("s3").put_bucket_lifecycle_configuration(
            Bucket=BUCKET, LifecycleConfiguration={"Rules": [{**rule, **changes}]}
        )

    return drift


def trust(change: Callable[[dict[str, Any]], None]) -> Drift:
    """The role's trust policy, changed."""

    def drift(clients: Clients) -> None:
        document = clients("iam").get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
        change(document)
        clients("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(document))

    return drift


def other_statement(document: dict[str, Any]) -> None:
    """Somebody else may take the role, too."""
    document["Statement"][0]["Principal"] = {"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]}


def statement(name: str, change: Callable[[dict[str, Any]], None]) -> Drift:
    """One statement of the role's policy, changed."""

    def drift(clients: Clients) -> None:
        document = clients("iam").get_role_policy(RoleName=ROLE, PolicyName=POLICY)["PolicyDocument"]
        [found] = [each for each in document["Statement"] if each["Sid"] == name]
        change(found)
        clients("iam").put_role_policy(RoleName=ROLE, PolicyName=POLICY, PolicyDocument=json.dumps(document))

    return drift


def other_action(found: dict[str, Any]) -> None:
    """One action too many."""
    found["Action"] = [*found["Action"], "s3:GetObject"]


def other_resource(found: dict[str, Any]) -> None:
    """One resource too many."""
    found["Resource"] = [*found["Resource"], "arn:aws:s3:::another/*"]


def denied(found: dict[str, Any]) -> None:
    """The opposite."""
    found["Effect"] = "Deny"


def other_account(found: dict[str, Any]) -> None:
    """Another account's bucket."""
    found["Condition"]["StringEquals"]["s3:ResourceAccount"] = "999999999999"


def _of_policy() -> dict[str, Drift]:
    drifts: dict[str, Drift] = {}
    allowed = ("WriteObjects", "ReadStream", "ListStreams", "WriteOnFailure", "FindOnFailureBucket", "WriteLog")
    for name in (*allowed, "WriteTraces", "ReadSecret"):
        drifts[f"policy statements.{name}.Effect"] = statement(name, denied)
        drifts[f"policy statements.{name}.Action"] = statement(name, other_action)
        drifts[f"policy statements.{name}.Resource"] = statement(name, other_resource)
    for name in ("WriteOnFailure", "FindOnFailureBucket"):
        path = f"policy statements.{name}.Condition.StringEquals.s3:ResourceAccount"
        drifts[path] = statement(name, other_account)
    return drifts


def inline(clients: Clients) -> None:
    """A second inline policy."""
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    clients("iam").put_role_policy(RoleName=ROLE, PolicyName="all", PolicyDocument=json.dumps(document))


def attached(clients: Clients) -> None:
    """A policy of the account, attached."""
    iam = clients("iam")
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
    made = iam.create_policy(PolicyName="all", PolicyDocument=json.dumps(document))["Policy"]
    iam.attach_role_policy(RoleName=ROLE, PolicyArn=made["Arn"])


def function(**changes: Any) -> Drift:
    """One setting of the function."""
    return lambda clients: clients("lambda").update_function_configuration(FunctionName=FUNCTION, **changes)


def variable(name: str) -> Drift:
    """One of the function's variables."""

    def drift(clients: Clients) -> None:
        variables = clients("lambda").get_function_configuration(FunctionName=FUNCTION)["Environment"]["Variables"]
        function(Environment={"Variables": {**variables, name: OTHER}})(clients)

    return drift


def layer(clients: Clients) -> None:
    """A layer."""
    made = clients("lambda").publish_layer_version(LayerName="extra", Content={"ZipFile": other_zip()})
    function(Layers=[made["LayerVersionArn"]])(clients)


def other_role(clients: Clients) -> None:
    """Another role that Lambda may take."""
    iam = clients("iam")
    document = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    made = iam.create_role(RoleName="other-role", AssumeRolePolicyDocument=json.dumps(document))
    function(Role=made["Role"]["Arn"])(clients)


def architecture(clients: Clients) -> None:
    """The same zip, on another processor."""
    code = clients("lambda").get_function(FunctionName=FUNCTION)["Configuration"]["CodeSha256"]
    assert code
    from support.aws_account import CODE

    clients("lambda").update_function_code(FunctionName=FUNCTION, ZipFile=CODE, Architectures=["x86_64"])


def mapping(**changes: Any) -> Drift:
    """One setting of the mapping."""
    return lambda clients: clients("lambda").update_event_source_mapping(UUID=mapping_id(clients), **changes)


def topic_policy(change: Callable[[dict[str, Any]], None]) -> Drift:
    """The topic's policy, changed."""

    def drift(clients: Clients) -> None:
        topic = arn(clients, "sns", TOPIC)
        policy = json.loads(clients("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
        change(policy)
        clients("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))

    return drift


def anybody(policy: dict[str, Any]) -> None:
    """Anybody may publish."""
    del policy["Statement"][0]["Condition"]


def older(document: dict[str, Any]) -> None:
    """An older version of the language."""
    document["Version"] = "2008-10-17"


def unsubscribed(clients: Clients) -> None:
    """Nobody is told."""
    sns = clients("sns")
    for entry in sns.list_subscriptions_by_topic(TopicArn=arn(clients, "sns", TOPIC))["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=entry["SubscriptionArn"])


_PUT = [
    "AlarmName",
    "AlarmDescription",
    "ActionsEnabled",
    "AlarmActions",
    "OKActions",
    "InsufficientDataActions",
    "Namespace",
    "MetricName",
    "Dimensions",
    "Statistic",
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
]


def alarm(**changes: Any) -> Drift:
    """One setting of an alarm."""

    def drift(clients: Clients) -> None:
        [found] = clients("cloudwatch").describe_alarms(AlarmNames=[ALARM])["MetricAlarms"]
        settings = {name: found[name] for name in _PUT if name in found}
        clients("cloudwatch").put_metric_alarm(**{**settings, **changes})

    return drift


def other_topic(setting: str) -> Drift:
    """An alarm that tells somebody else."""
    return lambda clients: alarm(**{setting: [arn(clients, "sns", "another")]})(clients)


def dashboard(clients: Clients) -> None:
    """A dashboard without its last graph."""
    body = json.loads(clients("cloudwatch").get_dashboard(DashboardName=FUNCTION)["DashboardBody"])
    body["widgets"].pop()
    clients("cloudwatch").put_dashboard(DashboardName=FUNCTION, DashboardBody=json.dumps(body))


def rule(change: Callable[[dict[str, Any]], None], state: str = "ENABLED") -> Drift:
    """The rule of on-failure objects, changed."""

    def drift(clients: Clients) -> None:
        pattern = json.loads(clients("events").describe_rule(Name=RULE)["EventPattern"])
        change(pattern)
        clients("events").put_rule(Name=RULE, EventPattern=json.dumps(pattern), State=state)

    return drift


def target(**changes: Any) -> Drift:
    """Whom the rule tells, and what."""

    def drift(clients: Clients) -> None:
        [found] = clients("events").list_targets_by_rule(Rule=RULE)["Targets"]
        clients("events").put_targets(Rule=RULE, Targets=[{**found, **changes}])

    return drift


def text(clients: Clients) -> None:
    """Another text."""
    transformer = {"InputPathsMap": {"key": "$.detail.object.key"}, "InputTemplate": '"<key>"'}
    target(InputTransformer=transformer)(clients)


def silent(clients: Clients) -> None:
    """A bucket that tells EventBridge nothing."""
    clients("s3").put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})


def _tags() -> dict[str, Drift]:
    """Of each kind of resource with tags: another project, another version."""

    def tagged(kind: str, name: str) -> Drift:
        entry = [{"Key": name, "Value": OTHER}]
        calls: Mapping[str, Drift] = {
            "secret": lambda clients: clients("secretsmanager").tag_resource(SecretId=SECRET, Tags=entry),
            "role": lambda clients: clients("iam").tag_role(RoleName=ROLE, Tags=entry),
            "log group": lambda clients: clients("logs").tag_resource(
                resourceArn=arn(clients, "logs", f"log-group:{LOG_GROUP}"), tags={name: OTHER}
            ),
            "function": lambda clients: clients("lambda").tag_resource(
                Resource=arn(clients, "lambda", f"function:{FUNCTION}"), Tags={name: OTHER}
            ),
            "mapping": lambda clients: clients("lambda").tag_resource(
                Resource=arn(clients, "lambda", f"event-source-mapping:{mapping_id(clients)}"), Tags={name: OTHER}
            ),
            "topic": lambda clients: clients("sns").tag_resource(ResourceArn=arn(clients, "sns", TOPIC), Tags=entry),
            "alarm": lambda clients: clients("cloudwatch").tag_resource(
                ResourceARN=arn(clients, "cloudwatch", f"alarm:{ALARM}"), Tags=entry
            ),
            "dashboard": lambda clients: clients("cloudwatch").tag_resource(
                ResourceARN=f"arn:aws:cloudwatch::{account(clients)}:dashboard/{FUNCTION}", Tags=entry
            ),
            "on-failure notice": lambda clients: clients("events").tag_resource(
                ResourceARN=arn(clients, "events", f"rule/{RULE}"), Tags=entry
            ),
        }
        return calls[kind]

    kinds = ("secret", "role", "log group", "function", "mapping", "topic", "alarm", "dashboard", "on-failure notice")
    return {f"{kind} tags.{name}": tagged(kind, name) for kind in kinds for name in ("project", "version")}


# The path of a setting, as a plan names it -> the change by hand.
DRIFTS: dict[str, Drift] = {
    **{
        f"bucket public_access_block.{name}": block(name)
        for name in ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    },
    "bucket tls_only": lambda clients: clients("s3").delete_bucket_policy(Bucket=BUCKET),
    **{f"bucket tags.{name}": bucket_tag(name) for name in ("project", "target", "version")},
    "archive lifecycle prefix": lifecycle(Filter={"Prefix": "telemetry/"}),
    "archive lifecycle days": lifecycle(Expiration={"Days": 1}),
    "archive lifecycle status": lifecycle(Status="Disabled"),
    "secret description": lambda clients: clients("secretsmanager").update_secret(SecretId=SECRET, Description=OTHER),
    "role trust.Version": trust(older),
    "role trust.Statement": trust(other_statement),
    "role description": lambda clients: clients("iam").update_role(RoleName=ROLE, Description=OTHER),
    **_of_policy(),
    "policy other_policies": inline,
    "policy attached_policies": attached,
    "log group retention_days": lambda clients: clients("logs").delete_retention_policy(logGroupName=LOG_GROUP),
    "function Description": function(Description=OTHER),
    "function Handler": function(Handler="other.handler"),
    "function MemorySize": function(MemorySize=256),
    "function Role": other_role,
    "function Runtime": function(Runtime="python3.12"),
    "function Timeout": function(Timeout=3),
    "function architecture": architecture,
    "function code": lambda clients: clients("lambda").update_function_code(
        FunctionName=FUNCTION, ZipFile=other_zip(), Architectures=["arm64"]
    ),
    "function dead_letter_target": lambda clients: function(
        DeadLetterConfig={"TargetArn": arn(clients, "sqs", "letters")}
    )(clients),
    **{
        f"function environment.{name}": variable(name)
        for name in (
            "TELEMETRY_BUCKET",
            "TELEMETRY_PREFIX",
            "QUARANTINE_PREFIX",
            "DATABRICKS_HOST",
            "DATABRICKS_JOB_ID",
            "DATABRICKS_SECRET_ID",
            "DATABRICKS_TOKEN",
        )
    },
    "function ephemeral_storage_mb": function(EphemeralStorage={"Size": 1024}),
    "function layers": layer,
    "function log_format": lambda clients: function(LoggingConfig={"LogFormat": "JSON", "LogGroup": LOG_GROUP})(
        clients
    ),
    "function log_group": function(LoggingConfig={"LogFormat": "Text", "LogGroup": "/aws/lambda/another"}),
    "function tracing": function(TracingConfig={"Mode": "PassThrough"}),
    "mapping BatchSize": mapping(BatchSize=100),
    "mapping BisectBatchOnFunctionError": mapping(BisectBatchOnFunctionError=False),
    "mapping FunctionResponseTypes": mapping(FunctionResponseTypes=[]),
    "mapping MaximumBatchingWindowInSeconds": mapping(MaximumBatchingWindowInSeconds=60),
    "mapping MaximumRecordAgeInSeconds": mapping(MaximumRecordAgeInSeconds=-1),
    "mapping MaximumRetryAttempts": mapping(MaximumRetryAttempts=-1),
    "mapping ParallelizationFactor": mapping(ParallelizationFactor=4),
    "mapping TumblingWindowInSeconds": mapping(TumblingWindowInSeconds=30),
    "mapping enabled": mapping(Enabled=False),
    "mapping filters": mapping(FilterCriteria={"Filters": [{"Pattern": '{"eventName": ["INSERT"]}'}]}),
    "mapping metrics": mapping(MetricsConfig={"Metrics": []}),
    "mapping on_failure": lambda clients: mapping(
        DestinationConfig={"OnFailure": {"Destination": arn(clients, "sqs", "letters")}}
    )(clients),
    "topic policy.Version": topic_policy(older),
    "topic policy.Statement": topic_policy(anybody),
    "topic addresses": unsubscribed,
    "alarm AlarmDescription": alarm(AlarmDescription=OTHER),
    "alarm ActionsEnabled": alarm(ActionsEnabled=False),
    "alarm AlarmActions": other_topic("AlarmActions"),
    "alarm OKActions": other_topic("OKActions"),
    "alarm InsufficientDataActions": other_topic("InsufficientDataActions"),
    "alarm Namespace": alarm(Namespace=OTHER),
    "alarm MetricName": alarm(MetricName="Throttles"),
    "alarm Dimensions.FunctionName": alarm(Dimensions=[{"Name": "FunctionName", "Value": OTHER}]),
    "alarm Statistic": alarm(Statistic="Average"),
    "alarm Period": alarm(Period=3600),
    "alarm EvaluationPeriods": alarm(EvaluationPeriods=5),
    "alarm DatapointsToAlarm": alarm(DatapointsToAlarm=2, EvaluationPeriods=1),
    "alarm Threshold": alarm(Threshold=100),
    "alarm ComparisonOperator": alarm(ComparisonOperator="GreaterThanOrEqualToThreshold"),
    "alarm TreatMissingData": alarm(TreatMissingData="ignore"),
    "dashboard body.widgets": dashboard,
    "on-failure notice bucket_tells": silent,
    "on-failure notice pattern.source": rule(lambda pattern: pattern.update(source=["aws.ec2"])),
    "on-failure notice pattern.detail-type": rule(lambda pattern: pattern.update({"detail-type": ["Object Deleted"]})),
    "on-failure notice pattern.detail.bucket.name": rule(
        lambda pattern: pattern["detail"]["bucket"].update(name=["another"])
    ),
    "on-failure notice pattern.detail.object.key": rule(
        lambda pattern: pattern["detail"]["object"].update(key=[{"prefix": "telemetry/"}])
    ),
    "on-failure notice state": rule(lambda pattern: None, "DISABLED"),
    "on-failure notice targets.alerts.arn": lambda clients: target(Arn=arn(clients, "sns", "another"))(clients),
    "on-failure notice targets.alerts.text": text,
    **_tags(),
}

# Whole resources, removed by hand, and which others go with them.
REMOVALS: dict[str, Drift] = {
    "archive lifecycle": lambda clients: clients("s3").delete_bucket_lifecycle(Bucket=BUCKET),
    "secret": lambda clients: clients("secretsmanager").delete_secret(SecretId=SECRET, RecoveryWindowInDays=7),
    "policy": lambda clients: clients("iam").delete_role_policy(RoleName=ROLE, PolicyName=POLICY),
    "log group": lambda clients: clients("logs").delete_log_group(logGroupName=LOG_GROUP),
    "function": lambda clients: clients("lambda").delete_function(FunctionName=FUNCTION),
    "topic": lambda clients: clients("sns").delete_topic(TopicArn=arn(clients, "sns", TOPIC)),
    "alarm": lambda clients: clients("cloudwatch").delete_alarms(AlarmNames=[ALARM]),
    "dashboard": lambda clients: clients("cloudwatch").delete_dashboards(DashboardNames=[FUNCTION]),
}
