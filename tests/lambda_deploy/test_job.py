"""The job that the Lambda starts is found by its name, with the real SDK, and refused without a schedule."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.moto_api._internal.models import moto_api_backend

from lambda_deploy.config import Config
from lambda_deploy.errors import WorkspaceError
from lambda_deploy.workspace import connect_workspace, find_job, job_prefix
from support.aws_account import FUNCTION, HOST, JOB, Account, job, workspaces, write_bundle
from support.captured import Said
from support.databricks_api import TOKEN, DatabricksApi

UNPAUSED = {"periodic": {}, "pause_status": "UNPAUSED"}


@pytest.fixture
def account(moto_of_module: Account, tmp_path: Path) -> Account:
    """Return an account with the table."""
    moto_api_backend.reset()
    made = Account(moto_of_module.clients, tmp_path, moto_of_module.calls)
    made.create_table()
    made.calls.clear()
    return made


@pytest.fixture
def api() -> Iterator[DatabricksApi]:
    """Yield a workspace with jobs of three people, for the real SDK."""
    started = {"trigger": {"pause_status": "UNPAUSED", "periodic": {"interval": 5, "unit": "MINUTES"}}}
    names = {JOB: "flatten", 7: "[dev jo_smith] flatten", 8: "[dev joe] flatten", 9: "Flatten"}
    with DatabricksApi(jobs={number: {"name": name, **started} for number, name in names.items()}) as made:
        yield made


def config_of(folder: Path, target: str = "prod") -> Config:
    """Return a target whose function starts the job."""
    return Config.read(write_bundle(folder, lambda_starts_job=True, start=UNPAUSED), target, {"DATABRICKS_HOST": HOST})


@pytest.mark.parametrize(("target", "number"), [("prod", JOB), ("dev", 7)])
def test_the_sdk_finds_the_job_of_the_target(tmp_path: Path, api: DatabricksApi, target: str, number: int) -> None:
    assert find_job(config_of(tmp_path, target), api.client) == number


def test_a_refusal_of_the_workspace_is_one_sentence_without_the_token(tmp_path: Path, api: DatabricksApi) -> None:
    api.token = "another"
    with pytest.raises(WorkspaceError, match=r"does not list its jobs: .*check workspace\.host, and log in") as caught:
        find_job(config_of(tmp_path), api.client)
    assert TOKEN not in str(caught.value)
    assert str(caught.value).isprintable()


def test_no_way_to_log_in_is_one_sentence(tmp_path: Path, api: DatabricksApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WorkspaceError, match=f"no way to log in to {api.url} was found: .*: run `databricks auth"):
        connect_workspace(api.url)


PREFIXES = {
    "a user": ("jo.smith@example.com", "Jo Smith", "[dev jo_smith] "),
    "capitals and dots": ("Jo..Smith+1@example.com", "", "[dev jo_smith_1] "),
    "letters beyond ASCII": ("jos\u00e9@example.com", "", "[dev jos\u00e9] "),
    "a service principal": ("0a1b2c3d-0000-4000-8000-00000000000f", "CI / main", "[dev ci_main] "),
    "one without a name": ("0a1b2c3d-0000-4000-8000-00000000000f", "", "[dev 0a1b2c3d_0000_4000_8000_00000000000f] "),
}


@pytest.mark.parametrize(("user", "shown", "prefix"), PREFIXES.values(), ids=PREFIXES)
def test_the_prefix_of_a_developers_jobs_is_the_bundles(user: str, shown: str, prefix: str) -> None:
    assert job_prefix(user, shown) == prefix


def test_a_service_principal_in_development_finds_its_job(tmp_path: Path) -> None:
    mine = workspaces(job("[dev ci] flatten", 3), job(), user="0a1b2c3d-0000-4000-8000-00000000000f", shown="CI")
    assert find_job(config_of(tmp_path, "dev"), mine) == 3


def test_the_function_gets_the_number_of_the_job(account: Account) -> None:
    config = account.config(lambda_starts_job=True)
    account.deploy(config)
    found = account.clients("lambda").get_function_configuration(FunctionName=FUNCTION)
    assert found["Environment"]["Variables"]["DATABRICKS_JOB_ID"] == str(JOB)


JOBS: dict[str, tuple[list[Any], str]] = {
    "no job": ([], "has no job of the name 'flatten': deploy the bundle first (`databricks bundle deploy -t prod`)"),
    "one of another case": ([job("FLATTEN")], "has no job of the name 'flatten'"),
    "two jobs": ([job(), job()], "has 2 jobs of the name 'flatten'"),
    "a job without a schedule": ([job(trigger=None)], "the job 'flatten' is paused or has no schedule"),
    "a paused job": (
        [job(trigger=type("Trigger", (), {"pause_status": "PauseStatus.PAUSED"}))],
        "the job 'flatten' is paused or has no schedule",
    ),
}


@pytest.mark.parametrize(("jobs", "message"), JOBS.values(), ids=JOBS)
def test_an_unusable_job_is_refused_before_anything_is_made(
    account: Account, said: Callable[[], Said], jobs: list[Any], message: str
) -> None:
    account.workspaces = workspaces(*jobs)
    assert account.run("deploy", "--yes", "--create-bucket", lambda_starts_job=True, lambda_client_id="0a1b") == 1
    assert message in said().err
    assert {call.partition(".")[2][:3] for call in account.calls} <= {"Get", "Lis", "Des", "Hea"}


def test_a_workspace_that_does_not_answer_leaves_the_trigger_off(account: Account, said: Callable[[], Said]) -> None:
    def unreachable(host: str) -> Any:
        raise OSError("Name or service not known")

    account.workspaces = unreachable
    assert account.run("plan", "--create-bucket", lambda_starts_job=True, lambda_client_id="0a1b") == 0
    [note] = [line for line in said().out.splitlines() if "does not list its jobs" in line]
    assert "Name or service not known: check workspace.host" in note
    assert note.endswith("; the function starts no job until the next deploy")
