"""The docs of the bundle agree with it: starts, alerts, variables, commands, and messages."""

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from flatten.cli import cli
from flatten.errors import FlattenError
from flatten.smoke import LINES
from flatten.tables import files
from support.bundle import ROOT, TARGETS, given_for, load, read_documents
from support.bundle_checks import TYPES, mistakes, one_start, started_by_the_lambda

NAMES = ("bundle", "quickstart", "troubleshooting", "start-options", "production", "upgrading", "signals", "answers")
DOCS = {name: (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in NAMES}
STARTS: list[dict[str, Any]] = [
    yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", DOCS["start-options"], re.DOTALL)
]
REFUSALS = [
    (command, said)
    for block in re.findall(r"```console\n\$ (.*?)```", DOCS["troubleshooting"], re.DOTALL)
    for command, _, said in [one.removeprefix("flatten ").partition("\n") for one in block.split("\n$ ")]
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("start", STARTS, ids=["schedule", "lambda", "file arrival"])
def test_each_described_start_makes_a_valid_bundle(start: dict[str, Any], target: str) -> None:
    bundle = load(target, variables=given_for(target) | start)
    assert [text for text in mistakes(bundle) if not text.startswith(("wheels", "dashboards"))] == []


def test_the_job_that_starts_when_the_table_changes_is_one() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", DOCS["answers"], re.DOTALL)
    [job] = yaml.safe_load(text)["resources"]["jobs"].values()
    assert TYPES["jobs"].from_dict(job).as_dict() == job
    bundle = load("prod", variables=given_for("prod"))
    schema, table = bundle.resources("schemas")["telemetry"]["name"], bundle.variables["table"]
    assert job["trigger"]["table_update"]["table_names"] == [f"{bundle.variables['catalog']}.{schema}.{table}"]


def test_the_three_starts_are_described_and_the_first_is_the_default() -> None:
    assert [list(start["start"]) for start in STARTS] == [["periodic"], ["periodic"], ["file_arrival"]]
    assert [start.get("lambda_starts_job", False) for start in STARTS] == [False, True, False]
    assert read_documents()["databricks.yml"]["variables"]["start"]["default"] == STARTS[0]["start"]
    assert load("dev", variables=given_for("dev")).job()["trigger"] == STARTS[0]["start"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"discovery": "file-events"}, "lambda_starts_job goes with discovery: listing only"),
        ({"start": STARTS[2]["start"]}, "lambda_starts_job requires a periodic start"),
    ],
    ids=["file events", "file arrival"],
)
def test_a_lambda_that_starts_the_job_needs_a_listing_and_a_schedule(changed: dict[str, Any], said: str) -> None:
    sound = load("prod", variables=given_for("prod") | STARTS[1])
    assert [*started_by_the_lambda(sound), *one_start(sound)] == []
    broken = load("prod", variables=given_for("prod") | STARTS[1] | changed)
    assert list(started_by_the_lambda(broken)) == [said]


@pytest.mark.parametrize(("command", "said"), REFUSALS, ids=[command for command, _ in REFUSALS])
def test_quoted_messages_are_what_the_command_prints(command: str, said: str) -> None:
    assert _said(command) == said.strip()


def test_there_are_quoted_messages() -> None:
    assert len(REFUSALS) == 4


def _said(command: str) -> str:
    done = CliRunner().invoke(cli, shlex.split(command))
    if isinstance(done.exception, FlattenError):
        return f"flatten: {done.exception}"
    return done.output.replace("Try 'cli run --help' for help.\n", "").replace("Usage: cli", "Usage: flatten").strip()


@pytest.mark.parametrize("alert", load("prod", variables=given_for("prod")).resources("alerts"))
def test_every_alert_has_a_section_in_troubleshooting_and_names_it(alert: str) -> None:
    text = load("prod", variables=given_for("prod")).resources("alerts")[alert]["custom_summary"]
    assert f"\n### {alert}\n" in DOCS["troubleshooting"]
    assert text.endswith(f"See docs/troubleshooting.md#{alert}.")


def test_troubleshooting_has_what_each_mail_names() -> None:
    there = load("prod", variables=given_for("prod"))
    section = DOCS["troubleshooting"].partition("## Mails of Databricks")[2].partition("\n### ")[0]
    mailing = [job["name"] for job in there.resources("jobs").values() if "email_notifications" in job]
    named = {name if name in section else f"`-{name.rpartition('-')[2]}`" for name in mailing}
    named |= {f"`{alert['display_name']}`" for alert in there.resources("alerts").values()}
    assert [name for name in named if name not in section] == []


def test_the_quickstart_counts_the_resources() -> None:
    there = load("dev", variables=given_for("dev"))
    words = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
    for kind, noun in (("schemas", "schemas"), ("volumes", "volumes"), ("jobs", "jobs"), ("alerts", "paused alerts")):
        assert f"{words[len(there.resources(kind))]} {noun}" in DOCS["quickstart"]


