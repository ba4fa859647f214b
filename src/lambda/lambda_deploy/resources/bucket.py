"""The bucket. One that is there keeps its settings and gets what it lacks: it may serve others, too."""

import json
from typing import Any, Final

from botocore.exceptions import ClientError

from lambda_deploy.aws import code_of, found
from lambda_deploy.errors import UnfitError
from lambda_deploy.resources.base import Resource, State, our_tags, tag_list

_BLOCKED: Final = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_SID: Final = "TelemetryTlsOnly"


class Bucket(Resource):
    """All public access blocked, no access without TLS, our tags where it has none of these names."""

    kind = "bucket"
    stays = "it holds the data"

    @property
    def name(self) -> str:
        """As databricks.yml says."""
        return self.config.bucket

    def read(self) -> State | None:
        """Raises UnfitError when the bucket is in another region or account."""
        s3 = self.client("s3")
        head = self._head()
        if head is None:
            return None
        self._check_region(head)
        blocked = found(s3.get_public_access_block, Bucket=self.name) or {}
        blocks = blocked.get("PublicAccessBlockConfiguration", {})
        tags = (found(s3.get_bucket_tagging, Bucket=self.name) or {}).get("TagSet", [])
        return {
            "public_access_block": {name: bool(blocks.get(name)) for name in _BLOCKED},
            "tls_only": any(self._asks_for_tls(statement) for statement in _statements(self._policy())),
            "tags": our_tags(tags),
        }

    def desired(self, current: State | None) -> State:
        """A tag that is there keeps its value: several targets may share the bucket."""
        return {
            "public_access_block": dict.fromkeys(_BLOCKED, True),
            "tls_only": True,
            "tags": {**self.site.tags, **(current or {"tags": {}})["tags"]},
        }

    def create(self, desired: State) -> None:
        """In the region of the function."""
        place: dict[str, Any] = {"CreateBucketConfiguration": {"LocationConstraint": self.config.region}}
        self.client("s3").create_bucket(Bucket=self.name, **({} if self.config.region == "us-east-1" else place))
        self.update({"public_access_block": {}, "tls_only": False, "tags": {}}, desired)

    def update(self, current: State, desired: State) -> None:
        """Adds what is missing; policy statements and tags of others stay."""
        s3 = self.client("s3")
        if current["public_access_block"] != desired["public_access_block"]:
            s3.put_public_access_block(Bucket=self.name, PublicAccessBlockConfiguration=desired["public_access_block"])
        if not current["tls_only"]:
            # Its version says how the statements of others are read.
            there = self._policy() or {"Version": "2012-10-17"}
            others = [statement for statement in _statements(there) if statement.get("Sid") != _SID]
            policy = {**there, "Statement": [*others, self._tls_statement()]}
            s3.put_bucket_policy(Bucket=self.name, Policy=json.dumps(policy))
        if current["tags"] != desired["tags"]:
            others_too = (found(s3.get_bucket_tagging, Bucket=self.name) or {}).get("TagSet", [])
            tags = {tag["Key"]: tag["Value"] for tag in others_too} | desired["tags"]
            s3.put_bucket_tagging(Bucket=self.name, Tagging={"TagSet": tag_list(tags)})

    def delete(self) -> None:
        """Never: it holds the data."""

    def _head(self) -> dict[str, Any] | None:
        try:
            head: dict[str, Any] | None = found(
                self.client("s3").head_bucket, Bucket=self.name, ExpectedBucketOwner=self.facts.account
            )
        except ClientError as error:
            if code_of(error) not in ("403", "AccessDenied"):
                raise
            raise UnfitError(
                f"the bucket {self.name!r} belongs to another account, or whoever deploys may not look at it "
                f"(s3:ListBucket): take another name, or credentials other than those of {self.facts.account}"
            ) from error
        return head

    def _check_region(self, head: dict[str, Any]) -> None:
        headers = head["ResponseMetadata"]["HTTPHeaders"]
        region = head.get("BucketRegion") or headers.get("x-amz-bucket-region") or self.config.region
        if region != self.config.region:
            raise UnfitError(
                f"the bucket {self.name!r} is in {region}, the function in {self.config.region}: Lambda writes what it "
                "gives up to a bucket in its own region only, so set aws_region or take another bucket"
            )

    def _policy(self) -> dict[str, Any]:
        answer = found(self.client("s3").get_bucket_policy, Bucket=self.name)
        policy: dict[str, Any] = json.loads(answer["Policy"]) if answer else {}
        return policy

    def _tls_statement(self) -> dict[str, Any]:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
        return {
            "Sid": _SID,
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [self.facts.bucket_arn, f"{self.facts.bucket_arn}/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }

    def _asks_for_tls(self, statement: dict[str, Any]) -> bool:
        """Whether a statement, whoever wrote it, refuses what comes without TLS."""
        ours = self._tls_statement()
        return (
            statement.get("Effect") == "Deny"
            and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
            and statement.get("Action") in ("s3:*", ["s3:*"], "*")
            and (statement.get("Resource") == "*" or set(statement.get("Resource", [])) >= set(ours["Resource"]))
            and statement.get("Condition")
            in (
                ours["Condition"],
                {"Bool": {"aws:SecureTransport": ["false"]}},
                {"Bool": {"aws:SecureTransport": False}},
            )
        )


def _statements(policy: dict[str, Any]) -> list[dict[str, Any]]:
    """Those of a policy, which may have one without a list around it."""
    statements = policy.get("Statement", [])
    return statements if isinstance(statements, list) else [statements]
