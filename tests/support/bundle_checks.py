"""Find mistakes in a target that strict validation and a deployment accept."""

import fnmatch
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import yaml
from databricks.bundles.alerts import Alert
from databricks.bundles.dashboards import Dashboard
from databricks.bundles.jobs import Job
from databricks.bundles.schemas import Schema
from databricks.bundles.volumes import Volume

from flatten.cli import cli
from lambda_deploy.doctor.variables import wrong_variables
from support.bundle import ROOT, Bundle
from support.bundle_cron import cron_mistakes

TYPES: dict[str, Any] = {"jobs": Job, "schemas": Schema, "volumes": Volume, "alerts": Alert, "dashboards": Dashboard}
_STARTS = ("schedule", "trigger", "triggers", "continuous")
_BY_HAND = ("smoke", "replay", "backfill", "redrive")
_KINDS = ("periodic", "file_arrival", "table_update", "model", "sql_condition")

Check = Callable[[Bundle], Iterator[str]]


def mistakes(bundle: Bundle) -> list[str]:
    """Return what is wrong, one sentence each; nothing for a valid target."""
    return [f"{check.__name__}: {found}" for check in CHECKS for found in check(bundle)]


def typed(bundle: Bundle) -> Iterator[str]:
    """Check that every resource is one of Databricks' classes: known fields, known values, nothing missing."""
    for kind, resources in bundle.settings["resources"].items():
        for key, resource in resources.items():
            try:
                TYPES[kind].from_dict(resource)
            except (KeyError, TypeError, ValueError) as error:
                yield f"{kind}.{key}: {error}"


def resolved(bundle: Bundle) -> Iterator[str]:
    """Check that no reference is left."""
    yield from (f"{text!r} is not resolved" for text in _texts(bundle.settings) if "${" in text)


def unique_keys(bundle: Bundle) -> Iterator[str]:
    """Check that no two resources or scripts share a key, because `bundle run` uses the key alone."""
    kinds: dict[str, list[str]] = {}
    for kind, named in (bundle.settings["resources"] | {"scripts": bundle.settings.get("scripts", {})}).items():
        for key in named:
            kinds.setdefault(key, []).append(kind)
    yield from (f"{key} is the key of {' and '.join(sorted(met))}" for key, met in kinds.items() if len(met) > 1)


def one_start(bundle: Bundle) -> Iterator[str]:
    """Check that each job has exactly one kind of start, except the one that is started manually."""
    for key, job in bundle.resources("jobs").items():
        if key in _BY_HAND and not any(way in job for way in _STARTS):
            continue
        ways = [way for way in _STARTS if way in job]
        if len(ways) != 1:
            yield f"{key} has {ways or 'nothing'} to start it"
        kinds = [kind for kind in _KINDS if kind in job.get("trigger", {})]
        if "trigger" in job and len(kinds) != 1:
            yield f"the trigger of {key} has {kinds or 'no kind'}"


def clocks(bundle: Bundle) -> Iterator[str]:
    """Check that every cron expression is valid and every time zone exists."""
    schedules = [job["schedule"] for job in bundle.resources("jobs").values() if "schedule" in job]
    schedules += [alert["schedule"] for alert in bundle.resources("alerts").values()]
    for schedule in schedules:
        yield from cron_mistakes(schedule.get("quartz_cron_expression") or schedule["quartz_cron_schedule"])
        try:
            ZoneInfo(schedule["timezone_id"])
        except (ZoneInfoNotFoundError, ValueError):
            yield f"{schedule['timezone_id']!r} is no time zone"


def tasks(bundle: Bundle) -> Iterator[str]:
    """Check that task keys are unique, and tasks depend on existing tasks."""
    for key, job in bundle.resources("jobs").items():
        names = [task["task_key"] for task in job["tasks"]]
        yield from (f"{key} has the task {name} {count} times" for name, count in Counter(names).items() if count > 1)
        for task in job["tasks"]:
            for needed in task.get("depends_on", []):
                if needed["task_key"] not in names:
                    yield f"{key}.{task['task_key']} depends on {needed['task_key']}, which is missing"


