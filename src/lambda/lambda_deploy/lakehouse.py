"""Read the Databricks workspace: the job, who may start it, its last run, and rows of the table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from databricks.sdk.service.sql import StatementParameterListItem, StatementState

from lambda_deploy.config import Config
from lambda_deploy.console import Tools
from lambda_deploy.errors import UnreachableError, WorkspaceError
from lambda_deploy.explain import explained
from lambda_deploy.texts import one_line
from lambda_deploy.workspace import full_job_name, jobs_named

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.jobs import JobSettings

asked = partial(
    explained, cure="check workspace.host and the network, and log in with `databricks auth login`", kind=WorkspaceError
)
"""Raises errors of the SDK as WorkspaceError; see `explained`."""

_MAY_START: Final = ("CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER")


@dataclass(frozen=True)
class Job:
    """A job of the workspace.

    `starts` is schedule, periodic, file_arrival, continuous or similar, None when nothing starts it. `may_start` are
    the application ids of the service principals that may start it. `options` are those of its command line, by name.
    """

    job_id: int
    name: str
    starts: str | None
    paused: bool
    max_concurrent_runs: int
    may_start: frozenset[str]
    options: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """The newest run of a job: its state as the workspace calls it, and when it began."""

    state: str
    began: datetime


@dataclass(frozen=True)
class Lakehouse:
    """One target's workspace; `connect` makes the client with the first call."""

    config: Config
    connect: "Callable[[], WorkspaceClient]"

    def user(self) -> str:
        """Return the workspace's user, such as an address or an application id. Raises WorkspaceError."""
        with asked("asking the workspace who this is"):
            return self.connect().current_user.me().user_name or "a user without a name"

    def jobs(self) -> tuple[Job, ...]:
        """Return the jobs with the name of the target's job. Raises WorkspaceError."""
        with asked("looking for the job"):
            name = full_job_name(self.config, self.connect())
            return tuple([self._job(job_id) for job_id in jobs_named(self.connect(), name)])

    def last_run(self, job_id: int) -> Run | None:
        """Return the newest run of a job, or None. Raises WorkspaceError."""
        with asked("reading the runs of the job"):
            run = next(iter(self.connect().jobs.list_runs(job_id=job_id, limit=1)), None)
        if run is None:
            return None
        states = [run.state.result_state, run.state.life_cycle_state] if run.state else []
        state = next((one.value for one in states if one is not None), "of unknown state")
        return Run(state, datetime.fromtimestamp((run.start_time or 0) / 1000, UTC))

    def table(self) -> str:
        """Return the full name of the table that the job writes. Raises WorkspaceError when there is no such job."""
        names = [job.options["--table"] for job in self.jobs() if "--table" in job.options]
        if len(names) != 1:
            raise WorkspaceError(f"{len(names)} jobs {self.config.job_name!r} name the table they write, expected one")
        return names[0]

    def rows(self, columns: str, where: str, **parameters: str) -> list[list[str | None]]:
        """Return columns of the table's rows, read on the warehouse of databricks.yml.

        A table that the job has not created yet has no rows; neither has one without the columns of a signal that never
        came. Raises WorkspaceError; while the warehouse starts, UnreachableError.
        """
        if not self.config.warehouse_id:
            raise WorkspaceError("warehouse_id is empty in databricks.yml, so the table cannot be read")
        statement = f"SELECT {columns} FROM {quoted(self.table())} WHERE {where}"  # noqa: S608 # quoted, or constants
        values = [StatementParameterListItem(name=name, value=value) for name, value in parameters.items()]
        with asked("reading the table"):
            answer = self.connect().statement_execution.execute_statement(
                statement, self.config.warehouse_id, parameters=values, wait_timeout="50s"
            )
        state = answer.status.state if answer.status else None
        problem = one_line(answer.status.error.message) if answer.status and answer.status.error else ""
        if "TABLE_OR_VIEW_NOT_FOUND" in problem or "UNRESOLVED_COLUMN" in problem:
            return []
        if state in (StatementState.PENDING, StatementState.RUNNING):
            raise UnreachableError(
                "reading the table: the warehouse did not answer in 50 s: it is starting, run this again"
            )
        if state != StatementState.SUCCEEDED:
            raise WorkspaceError(f"reading the table: {state and state.value}: {problem}")
        return [list(row) for row in (answer.result.data_array if answer.result else None) or []]

    def _job(self, job_id: int) -> Job:
        settings = self.connect().jobs.get(job_id).settings
        assert settings is not None, "the API always returns them"  # noqa: S101 # for mypy: the SDK says Optional
        starts, paused = start_of(settings)
        runs = settings.max_concurrent_runs
        most = 1 if runs is None else runs
        return Job(job_id, settings.name or "", starts, paused, most, self._may_start(job_id), options_of(settings))

    def _may_start(self, job_id: int) -> frozenset[str]:
        entries = self.connect().jobs.get_permissions(str(job_id)).access_control_list or []
        return frozenset(
            [
                entry.service_principal_name
                for entry in entries
                for one in entry.all_permissions or []
                if entry.service_principal_name and one.permission_level and one.permission_level.value in _MAY_START
            ]
        )


def lakehouse_of(tools: Tools, config: Config) -> Lakehouse | None:
    """Return the workspace of a target; None when it is not set."""
    if not (config.host or tools.environment.get("DATABRICKS_CONFIG_PROFILE")):
        return None
    return Lakehouse(config, cache(lambda: tools.workspaces(config.host)))


def start_of(settings: "JobSettings") -> tuple[str | None, bool]:
    """Return what starts a job, None if nothing does, and whether that is paused."""
    trigger = settings.trigger
    kinds = {
        "schedule": settings.schedule,
        "continuous": settings.continuous,
        "periodic": trigger if trigger and trigger.periodic else None,
        "file_arrival": trigger if trigger and trigger.file_arrival else None,
        "another trigger": trigger,
    }
    for kind, found in kinds.items():
        if found is not None:
            return kind, found.pause_status is not None and found.pause_status.value == "PAUSED"
    return None, False


def options_of(settings: "JobSettings") -> dict[str, str]:
    """Return the options of the job's command line, such as --table."""
    words = [
        word
        for task in settings.tasks or []
        if task.python_wheel_task is not None
        for word in task.python_wheel_task.parameters or []
    ]
    return {name: value for name, value in pairwise(words) if name.startswith("--")}


def quoted(name: str) -> str:
    """Return a table's full name for SQL, each part in backticks."""
    return ".".join([f"`{part.replace('`', '``')}`" for part in name.split(".")])
