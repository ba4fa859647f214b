"""Compute the steps of a migration: commands, checks, and how to undo each. A pure function of what was found.

No event is lost, and none is twice in the table, whatever happens at the same time:

- The old job is stopped first, and no run of it is active when the next step begins. From then on nothing reads or
  moves files under the landing prefix until our job does; ours also reads the objects
  (`telemetry_<millis>_<count>.json`) that the old one had not read.
- Then our mapping reads the stream from its oldest record, up to 24 hours back, while the old one still runs. Records
  that both deliver are in the bucket twice. Our job merges by event_id, and a line with a sequence number (ours) wins
  over one without (the old pipeline's), whichever comes first; among those without, the later `delivered_at` wins. So
  there is one row, of the newest image.
- Only then is the old mapping switched off. A batch that the old function is processing at that moment is written or
  not; our part of the stream has its records, too.
- If the old function has the name of ours, it must be deleted before ours is made. Its mapping is switched off first:
  records wait in the stream, for up to 24 hours, until ours exists.
- The notification is removed last, so the old function's last objects may still call the trigger function: a stopped
  job skips such runs. S3 replaces a bucket's notifications as a whole, so the printed command also has those of other
  owners.
- An event that is deleted while both run: the old pipeline's line has no number and cannot restore it.
- Undoing: our job is stopped, and the old mapping is switched on before ours is switched off. It continues where it
  stopped, if that was less than 24 hours ago; earlier events are in our table and objects.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from lambda_deploy.config import Config
from lambda_deploy.lakehouse import quoted
from lambda_deploy.migrate.found import CALLS_FUNCTION, Found, OldRole, StoppableJob, calls

KEPT_SUFFIX: Final = "_before"
NOTHING: Final = "nothing"


@dataclass(frozen=True)
class Check:
    """A command that shows whether a step has worked, and its expected output."""

    command: str
    shows: str


@dataclass(frozen=True)
class Step:
    """What to run, in this order; `back` undoes it, and is empty if nothing has to be, or can be, undone."""

    title: str
    why: str
    is_done: bool
    commands: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    back: tuple[str, ...] = ()


def steps(config: Config, found: Found) -> list[Step]:
    """Return all steps, in their order."""
    way = _Way(config, found)
    beside = [way.deploy(), way.mapping_off(), *way.notification_off(), way.new_job()]
    in_place = [way.mapping_off(), *way.delete(), way.deploy(), *way.notification_off(), way.new_job()]
    before = [way.stop_job(), *way.keep_table()]
    if found.stream_function == config.function_name:
        return [*before, *in_place]
    return [*before, *beside, *way.delete(), *way.delete_logs()]


@dataclass(frozen=True)
class _Way:
    config: Config
    found: Found

    @property
    def region(self) -> str:
        return f"--region {self.config.region}"

    def stop_job(self) -> Step:
        """Stop the older job, so that nothing else reads or moves what our function writes."""
        job = self.found.job or StoppableJob(self.found.job_name or "JOB_ID", {}, 1, is_queueing=True)
        why = (
            "Until then the older job would archive the files of the new function. With 0 concurrent runs and no "
            "queue, runs that an old function requests are skipped. Wait for an active run to end."
        )
        unknown = (
            " The older job could not be read: give it by --old-job, log in to the workspace, and run this again for "
            "the exact command."
        )
        return Step(
            "stop the older job",
            why if self.found.job else why + unknown,
            self.found.job is not None and job.is_stopped and self.found.active_runs == 0,
            (_update(job.job_id, job.stopped()),),
            (Check(f"databricks jobs list-runs --job-id {job.job_id} --active-only", NOTHING),),
            (_update(job.job_id, job.restored()),),
        )

    def keep_table(self) -> list[Step]:
        """Rename the older job's table if it has the name of ours."""
        name = self.found.old_table
        if not name:
            return []
        kept = f"{name}{KEPT_SUFFIX}"
        return [
            Step(
                "rename the older table",
                "The older job's table has the name of ours. It keeps its "
                f"rows under the name {kept}; ours starts empty.",
                False,
                (self._rename(name, kept),),
                (Check(f"databricks tables get {name}", "an error: the table does not exist"),),
                (self._rename(kept, name),),
            )
        ]

    def deploy(self) -> Step:
        """Deploy the new function and its mapping."""
        ours, function = self.found.our_mapping, self.config.function_name
        return Step(
            "deploy the new function",
            "Its mapping reads the stream from the oldest record, up to 24 hours back. An existing log group of the "
            "function is adopted with its logs.",
            ours is not None and ours.state == "Enabled" and not ours.has_failed,
            (f"stream-lambda deploy -t {self.config.target}",),
            (
                Check(
                    f"aws lambda list-event-source-mappings --function-name {function} "
                    f"--query 'EventSourceMappings[].State' --output text {self.region}",
                    "Enabled",
                ),
            ),
            (f"stream-lambda destroy -t {self.config.target}",),
        )

    def mapping_off(self) -> Step:
        """Stop the old function from reading the stream."""
        switch = "aws lambda update-event-source-mapping --uuid {} {} " + self.region
        uuids = [one.uuid for one in self.found.mappings]
        state = f"aws lambda get-event-source-mapping --uuid {{}} --query State --output text {self.region}"
        return Step(
            "switch the old mapping off",
            "It keeps its position in the stream for 24 hours, so that it can be switched on again.",
            all(one.state == "Disabled" for one in self.found.mappings),
            tuple([switch.format(uuid, "--no-enabled") for uuid in uuids]),
            tuple([Check(state.format(uuid), "Disabled") for uuid in uuids]),
            tuple([switch.format(uuid, "--enabled") for uuid in uuids]),
        )

    def notification_off(self) -> list[Step]:
        """Remove the notification that calls the old trigger function; the single-function version has none."""
        everything = self.found.notifications
        entries = everything.get(CALLS_FUNCTION, [])
        others = [entry for entry in entries if not calls(entry, self.found.trigger_function)]
        if len(others) == len(entries):
            return []
        arns = "\t".join([entry["LambdaFunctionArn"] for entry in others])
        return [
            Step(
                "remove the notification of the bucket",
                "S3 replaces a bucket's notifications as a whole: run this soon after it was printed, so that it "
                "does not overwrite a later change.",
                False,
                (self._notify({**everything, CALLS_FUNCTION: others}),),
                (
                    Check(
                        f"aws s3api get-bucket-notification-configuration --bucket {self.config.bucket} "
                        f"--query '{CALLS_FUNCTION}[].LambdaFunctionArn' --output text {self.region}",
                        arns or "None",
                    ),
                ),
                (self._notify(everything),),
            )
        ]

    def new_job(self) -> Step:
        """Deploy our job, and send a test item through the whole pipeline."""
        target, job = self.config.target, self.found.our_job or StoppableJob("JOB_ID", {}, 1, is_queueing=True)
        return Step(
            "deploy the new job",
            "It also reads the files that the older job left. To undo, stop it before the old mapping is switched on "
            "again: two jobs on one prefix read each other's files.",
            self.found.our_job is not None,
            (f"databricks bundle deploy -t {target}",),
            (Check(f"stream-lambda test-event -t {target}", "the row has Charge_IsCharging true"),),
            (_update(job.job_id, job.stopped()),),
        )

    def delete(self) -> list[Step]:
        """Delete mapping, roles and functions. This cannot be undone."""
        uuids = [one.uuid for one in self.found.mappings]
        names = [one.name for one in self.found.functions]
        listed = f"aws lambda list-functions --query {{}} --output text {self.region}"
        exists = "Functions[?FunctionName=='{}'].FunctionName"
        return [
            Step(
                "delete the old functions",
                "This cannot be undone. If both functions exist, wait a day first. The roles are those that no other "
                "function uses.",
                not names,
                (
                    *[f"aws lambda delete-event-source-mapping --uuid {uuid} {self.region}" for uuid in uuids],
                    *[command for role in self.found.roles for command in _delete_role(role, self.region)],
                    *[f"aws lambda delete-function --function-name {name} {self.region}" for name in names],
                ),
                tuple([Check(listed.format(f'"{exists.format(name)}"'), NOTHING) for name in names]),
            )
        ]

    def delete_logs(self) -> list[Step]:
        """Delete the logs of the old functions."""
        groups = self.found.log_groups
        if not groups:
            return []
        return [
            Step(
                "delete the old logs",
                "This deletes all their logs. Skip this step to keep them.",
                False,
                tuple([f"aws logs delete-log-group --log-group-name {name} {self.region}" for name in groups]),
            )
        ]

    def _notify(self, configuration: Mapping[str, Any]) -> str:
        whole = {name: value for name, value in configuration.items() if value or name == "EventBridgeConfiguration"}
        return (
            f"aws s3api put-bucket-notification-configuration --bucket {self.config.bucket} "
            f"--notification-configuration {_quoted(whole)} {self.region}"
        )

    def _rename(self, name: str, new_name: str) -> str:
        body = {
            "warehouse_id": self.config.warehouse_id or "WAREHOUSE_ID",
            "statement": f"ALTER TABLE {quoted(name)} RENAME TO {quoted(new_name)}",
            "wait_timeout": "50s",
        }
        return f"databricks api post /api/2.0/sql/statements --json {_quoted(body)}"


def _update(job_id: int | str, settings: Mapping[str, Any]) -> str:
    # The CLI requires the number inside the JSON.
    return f"databricks jobs update --json {_quoted({'job_id': job_id, 'new_settings': settings})}"


def _delete_role(role: OldRole, region: str) -> Sequence[str]:
    at = f"--role-name {role.name} {region}"
    return [
        *[f"aws iam delete-role-policy {at} --policy-name {name}" for name in role.inline_policies],
        *[f"aws iam detach-role-policy {at} --policy-arn {arn}" for arn in role.attached_policies],
        f"aws iam delete-role {at}",
    ]


def _quoted(body: Mapping[str, Any]) -> str:
    return shlex.quote(json.dumps(body))
