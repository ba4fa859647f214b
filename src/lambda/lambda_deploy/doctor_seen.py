"""What the doctor has seen: plain facts, and for those that could not be looked at, why."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from lambda_deploy.config import Config
from lambda_deploy.errors import LambdaDeployError
from lambda_deploy.status import StreamMapping

T = TypeVar("T")


@dataclass(frozen=True)
class Unseen:
    """Stands where a fact could not be looked at."""

    why: str


Seen: TypeAlias = T | Unseen


def seen(explained: Callable[[str], AbstractContextManager[None]], doing: str, look: Callable[[], T]) -> Seen[T]:
    """What `look` finds; `Unseen` when whoever is asked does not let it, or does not answer.

    `explained` has the errors of an SDK come out as ours.
    """
    try:
        with explained(doing):
            return look()
    except LambdaDeployError as error:
        return Unseen(str(error))


@dataclass(frozen=True)
class Table:
    """The DynamoDB table: its key as (name, HASH or RANGE), its stream's ARN and view type, None when it is off."""

    key: tuple[tuple[str, str], ...]
    stream_arn: str | None
    view_type: str | None


@dataclass(frozen=True)
class Function:
    """A Lambda function."""

    state: str
    role_arn: str
    dead_letter_target: str | None


@dataclass(frozen=True)
class Neighbour:
    """Another function that writes into the same bucket, and where to."""

    function: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True)
class Need:
    """A call that the function's role must be allowed."""

    action: str
    resource: str


@dataclass(frozen=True)
class Secret:
    """A secret of the trigger: the names of its fields, and who it belongs to. Never a value that is secret."""

    fields: tuple[str, ...]
    client_id: str | None


@dataclass(frozen=True)
class Cloud:
    """What AWS told, and databricks.yml. None stands for "there is none".

    `other_targets` are by name; a text stands for one that could not be read, and says why. `skew_seconds` is how far
    this machine's clock is ahead; `oldest_seconds` the greatest age of a record in the last hour; `waiting` how many
    objects a redrive would look at.
    """

    other_targets: Mapping[str, Config | str]
    account: Seen[str]
    skew_seconds: Seen[float]
    table: Seen[Table | None]
    bucket_region: Seen[str | None]
    function: Seen[Function | None]
    mappings: Seen[tuple[StreamMapping, ...]]
    denied: Seen[tuple[Need, ...]]
    oldest_seconds: Seen[float | None]
    secret: Seen[Secret | None]
    neighbours: Seen[tuple[Neighbour, ...]]
    leftovers: Seen[tuple[str, ...]]
    waiting: Seen[int]


@dataclass(frozen=True)
class Job:
    """The job of the bundle as the workspace has it.

    `starts` is schedule, periodic, file_arrival, continuous or so, None when nothing starts it. `may_start` are the
    application ids of the service principals that may start it. `options` are those of its command line, by name.
    """

    job_id: int
    name: str
    starts: str | None
    paused: bool
    max_concurrent_runs: int
    may_start: frozenset[str]
    options: Mapping[str, str]


@dataclass(frozen=True)
class House:
    """What the workspace told; `user` is who asks. Locations are `s3://` URLs, of volumes by their full name."""

    user: Seen[str]
    jobs: Seen[tuple[Job, ...]]
    external_locations: Seen[tuple[str, ...]]
    volumes: Seen[Mapping[str, str]]
