"""The steps of a migration as a pure function: order, commands, undo, what is done."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.config import Config
from lambda_deploy.mappings import StreamMapping
from lambda_deploy.migrate import UNIFIED_FUNCTION
from lambda_deploy.migrate.found import CALLS_FUNCTION, Found, OldFunction, StoppableJob
from lambda_deploy.migrate.steps import Step, steps
from support.aws_account import FUNCTION, HOST, write_bundle
from support.old_pipeline import A_FOUND_PIPELINE as FOUND

OUR_MAPPING = StreamMapping("0a0a0a0a", FUNCTION, FOUND.mappings[0].source, "Enabled", "OK")
UNIFIED = replace(
    FOUND,
    stream_function=UNIFIED_FUNCTION,
    functions=(OldFunction(UNIFIED_FUNCTION, "r", "4711"),),
    notifications={},
    log_groups=(),
)
STOPPED = StoppableJob(4711, {"schedule": {"pause_status": "PAUSED"}}, 0, is_queueing=False)


def config(folder: Path, **variables: Any) -> Config:
    return Config.read(write_bundle(folder, **variables), "prod", {"DATABRICKS_HOST": HOST})


def step(way: list[Step], title: str) -> Step:
    [found] = [one for one in way if one.title == title]
    return found


def body(command: str) -> Any:
    """Return the JSON at the end of a command of the Databricks CLI, or within one of the AWS CLI."""
    return json.loads(next(word for word in shlex.split(command) if word.startswith("{")))


def test_two_lambdas_run_in_parallel_until_they_are_deleted(tmp_path: Path) -> None:
    assert [one.title for one in steps(config(tmp_path), FOUND)] == [
        "stop the older job",
        "rename the older table",
        "deploy the new function",
        "switch the old mapping off",
        "remove the notification of the bucket",
        "deploy the new job",
        "delete the old functions",
        "delete the old logs",
    ]


def test_an_old_function_of_our_name_is_deleted_before_ours_is_made(tmp_path: Path) -> None:
    assert [one.title for one in steps(config(tmp_path), UNIFIED)] == [
        "stop the older job",
        "rename the older table",
        "switch the old mapping off",
        "delete the old functions",
        "deploy the new function",
        "deploy the new job",
    ]
    beside = steps(config(tmp_path, function_name="telemetry-to-s3"), UNIFIED)
    assert [one.title for one in beside].index("deploy the new function") == 2


def test_each_step_before_a_deletion_can_be_undone(tmp_path: Path) -> None:
    for found in (FOUND, UNIFIED):
        way = steps(config(tmp_path), found)
        deleted = [one.title for one in way].index("delete the old functions")
        assert all(one.back for one in way[:deleted])
        assert not way[deleted].back


@pytest.mark.parametrize(
    ("title", "changes"),
    [
        ("stop the older job", {"job": STOPPED}),
        ("deploy the new function", {"our_mapping": OUR_MAPPING}),
        ("switch the old mapping off", {"mappings": (replace(FOUND.mappings[0], state="Disabled"),)}),
        ("switch the old mapping off", {"mappings": ()}),
        ("deploy the new job", {"our_job": STOPPED}),
        ("delete the old functions", {"functions": ()}),
    ],
)
def test_a_step_is_done_when_its_result_exists(tmp_path: Path, title: str, changes: dict[str, Any]) -> None:
    made = config(tmp_path)
    assert not step(steps(made, FOUND), title).is_done
    assert step(steps(made, replace(FOUND, **changes)), title).is_done


@pytest.mark.parametrize(
    ("title", "changes"),
    [
        ("stop the older job", {"job": STOPPED, "active_runs": 1}),
        ("stop the older job", {"job": None}),
        ("deploy the new function", {"our_mapping": replace(OUR_MAPPING, state="Disabled")}),
        ("deploy the new function", {"our_mapping": replace(OUR_MAPPING, last_result="PROBLEM: denied")}),
    ],
    ids=["a run is active", "no workspace", "ours is off", "ours fails"],
)
def test_a_half_finished_step_is_not_done(tmp_path: Path, title: str, changes: dict[str, Any]) -> None:
    assert not step(steps(config(tmp_path), replace(FOUND, **changes)), title).is_done


@pytest.mark.parametrize(
    ("titles", "changes"),
    [
        (["rename the older table"], {"old_table": ""}),
        (["remove the notification of the bucket"], {"notifications": {}}),
        (["delete the old logs"], {"log_groups": ()}),
    ],
)
def test_a_step_with_nothing_to_do_is_left_out(tmp_path: Path, titles: list[str], changes: dict[str, Any]) -> None:
    before, after = (steps(config(tmp_path), found) for found in (FOUND, replace(FOUND, **changes)))
    assert [one.title for one in before if one.title not in [other.title for other in after]] == titles


def test_the_older_job_is_stopped_completely_and_can_be_restored(tmp_path: Path) -> None:
    stop = step(steps(config(tmp_path), FOUND), "stop the older job")
    schedule = {"quartz_cron_expression": "0 0 * * * ?", "pause_status": "PAUSED"}
    settings = {"schedule": schedule, "max_concurrent_runs": 0, "queue": {"enabled": False}}
    assert body(stop.commands[0]) == {"job_id": 4711, "new_settings": settings}
    was = {"schedule": {**schedule, "pause_status": "UNPAUSED"}, "max_concurrent_runs": 2, "queue": {"enabled": True}}
    assert body(stop.back[0]) == {"job_id": 4711, "new_settings": was}


def test_a_continuous_job_keeps_its_one_run(tmp_path: Path) -> None:
    job = StoppableJob(4711, {"continuous": {"pause_status": "UNPAUSED"}}, 1, is_queueing=False)
    stop = step(steps(config(tmp_path), replace(FOUND, job=job)), "stop the older job")
    assert body(stop.commands[0])["new_settings"]["max_concurrent_runs"] == 1
    paused = replace(job, start={"continuous": {"pause_status": "PAUSED"}})
    assert step(steps(config(tmp_path), replace(FOUND, job=paused)), "stop the older job").is_done


def test_an_unknown_job_is_requested_as_an_option(tmp_path: Path) -> None:
    stop = step(steps(config(tmp_path), replace(FOUND, job=None, job_name="")), "stop the older job")
    assert "--old-job" in stop.why
    assert body(stop.commands[0])["job_id"] == "JOB_ID"


def test_notifications_of_other_owners_stay_unchanged(tmp_path: Path) -> None:
    remove = step(steps(config(tmp_path), FOUND), "remove the notification of the bucket")
    everything = FOUND.notifications
    assert body(remove.commands[0]) == {**everything, CALLS_FUNCTION: [everything[CALLS_FUNCTION][1]]}
    assert body(remove.back[0]) == everything
    assert remove.checks[0].shows.endswith(":thumbnails")


def test_a_role_is_deleted_after_its_policies_and_before_the_function(tmp_path: Path) -> None:
    delete = step(steps(config(tmp_path), FOUND), "delete the old functions")
    assert [shlex.split(command)[2] for command in delete.commands] == [
        "delete-event-source-mapping",
        "delete-role-policy",
        "detach-role-policy",
        "delete-role",
        "delete-function",
        "delete-function",
    ]
    assert all("--region eu-west-1" in command for command in delete.commands)


def test_hostile_names_are_quoted_for_the_shell(tmp_path: Path) -> None:
    found: Found = replace(FOUND, old_table="main.tele`metry'.rows; rm")
    rename = step(steps(config(tmp_path, warehouse_id="0123456789abcdef"), found), "rename the older table")
    statement = body(rename.commands[0])["statement"]
    assert statement == (
        "ALTER TABLE `main`.`tele``metry'`.`rows; rm` RENAME TO `main`.`tele``metry'`.`rows; rm_before`"
    )
