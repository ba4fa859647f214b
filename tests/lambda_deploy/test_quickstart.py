"""The AWS half of docs/quickstart.md shows what the commands print."""

import re
from collections.abc import Callable
from pathlib import Path

import click

from lambda_deploy.cli import commands, run
from support.aws_account import BUCKET, TABLE, moto_account
from support.captured import Said

ROOT = Path(__file__).parents[2]
HALF = (ROOT / "docs/quickstart.md").read_text("utf-8").partition("\n## The AWS half\n")[2].partition("\n## ")[0]
REGION = {"BUNDLE_VAR_aws_region": "eu-west-1"}


def shown(after: str) -> list[str]:
    """Return the lines of the first block of output after this text."""
    found = re.search(r"```text\n(.*?)```", HALF.partition(after)[2], re.DOTALL)
    assert found is not None
    return found[1].replace("us-east-1", "eu-west-1").splitlines()


def exported() -> dict[str, str]:
    """Return what the page exports."""
    return dict(re.findall(r"(BUNDLE_VAR_\w+)=(\S+)", HALF)) | REGION


def test_the_commands_print_what_the_page_shows(tmp_path: Path, said: Callable[[], Said]) -> None:
    # The emulator's table has the name that its tests use.
    here = {**exported(), "BUNDLE_VAR_dynamodb_table": TABLE}
    bundle = ["--bundle", str(ROOT / "databricks.yml")]
    with moto_account(tmp_path) as account:
        account.create_table()
        for command, options in (("plan", []), ("deploy", ["--yes"])):
            expected = shown(f".venv/bin/stream-lambda {command} --create-bucket\n")
            assert run([command, "--create-bucket", *bundle, *options], account.tools(**here)) == 0
            printed = said()
            lines = (printed.out + printed.err).replace(TABLE, "your-table").splitlines()
            assert [line for line in expected if line not in lines] == []
            assert len(expected) > 3
            account.clock.now += 1
        assert run(["plan", *bundle], account.tools(**here)) == 0
        assert "nothing to do" in said().out


def test_each_command_and_option_on_the_page_is_one_of_ours() -> None:
    for name, rest in re.findall(r"stream-lambda ([a-z-]+)([^\n#`]*)", HALF):
        command = commands.commands[name]
        while isinstance(command, click.Group):
            name, _, rest = rest.strip().partition(" ")
            command = command.commands[name]
        options = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(?<=\s)--?[a-z][a-z-]*", f" {rest}")) <= options


def test_the_page_uses_a_bucket_and_a_table_other_than_the_defaults() -> None:
    assert exported()["BUNDLE_VAR_bucket"] != BUCKET
    assert exported()["BUNDLE_VAR_dynamodb_table"] != TABLE
