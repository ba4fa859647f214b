"""List what a deployment changes, with old and new values: a pure comparison, completed by the change set.

The change set has the action and whether a resource is replaced. The values come from a comparison of the deployed
template and parameters with the new ones, because a change set does not always have them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

Action = Literal["create", "update", "remove", "import"]
# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
_ACTIONS: Final[Mapping[str, Action]] = {"Add": "create", "Remove": "remove", "Import": "import"}
# What identifies the entries of a list.
_LABELS: Final = ("Sid", "PolicyName", "Id", "Key")
_NAMES: Final = ("FunctionName", "RoleName", "LogGroupName", "TopicName", "AlarmName", "DashboardName", "Endpoint")
STACK: Final = "Stack"
"""The logical id of the stack itself, for its tags."""


@dataclass(frozen=True)
class Difference:
    """One changed value, by its path such as Environment.Variables.KMS_KEY_ID; None is no value."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Change:
    """What happens to one resource. `replacement` is "", "replaced" or "may be replaced".

    `is_certain` is False when the resource in the template is unchanged and only what it refers to changes.
    """

    action: Action
    resource: str
    kind: str
    name: str
    differences: tuple[Difference, ...] = ()
    replacement: Literal["", "replaced", "may be replaced"] = ""
    is_certain: bool = True


@dataclass(frozen=True)
class Description:
    """A stack's resources in plain values, and its tags."""

    resources: Mapping[str, dict[str, Any]]
    tags: Mapping[str, str]


def changes(old: Description, new: Description, of_change_set: Sequence[Mapping[str, Any]]) -> tuple[Change, ...]:
    """Return the changes between two descriptions; `of_change_set` has the ResourceChanges of a change set."""
    said = {entry["LogicalResourceId"]: entry for entry in of_change_set}
    compared = {change.resource: change for change in _compared(old, new)}
    both = [*compared, *[name for name in said if name not in compared and _is_change(said[name])]]
    return tuple(_completed(compared.get(name), said.get(name), old) for name in both)


def drift(of_change_set: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the manual changes, one sentence each, from a change set that includes drift.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/drift-aware-change-sets.html
    """
    found = []
    for entry in of_change_set:
        name = entry["LogicalResourceId"]
        if entry.get("ResourceDriftStatus") == "DELETED":
            found.append(f"{name} was deleted manually; deploy creates it again")
        for detail in entry.get("Details", []):
            target = detail.get("Target", {})
            drifted = target.get("Drift")
            if drifted:
                path = target.get("Path", target.get("Name", "")).removeprefix("/Properties/").replace("/", ".")
                before, now = drifted.get("PreviousValue"), drifted.get("ActualValue")
                found.append(f"{name} {path}: deployed as {before}, now {now}; deploy reverts it")
    return tuple(found)


def _is_change(entry: Mapping[str, Any]) -> bool:
    # With this action only CloudFormation's record changes: the template already has the manual change.
    return bool(entry.get("Action") != "SyncWithActual")


def _completed(change: Change | None, entry: Mapping[str, Any] | None, old: Description) -> Change:
    if entry is None:
        assert change is not None  # noqa: S101 # one of both is there
        return change
    action = _ACTIONS.get(entry["Action"], "update")
    if change is None:
        name = entry["LogicalResourceId"]
        change = Change(action, name, entry["ResourceType"], _name(name, old.resources.get(name, {})))
        change = replace(change, is_certain=action != "update" or _is_drift(entry))
    return replace(change, action=action, replacement=_replacement(entry))


def _is_drift(entry: Mapping[str, Any]) -> bool:
    return entry.get("ResourceDriftStatus") in ("MODIFIED", "DELETED")


def _replacement(entry: Mapping[str, Any]) -> Literal["", "replaced", "may be replaced"]:
    if entry["Action"] == "Dynamic" or entry.get("Replacement") == "Conditional":
        return "may be replaced"
    return "replaced" if entry.get("Replacement") == "True" else ""


def _compared(old: Description, new: Description) -> Iterator[Change]:
    for name in (*new.resources, *[name for name in old.resources if name not in new.resources]):
        before, after = old.resources.get(name), new.resources.get(name)
        kind = str((after or before or {}).get("Type"))
        shown = _name(name, after or before or {})
        if before is None:
            yield Change("create", name, kind, shown)
        elif after is None:
            yield Change("remove", name, kind, shown)
        elif before != after:
            yield Change("update", name, kind, shown, tuple(differences(_parts(before), _parts(after))))
    if old.resources and old.tags != new.tags:
        found = tuple(differences(dict(old.tags), dict(new.tags), "tags"))
        yield Change("update", STACK, "AWS::CloudFormation::Stack", STACK, found)


def _parts(resource: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a resource and its other attributes, such as DeletionPolicy."""
    return {**{key: value for key, value in resource.items() if key != "Properties"}, **resource.get("Properties", {})}


def _name(logical_id: str, resource: Mapping[str, Any]) -> str:
    names = [resource.get("Properties", {}).get(key) for key in _NAMES]
    return next((name for name in names if isinstance(name, str)), logical_id)


def differences(old: Any, new: Any, path: str = "") -> Iterator[Difference]:
    """Yield the differences between two plain values, each with its path."""
    old, new = _as_data(old), _as_data(new)
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in (*old, *[key for key in new if key not in old]):
            yield from differences(old.get(key), new.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new) and _are_dicts([*old, *new]):
        for number, (left, right) in enumerate(zip(old, new, strict=True)):
            yield from differences(left, right, f"{path}[{number}]")
    else:
        yield Difference(path, old, new)


def _are_dicts(values: list[Any]) -> bool:
    return all(isinstance(value, dict) for value in values)


def _as_data(value: Any) -> Any:
    """Return lists of labelled entries as dicts, and JSON text as the parsed value."""
    if isinstance(value, list) and value and _are_dicts(value):
        for label in _LABELS:
            if all(label in each for each in value):
                return {each[label]: each for each in value}
    if isinstance(value, str) and value.startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
