"""Find the job that the function starts in the Databricks workspace."""

import logging
import re
from collections.abc import Callable
from typing import Any

from lambda_deploy.config import Config
from lambda_deploy.errors import UnreachableError, WorkspaceError
from lambda_deploy.explain import explained

_is_application_id = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE).fullmatch
# A WorkspaceClient of databricks-sdk for a host.
Workspaces = Callable[[str], Any]


def connect_workspace(host: str) -> Any:
    """Return a client of databricks-sdk, with its ways to log in (DATABRICKS_CONFIG_PROFILE and so on).

    Raises UnreachableError when no way to log in is configured.
    """
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.core import Config as ClientConfig

    # Hide its warnings, and do not wait five minutes for a host that does not answer.
    logging.getLogger("databricks.sdk").setLevel(logging.ERROR)
    log_in = f"run `databricks auth login --host {host}`"
    with explained(f"no way to log in to {host} was found", log_in, UnreachableError):
        return WorkspaceClient(config=ClientConfig(host=host, http_timeout_seconds=20, retry_timeout_seconds=20))


def find_job(config: Config, workspaces: Workspaces) -> int:
    """Return the number of the job that the function starts.

    Raises UnreachableError when the workspace does not answer, and WorkspaceError when no job or more than one has its
    name, or when nothing but the function starts it.
    """
    cure = f"check workspace.host, and log in with `databricks auth login --host {config.host}`"
    with explained(f"the workspace {config.host} does not list its jobs", cure, UnreachableError):
        workspace = workspaces(config.host)
        name = full_job_name(config, workspace)
        # A listing may leave out what starts a job.
        jobs = [workspace.jobs.get(job_id) for job_id in jobs_named(workspace, name)]
    if len(jobs) != 1:
        found = f"{len(jobs)} jobs" if jobs else "no job"
        raise WorkspaceError(
            f"{config.host} has {found} of the name {name!r}: deploy the bundle first (`databricks bundle deploy -t "
            f"{config.target}`), and keep one"
        )
    _check_start(jobs[0].settings, name)
    return int(jobs[0].job_id)


def job_prefix(user_name: str, display_name: str = "") -> str:
    """Return the prefix that the bundle's development mode gives to jobs: it is made from the deployer's name.

    A service principal's user name is its application id; the bundle uses its display name instead.
    https://docs.databricks.com/aws/en/dev-tools/bundles/deployment-modes
    """
    name = display_name if display_name and _is_application_id(user_name) else user_name
    short = re.sub(r"[\W_]+", "_", name.partition("@")[0].lower()).strip("_")
    return f"[dev {short}] "


def full_job_name(config: Config, workspace: Any) -> str:
    """Return the name of the target's job with the bundle's prefix. Errors of the SDK pass through."""
    if config.job_prefix is not None:
        return config.job_prefix + config.job_name
    me = workspace.current_user.me()
    return job_prefix(str(me.user_name), str(me.display_name or "")) + config.job_name


def jobs_named(workspace: Any, name: str) -> list[int]:
    """Return the numbers of the jobs with exactly this name: the workspace's filter ignores case."""
    return [job.job_id for job in workspace.jobs.list(name=name) if job.settings and job.settings.name == name]


def _check_start(settings: Any, name: str) -> None:
    """Check that the job has a schedule: without one, files would stay unread after a failed start."""
    starts = [start for start in (settings.schedule, settings.trigger, settings.continuous) if start is not None]
    if not any("UNPAUSED" in str(start.pause_status) for start in starts):
        raise WorkspaceError(
            f"the job {name!r} is paused or has no schedule, which must read the files after a failed start: resume "
            "it, or set lambda_starts_job to false"
        )
