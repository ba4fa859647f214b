"""A plan is carried out, one resource after the other.

Each step reads the resource again, does what is still missing and waits until AWS is through with it. So a step may be
stopped anywhere (Ctrl-C, throttling, lost credentials, an answer that got lost on the way) and done again, by the next
attempt or the next deploy: nothing is remembered between two runs but what stands in the account.
"""

from collections.abc import Callable, Sequence
from functools import partial

from botocore.exceptions import ClientError

from lambda_deploy.aws import NOT_FOUND, code_of, explained
from lambda_deploy.errors import NotReadyError
from lambda_deploy.plan import Change, Plan, change_of
from lambda_deploy.resources.base import Resource, Site, State


def deploy(site: Site, resources: Sequence[Resource], plan: Plan, say: Callable[[str], None]) -> None:
    """Makes, changes and removes what the plan names.

    Raises AwsError, with what was being done, when AWS refuses; what was done before stays done.
    """
    planned = {(change.kind, change.name): change for change in plan.changes}
    for resource in resources:
        change = planned.get((resource.kind, resource.name))
        if change:
            say(_said(change))
            site.wait.until(partial(_settle, resource), f"the {resource.kind} {resource.name}")


def destroy(site: Site, resources: Sequence[Resource], plan: Plan, say: Callable[[str], None]) -> None:
    """Removes what the plan names, last made first. Raises as `deploy` does."""
    planned = {(change.kind, change.name): change for change in plan.changes}
    for resource in reversed(resources):
        change = planned.get((resource.kind, resource.name))
        if change:
            say(_said(change))
            site.wait.until(partial(_remove, resource), f"the {resource.kind} {resource.name}")


def _settle(resource: Resource) -> None:
    with explained(f"{resource.kind} {resource.name}"):
        resource.facts.forget()
        current = resource.read()
        change = change_of(resource, current)
        if change and change.action == "delete":
            _remove(resource)
            return
        if change:
            _change(resource, current)
            resource.facts.forget()
        resource.check_ready()


def _change(resource: Resource, current: State | None) -> None:
    desired = resource.desired(current)
    try:
        if current is None and desired is not None:
            resource.create(desired)
        elif current is not None and desired is not None:
            resource.update(current, desired)
    except ClientError as error:
        if code_of(error) not in NOT_FOUND:
            raise
        raise NotReadyError(
            f"{resource.kind} {resource.name}: {error}: what was made just now is not known yet"
        ) from error


def _remove(resource: Resource) -> None:
    with explained(f"{resource.kind} {resource.name}"):
        resource.facts.forget()
        if resource.read() is not None:
            resource.delete()
            resource.facts.forget()
        resource.check_gone()


def _said(change: Change) -> str:
    doing = {"create": "creating", "update": "updating", "delete": "deleting"}[change.action]
    return f"{doing} the {change.kind} {change.name}"
