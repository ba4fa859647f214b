"""Find an older pipeline: two Lambdas, or the first single-function version."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from databricks.sdk.errors import NotFound

from lambda_deploy.aws import Clients, found
from lambda_deploy.config import Config
from lambda_deploy.errors import MigrationError
from lambda_deploy.lakehouse import Lakehouse, asked
from lambda_deploy.mappings import StreamMapping, stream_mappings
from lambda_deploy.migrate import OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION, UNIFIED_FUNCTION
from lambda_deploy.names import table_name
from lambda_deploy.workspace import jobs_named

if TYPE_CHECKING:
    from databricks.sdk.service.jobs import JobSettings

OUR_HANDLER: Final = "stream_to_s3.handler.handler"
CALLS_FUNCTION: Final = "LambdaFunctionConfigurations"
# Columns that only our job's table has.
_OUR_COLUMNS: Final = frozenset(["catalogue_version", "pipeline_version", "sequence_number"])
_STARTS: Final = ("schedule", "trigger", "continuous")


@dataclass(frozen=True)
class OldFunction:
    """A function of the older pipeline; `job_id` is the Databricks job that it starts, "" when it names none."""

    name: str
    role: str
    job_id: str


@dataclass(frozen=True)
class OldRole:
    """A role that only functions of the older pipeline use, and what must be removed before it can be deleted."""

    name: str
    inline_policies: tuple[str, ...]
    attached_policies: tuple[str, ...]


@dataclass(frozen=True)
class StoppableJob:
    """A job that must not run in parallel with another on the same prefix.

    `start` is what starts it, as the API has it, by its field (schedule, trigger or continuous).
    """

    job_id: int | str
    start: Mapping[str, Any]
    max_concurrent_runs: int
    is_queueing: bool

    @property
    def is_stopped(self) -> bool:
        """Return whether no run can start, not even one that an old function requests.

        A job of 0 concurrent runs skips them; a continuous job must have 1:
        https://docs.databricks.com/api/workspace/jobs/update
        """
        paused = all(one.get("pause_status") == "PAUSED" for one in self.start.values())
        return paused and (self.max_concurrent_runs == 0 or "continuous" in self.start)

    def stopped(self) -> dict[str, Any]:
        """Return the settings with which no run can start."""
        runs = self.max_concurrent_runs if "continuous" in self.start else 0
        return {**self._start("PAUSED"), "max_concurrent_runs": runs, "queue": {"enabled": False}}

    def restored(self) -> dict[str, Any]:
        """Return its current settings; if it is already stopped, those of a job that runs."""
        start = self._start("UNPAUSED") if self.is_stopped else self.start
        queue = {"enabled": self.is_queueing or self.is_stopped}
        return {**start, "max_concurrent_runs": max(self.max_concurrent_runs, 1), "queue": queue}

    def _start(self, status: str) -> dict[str, Any]:
        # A field is replaced as a whole, so the rest of it is sent unchanged.
        return {kind: {**start, "pause_status": status} for kind, start in self.start.items()}


@dataclass(frozen=True)
class Found:
    """The older pipeline and ours.

    `notifications` is the bucket's whole configuration. `job_name` is the number or name of the older job, "" when it
    is not known; `job` is None also without a workspace. `old_table` is the older job's table if it has the name of
    ours, else "".
    """

    stream_function: str
    trigger_function: str
    functions: tuple[OldFunction, ...]
    roles: tuple[OldRole, ...]
    log_groups: tuple[str, ...]
    mappings: tuple[StreamMapping, ...]
    our_mapping: StreamMapping | None
    notifications: Mapping[str, Any]
    job_name: str = ""
    job: StoppableJob | None = None
    active_runs: int = 0
    old_table: str = ""
    our_job: StoppableJob | None = None


def older_pipelines(config: Config, clients: Clients) -> tuple[str, ...]:
    """Return which parts of older pipelines exist, in words. Errors of the SDK pass through."""
    names = [OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION, UNIFIED_FUNCTION]
    return tuple([f"function {one.name}" for one in old_functions(clients, names)])


def old_functions(clients: Clients, names: Sequence[str]) -> list[OldFunction]:
    """Return those of these functions that exist and do not run our code. Only the job is read from their variables."""
    answers = [found(clients("lambda").get_function_configuration, FunctionName=name) for name in dict.fromkeys(names)]
    return [
        OldFunction(
            answer["FunctionName"],
            answer["Role"].rpartition("/")[2],
            answer.get("Environment", {}).get("Variables", {}).get("DATABRICKS_JOB_ID", ""),
        )
        for answer in answers
        if answer and answer.get("Handler") != OUR_HANDLER
    ]


@dataclass(frozen=True)
class Search:
    """Searches for one target. `old_job` is a number or a name, "" if an old function names the job."""

    config: Config
    clients: Clients
    lakehouse: Lakehouse | None
    stream_function: str = ""
    trigger_function: str = OLD_TRIGGER_FUNCTION
    old_job: str = ""

    def find(self) -> Found | None:
        """Return what was found; None when no older pipeline exists.

        Errors of AWS's SDK pass through. Raises WorkspaceError, MigrationError, and ConfigError without a table.
        """
        table_name(self.config)
        streams = [self.stream_function] if self.stream_function else [OLD_STREAM_FUNCTION, UNIFIED_FUNCTION]
        functions = old_functions(self.clients, [*streams, self.trigger_function])
        names = [one.name for one in functions]
        groups = self._log_groups([*streams, self.trigger_function])
        notifications = self._notifications()
        notified = [entry for entry in notifications.get(CALLS_FUNCTION, []) if calls(entry, self.trigger_function)]
        if not names and not notified:
            return None
        stream_function = next((name for name in streams if name in names), streams[0])
        named = self.old_job or next((one.job_id for one in functions if one.job_id), "")
        job = self._job(named) if named and self.lakehouse else None
        return Found(
            stream_function,
            self.trigger_function,
            tuple(functions),
            self._roles(functions),
            groups,
            self._mappings(stream_function, names),
            self._our_mapping(stream_function),
            notifications,
            named,
            job,
            self._active_runs(job),
            self._old_table(),
            self._our_job(),
        )

    def _mappings(self, stream_function: str, names: Sequence[str]) -> tuple[StreamMapping, ...]:
        if stream_function not in names:
            return ()
        mappings = stream_mappings(self.clients("lambda"), FunctionName=stream_function)
        others = [one.source for one in mappings if one.table != self.config.dynamodb_table]
        if others:
            raise MigrationError(
                f"{stream_function} also reads {', '.join(others)}: move or delete that mapping first, because the "
                "last step deletes the function"
            )
        return tuple(mappings)

    def _our_mapping(self, stream_function: str) -> StreamMapping | None:
        if stream_function == self.config.function_name:
            return None
        mappings = stream_mappings(self.clients("lambda"), FunctionName=self.config.function_name)
        return next((one for one in mappings if one.table == self.config.dynamodb_table), None)

    def _notifications(self) -> dict[str, Any]:
        answer = found(self.clients("s3").get_bucket_notification_configuration, Bucket=self.config.bucket) or {}
        return {name: value for name, value in answer.items() if name != "ResponseMetadata"}

    def _roles(self, functions: Sequence[OldFunction]) -> tuple[OldRole, ...]:
        old = {one.name for one in functions}
        pages = self.clients("lambda").get_paginator("list_functions").paginate()
        others = [one for page in pages for one in page["Functions"] if one["FunctionName"] not in old]
        used = {one["Role"].rpartition("/")[2] for one in others}
        names = [name for name in dict.fromkeys(one.role for one in functions) if name not in used]
        return tuple([self._role(name) for name in names if found(self.clients("iam").get_role, RoleName=name)])

    def _role(self, name: str) -> OldRole:
        iam = self.clients("iam")
        inline = [
            one
            for page in iam.get_paginator("list_role_policies").paginate(RoleName=name)
            for one in page["PolicyNames"]
        ]
        attached = [
            one["PolicyArn"]
            for page in iam.get_paginator("list_attached_role_policies").paginate(RoleName=name)
            for one in page["AttachedPolicies"]
        ]
        return OldRole(name, tuple(inline), tuple(attached))

    def _log_groups(self, functions: Sequence[str]) -> tuple[str, ...]:
        names = [f"/aws/lambda/{name}" for name in functions if name != self.config.function_name]
        there = [
            group["logGroupName"]
            for name in names
            for page in self.clients("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
            for group in page["logGroups"]
        ]
        return tuple([name for name in names if name in there])

    def _job(self, named: str) -> StoppableJob:
        assert self.lakehouse is not None, "asked for only then"  # noqa: S101 # for mypy
        client = self.lakehouse.connect()
        with asked(f"looking for the older job {named}"):
            numbers = [int(named)] if re.fullmatch(r"[0-9]{1,19}", named) else jobs_named(client, named)
            if len(numbers) != 1:
                raise MigrationError(
                    f"{len(numbers)} jobs of the workspace are named {named!r}: give the number of one"
                )
            return job_of(numbers[0], client.jobs.get(numbers[0]).settings)

    def _our_job(self) -> StoppableJob | None:
        jobs = self.lakehouse.jobs() if self.lakehouse else ()
        return self._job(str(jobs[0].job_id)) if jobs else None

    def _active_runs(self, job: StoppableJob | None) -> int:
        if job is None or self.lakehouse is None:
            return 0
        with asked("reading the runs of the older job"):
            return len(list(self.lakehouse.connect().jobs.list_runs(job_id=int(job.job_id), active_only=True)))

    def _old_table(self) -> str:
        name = f"{self.config.catalog}.{self.config.schema}.{self.config.table}"
        # In development the bundle gives our table a separate schema.
        if self.lakehouse is None or self.config.is_development:
            return ""
        with asked(f"looking for the table {name}"):
            try:
                columns = {column.name for column in self.lakehouse.connect().tables.get(name).columns or []}
            except NotFound:
                return ""
        return "" if columns >= _OUR_COLUMNS else name


def calls(entry: Mapping[str, Any], function: str) -> bool:
    """Return whether an entry of a bucket's notifications calls a function."""
    return bool(entry["LambdaFunctionArn"].split(":")[6] == function)


def job_of(job_id: int, settings: "JobSettings | None") -> StoppableJob:
    """Return what may start a job, from its settings."""
    body = settings.as_dict() if settings else {}
    start = {name: body[name] for name in _STARTS if body.get(name)}
    return StoppableJob(
        job_id, start, body.get("max_concurrent_runs", 1), bool(body.get("queue", {}).get("enabled", False))
    )
