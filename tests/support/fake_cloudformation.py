"""Simulate CloudFormation by its documentation, for cases that no emulator shows: one stack, with scripted results.

Every call is checked against AWS's service model, and against the documented rules:
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator

STACK_ID = "arn:aws:cloudformation:eu-west-1:123456789012:stack/chargeminder-telemetry-prod/1"
CHANGE_SET_ID = "arn:aws:cloudformation:eu-west-1:123456789012:changeSet/stream-lambda/1"
NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
NO_UPDATES = "No updates are to be performed."


@cache
def _model() -> Any:
    return botocore.session.get_session().get_service_model("cloudformation")


def refused(code: str, message: str) -> ClientError:
    """Return an error as the service answers it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Any")


@dataclass
class End:
    """The end of an operation: events as (resource, state, reason), and the final state of the stack."""

    status: str
    events: Sequence[tuple[str, str, str]] = ()


@dataclass
class FakeCloudFormation:
    """A stack. `status` None: it does not exist; `worked_out` are the answers about a change set; the last repeats."""

    name: str = "chargeminder-telemetry-prod"
    status: str | None = None
    template: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    is_protected: bool = False
    worked_out: list[dict[str, Any]] = field(default_factory=lambda: [{"Status": "CREATE_COMPLETE"}])
    refusals: dict[str, list[ClientError]] = field(default_factory=dict)
    ends: list[End] = field(default_factory=list)
    findings: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    log: list[dict[str, Any]] = field(default_factory=list)
    interrupts: bool = False

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """Return the arguments of each call of an operation."""
        return [arguments for name, arguments in self.calls if name == operation]

    def event(self, resource: str, status: str, reason: str = "", token: str = "") -> None:
        """Add an event, the newest first."""
        number = len(self.log)
        event = {
            "EventId": f"{number}",
            "StackName": self.name,
            "LogicalResourceId": resource,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
            "ClientRequestToken": token,
            "Timestamp": datetime.fromtimestamp(1_800_000_000 + number, UTC),
        }
        self.log.insert(0, event)

    def describe_stacks(self, **arguments: Any) -> dict[str, Any]:
        """Return the stack; a removed one by its id alone."""
        self._checked("DescribeStacks", arguments)
        if self.interrupts and self.asked("ExecuteChangeSet"):
            raise KeyboardInterrupt
        gone = self.status in (None, "DELETE_COMPLETE")
        if self.status is None or (gone and arguments["StackName"] != STACK_ID):
            raise refused("ValidationError", f"Stack with id {arguments['StackName']} does not exist")
        stack = {
            "StackName": self.name,
            "StackId": STACK_ID,
            "StackStatus": self.status,
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in self.parameters.items()],
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags.items()],
            "EnableTerminationProtection": self.is_protected,
        }
        return {"Stacks": [stack]}

    def get_template(self, **arguments: Any) -> dict[str, Any]:
        """Return the deployed template, as botocore reads it."""
        self._checked("GetTemplate", arguments)
        return {"TemplateBody": self.template}

    def get_paginator(self, operation: str) -> Any:
        """Return a paginator of the events, two per page."""
        assert operation == "describe_stack_events"
        return self

    def paginate(self, **arguments: Any) -> Iterator[dict[str, Any]]:
        """Yield the pages."""
        self._checked("DescribeStackEvents", arguments)
        for start in range(0, max(len(self.log), 1), 2):
            yield {"StackEvents": self.log[start : start + 2]}

    def describe_stack_resource(self, **arguments: Any) -> dict[str, Any]:
        """Return a resource of the template, named after its logical id."""
        self._checked("DescribeStackResource", arguments)
        name = arguments["LogicalResourceId"]
        if self.status is None or name not in self.template.get("Resources", {}):
            raise refused("ValidationError", f"Resource {name} does not exist for stack {self.name}")
        return {"StackResourceDetail": {"PhysicalResourceId": name.lower()}}

    def create_change_set(self, **arguments: Any) -> dict[str, Any]:
        """Accept it when the rules allow it; a change set that creates makes a stack in review."""
        self._checked("CreateChangeSet", arguments)
        is_new = self.status in (None, "REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
        assert arguments["ChangeSetType"] == ("CREATE" if is_new else "UPDATE")
        assert "OnStackFailure" not in arguments or is_new, "only valid when ChangeSetType is CREATE"
        assert "DeploymentMode" not in arguments or not is_new
        assert len(arguments["TemplateBody"].encode()) <= 51_200
        if is_new:
            self.status = "REVIEW_IN_PROGRESS"
        return {"Id": CHANGE_SET_ID, "StackId": STACK_ID}

    def describe_change_set(self, **arguments: Any) -> dict[str, Any]:
        """Return the next answer about it, in pages of one change."""
        self._checked("DescribeChangeSet", arguments)
        answer = self.worked_out[0] if len(self.worked_out) == 1 else self.worked_out.pop(0)
        changes = answer.get("Changes", [])
        at = int(arguments.get("NextToken", 0))
        more = {"NextToken": str(at + 1)} if at + 1 < len(changes) else {}
        page = [{"Type": "Resource", "ResourceChange": change} for change in changes[at : at + 1]]
        return {"StackId": STACK_ID, **answer, "Changes": page, **more}

    def describe_events(self, **arguments: Any) -> dict[str, Any]:
        """Return what was found when the change set was checked."""
        self._checked("DescribeEvents", arguments)
        return {"OperationEvents": self.findings}

    def delete_change_set(self, **arguments: Any) -> dict[str, Any]:
        """Accept it."""
        self._checked("DeleteChangeSet", arguments)
        return {}

    def execute_change_set(self, **arguments: Any) -> dict[str, Any]:
        """Begin; the events and the end come with the next calls."""
        self._checked("ExecuteChangeSet", arguments)
        [made] = self.asked("CreateChangeSet")[-1:]
        is_both = "OnStackFailure" in made and "DisableRollback" in arguments
        assert not is_both, "DisableRollback can't be specified when OnStackFailure was"
        self._begin(
            "CREATE" if made["ChangeSetType"] == "CREATE" else "UPDATE", arguments.get("ClientRequestToken", "")
        )
        self.template = json.loads(made["TemplateBody"])
        self.parameters = {each["ParameterKey"]: each["ParameterValue"] for each in made["Parameters"]}
        self.tags = {each["Key"]: each["Value"] for each in made["Tags"]}
        return {}

    def delete_stack(self, **arguments: Any) -> dict[str, Any]:
        """Begin to remove it, unless it is protected; one in review is removed at once."""
        self._checked("DeleteStack", arguments)
        if self.is_protected:
            raise refused(
                "ValidationError", f"Stack [{self.name}] cannot be deleted while TerminationProtection is enabled"
            )
        if self.status == "REVIEW_IN_PROGRESS":
            self.status = None
        else:
            self._begin("DELETE", arguments.get("ClientRequestToken", ""))
        return {}

    def update_termination_protection(self, **arguments: Any) -> dict[str, Any]:
        """Accept it."""
        self._checked("UpdateTerminationProtection", arguments)
        self.is_protected = arguments["EnableTerminationProtection"]
        return {}

    def _begin(self, what: str, token: str) -> None:
        end = self.ends.pop(0)
        self.event(self.name, f"{what}_IN_PROGRESS", "User Initiated", token)
        for resource, status, reason in end.events:
            self.event(resource, status, reason, token)
        self.event(self.name, end.status, "", token)
        self.status = end.status

    def _checked(self, operation: str, arguments: Mapping[str, Any]) -> None:
        report = ParamValidator().validate(arguments, _model().operation_model(operation).input_shape)
        assert not report.has_errors(), report.generate_report()
        self.calls.append((operation, dict(arguments)))
        if self.refusals.get(operation):
            raise self.refusals[operation].pop(0)


def with_fake(clients: Callable[[str], Any], fake: FakeCloudFormation) -> Callable[[str], Any]:
    """Return the same clients with this CloudFormation."""
    return lambda service: fake if service == "cloudformation" else clients(service)
