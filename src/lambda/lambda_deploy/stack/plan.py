"""Plan a deployment: its change set, with old and new values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from lambda_deploy import names
from lambda_deploy.errors import StackError
from lambda_deploy.outside.code import Deployed
from lambda_deploy.outside.taken import check_names
from lambda_deploy.stack.changes import Change, Description, changes, drift
from lambda_deploy.stack.cloudformation import ChangeSet, Request
from lambda_deploy.stack.site import Site
from lambda_deploy.stack.states import IN_REVIEW, Stack, check_deployable
from lambda_deploy.template.render import VITAL, template_body
from lambda_deploy.template.resolve import pseudo_parameters, resolved

_LOG_GROUP: Final = "AWS::Logs::LogGroup"


@dataclass(frozen=True)
class Plan:
    """What a deployment would do. `steps` come first, outside the stack; `drift` has the manual changes.

    `zipped` is the code to upload, empty when the bucket has it.
    """

    changes: tuple[Change, ...]
    drift: tuple[str, ...]
    notes: tuple[str, ...]
    change_set: ChangeSet
    steps: tuple[str, ...] = ()
    zipped: bytes = b""

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing to do."""
        return not self.change_set.id and not self.steps

    @property
    def changes_function(self) -> bool:
        """Return whether the function, its mapping or its role changes."""
        return any(change.resource in ("Role", *VITAL) and change.is_certain for change in self.changes)

    def as_json(self) -> dict[str, Any]:
        """Return the plan as plain data."""
        return {
            "changes": [asdict(change) for change in self.changes],
            "drift": self.drift,
            "steps": self.steps,
            "notes": self.notes,
        }


def check_owner(site: Site, stack: Stack) -> None:
    """Raise StackError when the stack was deployed from another bundle or for another target."""
    wanted = names.owner_tags(site.config)
    found = {name: stack.tags.get(name, "") for name in wanted}
    if stack.id and stack.status != IN_REVIEW and found != wanted:
        shown = ", ".join([f"{name} {value or 'missing'}" for name, value in found.items()])
        raise StackError(
            f"the stack {stack.name} belongs to another target: its tags are {shown}. Rename the bundle or the "
            "target, or remove that stack"
        )


def make_plan(site: Site, stack: Stack, wanted: Deployed, *, keep_drift: bool) -> Plan:
    """Make a change set and return what it does; `discard` removes it.

    Raises StackError when the stack's state, its owner or CloudFormation does not allow it, UnfitError when a name
    exists already.
    """
    cloudformation = site.cloudformation
    check_deployable(stack, [] if stack.is_new else cloudformation.events(stack.id))
    check_owner(site, stack)
    old = Description(resources_of(dict(stack.template), stack.parameters, site), stack.tags)
    new = Description(resources_of(wanted.template, wanted.parameters, site), wanted.tags)
    arn = f"arn:{site.caller.split(':')[1]}:SERVICE:{site.config.region}:{site.account}"
    check_names(site.clients, old.resources, new.resources, arn)
    request = Request(
        site.token,
        template_body(wanted.template),
        wanted.parameters,
        wanted.tags,
        site.config.cloudformation_role_arn,
        reverts_drift=not keep_drift,
        adopts_log_group=_has_new_log_group(old, new),
    )
    change_set = cloudformation.make_change_set(stack, request)
    found = changes(old, new, change_set.changes) if change_set.id else ()
    notes = (*_drift_notes(stack, change_set, keep_drift=keep_drift), *_policy_notes(site, found))
    return Plan(found, drift(change_set.changes), notes, change_set)


def discard(site: Site, stack: Stack, plan: Plan) -> None:
    """Remove a plan's change set, and the stack in review if this plan created it."""
    cloudformation = site.cloudformation
    if plan.change_set.id:
        cloudformation.discard(plan.change_set.id)
    if stack.is_new and stack.status != IN_REVIEW and cloudformation.status(stack.name) == IN_REVIEW:
        cloudformation.delete("", site.token)


def check_replacement(plan: Plan, *, may_replace: bool) -> None:
    """Raise StackError when the function or the mapping would be replaced or removed without --replace."""
    stopped = [
        f"{change.resource} ({change.name}) is {'removed' if change.action == 'remove' else 'replaced'}"
        for change in plan.changes
        if change.resource in VITAL and (change.action == "remove" or change.replacement == "replaced")
    ]
    if stopped and not may_replace:
        raise StackError(
            f"{'; '.join(stopped)}: events wait in the stream meanwhile, and a new mapping reads the stream from its "
            "beginning. To allow this, deploy with --replace"
        )


def resources_of(template: dict[str, Any], parameters: Mapping[str, str], site: Site) -> dict[str, dict[str, Any]]:
    """Return the resources of a template in plain values, for the site's account."""
    return resolved(template, parameters, pseudo_parameters(site.caller, site.config.region))


def _has_new_log_group(old: Description, new: Description) -> bool:
    def names_of(description: Description) -> set[str]:
        groups = [each for each in description.resources.values() if each["Type"] == _LOG_GROUP]
        return {group["Properties"]["LogGroupName"] for group in groups}

    return bool(names_of(new) - names_of(old))


def _drift_notes(stack: Stack, change_set: ChangeSet, *, keep_drift: bool) -> list[str]:
    if stack.is_new or change_set.has_looked_at_drift or not (keep_drift or change_set.id):
        return []
    why = "and stay (--keep-drift)" if keep_drift else "because CloudFormation did not accept the mode for it"
    return [f"manual changes were not checked, {why}"]


def _policy_notes(site: Site, found: tuple[Change, ...]) -> list[str]:
    is_replaced = any(
        change.resource == "Role" and any(each.path == "RoleName" for each in change.differences) for change in found
    )
    if not is_replaced or not site.config.client_id:
        return []
    return [
        "the role is replaced: set the subject of the Databricks federation policy to the ARN of the new role "
        f"({names.role_name(site.config)}), or the function cannot start the job"
    ]
