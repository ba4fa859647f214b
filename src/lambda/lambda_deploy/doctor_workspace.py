"""Looks at the Databricks workspace for the doctor and for test-event. What may not be looked at becomes `Unseen`."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from databricks.sdk.errors import NotFound, PermissionDenied, Unauthenticated
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.sql import StatementParameterListItem, StatementState
from requests.exceptions import RequestException

from lambda_deploy.config import Config
from lambda_deploy.doctor_seen import House, Job, Seen, Unseen, seen
from lambda_deploy.errors import WorkspaceError
from lambda_deploy.texts import one_line
from lambda_deploy.workspace import full_job_name, jobs_named

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.jobs import JobSettings

_MAY_START: Final = ("CAN_MANAGE_RUN", "CAN_MANAGE", "IS_OWNER")


@contextmanager
def asked(doing: str) -> Iterator[None]:
    """Has errors of the SDK come out as WorkspaceError: what was being done, what was answered, and the cure."""
    try:
        yield
    except Unauthenticated:
        raise WorkspaceError(f"{doing}: the workspace does not take the token, log in: databricks auth login") from None
    except PermissionDenied as error:
        raise WorkspaceError(f"{doing}: {one_line(error)}: ask an owner for the right") from error
    except DatabricksError as error:
        raise WorkspaceError(f"{doing}: {one_line(error)}") from error
    except (TimeoutError, RequestException) as error:
        raise WorkspaceError(f"{doing}: no answer ({one_line(error)}): check workspace.host and the network") from error
    except ValueError as error:
        # The SDK's own word for "no credentials".
        raise WorkspaceError(f"{doing}: {one_line(error)}: databricks auth login") from error


@dataclass(frozen=True)
class HouseEyes:
    """Looks for one target with a client that `connect` makes when it is first needed."""

    config: Config
    connect: "Callable[[], WorkspaceClient]"

    def look(self) -> House:
        """Everything that the doctor asks; nothing more when the workspace does not say who asks."""
        user = seen(asked, "asking the workspace who this is", self.user)
        if isinstance(user, Unseen):
            return House(user, user, user, user)
        jobs = seen(asked, "looking for the job", self.jobs)
        return House(
            user,
            jobs,
            seen(asked, "reading the external locations", self._external_locations),
            seen(asked, "reading the volumes", lambda: self._volumes(jobs)),
        )

    def user(self) -> str:
        """Who asks, such as an address or an application id."""
        return self.connect().current_user.me().user_name or "somebody without a name"

    def jobs(self) -> tuple[Job, ...]:
        """The jobs that have the name of the target's."""
        name = full_job_name(self.config, self.connect())
        return tuple([self.job(job_id) for job_id in jobs_named(self.connect(), name)])

    def job(self, job_id: int) -> Job:
        """A job by its number."""
        found = self.connect().jobs.get(job_id)
        settings = found.settings
        assert settings is not None, "the API always gives them"  # noqa: S101 # for mypy: the SDK says Optional
        starts, paused = start_of(settings)
        return Job(
            job_id,
            settings.name or "",
            starts,
            paused,
            1 if settings.max_concurrent_runs is None else settings.max_concurrent_runs,
            self._may_start(job_id),
            options_of(settings),
        )

    def table(self) -> str:
        """The full name of the table that the job writes. Raises WorkspaceError when there is no such job."""
        with asked("looking for the job"):
            names = [job.options["--table"] for job in self.jobs() if "--table" in job.options]
        if len(names) != 1:
            raise WorkspaceError(f"{len(names)} jobs {self.config.job_name!r} say which table they write, expected one")
        return names[0]

    def has_event(self, event_id: str) -> bool:
        """Whether the table has a row of this event; no table, no row. Raises WorkspaceError."""
        statement = f"SELECT 1 FROM {quoted(self.table())} WHERE event_id = :event_id"  # noqa: S608 # quoted
        try:
            return bool(self.sql(statement, event_id=event_id))
        except WorkspaceError as error:
            # The job makes the table with its first files.
            if "TABLE_OR_VIEW_NOT_FOUND" in str(error):
                return False
            raise

    def sql(self, statement: str, **parameters: str) -> list[list[str]]:
        """The rows of a statement, run on the warehouse of databricks.yml. Raises WorkspaceError."""
        if not self.config.warehouse_id:
            raise WorkspaceError("warehouse_id is not set in databricks.yml, so nothing can be asked of a table")
        values = [StatementParameterListItem(name=name, value=value) for name, value in parameters.items()]
        with asked("running SQL"):
            answer = self.connect().statement_execution.execute_statement(
                statement, self.config.warehouse_id, parameters=values, wait_timeout="50s"
            )
        state = answer.status.state if answer.status else None
        if state != StatementState.SUCCEEDED:
            error = answer.status.error if answer.status else None
            raise WorkspaceError(f"running SQL: {state and state.value}: {one_line(error and error.message)}")
        return (answer.result.data_array if answer.result else None) or []

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

    def _external_locations(self) -> tuple[str, ...]:
        return tuple([one.url for one in self.connect().external_locations.list() if one.url])

    def _volumes(self, jobs: Seen[tuple[Job, ...]]) -> Mapping[str, str]:
        schemas = {f"{self.config.catalog}.{self.config.schema}_ops"}
        if not isinstance(jobs, Unseen):
            schemas |= {job.options["--ops"] for job in jobs if "--ops" in job.options}
        found: dict[str, str] = {}
        for schema in schemas:
            catalog, _, name = schema.partition(".")
            with_locations = [one for one in self._listed(catalog, name) if one.full_name and one.storage_location]
            found |= {str(one.full_name): str(one.storage_location) for one in with_locations}
        return found

    def _listed(self, catalog: str, schema: str) -> list[Any]:
        try:
            return list(self.connect().volumes.list(catalog, schema))
        except NotFound:
            return []


def start_of(settings: "JobSettings") -> tuple[str | None, bool]:
    """What starts a job by itself, None if nothing does, and whether that is paused."""
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
    """The options of the job's command line, such as --table."""
    words = [
        word
        for task in settings.tasks or []
        if task.python_wheel_task is not None
        for word in task.python_wheel_task.parameters or []
    ]
    return {name: value for name, value in pairwise(words) if name.startswith("--")}


def quoted(name: str) -> str:
    """A table's full name for SQL, each part in backticks."""
    return ".".join([f"`{part.replace('`', '``')}`" for part in name.split(".")])
