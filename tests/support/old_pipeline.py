"""The older pipelines that `migrate` replaces: their functions, mapping, notification, job.

The functions are small, of the older design: one writes each batch as `telemetry_<millis>_<count>.json`; S3 calls the
other for each object, which starts the job; the job reads and archives the files under the prefix.
"""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any, Final

from lambda_deploy.mappings import StreamMapping
from lambda_deploy.migrate import OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION, UNIFIED_FUNCTION
from lambda_deploy.migrate.found import (
    CALLS_FUNCTION,
    Found,
    OldFunction,
    OldRole,
    StoppableJob,
)
from support.databricks_api import TOKEN

OLD_ROLE: Final = "chargeminder-lambda-role"
OLD_JOB: Final = 4711
OLD_JOB_NAME: Final = "telemetry-import"
OLD_ARCHIVE: Final = "old-archive/"
TRUST: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)

_ARN: Final = "arn:aws:lambda:eu-west-1:123456789012:function:"
_STREAM: Final = (
    "arn:aws:dynamodb:eu-west-1:123456789012:table/chargeminder-car-telemetry/stream/2025-10-01T08:00:00.000"
)
A_FOUND_PIPELINE: Final = Found(
    stream_function=OLD_STREAM_FUNCTION,
    trigger_function=OLD_TRIGGER_FUNCTION,
    functions=tuple([OldFunction(name, OLD_ROLE, "4711") for name in (OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION)]),
    roles=(OldRole(OLD_ROLE, ("all-of-it",), ("arn:aws:iam::aws:policy/Made",)),),
    log_groups=(f"/aws/lambda/{OLD_STREAM_FUNCTION}",),
    mappings=(StreamMapping("0b1c2d3e", OLD_STREAM_FUNCTION, _STREAM, "Enabled", "OK"),),
    our_mapping=None,
    notifications={
        CALLS_FUNCTION: [
            {"Id": "old", "LambdaFunctionArn": _ARN + OLD_TRIGGER_FUNCTION, "Events": ["s3:ObjectCreated:*"]},
            {"Id": "other", "LambdaFunctionArn": _ARN + "thumbnails", "Events": ["s3:ObjectCreated:*"]},
        ],
        "EventBridgeConfiguration": {},
    },
    job_name="4711",
    job=StoppableJob(
        OLD_JOB, {"schedule": {"quartz_cron_expression": "0 0 * * * ?", "pause_status": "UNPAUSED"}}, 2, True
    ),
    old_table="main.telemetry.car_telemetry_flattened",
)

STREAM_CODE: Final = """
import json, os, time
import boto3
from boto3.dynamodb.types import TypeDeserializer

def handler(event, context):
    read = TypeDeserializer().deserialize
    images = [record["dynamodb"]["NewImage"] for record in event["Records"] if "NewImage" in record["dynamodb"]]
    items = [{name: read(value) for name, value in image.items()} for image in images]
    if items:
        key = f"telemetry/telemetry_{time.time_ns() // 1000000}_{len(items)}.json"
        body = "\\n".join([json.dumps(item, default=str) for item in items])
        boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=key, Body=body)
"""
TRIGGER_CODE: Final = """
import json, os
from urllib.request import Request, urlopen

def handler(event, context):
    request = Request(os.environ["DATABRICKS_HOST"] + "/api/2.2/jobs/run-now", method="POST")
    request.add_header("Authorization", "Bearer " + os.environ["DATABRICKS_TOKEN"])
    with urlopen(request, json.dumps({"job_id": int(os.environ["DATABRICKS_JOB_ID"])}).encode()) as answer:
        answer.read()
"""


