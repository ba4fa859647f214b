"""The commands `plan`, `deploy` and `destroy`."""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click

from lambda_deploy.config import Config
from lambda_deploy.console import Tools, json_option, print_json, progress, target_options, yes_option
from lambda_deploy.errors import StackError
from lambda_deploy.stack import deploy
from lambda_deploy.stack.deploy import Options
from lambda_deploy.stack.plan import Plan, check_owner, check_replacement, discard
from lambda_deploy.stack.show import show_plan
from lambda_deploy.stack.site import Site, site_of
from lambda_deploy.stack.states import ABSENT, Stack, check_destroyable
from lambda_deploy.workspace import find_job

CHANGES = 2
_keep_drift = click.option("--keep-drift", is_flag=True, help="Keep manual changes.")
_third_reader = click.option(
    "--third-reader", is_flag=True, help="Read a stream that already has two readers, although more are throttled."
)
_create_bucket = click.option("--create-bucket", is_flag=True, help="Create the bucket if it does not exist.")


@click.command("plan")
@target_options
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there is something to do.")
@_keep_drift
@_third_reader
@_create_bucket
@json_option
@click.pass_context
def plan_command(context: click.Context, /, bundle: Path | None, target: str | None, **given: bool) -> None:
    """Show what `deploy` would do, with old and new values, and manual changes. Changes nothing.

    Example: stream-lambda plan --target prod --detailed-exitcode
    """
    tools: Tools = context.obj
    config = tools.config(bundle, target)
    site = site_of(config, tools.connect(config.region), tools.wait())
    stack = site.cloudformation.read()
    options = _options(tools, config, given)
    made = deploy.plan_of(site, stack, deploy.look(site, stack, options), options)
    discard(site, stack, made)
    if given["as_json"]:
        print_json({"stack": stack.name, **made.as_json()})
    else:
        show_plan(made, site.where)
    if given["detailed_exitcode"] and not made.is_empty:
        context.exit(CHANGES)


@click.command("deploy")
@target_options
@click.option("--previous", is_flag=True, help="Go back to the last deployment: its template and its code.")
@click.option("--replace", is_flag=True, help="Allow that the function or its mapping is replaced or removed.")
@_keep_drift
@_third_reader
@_create_bucket
@click.option(
    "--test-event/--no-test-event",
    default=None,
    help="Send a test item at the end; by default when the function changed, never in production.",
)
@yes_option
@click.pass_obj
def deploy_command(
    tools: Tools, /, bundle: Path | None, target: str | None, test_event: bool | None, **given: bool
) -> None:
    """Create or update the stack from databricks.yml: show the plan, ask, and execute exactly this plan.

    A failed change is rolled back. After Ctrl-C CloudFormation continues.

    Example: stream-lambda deploy --target prod
    """
    config = tools.config(bundle, target)
    site = site_of(config, tools.connect(config.region), tools.wait())
    stack = site.cloudformation.read()
    if given["previous"]:
        made = deploy.plan_of_previous(site, stack, keep_drift=given["keep_drift"])
    else:
        made = _prepared(site, stack, _options(tools, config, given), is_sure=given["is_sure"])
    with ExitStack() as undo:
        undo.callback(discard, site, stack, made)
        show_plan(made, site.where)
        check_replacement(made, may_replace=given["replace"])
        if not made.is_empty:
            _ask(given["is_sure"], "Deploy?")
            deploy.store(site, stack, made)
            undo.pop_all()
            deploy.execute(site, stack, made, progress)
    if made.changes_function:
        deploy.start_function(site)
    deploy.clean_up(site, progress)
    if tools.smoke_test and _wants_test_event(config, made, asked=test_event):
        tools.smoke_test(config, site.clients)
    click.secho(f"{site.where}: deployed", bold=True)


@click.command("destroy")
@target_options
@click.option("--region", help="Remove the stack in this region, after aws_region was changed.")
@yes_option
@click.pass_obj
def destroy_command(tools: Tools, bundle: Path | None, target: str | None, region: str | None, is_sure: bool) -> None:
    """Remove the stack of a target. The bucket, the table, the log group and all data stay.

    A protected stack, as in production, is removed only when you type its name.

    Example: stream-lambda destroy --target dev
    """
    config = tools.config(bundle, target)
    config = replace(config, region=region or config.region)
    site = site_of(config, tools.connect(config.region), tools.wait())
    stack = site.cloudformation.read()
    if stack.status == ABSENT:
        click.secho(f"{site.where}: nothing to do", bold=True)
        return
    check_destroyable(stack, site.cloudformation.events(stack.id))
    check_owner(site, stack)
    for name, resource in stack.template.get("Resources", {}).items():
        click.secho(f"- remove {name} ({resource['Type']})", fg="red")
    for text in deploy.stays(site, stack):
        click.echo(f"  stays: {text}")
    _ask_removal(tools, stack, is_sure=is_sure)
    deploy.destroy(site, stack, progress)
    click.secho(f"{site.where}: removed", bold=True)


def _options(tools: Tools, config: Config, given: dict[str, bool]) -> Options:
    allowed = (given["keep_drift"], given["third_reader"], given["create_bucket"])
    return Options(tools.pack(), lambda: find_job(config, tools.workspaces), *allowed)


def _prepared(site: Site, stack: Stack, options: Options, *, is_sure: bool) -> Plan:
    """Create what is missing outside the stack, if the user agrees, and then the change set."""
    outside = deploy.look(site, stack, options)
    if outside.steps:
        for step in outside.steps:
            progress(f"first: {step}")
        _ask(is_sure, "Continue?")
        deploy.prepare(site, outside, progress)
        outside = deploy.look(site, stack, options)
    return deploy.plan_of(site, stack, outside, options)


def _ask(is_sure: bool, question: str) -> None:
    if not is_sure:
        click.confirm(question, abort=True, err=True)


def _ask_removal(tools: Tools, stack: Stack, *, is_sure: bool) -> None:
    if stack.is_protected:
        typed = tools.ask(f"The stack is protected. Type its name, {stack.name}, to remove it", False)
        if typed != stack.name:
            raise StackError(f"{typed!r} is not {stack.name!r}: nothing was removed")
        return
    _ask(is_sure, f"Remove the stack {stack.name}?")


def _wants_test_event(config: Config, made: Plan, *, asked: bool | None) -> bool:
    return (made.changes_function and config.is_development) if asked is None else asked
