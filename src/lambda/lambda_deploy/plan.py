"""The difference between how things are and how they should be. Nothing is changed here."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lambda_deploy.aws import explained
from lambda_deploy.errors import UnfitError
from lambda_deploy.resources.base import Resource, State

Action = Literal["create", "update", "delete"]


@dataclass(frozen=True)
class Difference:
    """One value, by its path such as tags.target; None stands for nothing."""

    path: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Change:
    """What is to be done with one resource."""

    action: Action
    kind: str
    name: str
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True)
class Plan:
    """Changes in the order in which they are made, what the user should know, and what `destroy` does not touch."""

    changes: tuple[Change, ...]
    notes: tuple[str, ...] = ()
    leaves: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def plan(resources: Sequence[Resource]) -> Plan:
    """What a deployment would do.

    Raises AwsError when AWS cannot be asked, UnfitError when something there cannot be used as it is.
    """
    changes, notes = [], []
    for resource in resources:
        with explained(f"reading the {resource.kind} {resource.name}"):
            current = resource.read()
            change = change_of(resource, current)
            if change:
                changes.append(change)
            if change is None or change.action != "delete":
                notes += resource.notes(current)
    return Plan(tuple(changes), tuple(notes))


def plan_to_destroy(resources: Sequence[Resource]) -> Plan:
    """What would be removed: all that the tags say is this target's, last made first."""
    changes, leaves = [], []
    for resource in reversed(resources):
        with explained(f"reading the {resource.kind} {resource.name}"):
            current = resource.read()
            if current is None:
                continue
            if resource.is_removable and resource.is_ours(current):
                changes.append(Change("delete", resource.kind, resource.name))
            else:
                why = "its tags do not say that it is this target's" if resource.is_removable else resource.stays
                leaves.append(f"{resource.kind} {resource.name}: {why}")
    return Plan(tuple(changes), leaves=tuple(leaves))


def change_of(resource: Resource, current: State | None) -> Change | None:
    """What is to be done with a resource that is like this; None when nothing is.

    Raises UnfitError when another target of ours has made it.
    """
    other = resource.other_target(current) if current and resource.is_removable else None
    if other:
        raise UnfitError(
            f"the {resource.kind} {resource.name!r} belongs to the target {other!r}: two targets cannot share it, "
            "so give each its own function_name"
        )
    desired = resource.desired(current)
    if desired is None:
        mine = current is not None and resource.is_ours(current)
        return Change("delete", resource.kind, resource.name) if mine else None
    found = tuple(differences(current or {}, desired))
    if current is not None and not found:
        return None
    return Change("update" if current is not None else "create", resource.kind, resource.name, found)


def differences(old: Any, new: Any, path: str = "") -> Iterator[Difference]:
    """The values that differ, by their paths; lists are compared as wholes."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in [*new, *[name for name in old if name not in new]]:
            yield from differences(old.get(name), new.get(name), f"{path}.{name}" if path else str(name))
    elif isinstance(new, dict) and new and old is None:
        yield from differences({}, new, path)
    elif isinstance(old, dict) and old and new is None:
        yield from differences(old, {}, path)
    elif old != new:
        yield Difference(path, old, new)
