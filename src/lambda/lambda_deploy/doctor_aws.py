"""Looks at AWS for the doctor. What may not be looked at becomes `Unseen`, never an error."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from itertools import groupby
from typing import Any, Final

from botocore.exceptions import ClientError

from lambda_deploy.aws import Clients, code_of, explained, found
from lambda_deploy.config import ON_FAILURE_PREFIX, Config
from lambda_deploy.doctor_seen import Cloud, Function, Need, Neighbour, Secret, Seen, Table, Unseen, seen
from lambda_deploy.status import LAST_HOUR, Metrics, StreamMapping, stream_mappings

# 403 for a bucket that is another account's: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
_NOT_OURS: Final = ("403", "404", "NoSuchBucket")


@dataclass(frozen=True)
class CloudEyes:
    """Looks for one target. `clock` gives seconds since the epoch.

    `statements` gives those of the policy that the function's role should have, `leftovers` what is there of the
    two-Lambda pipeline; `other_targets` are those of databricks.yml.
    """

    config: Config
    other_targets: Mapping[str, Config | str]
    clients: Clients
    clock: Callable[[], float]
    statements: Callable[[], Iterable[Mapping[str, Any]]]
    leftovers: Callable[[], Iterable[str]]

    def look(self) -> Cloud:
        """Everything, one after the other; nothing more when AWS does not say who asks."""
        account = seen(explained, "asking AWS who this is", lambda: str(self._identity()["Account"]))
        if isinstance(account, Unseen):
            return Cloud(self.other_targets, *[account for _ in fields(Cloud)[1:]])
        function = seen(explained, "reading the function", self._function)
        table = seen(explained, "reading the table", self._table)
        return Cloud(
            other_targets=self.other_targets,
            account=account,
            skew_seconds=seen(explained, "comparing clocks", self._skew),
            table=table,
            bucket_region=seen(explained, "looking for the bucket", self._bucket_region),
            function=function,
            mappings=seen(explained, "reading the mappings", lambda: self._mappings(table)),
            denied=function if isinstance(function, Unseen) else self._all_denied(function),
            oldest_seconds=seen(explained, "reading the iterator age", self._oldest),
            secret=seen(explained, "reading the secret", self._secret) if self.config.needs_secret else None,
            neighbours=seen(explained, "reading the other functions", self._neighbours),
            leftovers=seen(explained, "looking for the two-Lambda pipeline", lambda: tuple(self.leftovers())),
            waiting=seen(explained, "counting what failed", self._waiting),
        )

    def _identity(self) -> Any:
        return self.clients("sts").get_caller_identity()

    def _skew(self) -> float:
        before = self.clock()
        date = self._identity()["ResponseMetadata"]["HTTPHeaders"].get("date")
        halfway = (before + self.clock()) / 2
        return 0.0 if date is None else halfway - parsedate_to_datetime(date).timestamp()

    def _table(self) -> Table | None:
        answer = found(self.clients("dynamodb").describe_table, TableName=self.config.dynamodb_table)
        if answer is None:
            return None
        table = answer["Table"]
        stream = table.get("StreamSpecification", {})
        return Table(
            tuple((key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]),
            table.get("LatestStreamArn") if stream.get("StreamEnabled") else None,
            stream.get("StreamViewType"),
        )

    def _bucket_region(self) -> str | None:
        try:
            answer = self.clients("s3").head_bucket(Bucket=self.config.bucket)
        except ClientError as error:
            region = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
            if code_of(error) in ("301", "400") and region:
                return str(region)
            if code_of(error) in _NOT_OURS:
                return None
            raise
        region = answer.get("BucketRegion") or answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
        return str(region or self.config.region)

    def _function(self) -> Function | None:
        name = self.config.function_name
        answer = found(self.clients("lambda").get_function_configuration, FunctionName=name)
        if answer is None:
            return None
        return Function(
            answer.get("State", "Active"), answer["Role"], answer.get("DeadLetterConfig", {}).get("TargetArn")
        )

    def _mappings(self, table: Seen[Table | None]) -> tuple[StreamMapping, ...]:
        if not isinstance(table, Table) or table.stream_arn is None:
            return tuple(stream_mappings(self.clients("lambda"), FunctionName=self.config.function_name))
        return tuple(stream_mappings(self.clients("lambda"), EventSourceArn=table.stream_arn))

    def _all_denied(self, function: Function | None) -> Seen[tuple[Need, ...]]:
        return (
            () if function is None else seen(explained, "simulating the role's rights", lambda: self._denied(function))
        )

    def _denied(self, function: Function) -> tuple[Need, ...]:
        answers = [self._simulated(function.role_arn, statement) for statement in self.statements()]
        return tuple(
            [
                Need(result["EvalActionName"], result.get("EvalResourceName", "*"))
                for answer in answers
                for result in answer["EvaluationResults"]
                if result["EvalDecision"] != "allowed"
            ]
        )

    def _simulated(self, role_arn: str, statement: Mapping[str, Any]) -> Any:
        return self.clients("iam").simulate_principal_policy(
            PolicySourceArn=role_arn,
            ActionNames=statement["Action"],
            # A star at the end stands for any name; alone it is what AWS wants where a call has no resource.
            ResourceArns=[re.sub(r"(?<=.)\*", "any", resource) for resource in statement["Resource"]],
            ContextEntries=context_entries(statement.get("Condition", {})),
        )

    def _oldest(self) -> float | None:
        now = datetime.fromtimestamp(self.clock(), UTC)
        name = "oldest_milliseconds"
        metrics = Metrics(self.clients("cloudwatch"), self.config.function_name)
        oldest = metrics.read({name: LAST_HOUR[name]}, now - timedelta(hours=1), now, 60)[name]
        return None if oldest is None else oldest / 1000

    def _secret(self) -> Secret | None:
        answer = found(self.clients("secretsmanager").get_secret_value, SecretId=self.config.secret_name)
        if answer is None:
            return None
        try:
            fields = json.loads(answer.get("SecretString", ""))
        except ValueError:
            fields = None
        known = [
            name for name in ("client_id", "client_secret", "token") if isinstance(fields, dict) and fields.get(name)
        ]
        return Secret(tuple(known), str(fields["client_id"]) if "client_id" in known else None)

    def _neighbours(self) -> tuple[Neighbour, ...]:
        pages = self.clients("lambda").get_paginator("list_functions").paginate()
        neighbours = []
        for function in [function for page in pages for function in page["Functions"]]:
            variables = function.get("Environment", {}).get("Variables", {})
            ours = function["FunctionName"] == self.config.function_name
            if not ours and variables.get("TELEMETRY_BUCKET") == self.config.bucket:
                prefixes = (variables.get("TELEMETRY_PREFIX"), variables.get("QUARANTINE_PREFIX"))
                neighbours.append(Neighbour(function["FunctionName"], tuple([prefix for prefix in prefixes if prefix])))
        return tuple(neighbours)

    def _waiting(self) -> int:
        if found(self.clients("s3").head_bucket, Bucket=self.config.bucket) is None:
            return 0
        prefixes = (ON_FAILURE_PREFIX, self.config.quarantine_prefix)
        pages = [
            page
            for prefix in prefixes
            for page in self.clients("s3").get_paginator("list_objects_v2").paginate(
                Bucket=self.config.bucket, Prefix=prefix, PaginationConfig={"MaxItems": 10_000}
            )
        ]  # fmt: skip
        of_the_job = f"{self.config.quarantine_prefix}files/"
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return len([key for key in keys if not key.startswith(of_the_job)])


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def context_entries(condition: Mapping[str, Mapping[str, Any]]) -> list[Any]:
    """What a simulation must know so that these conditions hold."""
    pairs = [(key, value) for keys in condition.values() for key, value in keys.items()]
    return [
        {
            "ContextKeyName": key,
            "ContextKeyValues": [str(one) for _, value in group for one in _texts(value)],
            "ContextKeyType": "numeric" if key.endswith("Seconds") else "string",
        }
        for key, group in groupby(sorted(pairs, key=lambda pair: pair[0]), key=lambda pair: pair[0])
    ]
