"""docs/deploying.md and docs/reference/iam.md have every command, option and statement."""

import re
from pathlib import Path
from typing import Any

import click
import pytest

from lambda_deploy.cli import commands
from lambda_deploy.config import Config
from lambda_deploy.outside.commands import secret_group
from lambda_deploy.stack.states import STUCK
from lambda_deploy.template.deployer import deployer_statements
from lambda_deploy.template.policy import function_statements
from support.aws_account import HOST, write_bundle

ROOT = Path(__file__).parents[2]
DEPLOYING = (ROOT / "docs/deploying.md").read_text("utf-8")
IAM = (ROOT / "docs/reference/iam.md").read_text("utf-8")
SECRET = {f"secret {name}": command for name, command in secret_group.commands.items()}
EVERY = {name: one for name, one in commands.commands.items() if name != "secret"} | SECRET
EVERYTHING: dict[str, Any] = {
    "kms_key_id": "alias/ours",
    "tracing": True,
    "subnet_ids": ["subnet-0a1b2c3d"],
    "security_group_ids": ["sg-0a1b2c3d"],
    "lambda_starts_job": True,
}


def config_of(folder: Path, **variables: Any) -> Config:
    """Return a target with everything that adds a statement."""
    return Config.read(write_bundle(folder, **EVERYTHING, **variables), None, {"DATABRICKS_HOST": HOST})


def rows(text: str, head: str) -> dict[str, str]:
    """Return the rows of a table below its head, by the first cell's name in backticks."""
    table = text.partition(head)[2].partition("\n\n")[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return {name: line for line in lines for name in re.findall(r"`([^`]+)`", line.split(" | ")[0])}


def test_each_command_is_on_the_page_and_no_other() -> None:
    assert set(rows(DEPLOYING, "| command | what it does |")) - {"deploy"} == set(EVERY) - {"deploy"}


@pytest.mark.parametrize("command", EVERY.values(), ids=EVERY.keys())
def test_each_command_shows_an_example(command: click.Command) -> None:
    assert "Example: stream-lambda" in str(command.help)


def test_the_page_lists_exactly_the_stuck_states() -> None:
    named = set(rows(DEPLOYING, "| state | what to do |")) - {"..._IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"}
    assert named == set(STUCK)


def unwrapped(statement: dict[str, Any]) -> dict[str, Any]:
    """Return a statement without its template condition."""
    found: dict[str, Any] = statement["Fn::If"][1] if "Fn::If" in statement else statement
    return found


@pytest.mark.parametrize("client_id", ["", "client-1"])
def test_each_statement_of_the_function_has_its_actions_and_its_reason(tmp_path: Path, client_id: str) -> None:
    statements = [unwrapped(each) for each in function_statements(config_of(tmp_path, lambda_client_id=client_id))]
    table = rows(IAM, "| statement | actions | on | reason |")
    for each in statements:
        actions = set(re.findall(r"`([a-z0-9]+:\w+)`", table[each["Sid"]].split(" | ")[1]))
        assert actions == set(each["Action"])
        assert len(table[each["Sid"]].split(" | ")[3]) > 40


def test_every_statement_on_the_page_exists(tmp_path: Path) -> None:
    every = {
        unwrapped(each)["Sid"]
        for client_id in ("", "client-1")
        for each in function_statements(config_of(tmp_path, lambda_client_id=client_id))
    }
    assert set(rows(IAM, "| statement | actions | on | reason |")) == every


def test_each_statement_of_the_deployer_has_its_reason(tmp_path: Path) -> None:
    statements = {each["Sid"] for each in deployer_statements(config_of(tmp_path))}
    assert set(rows(IAM, "| statement | reason |")) - {"CloudFormation"} == statements
