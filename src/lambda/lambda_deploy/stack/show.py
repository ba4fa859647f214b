"""Print a plan: what is created, changed and removed, with old and new values."""

import click

from lambda_deploy.console import json_line
from lambda_deploy.stack.changes import Change
from lambda_deploy.stack.plan import Plan
from lambda_deploy.texts import printable

_SIGNS = {"create": ("+", "green"), "import": ("+", "green"), "update": ("~", "yellow"), "remove": ("-", "red")}


def show_plan(plan: Plan, where: str) -> None:
    """Print a plan on standard output; click removes the colours when it is not a terminal."""
    for step in plan.steps:
        click.secho(f"first: {step}", fg="yellow")
    for change in plan.changes:
        if change.is_certain:
            _show_change(change)
    follows = [change.resource for change in plan.changes if not change.is_certain]
    if follows:
        click.echo(f"  may change with them: {', '.join(follows)}")
    for text in plan.drift:
        click.secho(f"changed manually: {printable(text)}", fg="magenta")
    for text in plan.notes:
        click.secho(f"! {printable(text)}", fg="cyan")
    click.secho(f"{where}: {_counted(plan)}", bold=True)


def _show_change(change: Change) -> None:
    sign, colour = _SIGNS[change.action]
    name = "" if change.name == change.resource else f" {change.name}"
    replaced = f", {change.replacement}" if change.replacement else ""
    click.secho(f"{sign} {change.action} {change.resource}{printable(name)} ({change.kind}){replaced}", fg=colour)
    for difference in change.differences:
        path = json_line(difference.path)[1:-1]
        click.echo(f"    {path}: {json_line(difference.old)} -> {json_line(difference.new)}")


def _counted(plan: Plan) -> str:
    if plan.is_empty:
        return "nothing to do"
    certain = [change.action for change in plan.changes if change.is_certain]
    counts = {action: certain.count(action) for action in ("create", "import", "update", "remove")}
    return ", ".join([f"{count} to {action}" for action, count in counts.items() if count]) or "outputs only"
