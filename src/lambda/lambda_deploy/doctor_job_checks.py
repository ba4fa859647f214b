"""The doctor's checks of the Databricks workspace: each a small function of what was seen."""

import json
import shlex
from collections.abc import Callable, Mapping
from typing import Final

from lambda_deploy.config import Config
from lambda_deploy.doctor import Line, Said, fine, of, problem, warning
from lambda_deploy.doctor_seen import Cloud, House, Job, Secret, Unseen

_NO_JOB: Final = "no job to look at"


def workspace(config: Config, cloud: Cloud, house: House) -> Said:
    """The workspace answers."""
    if isinstance(house.user, Unseen):
        return problem(house.user.why, "databricks auth login")
    return fine(f"{config.host or 'the workspace'} as {house.user}")


def job(config: Config, cloud: Cloud, house: House) -> Said:
    """There is one job of the bundle's name."""

    def judge(jobs: tuple[Job, ...]) -> Said:
        if len(jobs) == 1:
            return fine(f"{jobs[0].name}, number {jobs[0].job_id}")
        if not jobs:
            return problem(
                f"there is no job {config.job_name!r} of this target", f"databricks bundle deploy -t {config.target}"
            )
        numbers = ", ".join([str(one.job_id) for one in jobs])
        return problem(
            f"{len(jobs)} jobs are named {jobs[0].name!r} ({numbers}): they would archive each other's files",
            "delete the one that the bundle does not know: databricks jobs delete <number>",
        )

    return of(house.jobs, judge)


def job_start(config: Config, cloud: Cloud, house: House) -> Said:
    """Something starts the job, and is not paused where it is the fallback."""

    def judge(one: Job) -> Said:
        deploy = f"databricks bundle deploy -t {config.target}"
        if one.max_concurrent_runs != 1:
            return problem(f"{one.max_concurrent_runs} runs may run at once: one checkpoint has one writer", deploy)
        if one.starts is None:
            return problem("nothing starts it", deploy)
        if not one.paused:
            return fine(f"{one.starts}, not paused")
        if config.lambda_starts_job:
            return problem(f"its {one.starts} is paused: a start that the Lambda misses is never made up for", deploy)
        if not config.start_is_paused:
            return problem(f"its {one.starts} is paused, databricks.yml says that it is not", deploy)
        return warning(
            f"its {one.starts} is paused, as databricks.yml says", f"databricks bundle run -t {config.target} flatten"
        )

    return _of_the_job(house, judge)


def discovery(config: Config, cloud: Cloud, house: House) -> Said:
    """A job that the Lambda starts lists the files: with file events they may come to be seen after the run."""

    def judge(one: Job) -> Said:
        found = one.options.get("--discovery", "listing")
        if config.lambda_starts_job and found != "listing":
            return problem(
                f"the job's discovery is {found}, which may lag behind a run that the Lambda starts",
                "set discovery: listing, or lambda_starts_job: false, in databricks.yml",
            )
        return fine(found)

    return _of_the_job(house, judge)


def principal(config: Config, cloud: Cloud, house: House) -> Said:
    """The Lambda's service principal may start the job."""

    who = config.client_id or (cloud.secret.client_id if isinstance(cloud.secret, Secret) else None)

    def judge(one: Job) -> Said:
        if not who:
            return warning("the secret does not say whose it is", "stream-lambda logs --level WARNING")
        if who in one.may_start:
            return fine(f"{who} may start the job")
        entry = {"service_principal_name": who, "permission_level": "CAN_MANAGE_RUN"}
        grant = json.dumps({"access_control_list": [entry]})
        return problem(
            f"the service principal {who} may not start the job",
            f"databricks permissions update jobs {one.job_id} --json {shlex.quote(grant)}",
        )

    if not config.lambda_starts_job:
        return fine("none is needed: the Lambda does not start the job")
    return _of_the_job(house, judge)


def external_location(config: Config, cloud: Cloud, house: House) -> Said:
    """Unity Catalog may reach the bucket."""

    def judge(locations: tuple[str, ...]) -> Said:
        for prefix in (config.landing_prefix, config.archive_prefix, config.quarantine_prefix):
            url = f"s3://{config.bucket}/{prefix}"
            if not any(url.startswith(location.rstrip("/") + "/") for location in locations):
                return problem(
                    f"no external location covers {url}", f"databricks bundle run storage -t {config.target}"
                )
        return fine(f"s3://{config.bucket} is covered")

    return of(house.external_locations, judge)


def volumes(config: Config, cloud: Cloud, house: House) -> Said:
    """There is a volume for each of the three prefixes."""

    def judge(found: Mapping[str, str]) -> Said:
        there = {location.rstrip("/") + "/" for location in found.values()}
        prefixes = (config.landing_prefix, config.archive_prefix, config.quarantine_prefix)
        missing = [url for prefix in prefixes if (url := f"s3://{config.bucket}/{prefix}") not in there]
        if missing:
            return problem(f"no volume has {', '.join(missing)}", f"databricks bundle deploy -t {config.target}")
        return fine(f"{len(prefixes)} volumes")

    return of(house.volumes, judge)


def _of_the_job(house: House, judge: Callable[[Job], Said]) -> Said:
    if not isinstance(house.jobs, Unseen) and len(house.jobs) != 1:
        return warning(_NO_JOB, "see the line about the job")
    return of(house.jobs, lambda jobs: judge(jobs[0]))


_CHECKS: Final[dict[str, Callable[[Config, Cloud, House], Said]]] = {
    "workspace": workspace,
    "job": job,
    "start of the job": job_start,
    "discovery": discovery,
    "service principal": principal,
    "external location": external_location,
    "volumes": volumes,
}


def check_house(config: Config, cloud: Cloud, house: House | None) -> list[Line]:
    """All checks of the workspace; when there is none, or it does not answer, that is the only line."""
    if house is None:
        said = warning("no workspace is named", "set workspace.host in databricks.yml, or DATABRICKS_HOST")
        return [Line("workspace", *said)]
    lines = [Line(name, *check(config, cloud, house)) for name, check in _CHECKS.items()]
    return lines[:1] if isinstance(house.user, Unseen) else lines
