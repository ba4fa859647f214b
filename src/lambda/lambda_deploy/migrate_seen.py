"""What there is of the two-Lambda pipeline now, and what there was when the migration began."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

from lambda_deploy.errors import MigrationError
from lambda_deploy.status import StreamMapping

OLD_STREAM_FUNCTION: Final = "chargeminder-dynamodb-stream-processor"
OLD_TRIGGER_FUNCTION: Final = "chargeminder-s3-databricks-trigger"


@dataclass(frozen=True)
class JobStart:
    """What may start a job: whether its own schedule or trigger is paused, and how many runs it allows.

    `kind` is the field of the job's settings that starts it, None when only others do.
    """

    job_id: int
    name: str
    kind: Literal["schedule", "trigger", "continuous"] | None
    paused: bool
    max_concurrent_runs: int
    queue: bool

    @property
    def is_stopped(self) -> bool:
        """Whether no run can start, not even one that the old trigger function asks for.

        A job of 0 concurrent runs skips them (https://docs.databricks.com/api/workspace/jobs/update); a continuous
        job must have 1.
        """
        return (self.paused or self.kind is None) and (self.kind == "continuous" or self.max_concurrent_runs == 0)


@dataclass(frozen=True)
class OldTable:
    """A table that our job would meet under its own name: Unity Catalog's id of it tells it from ours."""

    name: str
    table_id: str
    kept_name: str


@dataclass(frozen=True)
class Journal:
    """How things were before the first step, for the way back and for what is deleted last. Holds no secret.

    `functions` are those of the two that were there, `mappings` the old ones that were enabled.
    """

    stream_function: str
    trigger_function: str
    functions: tuple[str, ...]
    roles: tuple[str, ...]
    mappings: tuple[str, ...]
    notifications: tuple[dict[str, Any], ...]
    job: JobStart | None
    table: OldTable | None

    def text(self) -> str:
        """The journal as JSON."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def of(cls, text: str, place: str) -> Self:
        """Reads what `text` wrote. Raises MigrationError when it is something else."""
        try:
            said: Mapping[str, Any] = json.loads(text)
            return cls(
                said["stream_function"],
                said["trigger_function"],
                tuple(said["functions"]),
                tuple(said["roles"]),
                tuple(said["mappings"]),
                tuple(said["notifications"]),
                JobStart(**said["job"]) if said["job"] else None,
                OldTable(**said["table"]) if said["table"] else None,
            )
        except (ValueError, KeyError, TypeError) as error:
            raise MigrationError(
                f"{place} is not the journal of a migration ({type(error).__name__}): restore it from an older version "
                "of the object, or remove it to begin anew"
            ) from error


@dataclass(frozen=True)
class Situation:
    """How things are now.

    `functions`, `roles` and `log_groups` are those of the two old functions that are still there; `notifications` the
    entries of the bucket that call the old trigger function. `active_runs` are those of the old job. `table_id` is the
    id of what stands under our table's name, None when nothing does.
    """

    functions: tuple[str, ...]
    roles: tuple[str, ...]
    log_groups: tuple[str, ...]
    old_mappings: tuple[StreamMapping, ...]
    new_mapping: StreamMapping | None
    notifications: tuple[dict[str, Any], ...]
    job: JobStart | None
    active_runs: int
    table_id: str | None

    @property
    def parts(self) -> tuple[str, ...]:
        """What is still there, in words."""
        return (
            *[f"function {name}" for name in self.functions],
            *[f"mapping {one.uuid} ({one.state})" for one in self.old_mappings],
            *["a notification of the bucket" for _ in self.notifications],
            *[f"role {name}" for name in self.roles],
            *[f"log group {name}" for name in self.log_groups],
        )