def compute(bundle: Bundle) -> Iterator[str]:
    """Check that each task runs on one environment or cluster that its job defines."""
    for key, job in bundle.resources("jobs").items():
        defined = {f"environment {each['environment_key']}" for each in job.get("environments", [])}
        defined |= {f"cluster {each['job_cluster_key']}" for each in job.get("job_clusters", [])}
        for task in job["tasks"]:
            wanted = [f"environment {task['environment_key']}"] if "environment_key" in task else []
            wanted += [f"cluster {task['job_cluster_key']}"] if "job_cluster_key" in task else []
            if len(wanted) != 1:
                yield f"{key}.{task['task_key']} names {wanted or 'no compute'}"
            yield from (f"{key}.{task['task_key']} names the unknown {each}" for each in wanted if each not in defined)


def wheels(bundle: Bundle) -> Iterator[str]:
    """Check that the named wheel is the built one, and has the entry point."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for key, job in bundle.resources("jobs").items():
        named = [each for spec in job.get("environments", []) for each in spec["spec"].get("dependencies", [])]
        named += [each["whl"] for task in job["tasks"] for each in task.get("libraries", [])]
        if not named:
            yield f"{key} is given no wheel"
        for pattern in named:
            if not any(fnmatch.fnmatch(name, str(PurePosixPath(pattern))) for name in bundle.files):
                yield f"{key}: no file is {pattern}"
        for task in job["tasks"]:
            wheel = task["python_wheel_task"]
            if wheel["package_name"] != project["name"] or wheel["entry_point"] not in project["scripts"]:
                yield f"{key}.{task['task_key']}: no entry point {wheel['entry_point']} of {wheel['package_name']}"


def commands(bundle: Bundle) -> Iterator[str]:
    """Check that the command line accepts and uses the parameters of every task."""
    for key, job in bundle.resources("jobs").items():
        for task in job["tasks"]:
            words = task["python_wheel_task"]["parameters"]
            yield from (
                f"{key}.{task['task_key']}: {word!r} is not text" for word in words if not isinstance(word, str)
            )
            try:
                name, *given = (_with_defaults(str(word), job) for word in words or [""])
                _parsed(name, given)
            except (click.ClickException, KeyError) as error:
                said = error.format_message() if isinstance(error, click.ClickException) else f"no command {error}"
                yield f"{key}.{task['task_key']}: {said}"


def _with_defaults(word: str, job: dict[str, Any]) -> str:
    """Put the defaults of a job's parameters into a word.

    https://docs.databricks.com/aws/en/jobs/parameter-use
    """
    defaults = {each["name"]: each["default"] for each in job.get("parameters", [])}
    return re.sub(r"\{\{job\.parameters\.(\w+)\}\}", lambda found: str(defaults[found.group(1)]), word)


def _parsed(name: str, given: list[str]) -> None:
    command = cli.commands[name]
    with command.make_context(name, list(given), auto_envvar_prefix=None):
        pass


def dashboards(bundle: Bundle) -> Iterator[str]:
    """Check that the files of dashboards exist."""
    for key, dashboard in bundle.resources("dashboards").items():
        path = str(PurePosixPath("resources") / dashboard["file_path"])
        if path not in bundle.files:
            yield f"{key}: there is no {path}"


def places(bundle: Bundle) -> Iterator[str]:
    """Check that external volumes have separate folders: none inside another, each ends in one slash."""
    volumes = bundle.resources("volumes")
    at = {key: each["storage_location"] for key, each in volumes.items() if each["volume_type"] == "EXTERNAL"}
    for key, place in at.items():
        if not place.endswith("/") or "//" in place.removeprefix("s3://"):
            yield f"{key}: {place} must end in one slash"
        yield from (f"{key} is inside {other}" for other in at if other != key and place.startswith(at[other]))


def one_writer(bundle: Bundle) -> Iterator[str]:
    """Check that a checkpoint has one writer, and a start during a run waits."""
    for key, job in bundle.resources("jobs").items():
        if job.get("max_concurrent_runs") != 1 or not job.get("queue", {}).get("enabled"):
            yield f"{key} may run twice at once, or skips a start"


def started_by_the_lambda(bundle: Bundle) -> Iterator[str]:
    """Check that a job that the Lambda starts has a listing, which sees the object, and a fallback schedule."""
    if str(bundle.variables["lambda_starts_job"]).lower() != "true":
        return
    if bundle.variables["discovery"] != "listing":
        yield "lambda_starts_job goes with discovery: listing only"
    if "periodic" not in bundle.job().get("trigger", {}):
        yield "lambda_starts_job requires a periodic start"
    if bundle.job().get("trigger", {}).get("pause_status") == "PAUSED":
        yield "lambda_starts_job needs a start that is not paused"


def kept_apart(bundle: Bundle) -> Iterator[str]:
    """Check that readers get only the flat table's schema, operators only read, and others than these and the job get
    nothing.
    """
    readers, operators = bundle.variables["readers"], bundle.variables["operators"]
    known = (readers, operators, bundle.variables["service_principal"])
    for kind in ("schemas", "volumes"):
        for key, resource in bundle.resources(kind).items():
            granted = {each["principal"]: set(each["privileges"]) for each in resource.get("grants", [])}
            yield from (f"{key} is granted to {who}" for who in granted if who not in known)
            if key != "telemetry" and readers in granted:
                yield f"readers are granted {key}"
            for who in (readers, operators):
                if granted.get(who, set()) - {"USE_SCHEMA", "SELECT", "READ_VOLUME"}:
                    yield f"{who} may do more than read {key}"


def values(bundle: Bundle) -> Iterator[str]:
    """Check that no variable has a value that validation accepts and that fails later, by the doctor's list."""
    yield from (reason for reason, _ in wrong_variables({name: bundle.variables[name] for name in _CHECKED}))


