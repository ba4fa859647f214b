"""The old job and its table in the workspace: what they are, and the hands that stop and keep them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from databricks.sdk.errors import NotFound
from databricks.sdk.service.jobs import JobSettings, PauseStatus, QueueSettings

from lambda_deploy.doctor_workspace import HouseEyes, asked, quoted
from lambda_deploy.errors import MigrationError, NotReadyError, WorkspaceError
from lambda_deploy.migrate_seen import JobStart, OldTable
from lambda_deploy.wait import Wait
from lambda_deploy.workspace import jobs_named

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.service.catalog import TableInfo

# Columns that our job gives its table and nobody else does.
_OURS: Final = frozenset(["catalogue_version", "pipeline_version", "sequence_number"])
_STARTS: Final = ("schedule", "trigger", "continuous")


@dataclass(frozen=True)
class OldHouse:
    """The workspace side. Raises WorkspaceError, and NotReadyError when a run lasts too long."""

    eyes: HouseEyes
    wait: Wait

    @property
    def _client(self) -> "WorkspaceClient":
        return self.eyes.connect()

    def job(self, job_id: int) -> JobStart:
        """What may start a job."""
        with asked(f"reading job {job_id}"):
            settings = self._client.jobs.get(job_id).settings or JobSettings()
        kinds: list[Any] = [kind for kind in _STARTS if getattr(settings, kind) is not None]
        start = getattr(settings, kinds[0]) if kinds else None
        return JobStart(
            job_id,
            settings.name or "",
            kinds[0] if kinds else None,
            paused=start is not None and start.pause_status == PauseStatus.PAUSED,
            max_concurrent_runs=1 if settings.max_concurrent_runs is None else settings.max_concurrent_runs,
            queue=settings.queue is not None and settings.queue.enabled,
        )

    def job_named(self, name: str) -> JobStart:
        """The job of this name or number. Raises MigrationError when there is none, or more than one."""
        if re.fullmatch(r"[0-9]{1,19}", name):
            return self.job(int(name))
        with asked(f"looking for the job {name!r}"):
            numbers = jobs_named(self._client, name)
        if len(numbers) != 1:
            shown = f": {', '.join(map(str, numbers))}" if numbers else ""
            raise MigrationError(
                f"{len(numbers)} jobs of the workspace are named {name!r}{shown}: give the job's number instead"
            )
        return self.job(numbers[0])

    def stop(self, job_id: int) -> None:
        """Pauses a job, lets it start no run, and waits until none is active."""
        before = self.job(job_id)
        runs = before.max_concurrent_runs if before.kind == "continuous" else 0
        self._update(job_id, before.kind, paused=True, runs=runs, queue=False)
        self._wait_for_runs(job_id)

    def pause(self, job_id: int) -> None:
        """Pauses a job and waits until no run is active; it may still be started by hand."""
        before = self.job(job_id)
        self._update(job_id, before.kind, paused=True, runs=before.max_concurrent_runs, queue=before.queue)
        self._wait_for_runs(job_id)

    def restore(self, job: JobStart) -> None:
        """Gives a job back what it had."""
        self._update(job.job_id, job.kind, paused=job.paused, runs=job.max_concurrent_runs, queue=job.queue)

    def _update(self, job_id: int, kind: str | None, *, paused: bool, runs: int, queue: bool) -> None:
        changes = JobSettings(max_concurrent_runs=runs, queue=QueueSettings(enabled=queue))
        with asked(f"pausing job {job_id}"):
            if kind is not None:
                # The field is replaced as a whole, so the rest of it is sent back as it is.
                start = getattr(self._client.jobs.get(job_id).settings, kind)
                start.pause_status = PauseStatus.PAUSED if paused else PauseStatus.UNPAUSED
                setattr(changes, kind, start)
            self._client.jobs.update(job_id, new_settings=changes)

    def active_runs(self, job_id: int) -> int:
        """How many runs of a job wait or run."""
        with asked(f"listing the runs of job {job_id}"):
            return len(list(self._client.jobs.list_runs(job_id=job_id, active_only=True)))

    def _wait_for_runs(self, job_id: int) -> None:
        def look() -> None:
            count = self.active_runs(job_id)
            if count:
                raise NotReadyError(f"{count} active")

        self.wait.until(look, f"the last run of job {job_id}")

    def our_jobs(self) -> Iterable[int]:
        """The numbers of our own job, if it is there."""
        with asked("looking for our own job"):
            return [job.job_id for job in self.eyes.jobs()]

    def our_paused_jobs(self) -> Iterable[int]:
        """Those of them that nothing starts."""
        with asked("looking for our own job"):
            return [job.job_id for job in self.eyes.jobs() if job.paused]

    def old_table(self, name: str, kept_name: str) -> OldTable | None:
        """The table of this name, when it is there and is not ours already. Raises MigrationError for a bad name."""
        info = self._table(name)
        if info is None or info.table_id is None or is_ours(info):
            return None
        if self._table(kept_name) is not None:
            raise MigrationError(f"there is a table {kept_name} already: give another name with --keep-table-as")
        return OldTable(name, info.table_id, kept_name)

    def table_id(self, name: str) -> str | None:
        """Unity Catalog's id of what has this name; None when nothing does."""
        info = self._table(name)
        return None if info is None else info.table_id

    def _table(self, name: str) -> "TableInfo | None":
        if len(name.split(".")) != 3:
            raise MigrationError(f"{name!r} is no full name of a table, expected catalog.schema.table")
        with asked(f"looking for the table {name}"):
            try:
                return self._client.tables.get(name)
            except NotFound:
                return None

    def rename(self, name: str, new_name: str) -> None:
        """Gives a table another name in the same catalog. Raises WorkspaceError."""
        statement = f"ALTER TABLE {quoted(name)} RENAME TO {quoted(new_name)}"
        try:
            self.eyes.sql(statement)
        except WorkspaceError as error:
            raise WorkspaceError(f"{error}; or run this yourself, then migrate again: {statement}") from error

    def give_back(self, table: OldTable) -> None:
        """Gives the old table its name again; what has that name keeps its rows as <name>_stream_lambda."""
        if self._table(table.name) is not None:
            self.rename(table.name, f"{table.name}_stream_lambda")
        self.rename(table.kept_name, table.name)


def is_ours(info: "TableInfo") -> bool:
    """Whether our job made the table."""
    return {column.name for column in info.columns or []} >= _OURS
