"""What the doctor has seen: plain facts, and for those that could not be looked at, why."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from lambda_deploy.config import Config
from lambda_deploy.lakehouse import Job
from lambda_deploy.mappings import StreamMapping

T = TypeVar("T")


@dataclass(frozen=True)
class Unseen:
    """In place of a fact that could not be looked at."""

    why: str


Seen: TypeAlias = T | Unseen


@dataclass(frozen=True)
class Table:
    """The DynamoDB table: its key as (name, HASH or RANGE), its stream's ARN and view type, None when it is off."""

    key: tuple[tuple[str, str], ...]
    stream_arn: str | None
    view_type: str | None


@dataclass(frozen=True)
class TableKey:
    """The customer-managed KMS key of the table: its state, and its policy's statements."""

    arn: str
    state: str
    statements: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Bucket:
    """The bucket: `encryption` is AES256, aws:kms or so; `is_closed` whether public access is blocked."""

    region: str
    encryption: str
    is_closed: bool


@dataclass(frozen=True)
class Starter:
    """As whom the function starts the job: `client_id` is None where nothing says so, or a token does."""

    how: Literal["federation", "federation is off", "secret", "token", "nothing"]
    client_id: str | None


@dataclass(frozen=True)
class Findings:
    """What both clouds and databricks.yml say. None is "there is none", or "it does not matter here".

    `other_targets` are by name; a text is in place of one that could not be read, and says why. `skew_seconds` is how
    far this machine's clock is ahead; `oldest_seconds` the greatest age of a record in the last hour. `role_arn` is
    that of the function's role, whether it exists or not. `workspace` is who asks it.
    """

    other_targets: Mapping[str, Config | str]
    account: Seen[str]
    role_arn: Seen[str]
    skew_seconds: Seen[float]
    table: Seen[Table | None]
    table_key: Seen[TableKey | None]
    bucket: Seen[Bucket | None]
    readers: Seen[tuple[StreamMapping, ...]]
    mappings: Seen[tuple[StreamMapping, ...]]
    oldest_seconds: Seen[float | None]
    older_pipelines: Seen[tuple[str, ...]]
    starter: Seen[Starter | None]
    workspace: Seen[str] | None
    jobs: Seen[tuple[Job, ...]] | None
