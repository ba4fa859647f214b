"""The workspace as an operator sees it, through the real SDK."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.config import Config
from lambda_deploy.errors import UnreachableError, WorkspaceError
from lambda_deploy.lakehouse import Lakehouse, Run, quoted
from support.aws_account import HOST, JOB, write_bundle
from support.databricks_api import DatabricksApi, job_settings

SETTINGS = job_settings("--table", "main.telemetry.rows", "--ops", "main.telemetry_ops")
IS_CHARGING = "cast(Charge_IsCharging AS STRING)"


@pytest.fixture
def api() -> Iterator[DatabricksApi]:
    rows = {"id": "t", "columns": ["event_id"], "events": ["event-1"]}
    rights = {"app-1": "CAN_MANAGE_RUN", "app-2": "CAN_VIEW", "app-3": "IS_OWNER"}
    with DatabricksApi(jobs={JOB: SETTINGS}, tables={"main.telemetry.rows": rows}, permissions={JOB: rights}) as api:
        yield api


def lakehouse(folder: Path, api: DatabricksApi, target: str = "prod", **variables: Any) -> Lakehouse:
    path = write_bundle(folder, **{"warehouse_id": "0123456789abcdef", **variables})
    return Lakehouse(Config.read(path, target, {"DATABRICKS_HOST": HOST}), api.client)


def test_the_job_has_its_starters_and_options(tmp_path: Path, api: DatabricksApi) -> None:
    [job] = lakehouse(tmp_path, api).jobs()
    assert (job.job_id, job.starts, job.paused, job.max_concurrent_runs) == (JOB, "periodic", False, 1)
    assert job.may_start == {"app-1", "app-3"}
    assert job.options == {"--table": "main.telemetry.rows", "--ops": "main.telemetry_ops"}


@pytest.mark.parametrize(
    ("start", "kind", "paused"),
    [
        ({}, None, False),
        ({"schedule": {"quartz_cron_expression": "0 * * * * ?", "timezone_id": "UTC"}}, "schedule", False),
        ({"continuous": {"pause_status": "PAUSED"}}, "continuous", True),
        ({"trigger": {"pause_status": "PAUSED", "file_arrival": {"url": "/Volumes/a"}}}, "file_arrival", True),
        ({"trigger": {"table_update": {"table_names": ["a.b.c"]}}}, "another trigger", False),
    ],
    ids=["nothing", "schedule", "continuous", "file arrival", "another"],
)
def test_what_starts_the_job_is_read(
    tmp_path: Path, api: DatabricksApi, start: dict[str, Any], kind: str | None, paused: bool
) -> None:
    api.jobs[JOB] = {"name": "flatten", **start}
    [job] = lakehouse(tmp_path, api).jobs()
    assert (job.starts, job.paused) == (kind, paused)


def test_jobs_whose_names_differ_in_case_are_not_ours(tmp_path: Path, api: DatabricksApi) -> None:
    api.jobs[7] = {**SETTINGS, "name": "FLATTEN"}
    assert [job.job_id for job in lakehouse(tmp_path, api).jobs()] == [JOB]


@pytest.mark.parametrize(
    ("user", "shown", "prefix"),
    [("jo.smith@example.com", "Jo", "jo_smith"), ("0a1b2c3d-0000-4000-8000-00000000000f", "CI / main", "ci_main")],
    ids=["a person", "a service principal"],
)
def test_a_developers_job_has_the_prefix_of_the_bundle(
    tmp_path: Path, api: DatabricksApi, user: str, shown: str, prefix: str
) -> None:
    api.user, api.shown = user, shown
    api.jobs = {7: {**SETTINGS, "name": f"[dev {prefix}] flatten"}}
    assert [job.job_id for job in lakehouse(tmp_path, api, "dev").jobs()] == [7]


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ({"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}, "SUCCESS"),
        ({"life_cycle_state": "RUNNING"}, "RUNNING"),
        ({}, "of unknown state"),
    ],
    ids=["ended", "running", "unknown"],
)
def test_the_newest_run_has_the_state_of_the_workspace(
    tmp_path: Path, api: DatabricksApi, state: dict[str, str], shown: str
) -> None:
    api.runs[JOB] = [{"run_id": 9, "start_time": 1_800_000_000_000, "state": state}]
    assert lakehouse(tmp_path, api).last_run(JOB) == Run(shown, datetime.fromtimestamp(1_800_000_000, UTC))


def test_a_job_without_a_run_has_no_newest_run(tmp_path: Path, api: DatabricksApi) -> None:
    assert lakehouse(tmp_path, api).last_run(JOB) is None


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        ((401, "UNAUTHENTICATED"), "databricks auth login"),
        ((403, "PERMISSION_DENIED"), "ask an owner"),
        ((400, "BAD_REQUEST"), "refused"),
        ((404, "NOT_FOUND"), "refused"),
    ],
    ids=["expired", "no right", "bad request", "not found"],
)
def test_a_refusal_is_one_sentence_with_a_remedy(
    tmp_path: Path, api: DatabricksApi, refusal: tuple[int, str], sentence: str
) -> None:
    api.refusals["/api/2.2/jobs/list"] = refusal
    with pytest.raises(WorkspaceError, match=sentence) as raised:
        lakehouse(tmp_path, api).jobs()
    assert str(raised.value).startswith("looking for the job: ")


@pytest.mark.parametrize(("event", "rows"), [("event-1", [["true"]]), ("' OR 1=1 --", [])])
def test_a_row_is_selected_by_a_parameter(
    tmp_path: Path, api: DatabricksApi, event: str, rows: list[list[str]]
) -> None:
    assert lakehouse(tmp_path, api).rows(IS_CHARGING, "event_id = :event_id", event_id=event) == rows


def test_without_a_warehouse_no_table_can_be_read(tmp_path: Path, api: DatabricksApi) -> None:
    with pytest.raises(WorkspaceError, match="warehouse_id is empty"):
        lakehouse(tmp_path, api, warehouse_id="").rows("1", "true")


def test_a_table_that_does_not_exist_yet_has_no_row(tmp_path: Path, api: DatabricksApi) -> None:
    api.tables.clear()
    assert lakehouse(tmp_path, api).rows(IS_CHARGING, "event_id = :event_id", event_id="event-1") == []


def test_a_column_that_does_not_exist_yet_has_no_row(tmp_path: Path, api: DatabricksApi) -> None:
    api.charging = None
    assert lakehouse(tmp_path, api).rows(IS_CHARGING, "event_id = :event_id", event_id="event-1") == []


def test_a_starting_warehouse_is_reported(tmp_path: Path, api: DatabricksApi) -> None:
    api.is_starting = True
    with pytest.raises(UnreachableError, match="it is starting, run this again"):
        lakehouse(tmp_path, api).rows("1", "true")


def test_a_failed_statement_is_reported_with_its_reason(tmp_path: Path, api: DatabricksApi) -> None:
    with pytest.raises(WorkspaceError, match="reading the table: cannot select no_such_column"):
        lakehouse(tmp_path, api).rows("no_such_column", "true")


def test_without_a_job_there_is_no_table(tmp_path: Path, api: DatabricksApi) -> None:
    api.jobs.clear()
    with pytest.raises(WorkspaceError, match="0 jobs 'flatten' name the table"):
        lakehouse(tmp_path, api).rows("1", "true")


def test_a_name_with_backticks_stays_one_name() -> None:
    assert quoted("main.tele`metry.rows") == "`main`.`tele``metry`.`rows`"
