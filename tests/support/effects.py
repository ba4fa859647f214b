"""Compute what CloudFormation does with each resource of a changed template, from AWS's schemas.

A resource whose create-only property changes is replaced; resources that refer to it change, too, and are replaced if
they refer in a create-only property. The schemas come with cfn-lint.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-update-behaviors.html
"""

import json
import re
from functools import cache
from typing import Any

from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

Resources = dict[str, dict[str, Any]]
_refers = re.compile(r'"Ref": "(\w+)"|"Fn::GetAtt": \["(\w+)"|\$\{(\w+)\}').finditer


@cache
def schema(kind: str) -> dict[str, Any]:
    """Return AWS's schema of a type of resource."""
    found: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return found


def create_only(kind: str) -> set[str]:
    """Return the properties of a type that cannot be changed in place."""
    return {path.split("/")[2] for path in schema(kind).get("createOnlyProperties", [])}


def effects(old: Resources, new: Resources) -> dict[str, str]:
    """Return what happens to each resource that changes: create, update, replace, or remove."""
    found = {name: "create" for name in new if name not in old} | {name: "remove" for name in old if name not in new}
    while True:
        more = {name: _effect(old[name], new[name], found) for name in new if name in old}
        grown = found | {name: effect for name, effect in more.items() if effect}
        if grown == found:
            return found
        found = grown


def _effect(old: dict[str, Any], new: dict[str, Any], found: dict[str, str]) -> str:
    before, after = old["Properties"], new["Properties"]
    replaced = {name for name, effect in found.items() if effect == "replace"}
    changed = {
        name
        for name in {*before, *after}
        if before.get(name) != after.get(name) or _referred(after.get(name)) & replaced
    }
    if changed & create_only(new["Type"]):
        return "replace"
    return "update" if changed else ""


def _referred(value: Any) -> set[str]:
    return {group for match in _refers(json.dumps(value)) for group in match.groups() if group}
