"""Resolve a template with its parameters to plain values of its resources."""

import re
from collections.abc import Mapping
from typing import Any, Final

_DROPPED: Final = object()
_variable = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")
Values = Mapping[str, str]


def resolved(template: dict[str, Any], parameters: Values, pseudo: Values | None = None) -> dict[str, dict[str, Any]]:
    """Return the resources of a template by logical id, with parameters and conditions replaced.

    `pseudo` has values of pseudo parameters such as AWS::AccountId. Values that only CloudFormation knows, such as the
    ARN of a resource, stay as in the template.
    """
    defaults = {name: given.get("Default", "") for name, given in template.get("Parameters", {}).items()}
    values = {**defaults, **(pseudo or {}), **parameters}
    holds = {name: _holds(test, values) for name, test in template.get("Conditions", {}).items()}
    return {name: _put_in(resource, values, holds) for name, resource in template.get("Resources", {}).items()}


def pseudo_parameters(caller: str, region: str) -> dict[str, str]:
    """Return the pseudo parameters of an account, from the ARN of a caller in it."""
    _, partition, _, _, account, *_ = caller.split(":")
    suffix = "amazonaws.com.cn" if partition == "aws-cn" else "amazonaws.com"
    here = {"AWS::AccountId": account, "AWS::Partition": partition}
    return {**here, "AWS::Region": region, "AWS::URLSuffix": suffix}


def put_in(value: Any, values: Values) -> Any:
    """Return a part of a template, without conditions, with values replaced."""
    return _put_in(value, values, {})


def _holds(test: dict[str, Any], values: Values) -> bool:
    """Return whether a condition of ours holds: that a parameter is not empty."""
    left, right = test["Fn::Not"][0]["Fn::Equals"]
    return bool(values.get(left["Ref"], "") != right)


def _put_in(value: Any, values: Values, holds: Mapping[str, bool]) -> Any:
    if isinstance(value, list):
        return [each for each in (_put_in(item, values, holds) for item in value) if each is not _DROPPED]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (function, argument), *_ = value.items()
        if function == "Ref":
            return _DROPPED if argument == "AWS::NoValue" else values.get(argument, value)
        if function == "Fn::If":
            condition, yes, no = argument
            return _put_in(yes if holds[condition] else no, values, holds)
        if function == "Fn::Sub":
            return _substituted(argument, values)
    found = {name: _put_in(each, values, holds) for name, each in value.items()}
    return {name: each for name, each in found.items() if each is not _DROPPED}


def _substituted(text: str, values: Values) -> str:
    return _variable.sub(lambda found: values.get(found[1], found[0]), text)
