"""The doctor's facts, and for those that could not be read, the reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from lambda_deploy.config import Config
from lambda_deploy.lakehouse import Job
from lambda_deploy.mappings import StreamMapping

T = TypeVar("T")


@dataclass(frozen=True)
class Unseen:
    """A fact that could not be read."""

    why: str


Seen: TypeAlias = T | Unseen


@dataclass(frozen=True)
class TableFacts:
    """The table: its key as (name, HASH or RANGE), its stream's ARN and view type, None when the stream is off."""

    key: tuple[tuple[str, str], ...]
    stream_arn: str | None
    view_type: str | None


@dataclass(frozen=True)
class TableKeyFacts:
    """The customer-managed KMS key of the table: its state, and its policy's statements."""

    arn: str
    state: str
    statements: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class BucketFacts:
    """The bucket: `encryption` is for example AES256 or aws:kms; `is_closed` says whether public access is blocked."""

    region: str
    encryption: str
    is_closed: bool


@dataclass(frozen=True)
class StarterFacts:
    """The identity with which the function starts the job: `client_id` is None when it is unknown, or a token's."""

    how: Literal["federation", "federation is off", "secret", "token", "nothing"]
    client_id: str | None


@dataclass(frozen=True)
class Findings:
    """The facts of both clouds and of databricks.yml. None means that it does not exist, or does not matter here.

    `other_targets` are by name; a text instead of a target says why it could not be read. `skew_seconds` is how far
    this machine's clock is ahead; `oldest_seconds` the greatest age of a record in the last hour. `role_arn` is the
    function's role, whether it exists or not. `workspace` is the workspace's user.
    """

    other_targets: Mapping[str, Config | str]
    account: Seen[str]
    role_arn: Seen[str]
    skew_seconds: Seen[float]
    table: Seen[TableFacts | None]
    table_key: Seen[TableKeyFacts | None]
    bucket: Seen[BucketFacts | None]
    readers: Seen[tuple[StreamMapping, ...]]
    mappings: Seen[tuple[StreamMapping, ...]]
    oldest_seconds: Seen[float | None]
    older_pipelines: Seen[tuple[str, ...]]
    starter: Seen[StarterFacts | None]
    workspace: Seen[str] | None
    jobs: Seen[tuple[Job, ...]] | None
