"""What is so and is not ours to choose: the account, the table and its stream, numbers that AWS gave out."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from botocore.exceptions import ClientError

from lambda_deploy.aws import Clients, code_of, explained, found
from lambda_deploy.config import Config
from lambda_deploy.errors import UnfitError

# Stands for what AWS gives out only while it is being made.
KNOWN_LATER: Final = "(known after deploy)"

_T = TypeVar("_T")


@dataclass
class Facts:
    """Looked up when first asked for, and again after `forget`.

    `find_job` gives the number of the job in the workspace; it is asked only when the Lambda starts the job.
    """

    config: Config
    clients: Clients
    find_job: Callable[[], int]
    _known: dict[str, Any] = field(default_factory=dict)

    def forget(self) -> None:
        """Has all but the account and the job looked up again: something was made or removed."""
        self._known = {name: value for name, value in self._known.items() if name in ("identity", "job")}

    @property
    def account(self) -> str:
        """The number of the account, twelve digits."""
        return self._identity()["Account"]

    @property
    def partition(self) -> str:
        """`aws`, or that of China or a government."""
        return self._identity()["Arn"].split(":")[1]

    @property
    def table(self) -> dict[str, Any]:
        """The table as DescribeTable tells it. Raises UnfitError when there is none, or its key is another."""
        return self._once("table", self._table)

    @property
    def stream_arn(self) -> str | None:
        """The ARN of the table's living stream; None when it is off."""
        if not self.table.get("StreamSpecification", {}).get("StreamEnabled"):
            return None
        found: str | None = self.table.get("LatestStreamArn")
        return found

    @property
    def secret_arn(self) -> str | None:
        """The ARN of the secret, with the six characters that AWS added; None when there is none."""
        return self._once("secret", self._secret_arn)

    @property
    def mappings(self) -> list[dict[str, Any]]:
        """All mappings of the function, as Lambda lists them."""
        return self._once("mappings", self._mappings)

    @property
    def mapping_id(self) -> str:
        """The UUID of the mapping between the table's stream and the function; KNOWN_LATER when there is none."""
        stream = self.stream_arn
        for mapping in self.mappings:
            if stream and mapping.get("EventSourceArn") == stream and mapping.get("State") != "Deleting":
                return str(mapping["UUID"])
        return KNOWN_LATER

    @property
    def key_arns(self) -> list[str]:
        """The ARNs of the KMS keys with which objects are encrypted: the bucket's own default and ours, if any."""
        return self._once("keys", self._key_arns)

    @property
    def job_id(self) -> int | None:
        """The number of the job that the Lambda starts; None when it starts none."""
        return self._once("job", self.find_job) if self.config.lambda_starts_job else None

    def arn(self, service: str, rest: str, *, everywhere: bool = False) -> str:
        """An ARN of this account, in the region unless the service knows none."""
        return f"arn:{self.partition}:{service}:{'' if everywhere else self.config.region}:{self.account}:{rest}"

    @property
    def bucket_arn(self) -> str:
        """The ARN of the bucket."""
        return f"arn:{self.partition}:s3:::{self.config.bucket}"

    @property
    def topic_arn(self) -> str:
        """The ARN of the alarms' topic."""
        return self.arn("sns", self.config.topic_name)

    @property
    def role_arn(self) -> str:
        """The ARN of the function's role."""
        return self.arn("iam", f"role/{self.config.role_name}", everywhere=True)

    def _once(self, name: str, look_up: Callable[[], _T]) -> _T:
        if name not in self._known:
            self._known[name] = look_up()
        found: _T = self._known[name]
        return found

    def _identity(self) -> dict[str, str]:
        def ask() -> dict[str, str]:
            with explained("asking AWS who this is"):
                identity: dict[str, str] = self.clients("sts").get_caller_identity()
                return identity

        return self._once("identity", ask)

    def _table(self) -> dict[str, Any]:
        name = self.config.dynamodb_table
        answer = found(self.clients("dynamodb").describe_table, TableName=name)
        if answer is None:
            raise UnfitError(
                f"there is no table {name!r} in {self.config.region} of account {self.account}: "
                "check dynamodb_table, aws_region and the credentials"
            )
        table: dict[str, Any] = answer["Table"]
        keys = [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]]
        if keys != [("event_id", "HASH")]:
            shown = ", ".join([f"{key} ({kind})" for key, kind in keys])
            raise UnfitError(
                f"the key of the table {name!r} is {shown}, expected event_id alone: rows are merged by it"
            )
        return table

    def _secret_arn(self) -> str | None:
        answer = found(self.clients("secretsmanager").describe_secret, SecretId=self.config.secret_name)
        return None if answer is None else str(answer["ARN"])

    def _mappings(self) -> list[dict[str, Any]]:
        # Asked by function alone, so that mappings of an older stream of the table are seen, too.
        pages = self.clients("lambda").get_paginator("list_event_source_mappings")
        try:
            return [
                mapping
                for page in pages.paginate(FunctionName=self.config.function_name)
                for mapping in page["EventSourceMappings"]
            ]
        except ClientError as error:
            if code_of(error) == "ResourceNotFoundException":
                return []
            raise

    def _key_arns(self) -> list[str]:
        keys = {self.config.kms_key_id, self._key_of_bucket()} - {""}
        return sorted({self._key_arn(key) for key in keys})

    def _key_of_bucket(self) -> str:
        answer = found(self.clients("s3").get_bucket_encryption, Bucket=self.config.bucket) or {}
        for rule in answer.get("ServerSideEncryptionConfiguration", {}).get("Rules", []):
            default = rule.get("ApplyServerSideEncryptionByDefault", {})
            if default.get("SSEAlgorithm", "").startswith("aws:kms"):
                return str(default.get("KMSMasterKeyID", ""))
        return ""

    def _key_arn(self, key: str) -> str:
        if ":key/" in key:
            return key
        with explained(f"looking up the KMS key {key!r} (kms_key_id, or the bucket's own)"):
            return str(self.clients("kms").describe_key(KeyId=key)["KeyMetadata"]["Arn"])
