"""`migrate` on the console, against moto and a workspace that answers the real SDK: what it refuses, and why."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.migrate_seen import OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION
from support.aws_account import BUCKET, FUNCTION, JOB, TABLE, Account, write_bundle
from support.captured import Said
from support.databricks_api import DatabricksApi
from support.old_pipeline import (
    OLD_JOB,
    OLD_JOB_NAME,
    OLD_ROLE,
    create_old_pipeline,
    create_other_function,
    notify,
    old_job,
)

ROWS = "main.telemetry.car_telemetry_flattened"
KEPT = f"{ROWS}_two_lambdas"
COLUMNS_OF_OURS = ["event_id", "catalogue_version", "pipeline_version", "sequence_number"]


@dataclass
class House:
    """An account with the two-Lambda pipeline, its workspace, and a new mapping that deploy has made."""

    account: Account
    api: DatabricksApi
    stream: str

    def run(self, *arguments: str, host: str | None = None, **variables: Any) -> int:
        path = write_bundle(self.account.folder, warehouse_id="0a1b2c3d", **variables)
        tools = Tools(
            {} if host == "" else {"DATABRICKS_HOST": self.api.url},
            lambda region: self.account.clients,
            self.api.client,
            self.account.clock,
            self.account.clock.sleep,
        )
        target = () if host != "" else ("--target", "dev")
        return run(["migrate", "--bundle", str(path), *target, *arguments], tools)

    def map_new(self) -> str:
        """What `deploy` makes."""
        clients = self.account.clients
        create_other_function(clients, FUNCTION, "new-role")
        made = clients("lambda").create_event_source_mapping(
            FunctionName=FUNCTION, EventSourceArn=self.stream, StartingPosition="TRIM_HORIZON", BatchSize=10
        )
        return str(made["UUID"])

    def functions(self) -> set[str]:
        return {one["FunctionName"] for one in self.account.clients("lambda").list_functions()["Functions"]}

    def roles(self) -> set[str]:
        return {one["RoleName"] for one in self.account.clients("iam").list_roles()["Roles"]}

    def keys(self) -> list[str]:
        return [one["Key"] for one in self.account.clients("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def changes(self) -> list[str]:
        """The calls of AWS that change something."""
        kinds = ("Create", "Put", "Update", "Delete", "Add", "Remove", "Detach")
        return [call for call in self.account.calls if call.partition(".")[2].startswith(kinds)]


@pytest.fixture
def house(account: Account) -> Iterator[House]:
    tables = {ROWS: {"id": "the-old-one", "columns": ["event_id"], "events": []}}
    with DatabricksApi(jobs={OLD_JOB: old_job()}, tables=tables) as api:
        stream = account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
        create_old_pipeline(account.clients, BUCKET, stream, api.url)
        account.calls.clear()
        yield House(account, api, stream)


def test_a_plan_says_all_steps_and_changes_nothing(house: House, said: Callable[[], Said]) -> None:
    assert house.run("--old-job", OLD_JOB_NAME, "--plan", "--json") == 0
    steps = json.loads(said().out)["steps"]
    assert [step["state"] for step in steps] == ["to do"] * 9
    assert (house.changes(), house.keys()) == ([], [])
    assert house.api.jobs[OLD_JOB] == old_job()


def test_the_whole_migration_leaves_what_belongs_to_others(house: House, said: Callable[[], Said]) -> None:
    notify(house.account.clients, BUCKET, create_other_function(house.account.clients, "thumbnails"), "images/")
    house.map_new()
    assert house.run("--old-job", str(OLD_JOB), "--yes", "--json") == 0
    assert {step["state"] for step in json.loads(said().out)["steps"]} == {"done"}
    assert house.functions() == {FUNCTION, "thumbnails"}
    assert house.roles() == {"new-role", "other-role"}
    found = house.account.clients("s3").get_bucket_notification_configuration(Bucket=BUCKET)
    assert [one["Id"] for one in found["LambdaFunctionConfigurations"]] == ["images/"]
    assert list(house.api.tables) == [KEPT]


def test_a_role_that_another_function_uses_stays(house: House) -> None:
    house.map_new()
    clients = house.account.clients
    role = clients("iam").get_role(RoleName=OLD_ROLE)["Role"]["Arn"]
    clients("lambda").update_function_configuration(FunctionName=FUNCTION, Role=role)
    assert house.run("--no-old-job", "--yes") == 0
    assert house.functions() == {FUNCTION}
    assert OLD_ROLE in house.roles()


def test_an_old_function_that_also_reads_something_else_stays(house: House, said: Callable[[], Said]) -> None:
    house.map_new()
    other = house.account.clients("dynamodb").create_table(
        TableName="other-table",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )["TableDescription"]["LatestStreamArn"]
    house.account.clients("lambda").create_event_source_mapping(
        FunctionName=OLD_STREAM_FUNCTION, EventSourceArn=other, StartingPosition="LATEST"
    )
    assert house.run("--no-old-job", "--yes") == 1
    assert f"also reads {other}" in said().err
    assert OLD_STREAM_FUNCTION in house.functions()


def test_a_rollback_after_the_notification_is_off_brings_all_of_it_back(house: House) -> None:
    house.map_new()
    before = house.account.clients("s3").get_bucket_notification_configuration(Bucket=BUCKET)
    assert house.run("--old-job", OLD_JOB_NAME, "--yes", "--no-delete") == 0
    assert house.keys() == [f"migration/{FUNCTION}.json"]
    assert house.run("--rollback", "--yes") == 0
    after = house.account.clients("s3").get_bucket_notification_configuration(Bucket=BUCKET)
    assert after["LambdaFunctionConfigurations"] == before["LambdaFunctionConfigurations"]
    assert house.api.jobs[OLD_JOB] == old_job()
    assert list(house.api.tables) == [ROWS]
    assert house.keys() == []


def test_a_rollback_keeps_the_rows_that_our_job_has_written_under_another_name(house: House) -> None:
    house.map_new()
    assert house.run("--old-job", OLD_JOB_NAME, "--yes", "--no-delete") == 0
    house.api.tables[ROWS] = {"id": "ours", "columns": COLUMNS_OF_OURS, "events": []}
    assert house.run("--rollback", "--yes") == 0
    assert {name: table["id"] for name, table in house.api.tables.items()} == {
        ROWS: "the-old-one",
        f"{ROWS}_stream_lambda": "ours",
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--old-job", "another"], f"began with {OLD_JOB_NAME} or {OLD_JOB}, not with 'another'"),
        (["--old-trigger-function", "another"], f"began with {OLD_TRIGGER_FUNCTION}, not with 'another'"),
    ],
    ids=["job", "function"],
)
def test_a_migration_goes_on_with_the_names_that_it_began_with(
    house: House, said: Callable[[], Said], arguments: list[str], sentence: str
) -> None:
    house.run("--old-job", OLD_JOB_NAME, "--yes")
    house.map_new()
    said()
    assert house.run(*arguments, "--yes") == 1
    assert sentence in said().err
    assert house.run("--yes") == 0


def test_a_new_function_beside_an_old_job_that_runs_is_told_of(house: House, said: Callable[[], Said]) -> None:
    house.map_new()
    assert house.run("--old-job", OLD_JOB_NAME, "--plan") == 0
    assert "the new function writes while the old job still runs" in said().err


def test_a_paused_job_of_ours_is_told_of_in_the_end(house: House, said: Callable[[], Said]) -> None:
    house.map_new()
    paused = {"pause_status": "PAUSED", "periodic": {"interval": 5, "unit": "MINUTES"}}
    house.api.jobs[JOB] = {"name": "flatten", "trigger": paused}
    assert house.run("--old-job", OLD_JOB_NAME, "--yes", "--no-delete") == 0
    assert f"our own job {JOB} is paused" in said().err


def test_a_table_of_ours_is_never_taken_for_the_old_one(house: House) -> None:
    house.map_new()
    house.api.tables[ROWS]["columns"] = COLUMNS_OF_OURS
    assert house.run("--old-job", OLD_JOB_NAME, "--yes") == 0
    assert list(house.api.tables) == [ROWS]


def test_where_nothing_of_the_old_pipeline_is_there_nothing_is_asked(
    account: Account, said: Callable[[], Said]
) -> None:
    with DatabricksApi() as api:
        assert House(account, api, "").run() == 0
    assert said().out == "nothing of the two-Lambda pipeline is there\n"


def _two_jobs(house: House) -> None:
    house.api.jobs[4712] = old_job()


def _kept_name_taken(house: House) -> None:
    house.api.tables[KEPT] = {"id": "x", "columns": [], "events": []}


def _expired_token(house: House) -> None:
    house.api.token = "another"


def _no_right_to_list(house: House) -> None:
    house.api.refusals["/api/2.2/jobs/list"] = (403, "PERMISSION_DENIED")


def _a_run_that_never_ends(house: House) -> None:
    house.api.active[OLD_JOB] = 1


def _no_right_to_change(house: House) -> None:
    house.api.refusals["/api/2.2/jobs/update"] = (403, "PERMISSION_DENIED")


def _odd_journal(house: House) -> None:
    house.account.clients("s3").put_object(Bucket=BUCKET, Key=f"migration/{FUNCTION}.json", Body=b"\xff{`'\n")


def _as_it_is(house: House) -> None:
    pass


@pytest.mark.parametrize(
    ("spoil", "arguments", "code", "sentence"),
    [
        (_as_it_is, [], 64, "say which it is with --old-job"),
        (_as_it_is, ["--old-job", "a", "--no-old-job"], 64, "exclude one another"),
        (_as_it_is, ["--no-old-job", "--json"], 64, "needs --yes or --plan"),
        (_as_it_is, ["--old-stream-function", FUNCTION, "--no-old-job"], 64, "is the new function"),
        (_as_it_is, ["--target", "nowhere"], 1, "nowhere"),
        (_as_it_is, ["--rollback", "--yes"], 1, f"no migration has begun: there is no s3://{BUCKET}/migration/"),
        (_as_it_is, ["--old-job", "mi`s'\"sing\n../", "--yes"], 1, "0 jobs of the workspace are named"),
        (_as_it_is, ["--old-job", "x" * 5_000, "--yes"], 1, "0 jobs of the workspace are named"),
        (_as_it_is, ["--old-job", "99", "--yes"], 1, "Job 99 does not exist"),
        (_two_jobs, ["--old-job", OLD_JOB_NAME, "--yes"], 1, "2 jobs of the workspace are named"),
        (_as_it_is, ["--old-job", OLD_JOB_NAME, "--old-table", "`; DROP", "--yes"], 1, "no full name of a table"),
        (_kept_name_taken, ["--old-job", OLD_JOB_NAME, "--yes"], 1, "--keep-table-as"),
        (_expired_token, ["--old-job", OLD_JOB_NAME, "--yes"], 1, "databricks auth login"),
        (_no_right_to_list, ["--old-job", OLD_JOB_NAME, "--yes"], 1, "ask an owner for the right"),
        (_no_right_to_change, ["--old-job", OLD_JOB_NAME, "--yes"], 1, "ask an owner for the right"),
        (_a_run_that_never_ends, ["--old-job", OLD_JOB_NAME, "--yes"], 1, "1 active: still so after 1800 s"),
        (_odd_journal, ["--old-job", OLD_JOB_NAME, "--yes"], 1, "is not the journal of a migration"),
    ],
    ids=[
        "no job named", "both", "json asks nothing", "new function as old", "unknown target", "rollback of nothing",
        "hostile name", "long name", "unknown number", "two jobs", "hostile table", "kept name taken", "expired token",
        "no right to list", "no right to change", "endless run", "odd journal",
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence_and_nothing_in_aws_is_changed(
    house: House,
    said: Callable[[], Said],
    spoil: Callable[[House], None],
    arguments: list[str],
    code: int,
    sentence: str,
) -> None:
    spoil(house)
    house.account.calls.clear()
    assert house.run(*arguments) == code
    lines = said().err.splitlines()
    assert [sentence in line for line in lines if line.startswith("Error: ")] == [True]
    assert set(house.changes()) <= {"s3.PutObject"}
    assert house.functions() == {OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION}


def test_without_a_workspace_an_old_job_cannot_be_stopped(house: House, said: Callable[[], Said]) -> None:
    assert house.run("--old-job", OLD_JOB_NAME, "--yes", host="", landing_prefix="x/") == 1
    assert "no workspace is named" in said().err
