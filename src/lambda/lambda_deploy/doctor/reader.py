"""Read the doctor's facts from both clouds. A fact that cannot be read becomes `Unseen`, never an error."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from lambda_deploy import names
from lambda_deploy.aws import Clients, found
from lambda_deploy.config import Config
from lambda_deploy.doctor.facts import BucketFacts, Findings, Seen, StarterFacts, TableFacts, TableKeyFacts, Unseen
from lambda_deploy.errors import LambdaDeployError
from lambda_deploy.explain import code_of, explained
from lambda_deploy.lakehouse import Job, Lakehouse
from lambda_deploy.mappings import StreamMapping, stream_mappings
from lambda_deploy.metrics import iterator_ages
from lambda_deploy.migrate.found import older_pipelines

# 403 for a bucket that is another account's: https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
_NOT_OURS: Final = ("403", "404", "NoSuchBucket")
_CLOSED: Final = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_T = TypeVar("_T")


@dataclass(frozen=True)
class FactReader:
    """Reads the facts of one target. `clock` returns seconds since the epoch; `lakehouse` is None if not set."""

    config: Config
    other_targets: Mapping[str, Config | str]
    clients: Clients
    lakehouse: Lakehouse | None
    clock: Callable[[], float]

    def read(self) -> Findings:
        """Return all facts; none of AWS when AWS does not identify the caller."""
        workspace, jobs = self._workspace()
        account = _seen("asking AWS who this is", lambda: str(self._identity["Account"]))
        if isinstance(account, Unseen):
            unseen = {field.name: account for field in fields(Findings)}
            return Findings(**{**unseen, "other_targets": self.other_targets, "workspace": workspace, "jobs": jobs})  # type: ignore[arg-type] # by name
        table = _seen("reading the table", self._table)
        return Findings(
            other_targets=self.other_targets,
            account=account,
            role_arn=self._role_arn(),
            skew_seconds=_seen("comparing clocks", self._skew),
            table=table,
            table_key=_seen("reading the table's KMS key", self._table_key),
            bucket=_seen("checking the bucket", self._bucket),
            readers=_seen("reading the readers of the stream", lambda: self._readers(table)),
            mappings=_seen("reading the mappings", self._mappings),
            oldest_seconds=_seen("reading the iterator age", self._oldest),
            older_pipelines=_seen("looking for older pipelines", lambda: older_pipelines(self.config, self.clients)),
            starter=_seen("reading the identity that starts the job", self._starter),
            workspace=workspace,
            jobs=jobs,
        )

    @cached_property
    def _identity(self) -> Any:
        return self.clients("sts").get_caller_identity()

    def _role_arn(self) -> str:
        partition, account = self._identity["Arn"].split(":")[1], self._identity["Account"]
        return self.config.role_arn or f"arn:{partition}:iam::{account}:role/{names.role_name(self.config)}"

    def _skew(self) -> float:
        before = self.clock()
        answer = self.clients("sts").get_caller_identity()
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        halfway = (before + self.clock()) / 2
        return 0.0 if date is None else halfway - parsedate_to_datetime(date).timestamp()

    @cached_property
    def _described(self) -> Any:
        answer = found(self.clients("dynamodb").describe_table, TableName=names.table_name(self.config))
        return answer and answer["Table"]

    def _table(self) -> TableFacts | None:
        if self._described is None:
            return None
        stream = self._described.get("StreamSpecification", {})
        return TableFacts(
            tuple((key["AttributeName"], key["KeyType"]) for key in self._described["KeySchema"]),
            self._described.get("LatestStreamArn") if stream.get("StreamEnabled") else None,
            stream.get("StreamViewType"),
        )

    def _table_key(self) -> TableKeyFacts | None:
        arn = self._described and self._described.get("SSEDescription", {}).get("KMSMasterKeyArn")
        if not arn:
            return None
        described = self.clients("kms").describe_key(KeyId=arn)["KeyMetadata"]
        # The policy of AWS's own key cannot be changed and admits the whole account.
        if described.get("KeyManager") == "AWS":
            return None
        policy = json.loads(self.clients("kms").get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
        return TableKeyFacts(arn, described["KeyState"], tuple(_listed(policy.get("Statement", []))))

    def _bucket(self) -> BucketFacts | None:
        s3, where = self.clients("s3"), {"Bucket": self.config.bucket}
        try:
            answer = s3.head_bucket(**where)
        except ClientError as error:
            region = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("x-amz-bucket-region")
            if code_of(error) in ("301", "400") and region:
                return BucketFacts(str(region), "", is_closed=True)
            if code_of(error) in _NOT_OURS:
                return None
            raise
        region = answer.get("BucketRegion") or answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region")
        rules = (found(s3.get_bucket_encryption, **where) or {}).get("ServerSideEncryptionConfiguration", {})
        default = [rule.get("ApplyServerSideEncryptionByDefault", {}) for rule in rules.get("Rules", [])]
        block = (found(s3.get_public_access_block, **where) or {}).get("PublicAccessBlockConfiguration", {})
        return BucketFacts(
            str(region or self.config.region),
            str(default[0].get("SSEAlgorithm", "")) if default else "",
            all(block.get(name) for name in _CLOSED),
        )

    def _readers(self, table: Seen[TableFacts | None]) -> tuple[StreamMapping, ...]:
        if not isinstance(table, TableFacts) or table.stream_arn is None:
            return ()
        return tuple(stream_mappings(self.clients("lambda"), EventSourceArn=table.stream_arn))

    def _mappings(self) -> tuple[StreamMapping, ...]:
        found_ones = stream_mappings(self.clients("lambda"), FunctionName=self.config.function_name)
        return tuple([one for one in found_ones if one.table == self.config.dynamodb_table])

    def _oldest(self) -> float | None:
        ages = [age for _, age in iterator_ages(self.clients, self.config, self.clock(), 3_600)]
        return max(ages, default=None)

    def _starter(self) -> StarterFacts | None:
        if not self.config.lambda_starts_job:
            return None
        if self.config.client_id:
            return StarterFacts("federation" if self._issues_tokens() else "federation is off", self.config.client_id)
        answer = found(self.clients("secretsmanager").get_secret_value, SecretId=names.secret_name(self.config))
        try:
            secret = json.loads(answer["SecretString"]) if answer else {}
        except (KeyError, ValueError):
            secret = {}
        # Only the public name of the secret's owner leaves this function.
        if not isinstance(secret, dict) or not (secret.get("token") or secret.get("client_id")):
            return StarterFacts("nothing", None)
        return (
            StarterFacts("secret", str(secret["client_id"])) if secret.get("client_id") else StarterFacts("token", None)
        )

    def _issues_tokens(self) -> bool:
        try:
            return bool(self.clients("iam").get_outbound_web_identity_federation_info().get("JwtVendingEnabled"))
        except ClientError as error:
            if not code_of(error).startswith("FeatureDisabled"):
                raise
            return False

    def _workspace(self) -> tuple[Seen[str] | None, Seen[tuple[Job, ...]] | None]:
        if self.lakehouse is None:
            return None, None
        user = _seen("asking the workspace", self.lakehouse.user)
        return user, user if isinstance(user, Unseen) else _seen("looking for the job", self.lakehouse.jobs)


def _seen(doing: str, look: Callable[[], _T]) -> Seen[_T]:
    """Return what `read` returns; `Unseen` when access is denied or there is no answer."""
    try:
        with explained(doing):
            return look()
    except LambdaDeployError as error:
        return Unseen(str(error))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]
