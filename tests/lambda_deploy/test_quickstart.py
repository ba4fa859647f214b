"""The AWS half of docs/quickstart.md: what it says that you see is what the commands print."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lambda_deploy.plan import Plan
from lambda_deploy.shown_plan import show_plan

from lambda_deploy.cli import commands, run
from lambda_deploy.console import Tools
from support.aws_account import BUCKET, Account, moto_account
from support.captured import Said

ROOT = Path(__file__).parents[2]
HALF = (ROOT / "docs/quickstart.md").read_text("utf-8").partition("\n## The AWS half\n")[2].partition("\n## ")[0]
REGION = {"BUNDLE_VAR_aws_region": "eu-west-1"}


def shown(after: str) -> list[str]:
    """The lines of the first block of output behind this text."""
    found = re.search(r"```text\n(.*?)```", HALF.partition(after)[2], re.DOTALL)
    assert found is not None
    return found[1].replace("us-east-1", "eu-west-1").splitlines()


def our_variables() -> dict[str, str]:
    """What the page exports."""
    return dict(re.findall(r"(BUNDLE_VAR_\w+)=(\S+)", HALF)) | REGION


def test_what_plan_and_deploy_are_said_to_print_is_printed(tmp_path: Path, said: Callable[[], Said]) -> None:
    with moto_account(tmp_path) as account:
        account.create_table()
        for command, options in (("plan", []), ("deploy", ["--yes"])):
            assert run([command, "--bundle", str(ROOT / "databricks.yml"), *options], tools(account)) == 0
            printed = said()
            expected = shown(f".venv/bin/stream-lambda {command}\n")
            assert [line for line in expected if line not in (printed.out + printed.err).splitlines()] == []
            assert len(expected) > 3


def tools(account: Account) -> Tools:
    """The account with what the page exports."""
    return account.tools(**our_variables())


def test_an_empty_plan_says_so(said: Callable[[], Said]) -> None:
    assert "A second plan says `nothing to do`." in HALF
    show_plan(Plan(()), "target dev")
    assert said().out == "target dev: nothing to do\n"


def test_each_command_and_option_on_the_page_is_one_of_ours() -> None:
    for name, rest in re.findall(r"stream-lambda ([a-z-]+)([^\n#`]*)", HALF):
        options = {option for parameter in commands.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", rest)) <= options


@pytest.mark.parametrize("name", ["plan", "deploy", "destroy"])
def test_each_option_is_on_the_page(name: str) -> None:
    for parameter in commands.commands[name].params:
        ways = {*parameter.opts, *parameter.secondary_opts}
        assert [way for way in ways if re.search(rf"(?<![\w-]){way}(?![\w-])", HALF)], ways


def test_the_page_uses_a_bucket_that_nobody_mistakes_for_ours() -> None:
    assert our_variables()["BUNDLE_VAR_bucket"] != BUCKET
