"""The comparison of two stacks, completed by the change set."""

import json
from typing import Any

import pytest

from lambda_deploy.stack.changes import Description, changes, differences, drift

OLD = {"Thing": {"Type": "A::B::C", "Properties": {"Size": 1, "FunctionName": "f"}}}


def described(resources: dict[str, Any], **tags: str) -> Description:
    """Return a stack."""
    return Description(resources, tags)


def change(action: str = "Modify", **more: Any) -> dict[str, Any]:
    """Return a ResourceChange about Thing."""
    return {"Action": action, "LogicalResourceId": "Thing", "ResourceType": "A::B::C", **more}


DIFFERENCES: dict[str, tuple[Any, Any, list[tuple[str, Any, Any]]]] = {
    "the same": ({"a": [1]}, {"a": [1]}, []),
    "a value": ({"a": 1}, {"a": 2}, [("a", 1, 2)]),
    "one more": ({}, {"a": {"b": 1}}, [("a", None, {"b": 1})]),
    "one less": ({"a": 1}, {}, [("a", 1, None)]),
    "deep": ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, [("a.b.c", 1, 2)]),
    "a list of values": ({"a": [1, 2]}, {"a": [2, 1]}, [("a", [1, 2], [2, 1])]),
    "a list of things": ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}, [("a[1].b", 2, 3)]),
    "a longer list": ({"a": [{"b": 1}]}, {"a": [{"b": 1}, {"b": 2}]}, [("a", [{"b": 1}], [{"b": 1}, {"b": 2}])]),
    "a statement by its name": (
        {"a": [{"Sid": "x", "y": 1}, {"Sid": "z", "y": 1}]},
        {"a": [{"Sid": "z", "y": 2}, {"Sid": "x", "y": 1}]},
        [("a.z.y", 1, 2)],
    ),
    "JSON in text": ({"a": json.dumps({"b": 1})}, {"a": json.dumps({"b": 2})}, [("a.b", 1, 2)]),
    "text that looks like it": ({"a": "{"}, {"a": "{x"}, [("a", "{", "{x")]),
}


@pytest.mark.parametrize(("old", "new", "expected"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_a_difference_has_its_path(old: Any, new: Any, expected: list[tuple[str, Any, Any]]) -> None:
    assert [(each.path, each.old, each.new) for each in differences(old, new)] == expected


def test_a_changed_property_has_its_values_and_its_resources_name() -> None:
    new = {"Thing": {"Type": "A::B::C", "Properties": {"Size": 2, "FunctionName": "f"}}}
    [found] = changes(described(OLD), described(new), [change()])
    assert (found.action, found.name, found.differences[0].path, found.is_certain) == ("update", "f", "Size", True)


def test_other_attributes_than_properties_are_compared_too() -> None:
    new = {"Thing": {**OLD["Thing"], "DeletionPolicy": "Retain"}}
    [found] = changes(described(OLD), described(new), [])
    assert [each.path for each in found.differences] == ["DeletionPolicy"]


@pytest.mark.parametrize(("old", "new", "action"), [({}, OLD, "create"), (OLD, {}, "remove")])
def test_a_resource_comes_or_goes(old: dict[str, Any], new: dict[str, Any], action: str) -> None:
    [found] = changes(described(old), described(new), [])
    assert found.action == action


def test_a_log_group_that_is_adopted_is_imported() -> None:
    [found] = changes(described({}), described(OLD), [change("Import")])
    assert found.action == "import"


SAID = [
    ({"Replacement": "True"}, "replaced"),
    ({"Replacement": "Conditional"}, "may be replaced"),
    ({"Replacement": "False"}, ""),
    ({"Action": "Dynamic"}, "may be replaced"),
]


@pytest.mark.parametrize(("more", "expected"), SAID)
def test_the_change_set_says_whether_it_is_replaced(more: dict[str, str], expected: str) -> None:
    new = {"Thing": {"Type": "A::B::C", "Properties": {"Size": 2}}}
    [found] = changes(described(OLD), described(new), [{**change(), **more}])
    assert found.replacement == expected


def test_a_change_that_only_follows_another_is_not_certain() -> None:
    [found] = changes(described(OLD), described(OLD), [change(Replacement="Conditional")])
    assert not found.is_certain


def test_a_manual_change_is_certain() -> None:
    [found] = changes(described(OLD), described(OLD), [change(ResourceDriftStatus="MODIFIED")])
    assert found.is_certain


def test_a_manual_change_that_the_template_now_has_is_no_change() -> None:
    assert changes(described(OLD), described(OLD), [change("SyncWithActual")]) == ()


def test_tags_of_the_stack_are_a_separate_change() -> None:
    [found] = changes(described(OLD, cost="1"), described(OLD, cost="2"), [])
    assert (found.resource, found.differences[0].path) == ("Stack", "tags.cost")


def test_a_new_stack_does_not_list_its_tags() -> None:
    assert [each.resource for each in changes(described({}), described(OLD, cost="1"), [])] == ["Thing"]


def test_without_drift_there_is_no_note() -> None:
    assert drift([change(ResourceDriftStatus="IN_SYNC", Details=[{"Target": {"Name": "Size"}}])]) == ()
