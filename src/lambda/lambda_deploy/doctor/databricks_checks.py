"""The doctor's checks of the bundle and of the workspace."""

import json
import shlex
from collections.abc import Mapping

from lambda_deploy.config import Config
from lambda_deploy.doctor.facts import StarterFacts
from lambda_deploy.doctor.judgement import Judgement, ok, problem, warning
from lambda_deploy.lakehouse import Job


def other_targets(config: Config, others: Mapping[str, Config | str]) -> Judgement:
    """No other target of databricks.yml has a prefix that overlaps with ours."""
    for name, other in others.items():
        if isinstance(other, Config) and other.bucket == config.bucket:
            for our in _prefixes(config):
                for their in _prefixes(other):
                    if our.startswith(their) or their.startswith(our):
                        return problem(
                            f"{our!r} overlaps {their!r} of target {name}: the two jobs would read each other's files",
                            "give each target its own prefixes in databricks.yml",
                        )
    unread = [f"{name} ({other})" for name, other in others.items() if isinstance(other, str)]
    if unread:
        return warning(f"could not be compared: {'; '.join(unread)}", "fix that target in databricks.yml")
    return ok(f"no overlap with {', '.join(others) or 'any other target'}")


def workspace(config: Config, user: str | None) -> Judgement:
    """The workspace answers."""
    if user is None:
        return warning(
            "no workspace is set", "set workspace.host in databricks.yml, DATABRICKS_HOST or DATABRICKS_CONFIG_PROFILE"
        )
    return ok(f"{config.host or 'it answers'} as {user}")


def job(config: Config, jobs: tuple[Job, ...] | None) -> Judgement:
    """There is one job with the bundle's name, something starts it, and it has one run at a time."""
    deploy = f"databricks bundle deploy -t {config.target}"
    if jobs is None:
        return warning("no workspace is set", "see the line `workspace`")
    if not jobs:
        return problem(f"this target has no job {config.job_name!r}", deploy)
    if len(jobs) > 1:
        numbers = ", ".join([str(one.job_id) for one in jobs])
        return problem(
            f"{len(jobs)} jobs are named {jobs[0].name!r} ({numbers}): they would archive each other's files",
            "delete the one that is not the bundle's: databricks jobs delete NUMBER",
        )
    one = jobs[0]
    if one.max_concurrent_runs != 1:
        return problem(f"{one.max_concurrent_runs} runs may run at once, but a checkpoint has one writer", deploy)
    if one.starts is None:
        return problem("nothing starts it", deploy)
    if not one.paused:
        return ok(f"{one.name}, number {one.job_id}, started by {one.starts}")
    if config.start_is_paused and not config.lambda_starts_job:
        run = f"databricks bundle run -t {config.target} flatten"
        return warning(f"its {one.starts} is paused, as databricks.yml says", run)
    return problem(f"its {one.starts} is paused: files wait until a run is started", deploy)


def right_to_start(config: Config, seen: tuple[StarterFacts | None, tuple[Job, ...] | None]) -> Judgement:
    """The function's service principal may start the job."""
    starter, jobs = seen
    if starter is None:
        return ok("not needed: the Lambda does not start the job")
    who = starter.client_id
    if starter.how == "nothing":
        return problem(
            "no secret says with which identity the function starts the job",
            f"stream-lambda secret set -t {config.target}",
        )
    if who is None:
        return ok("the function uses a token, which does not show its owner")
    if not jobs or len(jobs) != 1:
        return warning("there is no single job to check", "see the line `job`")
    if who in jobs[0].may_start:
        return ok(f"{who} may start the job")
    entry = {"service_principal_name": who, "permission_level": "CAN_MANAGE_RUN"}
    grant = shlex.quote(json.dumps({"access_control_list": [entry]}))
    return problem(
        f"the service principal {who} may not start the job",
        f"databricks permissions update jobs {jobs[0].job_id} --json {grant}",
    )


def _prefixes(config: Config) -> tuple[str, ...]:
    return config.landing_prefix, config.archive_prefix, config.quarantine_prefix