@pytest.mark.parametrize("outcome", [files.QUARANTINED, "in landing"])
def test_every_outcome_that_needs_an_operator_is_in_troubleshooting(outcome: str) -> None:
    assert re.search(rf"^\| `{outcome}`", DOCS["troubleshooting"], re.MULTILINE)


def test_variables_and_targets_in_the_docs_exist() -> None:
    told = "\n".join(DOCS.values())
    known = read_documents()["databricks.yml"]["variables"].keys()
    assert set(re.findall(r"BUNDLE_VAR_([a-z_]+)", told)) <= known
    assert set(re.findall(r"-t ([a-z]+)", told)) <= set(TARGETS)


def _needed(target: str) -> set[str]:
    """Return the variables that have no value for a target until the user sets one."""
    main = read_documents()["databricks.yml"]
    given = main["targets"][target].get("variables", {})
    return {name for name, each in main["variables"].items() if "default" not in each and name not in given}


@pytest.mark.parametrize(("target", "heading"), [("dev", "### Ten minutes"), ("prod", "### Production")])
def test_the_quickstart_gives_every_variable_that_its_commands_need(target: str, heading: str) -> None:
    section = DOCS["quickstart"].partition(f"\n{heading}")[2].partition("\n### ")[0]
    exported = set(re.findall(r"BUNDLE_VAR_([a-z_]+)=", section))
    assert _needed(target) | {"bucket", "catalog"} <= exported
    assert load(target, variables=dict.fromkeys(exported, "x")).target == target


def test_the_catalog_is_never_written_out() -> None:
    pages = "\n".join(DOCS.values())
    assert re.findall(r"(?:/Volumes/|FROM |CATALOG |SCHEMA )main\b.*", pages) == []


GRANTS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(table_grants:.*?)```", DOCS["bundle"], re.DOTALL)]


def test_further_grants_and_permissions_are_given_as_described() -> None:
    (given,) = GRANTS
    bundle = load("prod", variables=given_for("prod") | given)
    told = [text for text in mistakes(bundle) if not text.startswith(("wheels", "dashboards"))]
    assert told == ["kept_apart: telemetry is granted to data-science"]
    assert bundle.job()["permissions"] == given["job_permissions"]


def test_every_line_of_the_smoke_test_answers_a_question_of_the_page() -> None:
    table = DOCS["bundle"].partition("## What only a workspace can say")[2]
    answered = re.findall(r"\| `([^`]+)` \|$", table, re.MULTILINE)
    assert answered == list(LINES)
    others = [row for row in table.splitlines() if row.startswith("| ") and not row.endswith("` |")]
    assert [row.split("|")[2].strip()[:5] for row in others] == ["line ", "none:", "none:"]


@pytest.mark.parametrize("command", ["validate --strict", "plan", "deploy", "run flatten", "run smoke", "destroy"])
def test_the_quickstart_has_every_command(command: str) -> None:
    assert f"databricks bundle {command}" in DOCS["quickstart"]


@pytest.mark.parametrize("there", [True, False], ids=["there", "missing"])
def test_the_script_creates_a_missing_external_location(tmp_path: Path, there: bool) -> None:
    """A fake `databricks` records its arguments, and finds the location or not."""
    script = load("prod", variables=given_for("prod") | {"bucket": "bucket"}).settings["scripts"]["storage"]
    notes, tool = tmp_path / "notes", tmp_path / "databricks"
    tool.write_text(f'#!/bin/sh\necho "$*" >>"{notes}"\n[ "$2" != get ] || exit {0 if there else 1}\n')
    tool.chmod(0o755)
    told = {"PATH": f"{tmp_path}:{os.defpath}", **script["env"]}
    subprocess.run(["sh", "-c", script["content"]], env=told, check=True)
    asked = ["external-locations get chargeminder-telemetry"]
    first, *made = notes.read_text("utf-8").splitlines()
    assert ([first], len(made)) == (asked, 0 if there else 1)
    if there:
        return
    command, _, given = made[0].partition(" --json ")
    assert command == "external-locations create"
    assert json.loads(given) == {
        "name": "chargeminder-telemetry",
        "url": "s3://bucket/",
        "credential_name": "chargeminder-telemetry",
        "enable_file_events": False,
    }


def test_every_resource_and_every_option_of_auto_loader_is_in_the_page_of_the_bundle() -> None:
    settings = load("prod", variables=given_for("prod")).settings["resources"]
    first, _, rest = DOCS["bundle"].partition("## How Auto Loader reads")
    assert [key for named in settings.values() for key in named if f"`{key}`" not in first] == []
    options = re.findall(r'"(?:cloudFiles\.)?(\w+)":', _source_of("auto_loader_options"))
    told = [option for option in options if option != "ignoreMissingFiles"]
    assert told
    assert [option for option in told if option not in rest] == []


def _source_of(name: str) -> str:
    text = (ROOT / "src" / "flatten" / "run" / "source.py").read_text("utf-8")
    return text[text.index(f"def {name}") : text.index("def file_source_options")]
