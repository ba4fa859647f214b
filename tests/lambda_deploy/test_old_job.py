"""A deployment beside the two-Lambda pipeline: refused for as long as its job may archive what the function writes."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.migrate_seen import OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION
from support.aws_account import BUCKET, FUNCTION, TABLE, Account, pack_once, write_bundle
from support.captured import Said
from support.databricks_api import DatabricksApi
from support.old_pipeline import OLD_JOB, OLD_JOB_NAME, create_old_pipeline, notify, old_job

REFUSED = "would archive what the new function writes: stop that job first with `stream-lambda migrate -t prod`, or"
NEW = "chargeminder-unified-processor-shared"


@dataclass
class House:
    """An account with the two-Lambda pipeline, and its workspace."""

    account: Account
    api: DatabricksApi

    def run(self, command: str, *arguments: str, target: str = "prod", **variables: Any) -> int:
        path = write_bundle(self.account.folder, warehouse_id="0a1b2c3d", **variables)
        clients, clock = self.account.clients, self.account.clock
        tools = Tools(
            {"DATABRICKS_HOST": self.api.url},
            lambda region: clients,
            self.api.client,
            clock,
            clock.sleep,
            pack=pack_once,
        )
        self.account.calls.clear()
        return run([command, "--bundle", str(path), "--target", target, *arguments], tools)

    def stop_old_job(self) -> None:
        """The first run of `migrate`, which stops the job and ends for want of a new mapping."""
        assert self.run("migrate", "--old-job", OLD_JOB_NAME, "--yes") == 1

    def functions(self) -> set[str]:
        return {one["FunctionName"] for one in self.account.clients("lambda").list_functions()["Functions"]}

    def changes(self) -> list[str]:
        """The calls of AWS that change something."""
        reads = ("Get", "List", "Describe", "Head")
        return [call for call in self.account.calls if not call.partition(".")[2].startswith(reads)]


@pytest.fixture
def house(account: Account) -> Iterator[House]:
    with DatabricksApi(jobs={OLD_JOB: old_job()}) as api:
        stream = account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
        create_old_pipeline(account.clients, BUCKET, stream, api.url)
        yield House(account, api)


def _only_the_stream_function(house: House) -> None:
    house.account.clients("lambda").delete_function(FunctionName=OLD_TRIGGER_FUNCTION)
    house.account.clients("s3").put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={})


def _only_the_trigger_function(house: House) -> None:
    house.account.clients("lambda").delete_function(FunctionName=OLD_STREAM_FUNCTION)


def _resumed(house: House) -> None:
    house.stop_old_job()
    house.api.jobs[OLD_JOB] = old_job()


def _with_a_last_run(house: House) -> None:
    house.stop_old_job()
    house.api.active[OLD_JOB] = 1


def _rolled_back(house: House) -> None:
    house.stop_old_job()
    assert house.run("migrate", "--rollback", "--yes") == 0


def _as_it_is(house: House) -> None:
    pass


RUNNING = {
    "nothing was migrated": _as_it_is,
    "the stream function alone": _only_the_stream_function,
    "the trigger function and its notification": _only_the_trigger_function,
    "the job was resumed": _resumed,
    "its last run goes on": _with_a_last_run,
    "rolled back": _rolled_back,
}


@pytest.mark.parametrize("make", RUNNING.values(), ids=RUNNING)
def test_while_the_old_job_may_run_deploy_is_refused(
    house: House, said: Callable[[], Said], make: Callable[[House], None]
) -> None:
    make(house)
    said()
    assert house.run("deploy", "--yes") == 1
    shown = said()
    assert REFUSED in shown.err
    assert (shown.out, shown.err.count("\n"), house.changes()) == ("", 1, [])


def test_a_plan_says_that_deploy_would_be_refused(house: House, said: Callable[[], Said]) -> None:
    assert house.run("plan", "--json") == 0
    assert [note for note in json.loads(said().out)["notes"] if REFUSED in note]


def test_once_migrate_has_stopped_the_old_job_deploy_goes_on(house: House) -> None:
    house.stop_old_job()
    assert house.run("deploy", "--yes") == 0
    assert house.functions() == {OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION, FUNCTION}


def test_where_migrate_was_told_of_no_job_deploy_asks_no_workspace(house: House) -> None:
    assert house.run("migrate", "--no-old-job", "--yes") == 1
    house.api.asked.clear()
    assert house.run("deploy", "--yes") == 0
    assert house.api.asked == []


def test_no_old_job_lets_one_deployment_through(house: House, said: Callable[[], Said]) -> None:
    assert house.run("deploy", "--yes", "--no-old-job") == 0
    # moto takes the refusal of what comes without TLS for a refusal of everything.
    house.account.clients("s3").delete_bucket_policy(Bucket=BUCKET)
    assert house.run("deploy", "--yes") == 1
    assert REFUSED in said().err


def test_a_job_that_cannot_be_looked_at_is_not_taken_for_stopped(house: House, said: Callable[[], Said]) -> None:
    house.stop_old_job()
    house.api.token = "another"
    assert house.run("deploy", "--yes") == 1
    assert "the workspace does not take the token" in said().err
    assert house.changes() == []


def test_a_target_with_prefixes_of_its_own_is_deployed_beside_it(house: House) -> None:
    assert house.run("deploy", "--yes", target="dev") == 0
    assert NEW in house.functions()


def test_unless_the_old_notification_names_them(house: House, said: Callable[[], Said]) -> None:
    clients = house.account.clients
    trigger = clients("lambda").get_function_configuration(FunctionName=OLD_TRIGGER_FUNCTION)["FunctionArn"]
    notify(clients, BUCKET, trigger, "shared/")
    assert house.run("deploy", "--yes", target="dev") == 1
    assert REFUSED.replace("prod", "dev") in said().err


def test_without_the_old_pipeline_no_journal_is_read(account: Account) -> None:
    assert account.run("deploy", "--yes") == 0
    assert not [call for call in account.calls if call == "s3.GetObject"]