def zipped(code: str) -> bytes:
    """Return a function's code in Lambda's format, with the handler main.handler."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("main.py", code)
    return made.getvalue()


def old_job(**changes: Any) -> dict[str, Any]:
    """Return the settings of the older job: every ten minutes, and on request."""
    schedule = {"quartz_cron_expression": "0 0/10 * * * ?", "timezone_id": "UTC", "pause_status": "UNPAUSED"}
    return {"name": OLD_JOB_NAME, "schedule": schedule, "max_concurrent_runs": 1, "queue": {"enabled": True}, **changes}


def create_old_pipeline(clients: Callable[[str], Any], bucket: str, stream: str, host: str) -> str:
    """Create everything and return the UUID of its mapping; the bucket and the stream exist."""
    role = clients("iam").create_role(RoleName=OLD_ROLE, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    clients("iam").put_role_policy(RoleName=OLD_ROLE, PolicyName="all-of-it", PolicyDocument=_ALLOWED)
    _create_function(clients, OLD_STREAM_FUNCTION, role, STREAM_CODE, {"BUCKET": bucket})
    variables = {"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": TOKEN, "DATABRICKS_JOB_ID": str(OLD_JOB)}
    trigger = _create_function(clients, OLD_TRIGGER_FUNCTION, role, TRIGGER_CODE, variables)
    for name in (OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION):
        clients("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
    clients("lambda").add_permission(
        FunctionName=OLD_TRIGGER_FUNCTION,
        StatementId="s3",
        Action="lambda:InvokeFunction",
        Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}",
    )
    notify(clients, bucket, trigger)
    mapping = clients("lambda").create_event_source_mapping(
        FunctionName=OLD_STREAM_FUNCTION, EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=100
    )
    return str(mapping["UUID"])


def create_unified_pipeline(clients: Callable[[str], Any], bucket: str, stream: str, host: str) -> str:
    """Create the first single-function version, with its token in the environment; return the UUID of its mapping."""
    role = clients("iam").create_role(RoleName=OLD_ROLE, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    clients("iam").put_role_policy(RoleName=OLD_ROLE, PolicyName="all-of-it", PolicyDocument=_ALLOWED)
    variables = {
        "BUCKET": bucket, "DATABRICKS_HOST": host, "DATABRICKS_TOKEN": TOKEN, "DATABRICKS_JOB_ID": str(OLD_JOB)
    }  # fmt: skip
    _create_function(clients, UNIFIED_FUNCTION, role, STREAM_CODE, variables)
    clients("logs").create_log_group(logGroupName=f"/aws/lambda/{UNIFIED_FUNCTION}")
    mapping = clients("lambda").create_event_source_mapping(
        FunctionName=UNIFIED_FUNCTION, EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=100
    )
    return str(mapping["UUID"])


def notify(clients: Callable[[str], Any], bucket: str, function_arn: str, prefix: str = "telemetry/") -> None:
    """Add an entry to the notifications of the bucket: objects below a prefix call the function."""
    s3 = clients("s3")
    there = s3.get_bucket_notification_configuration(Bucket=bucket)
    there.pop("ResponseMetadata")
    rule = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
    entry = {"Id": prefix, "LambdaFunctionArn": function_arn, "Events": ["s3:ObjectCreated:*"], "Filter": rule}
    entries = [*there.get("LambdaFunctionConfigurations", []), entry]
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={**there, "LambdaFunctionConfigurations": entries}
    )


def create_other_function(clients: Callable[[str], Any], name: str, role_name: str = "other-role") -> str:
    """Create a function unrelated to the migration; return its ARN."""
    role = clients("iam").create_role(RoleName=role_name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    return _create_function(clients, name, role, "def handler(event, context): pass", {})


def _create_function(clients: Callable[[str], Any], name: str, role: str, code: str, variables: dict[str, str]) -> str:
    made = clients("lambda").create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.11",
        Handler="main.handler",
        Code={"ZipFile": zipped(code)},
        Environment={"Variables": variables},
        Timeout=30,
    )
    return str(made["FunctionArn"])


_ALLOWED: Final = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*", "dynamodb:*"], "Resource": "*"}]}
)
