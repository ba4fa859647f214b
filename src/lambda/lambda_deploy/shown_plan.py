"""A plan for people: what is made, changed and removed, with old and new values."""

import click

from lambda_deploy.console import json_line
from lambda_deploy.plan import Change, Difference, Plan

_SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}


def show_plan(plan: Plan, where: str) -> None:
    """Prints it on standard output; click leaves the colours out where there is no terminal."""
    for change in plan.changes:
        _show_change(change)
    for text in plan.leaves:
        click.echo(f"  stays: {text}")
    for text in plan.notes:
        click.secho(f"! {text}", fg="cyan")
    click.secho(f"{where}: {_counted(plan)}", bold=True)


def _show_change(change: Change) -> None:
    sign, colour = _SIGNS[change.action]
    click.secho(f"{sign} {change.action} {change.kind} {change.name}", fg=colour)
    for difference in change.differences:
        if change.action == "create" and _goes_without_saying(difference):
            continue
        new = json_line(difference.new)
        old = "" if change.action == "create" else f"{json_line(difference.old)} -> "
        click.echo(f"    {json_line(difference.path)[1:-1]}: {old}{new}")


def _goes_without_saying(difference: Difference) -> bool:
    """Of something new: its tags, which all things have, and what is left empty."""
    return difference.path.startswith("tags.") or difference.new in ("", [], {})


def _counted(plan: Plan) -> str:
    if not plan.changes:
        return "nothing to do"
    actions = [change.action for change in plan.changes]
    return (
        f"{actions.count('create')} to create, {actions.count('update')} to update, {actions.count('delete')} to delete"
    )
