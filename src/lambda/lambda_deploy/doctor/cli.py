"""The command `doctor`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click
import yaml

from lambda_deploy.bundle_file import BundleFile
from lambda_deploy.config import Config
from lambda_deploy.console import Tools, json_option, nearest_bundle, print_json, target_options
from lambda_deploy.doctor.checks import CheckResult, check
from lambda_deploy.doctor.reader import FactReader
from lambda_deploy.doctor.variables import read_variables, wrong_variables
from lambda_deploy.errors import ConfigError
from lambda_deploy.lakehouse import lakehouse_of
from lambda_deploy.texts import printable

VARIABLES: Final = "variables"
_COLOURS: Final = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command("doctor")
@target_options
@json_option
@click.pass_context
def doctor_command(context: click.Context, bundle: Path | None, target: str | None, as_json: bool) -> None:
    """Check what a plan cannot see, and say what is wrong and which command fixes it.

    Exits with 1 when there is a problem, with 0 when there are only warnings. Changes nothing.

    Example: stream-lambda doctor --target prod
    """
    tools: Tools = context.obj
    lines = _lines(tools, bundle or nearest_bundle(), target)
    has_problem = any(line.verdict == "problem" for line in lines)
    if as_json:
        print_json({"lines": [asdict(line) for line in lines], "has_problem": has_problem})
    else:
        _show(lines)
    if has_problem:
        context.exit(1)


def _lines(tools: Tools, path: Path, target: str | None) -> list[CheckResult]:
    """Return the results of all checks; only those of the variables when databricks.yml cannot be used."""
    file = BundleFile(path, target, tools.environment)
    wrong = [CheckResult(VARIABLES, "problem", *one) for one in wrong_variables(read_variables(file))]
    try:
        config = Config.read(path, target, tools.environment)
    except ConfigError as error:
        return [*wrong, CheckResult(VARIABLES, "problem", str(error), "change it in databricks.yml")]
    others = _other_targets(tools, path, config)
    reader = FactReader(config, others, tools.connect(config.region), lakehouse_of(tools, config), tools.clock)
    return [
        *(wrong or [CheckResult(VARIABLES, "ok", "no value fails later than the validation of the Databricks CLI")]),
        *check(config, reader.read()),
    ]


def _other_targets(tools: Tools, path: Path, config: Config) -> dict[str, Config | str]:
    """Return the other targets of the bundle, or the error for one that cannot be read."""
    others: dict[str, Config | str] = {}
    for name in [name for name in yaml.safe_load(path.read_text("utf-8"))["targets"] if name != config.target]:
        try:
            others[name] = Config.read(path, name, tools.environment)
        except ConfigError as error:
            others[name] = str(error)
    return others


def _show(lines: Sequence[CheckResult]) -> None:
    longest = max(len(line.check) for line in lines)
    for line in lines:
        verdict = click.style(f"{line.verdict:7}", fg=_COLOURS[line.verdict])
        click.echo(f"{verdict}  {line.check:{longest}}  {printable(line.reason)}")
        if line.cure:
            click.echo(f"{'':7}  {'':{longest}}  -> {printable(line.cure)}")
