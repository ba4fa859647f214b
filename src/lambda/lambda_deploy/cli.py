"""The command line of `stream-lambda`.

Exit codes: 0 done, 1 failed, 2 there is something to do (`plan --detailed-exitcode`), 64 wrong usage, 130 Ctrl-C.
"""

import dataclasses
import json
import logging
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path

import click

from lambda_deploy.build import build
from lambda_deploy.console import Tools
from lambda_deploy.doctor.cli import doctor_command
from lambda_deploy.errors import LambdaDeployError
from lambda_deploy.explain import traceback_of, unforeseen
from lambda_deploy.migrate.cli import migrate_command
from lambda_deploy.operate import cli as operate_cli
from lambda_deploy.outside.commands import secret_group
from lambda_deploy.stack.commands import deploy_command, destroy_command, plan_command
from lambda_deploy.template.commands import template_command
from lambda_deploy.texts import hidden, printable

WRONG_USAGE = 64
INTERRUPTED = 130


@click.group(name="stream-lambda", context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Build and deploy the Lambda between the DynamoDB stream and S3."""


@commands.command("build")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("stream_to_s3.zip"),
    show_default=True,
    help="The zip file to write.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def build_command(out: Path, as_json: bool) -> None:
    """Build the zip that Lambda runs; the same sources give the same bytes.

    Example: stream-lambda build --out stream_to_s3.zip
    """
    built = build(out)
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(built), "path": str(built.path)}))
        return
    click.echo(f"{built.path}: {built.size:,} bytes, {built.our_size:,} of them ours")
    click.echo(f"sha256 {built.sha256}")
    click.echo("with " + ", ".join([f"{name} {version}" for name, version in built.dependencies.items()]))


_debug = click.option("--debug", is_flag=True, expose_value=False, help="Also show the traceback, without secrets.")
for command in (
    plan_command,
    deploy_command,
    destroy_command,
    template_command,
    secret_group,
    doctor_command,
    migrate_command,
    *operate_cli.COMMANDS,
):
    commands.add_command(command)
for command in (commands, *commands.commands.values(), *secret_group.commands.values()):
    _debug(command)


def run(arguments: Sequence[str] | None = None, tools: Tools | None = None) -> int:
    """Run a command and return its exit code; `tools` are its external clients."""
    given = tools or operate_cli.with_smoke_test(Tools())
    words = sys.argv[1:] if arguments is None else arguments
    # https://no-color.org; otherwise click colours what goes to a terminal.
    color = False if given.environment.get("NO_COLOR") else None
    try:
        code = commands.main(words, "stream-lambda", standalone_mode=False, obj=given, color=color)
    except click.UsageError as error:
        error.show()
        return WRONG_USAGE
    except click.exceptions.Abort as error:
        click.echo("Aborted.", err=True)
        return INTERRUPTED if isinstance(error.__context__, KeyboardInterrupt) else 1
    except Exception as error:  # noqa: BLE001  # what is not ours may hold a secret
        if "--debug" in words:
            click.echo(traceback_of(error), err=True)
        known = error if isinstance(error, LambdaDeployError) else unforeseen(error)
        click.echo(f"Error: {printable(hidden(str(known)))}", err=True)
        return known.exit_code
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run `stream-lambda`."""
    # Without a handler Python prints the warnings of the SDKs, with the errors that they are about.
    logging.getLogger().addHandler(logging.NullHandler())
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run())
