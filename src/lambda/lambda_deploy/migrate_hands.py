"""The hands of the migration: AWS and the workspace together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambda_deploy.aws import explained
from lambda_deploy.errors import MigrationError
from lambda_deploy.migrate_aws import OldPipeline
from lambda_deploy.migrate_seen import JobStart, Journal, OldTable, Situation
from lambda_deploy.status import StreamMapping

if TYPE_CHECKING:
    from lambda_deploy.migrate_workspace import OldHouse


@dataclass(frozen=True)
class RealHands:
    """What `migrate.Migration` works with; `house` is None when the migration has nothing to do in a workspace."""

    pipeline: OldPipeline
    house: "OldHouse | None"

    def noted(self, job: JobStart | None, table: OldTable | None) -> Journal:
        """How things are before the first step."""
        with explained("reading the two-Lambda pipeline"):
            functions = self.pipeline.functions()
            return Journal(
                stream_function=self.pipeline.stream_function,
                trigger_function=self.pipeline.trigger_function,
                functions=tuple(functions),
                roles=tuple(dict.fromkeys(functions.values())),
                mappings=tuple([one.uuid for one in self.pipeline.mappings() if one.state != "Disabled"]),
                notifications=self.pipeline.notifications(),
                job=job,
                table=table,
            )

    def look(self, journal: Journal) -> Situation:
        """How things are now."""
        with explained("reading the two-Lambda pipeline"):
            return Situation(
                functions=tuple(self.pipeline.functions()),
                roles=self.pipeline.roles(journal.roles),
                log_groups=self.pipeline.log_groups(),
                old_mappings=self.pipeline.mappings(),
                new_mapping=self.pipeline.new_mapping(),
                notifications=self.pipeline.notifications(),
                job=self._house.job(journal.job.job_id) if journal.job else None,
                active_runs=self._house.active_runs(journal.job.job_id) if journal.job else 0,
                table_id=self._house.table_id(journal.table.name) if journal.table else None,
            )

    @property
    def _house(self) -> "OldHouse":
        if self.house is None:
            raise MigrationError(
                "this migration began with a job of a workspace, and now none is named: "
                "set workspace.host in databricks.yml, or DATABRICKS_HOST"
            )
        return self.house

    def is_old_job_stopped(self, journal: Journal) -> bool:
        """Whether no run of the old job is active or can start; so it is where the migration knows of none."""
        if journal.job is None:
            return True
        return self._house.job(journal.job.job_id).is_stopped and not self._house.active_runs(journal.job.job_id)

    def stop_old_job(self, journal: Journal) -> None:
        """Pauses the old job, lets it start no run, and waits for the last one."""
        if journal.job:
            self._house.stop(journal.job.job_id)

    def start_old_job(self, journal: Journal) -> None:
        """Gives the old job back what it had."""
        if journal.job:
            self._house.restore(journal.job)

    def stop_our_job(self) -> None:
        """Pauses our own job and waits for its last run; nothing when there is none."""
        if self.house is not None:
            for job_id in self.house.our_jobs():
                self.house.pause(job_id)

    def keep_old_table(self, journal: Journal) -> None:
        """Gives the old table its other name."""
        if journal.table:
            self._house.rename(journal.table.name, journal.table.kept_name)

    def give_table_back(self, journal: Journal) -> None:
        """Gives the old table its name again; what has that name now keeps its rows under another."""
        if journal.table:
            self._house.give_back(journal.table)

    def switch(self, mappings: Sequence[StreamMapping], on: bool) -> None:
        """Enables or disables mappings."""
        with explained("switching a mapping"):
            self.pipeline.switch(mappings, on=on)

    def remove_notifications(self, journal: Journal) -> None:
        """Takes the entries that call the old trigger function out of the bucket's notifications."""
        with explained("changing the notifications of the bucket"):
            self.pipeline.remove_notifications()

    def restore_notifications(self, journal: Journal) -> None:
        """Puts them back."""
        with explained("changing the notifications of the bucket"):
            self.pipeline.restore_notifications(journal.notifications)

    def delete_mappings(self, situation: Situation) -> None:
        """Deletes the old mappings."""
        with explained("deleting the old mapping"):
            self.pipeline.delete_mappings(situation.old_mappings)

    def delete_functions(self, situation: Situation) -> None:
        """Deletes the old functions."""
        with explained("deleting the old functions"):
            self.pipeline.delete_functions(situation.functions)

    def delete_roles(self, situation: Situation) -> None:
        """Deletes the roles of the old functions that nobody else uses."""
        with explained("deleting the old roles"):
            self.pipeline.delete_roles(situation.roles)

    def delete_log_groups(self, situation: Situation) -> None:
        """Deletes the logs of the old functions."""
        with explained("deleting the old logs"):
            self.pipeline.delete_log_groups(situation.log_groups)
