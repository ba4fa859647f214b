"""The commands `plan`, `deploy` and `destroy`."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click

from lambda_deploy import apply
from lambda_deploy.aws import Clients
from lambda_deploy.config import Config
from lambda_deploy.console import Tools, json_option, print_json, progress, target_options, yes_option
from lambda_deploy.errors import ConfigError
from lambda_deploy.facts import Facts
from lambda_deploy.plan import Change, Plan, plan, plan_to_destroy
from lambda_deploy.resources import resources
from lambda_deploy.resources.base import Resource, Site
from lambda_deploy.resources.function import RUNTIME
from lambda_deploy.resources.secret import DatabricksSecret
from lambda_deploy.shown_plan import show_plan
from lambda_deploy.workspace import find_job
from stream_to_s3.rest import Secret

CHANGES = 2
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
MOST_SECRET = 65_536


@click.command("plan")
@target_options
@click.option("--detailed-exitcode", is_flag=True, help="End with 2 when there is something to do.")
@json_option
@click.pass_context
def plan_command(
    context: click.Context, bundle: Path | None, target: str | None, detailed_exitcode: bool, as_json: bool
) -> None:
    """Show what `deploy` would do: each resource to create, update or delete, with old and new values.

    Example: stream-lambda plan --target prod --detailed-exitcode
    """
    tools: Tools = context.obj
    config = tools.config(bundle, target)
    site = site_of(config, tools.connect(config.region), tools)
    made = _planned(site, plan)
    if as_json:
        print_json(made.as_json())
    else:
        show_plan(made, _where(site))
    if detailed_exitcode and made.changes:
        context.exit(CHANGES)


@click.command("deploy")
@target_options
@click.option("--secret-stdin", is_flag=True, help="Read the secret, as JSON, from standard input.")
@click.option("--smoke-test/--no-smoke-test", default=True, help="Send a marked item through in the end.")
@yes_option
@json_option
@click.pass_obj
def deploy_command(
    tools: Tools, /, bundle: Path | None, target: str | None, is_sure: bool, as_json: bool, **options: bool
) -> None:
    """Make everything as databricks.yml says, and wait until events can flow.

    Stopped anywhere, the next deploy goes on. The secret (`lambda_starts_job` without `lambda_client_id`) is JSON,
    {"client_id": "...", "client_secret": "..."} or {"token": "..."}, from standard input or the prompt.

    Example: stream-lambda deploy --target prod
    """
    _check_json(as_json, is_sure)
    config = tools.config(bundle, target)
    secret = _given_secret(config, is_sure) if options["secret_stdin"] else None
    site = site_of(config, tools.connect(config.region), tools, secret)
    made = _planned(site, plan)
    if not as_json:
        show_plan(made, _where(site))
    if made.changes:
        site = replace(site, secret=_asked_secret(tools)) if _lacks_secret(made, site) else site
        _ask(is_sure, "Do this?")
        _carry_out(lambda: apply.deploy(site, resources(site), made, progress))
    reached = tools.smoke_test(config, site.clients) if options["smoke_test"] and tools.smoke_test else None
    if as_json:
        print_json({**made.as_json(), "smoke_test": reached})
    else:
        click.secho(f"{_where(site)}: deployed", bold=True)


@click.command("destroy")
@target_options
@yes_option
@json_option
@click.pass_obj
def destroy_command(tools: Tools, bundle: Path | None, target: str | None, is_sure: bool, as_json: bool) -> None:
    """Remove what `deploy` has made for a target, by its tags; the bucket, the table and all data stay.

    Example: stream-lambda destroy --target dev
    """
    _check_json(as_json, is_sure)
    config = tools.config(bundle, target)
    clients = tools.connect(config.region)
    site = Site(config, clients, facts_of(config, clients, tools), tools.wait())
    made = _planned(site, plan_to_destroy)
    if not as_json:
        show_plan(made, _where(site))
    if made.changes:
        _ask(is_sure, "Remove these?")
        _carry_out(lambda: apply.destroy(site, resources(site), made, progress))
    if as_json:
        print_json(made.as_json())


def site_of(config: Config, clients: Clients, tools: Tools, secret: Secret | None = None) -> Site:
    """Where a target is shipped to, with the zip that this installation makes. Raises BuildError."""
    code = tools.pack(RUNTIME.removeprefix("python"))
    return Site(config, clients, facts_of(config, clients, tools), tools.wait(), code, secret)


def facts_of(config: Config, clients: Clients, tools: Tools) -> Facts:
    """What is so in the account and the workspace; looked up when it is asked for."""
    return Facts(config, clients, lambda: find_job(config, tools.workspaces))


def _planned(site: Site, make: Callable[[Sequence[Resource]], Plan]) -> Plan:
    return site.wait.until(lambda: make(resources(site)), "AWS")


def _where(site: Site) -> str:
    return f"target {site.config.target}, {site.config.region} of account {site.facts.account}"


def _check_json(as_json: bool, is_sure: bool) -> None:
    if as_json and not is_sure:
        raise click.UsageError("--json asks nothing, so it needs --yes; `plan --json` shows what would be done")


def _ask(is_sure: bool, question: str) -> None:
    if not is_sure:
        click.confirm(question, abort=True, err=True)


def _carry_out(work: Callable[[], None]) -> None:
    try:
        work()
    except KeyboardInterrupt:
        progress("stopped; nothing is lost: the same command goes on from here")
        raise


def _lacks_secret(made: Plan, site: Site) -> bool:
    """Whether the plan makes a secret whose value nobody has given yet."""
    return site.secret is None and any(
        change.kind == DatabricksSecret.kind and change.action != "delete" and _is_empty(change)
        for change in made.changes
    )


def _is_empty(change: Change) -> bool:
    return any(difference.path == "value" and difference.old != "(hidden)" for difference in change.differences)


def _asked_secret(tools: Tools) -> Secret:
    """What the user types, the secret part unseen. Raises UsageError where there is nobody to ask."""
    client_id = tools.ask("Application id of the service principal that starts the job", False)
    client_secret = tools.ask("Its OAuth secret", True)
    return secret_from(json.dumps({"client_id": client_id, "client_secret": client_secret}))


def _given_secret(config: Config, is_sure: bool) -> Secret:
    if not is_sure:
        raise click.UsageError("--secret-stdin leaves no standard input for the answer, so it needs --yes")
    if not config.needs_secret:
        raise click.UsageError(
            "no secret is needed: it is for lambda_starts_job without lambda_client_id, so leave --secret-stdin out"
        )
    return secret_from(sys.stdin.read(MOST_SECRET + 1))


def secret_from(text: str) -> Secret:
    """The value of the secret. Raises ConfigError, without the text, when it is of another form."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    forms = ({"client_id", "client_secret"}, {"token"})
    is_right = (
        len(text) <= MOST_SECRET
        and isinstance(found, dict)
        and set(found) in forms
        and all(_is_header(value) for value in found.values())
    )
    if not is_right:
        raise ConfigError(
            'the secret is not JSON of the form {"client_id": "...", "client_secret": "..."} or {"token": "..."}'
        )
    return Secret(json.dumps(found))


def _is_header(value: object) -> bool:
    """Whether the function can send it: visible ASCII alone."""
    return isinstance(value, str) and bool(value) and all("!" <= letter <= "~" for letter in value)


COMMANDS = [plan_command, deploy_command, destroy_command]
