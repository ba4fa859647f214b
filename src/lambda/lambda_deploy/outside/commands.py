"""The commands `secret set`, `secret status` and `secret delete`."""

import json
import sys
from pathlib import Path

import click

from lambda_deploy.config import Config
from lambda_deploy.console import Tools, target_options, yes_option
from lambda_deploy.errors import ConfigError
from lambda_deploy.outside.secret import (
    MOST_SECRET,
    RECOVERY_DAYS,
    delete_secret,
    secret_from,
    secret_state,
    set_secret,
)


@click.group("secret")
def secret_group() -> None:
    """Manage the function's secret for Databricks (for lambda_starts_job without lambda_client_id)."""


@secret_group.command("set")
@target_options
@click.option("--stdin", "from_stdin", is_flag=True, help="Read the value, as JSON, from standard input.")
@click.pass_obj
def set_command(tools: Tools, bundle: Path | None, target: str | None, from_stdin: bool) -> None:
    """Store the secret's value in Secrets Manager; the next deploy switches the function's trigger on.

    The value is JSON, {"client_id": "...", "client_secret": "..."} or {"token": "..."}, from standard input or the
    prompt.

    Example: stream-lambda secret set --target prod
    """
    config = _needing(tools.config(bundle, target))
    if from_stdin:
        value = secret_from(sys.stdin.read(MOST_SECRET + 1))
    else:
        client_id = tools.ask("Application id of the service principal that starts the job", False)
        client_secret = tools.ask("Its OAuth secret", True)
        value = secret_from(json.dumps({"client_id": client_id, "client_secret": client_secret}))
    clients = tools.connect(config.region)
    set_secret(config, clients, value)
    click.echo(f"the secret {secret_state(config, clients).name} is set; deploy to switch the trigger on")


@secret_group.command("status")
@target_options
@click.pass_obj
def status_command(tools: Tools, bundle: Path | None, target: str | None) -> None:
    """Show whether the secret has a value. The value is never read.

    Example: stream-lambda secret status
    """
    config = tools.config(bundle, target)
    found = secret_state(config, tools.connect(config.region))
    click.echo(f"the secret {found.name} is {found.state}" + (f" since {found.since}" if found.since else ""))


@secret_group.command("delete")
@target_options
@yes_option
@click.pass_obj
def delete_command(tools: Tools, bundle: Path | None, target: str | None, is_sure: bool) -> None:
    """Delete the secret. For 30 days `secret set` restores it.

    Example: stream-lambda secret delete --target dev
    """
    config = tools.config(bundle, target)
    clients = tools.connect(config.region)
    name = secret_state(config, clients).name
    if not is_sure:
        click.confirm(f"Delete the secret {name}?", abort=True, err=True)
    delete_secret(config, clients)
    click.echo(f"the secret {name} is deleted; for {RECOVERY_DAYS} days `secret set` restores it")


def _needing(config: Config) -> Config:
    if not config.needs_secret:
        raise ConfigError(
            f"target {config.target} needs no secret: it is for lambda_starts_job without lambda_client_id"
        )
    return config