_CHECKED = ("discovery", "compaction", "max_files", "lookback_days", "freshness_minutes", "warehouse_id")


def no_overlap(bundle: Bundle) -> Iterator[str]:
    """Check that nobody has permissions both on the target and on a resource: Databricks' tool drops one."""
    everywhere = {_who(each): each["level"] for each in bundle.settings.get("permissions", [])}
    for kind, levels in _LEVELS.items():
        for key, resource in bundle.resources(kind).items():
            for each in resource.get("permissions", []):
                if everywhere.get(_who(each)) in levels:
                    yield f"{_who(each)} has permissions on {kind}.{key} and on the target"


_LEVELS = {"jobs": ("CAN_MANAGE", "CAN_RUN", "CAN_VIEW"), "dashboards": ("CAN_MANAGE", "CAN_VIEW")}
"""Levels of the target that apply to a kind.

https://github.com/databricks/cli/blob/main/bundle/permissions/mutator.go
"""


def _who(permission: dict[str, str]) -> str:
    return next(value for name, value in permission.items() if name != "level")


def unmatched(root: Path) -> Iterator[str]:
    """Yield the patterns of `include` and `sync` that match no file of a fresh clone: --strict refuses those."""
    settings = yaml.safe_load((root / "databricks.yml").read_text("utf-8"))
    sync = settings.get("sync", {})
    for name, patterns in {"include": settings["include"], **{f"sync.{each}": sync[each] for each in sync}}.items():
        for pattern in patterns:
            if not any(root.glob(pattern.rstrip("/"))):
                yield f"{name}: no file is {pattern}"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


CHECKS: tuple[Check, ...] = (
    *(typed, resolved, unique_keys, one_start, clocks, tasks, compute, wheels, commands, dashboards),
    *(places, one_writer, started_by_the_lambda, kept_apart, values, no_overlap),
)
