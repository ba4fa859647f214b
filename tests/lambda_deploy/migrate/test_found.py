"""Older pipelines in moto and in a workspace are found, and the command prints them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.errors import ConfigError, MigrationError
from lambda_deploy.lakehouse import Lakehouse
from lambda_deploy.migrate import OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION, UNIFIED_FUNCTION
from lambda_deploy.migrate.found import Found, Search
from support.aws_account import BUCKET, TABLE, Account, write_bundle
from support.captured import Said
from support.databricks_api import TOKEN, DatabricksApi
from support.old_pipeline import (
    OLD_JOB,
    OLD_JOB_NAME,
    OLD_ROLE,
    create_old_pipeline,
    create_other_function,
    create_unified_pipeline,
    old_job,
)

OURS = ["catalogue_version", "pipeline_version", "sequence_number", "event_id"]
TABLE_NAME = "main.telemetry.car_telemetry_flattened"


@pytest.fixture
def api() -> Iterator[DatabricksApi]:
    with DatabricksApi(jobs={OLD_JOB: old_job()}) as api:
        yield api


def stream(account: Account) -> str:
    return str(account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"])


def search(account: Account, api: DatabricksApi | None = None, **named: Any) -> Found | None:
    config = account.config(**named.pop("variables", {}))
    return Search(config, account.clients, Lakehouse(config, api.client) if api else None, **named).find()


def found(account: Account, api: DatabricksApi | None = None, **named: Any) -> Found:
    result = search(account, api, **named)
    assert result is not None
    return result


def test_without_an_older_pipeline_nothing_is_found(account: Account, api: DatabricksApi) -> None:
    assert search(account, api) is None


def test_two_lambdas_are_found_with_all_their_resources(account: Account, api: DatabricksApi) -> None:
    uuid = create_old_pipeline(account.clients, BUCKET, stream(account), api.url)
    seen = found(account, api)
    assert [one.name for one in seen.functions] == [OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION]
    assert [(role.name, role.inline_policies) for role in seen.roles] == [(OLD_ROLE, ("all-of-it",))]
    assert [one.uuid for one in seen.mappings] == [uuid]
    assert seen.log_groups == (f"/aws/lambda/{OLD_STREAM_FUNCTION}", f"/aws/lambda/{OLD_TRIGGER_FUNCTION}")
    assert (seen.our_mapping, seen.our_job, seen.old_table) == (None, None, "")
    assert seen.job is not None
    # The old trigger function names its job.
    assert (seen.job_name, seen.job.job_id, seen.job.is_stopped) == (str(OLD_JOB), OLD_JOB, False)


def test_the_single_function_version_differs_from_ours_by_its_handler(account: Account, api: DatabricksApi) -> None:
    create_unified_pipeline(account.clients, BUCKET, stream(account), api.url)
    assert found(account).stream_function == UNIFIED_FUNCTION
    account.clients("lambda").update_function_configuration(
        FunctionName=UNIFIED_FUNCTION, Handler="stream_to_s3.handler.handler"
    )
    assert search(account) is None


def test_a_role_that_another_function_uses_stays(account: Account) -> None:
    create_old_pipeline(account.clients, BUCKET, stream(account), "https://not.asked")
    role = account.clients("iam").get_role(RoleName=OLD_ROLE)["Role"]["Arn"]
    create_other_function(account.clients, "thumbnails")
    account.clients("lambda").update_function_configuration(FunctionName="thumbnails", Role=role)
    assert found(account).roles == ()


def test_a_job_is_found_by_its_name(account: Account, api: DatabricksApi) -> None:
    create_old_pipeline(account.clients, BUCKET, stream(account), api.url)
    api.active[OLD_JOB] = 1
    seen = found(account, api, old_job=OLD_JOB_NAME)
    assert seen.job is not None
    assert (seen.job.job_id, seen.active_runs) == (OLD_JOB, 1)
    with pytest.raises(MigrationError, match="0 jobs of the workspace are named 'another'"):
        search(account, api, old_job="another")


@pytest.mark.parametrize(("columns", "old_table"), [(["event_id"], TABLE_NAME), (OURS, "")], ids=["old", "ours"])
def test_a_table_of_our_name_is_old_unless_it_has_our_columns(
    account: Account, api: DatabricksApi, columns: list[str], old_table: str
) -> None:
    create_old_pipeline(account.clients, BUCKET, stream(account), api.url)
    api.tables[TABLE_NAME] = {"id": "t", "columns": columns, "events": []}
    assert found(account, api).old_table == old_table


def test_without_a_table_the_search_is_an_error(account: Account) -> None:
    with pytest.raises(ConfigError, match="dynamodb_table is empty"):
        search(account, variables={"dynamodb_table": ""})


def test_an_old_function_that_reads_another_table_too_is_refused(account: Account) -> None:
    create_old_pipeline(account.clients, BUCKET, stream(account), "https://not.asked")
    with pytest.raises(MigrationError, match="also reads arn:aws:dynamodb"):
        search(account, variables={"dynamodb_table": "another-table"})


def migrate(account: Account, api: DatabricksApi, *arguments: str) -> int:
    tools = Tools({"DATABRICKS_HOST": api.url}, lambda region: account.clients, api.client)
    return run(["migrate", "--bundle", str(write_bundle(account.folder)), *arguments], tools)


def test_the_command_prints_steps_and_changes_nothing(
    account: Account, api: DatabricksApi, said: Callable[[], Said]
) -> None:
    create_old_pipeline(account.clients, BUCKET, stream(account), api.url)
    account.calls.clear()
    assert migrate(account, api) == 0
    out = said().out
    assert out.startswith("Nothing was executed.")
    assert "1. stop the older job: to do" in out
    assert "   run:   aws lambda update-event-source-mapping --uuid" in out
    assert TOKEN not in out
    reads = ("Get", "List", "Describe")
    assert [call for call in account.calls if not call.partition(".")[2].startswith(reads)] == []
    assert {one.split()[0] for one in api.asked} == {"GET"}


def test_a_function_with_our_name_is_reported_with_the_choice(
    account: Account, api: DatabricksApi, said: Callable[[], Said]
) -> None:
    create_unified_pipeline(account.clients, BUCKET, stream(account), api.url)
    assert migrate(account, api) == 0
    out = said().out
    assert "set another function_name in databricks.yml" in out
    assert TOKEN not in out


def test_without_an_older_pipeline_the_next_commands_are_named(
    account: Account, api: DatabricksApi, said: Callable[[], Said]
) -> None:
    assert migrate(account, api) == 0
    assert "`stream-lambda deploy -t prod`" in said().out
