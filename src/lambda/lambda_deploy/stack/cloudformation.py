"""Call CloudFormation: a stack, its events, change sets.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from lambda_deploy.aws import Clients
from lambda_deploy.errors import NotReadyError, StackError
from lambda_deploy.explain import code_of, explained
from lambda_deploy.stack.states import IN_REVIEW, Stack
from lambda_deploy.texts import one_line
from lambda_deploy.wait import Wait

# CloudFormation's texts for a change set without changes, as the reason of its failure or as an error.
NOTHING_TO_DO: Final = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class ChangeSet:
    """A change set: `id` is "" when nothing changes. `changes` are its ResourceChanges.

    `has_looked_at_drift` is False when CloudFormation did not accept that mode.
    """

    id: str
    stack_id: str
    changes: tuple[Mapping[str, Any], ...] = ()
    has_looked_at_drift: bool = False


@dataclass(frozen=True)
class Request:
    """The input of a change set. `role_arn` is the role with which CloudFormation acts, or ""."""

    name: str
    template_body: str
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    role_arn: str = ""
    reverts_drift: bool = True
    adopts_log_group: bool = False


@dataclass(frozen=True)
class CloudFormation:
    """A stack in a region, by name."""

    clients: Clients
    stack_name: str
    region: str
    wait: Wait
    client: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "client", self.clients("cloudformation"))

    def read(self) -> Stack:
        """Return the stack. Raises AwsError."""
        with explained(f"reading the stack {self.stack_name}"):
            found = self._described(self.stack_name)
            if found is None:
                return Stack(self.stack_name, self.region)
            template = {} if found["StackStatus"] == IN_REVIEW else self._template()
        return Stack(
            self.stack_name,
            self.region,
            found["StackStatus"],
            found["StackId"],
            found.get("StackStatusReason", ""),
            {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", [])},
            {each["Key"]: each["Value"] for each in found.get("Tags", [])},
            {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])},
            template,
            bool(found.get("EnableTerminationProtection")),
        )

    def status(self, stack_id: str) -> str:
        """Return the state of a stack, also of a removed one."""
        with explained(f"reading the stack {self.stack_name}"):
            found = self._described(stack_id)
        return str(found["StackStatus"]) if found else "DELETE_COMPLETE"

    def events(self, stack_id: str, until: str = "") -> list[Mapping[str, Any]]:
        """Return the events of a stack, newest first, back to the one with this id."""
        found: list[Mapping[str, Any]] = []
        with explained(f"reading the events of the stack {self.stack_name}"):
            for page in self.client.get_paginator("describe_stack_events").paginate(StackName=stack_id):
                for event in page["StackEvents"]:
                    if event["EventId"] == until:
                        return found
                    found.append(event)
        return found

    def physical_id(self, logical_id: str) -> str:
        """Return the physical id of a resource of the stack, "" if it does not exist."""
        with explained(f"looking up {logical_id} of the stack {self.stack_name}"):
            try:
                answer = self.client.describe_stack_resource(StackName=self.stack_name, LogicalResourceId=logical_id)
            except ClientError as error:
                if code_of(error) == "ValidationError":
                    return ""
                raise
        return str(answer["StackResourceDetail"].get("PhysicalResourceId", ""))

    def make_change_set(self, stack: Stack, request: Request) -> ChangeSet:
        """Make a change set and wait until CloudFormation has computed it.

        Raises StackError, with CloudFormation's findings, when it is invalid.
        """
        with explained(f"making a change set for the stack {self.stack_name}"):
            try:
                answer = self._create(stack, request)
            except ClientError as error:
                if _says_nothing_to_do(str(error)):
                    return ChangeSet("", stack.id)
                raise
        described = self.wait.until(lambda: self._worked_out(answer["Id"]), "the change set")
        stack_id = described.get("StackId", answer.get("StackId", ""))
        if described["Status"] == "FAILED":
            reason = described.get("StatusReason", "")
            problems = [] if _says_nothing_to_do(reason) else self._problems(answer["Id"])
            self.discard(answer["Id"])
            if _says_nothing_to_do(reason):
                return ChangeSet("", stack_id)
            raise StackError(
                f"CloudFormation refuses the change of {self.stack_name}: {one_line(reason)}"
                + "".join([f"; {problem}" for problem in problems])
            )
        changes = tuple(each["ResourceChange"] for each in described["Changes"] if "ResourceChange" in each)
        return ChangeSet(answer["Id"], stack_id, changes, described.get("DeploymentMode") == "REVERT_DRIFT")

    def discard(self, change_set_id: str) -> None:
        """Remove a change set."""
        with explained(f"removing a change set of the stack {self.stack_name}"):
            self.client.delete_change_set(ChangeSetName=change_set_id, StackName=self.stack_name)

    def execute(self, stack: Stack, change_set_id: str, token: str) -> None:
        """Execute a change set. A failed update is rolled back."""
        # A change set that creates has its own setting and accepts no other; for updates botocore documents True as the
        # default, which would leave a failed one half done.
        rollback = {} if stack.is_new else {"DisableRollback": False}
        with explained(f"executing the change set of the stack {self.stack_name}"):
            self.client.execute_change_set(
                ChangeSetName=change_set_id, StackName=self.stack_name, ClientRequestToken=token, **rollback
            )

    def protect(self, *, is_protected: bool) -> None:
        """Switch the stack's termination protection on or off."""
        with explained(f"setting the termination protection of the stack {self.stack_name}"):
            self.client.update_termination_protection(
                StackName=self.stack_name, EnableTerminationProtection=is_protected
            )

    def delete(self, role_arn: str, token: str) -> None:
        """Start removing the stack."""
        role = {"RoleARN": role_arn} if role_arn else {}
        with explained(f"removing the stack {self.stack_name}"):
            self.client.delete_stack(StackName=self.stack_name, ClientRequestToken=token, **role)

    def _described(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if code_of(error) == "ValidationError" and "does not exist" in str(error):
                return None
            raise
        return found

    def _template(self) -> dict[str, Any]:
        body = self.client.get_template(StackName=self.stack_name, TemplateStage="Original")["TemplateBody"]
        # botocore parses JSON; only a stack of another tool has a template in YAML.
        content: dict[str, Any] = {} if isinstance(body, str) else json.loads(json.dumps(body))
        return content

    def _create(self, stack: Stack, request: Request) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            "StackName": self.stack_name,
            "ChangeSetName": request.name,
            "TemplateBody": request.template_body,
            "Parameters": [{"ParameterKey": k, "ParameterValue": v} for k, v in request.parameters.items()],
            "Tags": [{"Key": key, "Value": value} for key, value in request.tags.items()],
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            **({"RoleARN": request.role_arn} if request.role_arn else {}),
            **({"ImportExistingResources": True} if request.adopts_log_group else {}),
        }
        if stack.is_new:
            return self._asked({**arguments, "ChangeSetType": "CREATE", "OnStackFailure": "DELETE"})
        arguments["ChangeSetType"] = "UPDATE"
        if not request.reverts_drift:
            return self._asked(arguments)
        try:
            return self._asked({**arguments, "DeploymentMode": "REVERT_DRIFT"})
        except ClientError as error:
            if "DeploymentMode" not in str(error):
                raise
            return self._asked(arguments)

    def _asked(self, arguments: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.create_change_set(**arguments)
        return answer

    def _worked_out(self, change_set_id: str) -> dict[str, Any]:
        with explained(f"reading the change set of the stack {self.stack_name}"):
            arguments = {"ChangeSetName": change_set_id, "StackName": self.stack_name, "IncludePropertyValues": True}
            found: dict[str, Any] = self.client.describe_change_set(**arguments)
            if found["Status"] in ("CREATE_PENDING", "CREATE_IN_PROGRESS"):
                raise NotReadyError("CloudFormation is computing the change set")
            page = found
            while page.get("NextToken"):
                page = self.client.describe_change_set(**arguments, NextToken=page["NextToken"])
                found["Changes"] += page["Changes"]
        return found

    def _problems(self, change_set_id: str) -> list[str]:
        """Return what CloudFormation found when it checked a change set: names that exist, invalid properties.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html
        """
        try:
            events = self.client.describe_events(ChangeSetName=change_set_id, StackName=self.stack_name)
        except ClientError:
            return []  # its reason was already shown
        return [
            one_line(f"{event.get('LogicalResourceId', '')}: {event.get('ValidationStatusReason', '')}")
            for event in events["OperationEvents"]
            if event.get("EventType") == "VALIDATION_ERROR"
        ]


def _says_nothing_to_do(text: str) -> bool:
    return any(words in text for words in NOTHING_TO_DO)
