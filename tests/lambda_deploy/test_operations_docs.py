"""docs/operations.md, migration.md and runbook.md know every command, option, check, step and alarm."""

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from lambda_deploy.resources.alarms import ALARMS

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.doctor_checks import check_cloud
from lambda_deploy.doctor_job_checks import check_house
from lambda_deploy.doctor_seen import Cloud, House, Unseen
from lambda_deploy.migrate import STEPS
from lambda_deploy.migrate_cli import migrate_command
from lambda_deploy.operations_cli import COMMANDS
from support.aws_account import Account
from support.captured import Said

ROOT = Path(__file__).parents[2]
OPERATIONS = (ROOT / "docs/operations.md").read_text("utf-8")
MIGRATION = (ROOT / "docs/migration.md").read_text("utf-8")
EVERYWHERE = {"--target", "--bundle"}


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts if name.startswith("--")}


def quoted(text: str) -> set[str]:
    """What stands in backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize("command", [one for one in COMMANDS if one is not migrate_command], ids=lambda one: one.name)
def test_each_command_is_there_with_exactly_its_options(command: click.Command) -> None:
    [row] = [line for line in OPERATIONS.splitlines() if line.startswith(f"| `{command.name}` |")]
    assert quoted(row.split(" | ")[2]) == options(command) - EVERYWHERE


def test_the_page_of_the_migration_has_each_option_of_its_command() -> None:
    assert options(migrate_command) <= quoted(MIGRATION)


def test_each_step_of_the_migration_has_its_row_in_their_order() -> None:
    rows = [line.split(" | ")[0].removeprefix("| ") for line in MIGRATION.splitlines() if line.startswith("| ")]
    assert rows == ["step", *[step.name for step in STEPS]]


def test_each_check_of_the_doctor_has_its_row_in_their_order(account: Account) -> None:
    unseen = Unseen("nothing was looked at")
    cloud = Cloud({}, "123456789012", *[unseen for _ in dataclasses.fields(Cloud)[2:]])
    house = House("somebody", *[unseen for _ in dataclasses.fields(House)[1:]])
    checks = check_cloud(account.config(), cloud) + check_house(account.config(), cloud, house)
    table = OPERATIONS.partition("| line | what is looked at |")[2].partition("\n\n")[0]
    rows = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert rows == [line.check for line in checks]


def test_each_alarm_has_its_section_in_the_runbook() -> None:
    part = (ROOT / "docs/runbook.md").read_text("utf-8").partition("## Alarms of the Lambda\n")[2]
    assert sorted(re.findall(r"^### (.+)$", part, re.MULTILINE)) == sorted([alarm.what for alarm in ALARMS])
    for section in part.split("### ")[1:]:
        assert [mark in section for mark in ("**Means:**", "**See:**", "**Mend:**")] == [True] * 3


def test_the_bill_in_the_docs_is_the_one_that_the_command_prints(said: Callable[[], Said]) -> None:
    found = re.search(r"`(stream-lambda cost [^`]+)`:\n```\n(.*?)```", OPERATIONS, re.DOTALL)
    assert found is not None
    bundle = ["--bundle", str(ROOT / "databricks.yml")]
    assert run([*found[1].split()[1:], *bundle], Tools({})) == 0
    assert said().out == found[2]
