"""A deployed stack, as far as status reads it: the emulators' stacks have no alarms."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any


def cloudformation(*resources: tuple[str, str]) -> Any:
    """Return a fake for the two calls of CloudFormation that status makes; resources are (type, physical id)."""
    stack = {"StackStatus": "UPDATE_COMPLETE", "CreationTime": datetime(2027, 1, 1, tzinfo=UTC)}
    summaries = [{"ResourceType": kind, "PhysicalResourceId": name} for kind, name in resources]
    pages = SimpleNamespace(paginate=lambda **_: [{"StackResourceSummaries": summaries}])
    return SimpleNamespace(describe_stacks=lambda **_: {"Stacks": [stack]}, get_paginator=lambda name: pages)
