"""AWS commands on the pages exist with these options in AWS's command line; bundle commands name what there is."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import awscli
import pytest
from awscli.clidriver import create_clidriver

from support.bundle import TARGETS, given_for, load, read_documents

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
ONLY_IN_VERSION_2 = {("logs", "tail"), ("sso", "login")}
TEXT = {page.name: page.read_text("utf-8") for page in PAGES}


def commands(name: str) -> Iterator[str]:
    """Yield what follows a name at the start of a line of shell or of inline code."""
    for text in TEXT.values():
        shell = "\n".join(re.findall(r"(?ms)^```sh\n(.*?)```", text))
        inline = "\n".join(re.findall(r"`([^`\n]+)`", re.sub(r"(?s)```.*?```", "", text)))
        yield from re.findall(rf"(?m)^{name} ([^#\n]+)", f"{shell}\n{inline}")


AWS = sorted({re.sub(r"\\?\|.*|\$\([^)]*\)", "", each).strip() for each in commands("aws")})


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return AWS's command line, which finds its data by this variable."""
    monkeypatch.setenv("AWS_DATA_PATH", str(Path(awscli.__file__).parent / "data"))
    return create_clidriver()


@pytest.mark.parametrize("command", [each for each in AWS if tuple(each.split()[:2]) not in ONLY_IN_VERSION_2])
def test_an_aws_command_exists_with_its_options(driver: Any, command: str) -> None:
    service, operation, *words = shlex.split(command)
    for name in (service, operation):
        driver = driver.create_help_command().command_table[name]
    known = {*driver.create_help_command().arg_table, "query", "region", "output", "no-enabled"}
    assert {word.removeprefix("--") for word in words if word.startswith("--")} <= known


def test_aws_commands_are_found() -> None:
    assert len(AWS) > 10


def test_bundle_run_names_jobs_and_scripts_of_the_bundle() -> None:
    bundle = load("prod", variables=given_for("prod"))
    named = {words.split()[2] for words in commands("databricks") if words.startswith("bundle run ")}
    assert {"flatten", "smoke", "storage"} <= named
    assert named - {"<job>"} <= bundle.resources("jobs").keys() | bundle.settings["scripts"].keys()


def test_targets_and_variables_on_the_pages_exist() -> None:
    text = "\n".join(TEXT[name] for name in TEXT if name != "CHANGELOG.md")
    assert set(re.findall(r"(?:deploy|plan|run \w+|status|doctor|destroy|cost) -t ([a-z]+)", text)) <= set(TARGETS)
    named = set(re.findall(r"BUNDLE_VAR_([a-z_]+)", text))
    assert named <= read_documents()["databricks.yml"]["variables"].keys()
