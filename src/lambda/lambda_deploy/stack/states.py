"""The states of a stack, each as a sentence with the next command.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from lambda_deploy.errors import StackError

ABSENT: Final = "ABSENT"
IN_REVIEW: Final = "REVIEW_IN_PROGRESS"
_GOOD: Final = (
    *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
    *("IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"),
)
STUCK: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ["CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"],
        "was never created completely ({reason}): `stream-lambda destroy{target}`, then deploy again",
    ),
    "DELETE_FAILED": (
        "could not be removed, because of {failed} ({reason}): remove what uses it, then "
        "`stream-lambda destroy{target}`"
    ),
    "UPDATE_FAILED": (
        "is half updated ({reason}): roll it back with `aws cloudformation rollback-stack --stack-name {name} "
        "--region {region}`, then deploy again"
    ),
    **dict.fromkeys(
        ["UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED"],
        "could not be rolled back, because of {failed} ({reason}): fix that, then `aws cloudformation "
        "continue-update-rollback --stack-name {name} --region {region}`; skip what cannot be fixed with "
        "`--resources-to-skip {failed}`",
    ),
}


@dataclass(frozen=True)
class Stack:
    """A stack as CloudFormation has it; its state is ABSENT when it does not exist."""

    name: str
    region: str
    status: str = ABSENT
    id: str = ""
    reason: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    template: Mapping[str, Any] = field(default_factory=dict)
    is_protected: bool = False

    @property
    def is_new(self) -> bool:
        """Return whether nothing was ever deployed to it, so that it needs a change set that creates."""
        return self.status in (ABSENT, IN_REVIEW, "DELETE_COMPLETE")

    def named(self, resource: str, name: str) -> str:
        """Return a name with which a resource was deployed, "" when the stack has no such resource."""
        content = self.template.get("Resources", {}).get(resource, {})
        return str(content.get("Properties", {}).get(name, ""))


def is_at_work(status: str) -> bool:
    """Return whether CloudFormation is working on a stack."""
    return status.endswith("_IN_PROGRESS") and status != IN_REVIEW


def check_deployable(stack: Stack, events: Sequence[Mapping[str, Any]]) -> None:
    """Raise StackError when the stack's state allows no change; `events` are the stack's, newest first."""
    if not stack.is_new and stack.status not in _GOOD:
        raise StackError(sentence(stack, events))


def check_destroyable(stack: Stack, events: Sequence[Mapping[str, Any]]) -> None:
    """Raise StackError when the stack cannot be removed now."""
    if is_at_work(stack.status):
        raise StackError(sentence(stack, events))


def sentence(stack: Stack, events: Sequence[Mapping[str, Any]]) -> str:
    """Return the state of the stack, and what to do next."""
    head = f"the stack {stack.name} in {stack.region}"
    if is_at_work(stack.status):
        command = follow_command(stack.name, stack.region)
        return f"{head} is {stack.status} ({_who(events)}): wait for it, or follow it with `{command}`"
    if stack.status in STUCK:
        failed = first_failure(_last_operation(events))
        reason = failed["ResourceStatusReason"] if failed else stack.reason or "CloudFormation gives no reason"
        resources = " ".join(sorted(set(_failed(events)))) or "a resource"
        target = f" -t {stack.tags['target']}" if "target" in stack.tags else ""
        text = STUCK[stack.status].format(
            name=stack.name, region=stack.region, target=target, failed=resources, reason=reason
        )
        return f"{head} {text}"
    if stack.is_new:
        return f"{head} does not exist: `stream-lambda deploy` creates it"
    return f"{head} is {stack.status}" + (": the last update was rolled back" if "ROLLBACK" in stack.status else "")


def follow_command(name: str, region: str) -> str:
    """Return the command that follows CloudFormation's work on a stack."""
    return f"aws cloudformation describe-stack-events --stack-name {name} --region {region}"


def first_failure(events: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the event of the first failure, from events with the newest first; None when nothing failed.

    An event that CloudFormation cancelled because of another failure is not the cause.
    """
    failed = [event for event in events if _is_cause(event)]
    return failed[-1] if failed else None


def _is_cause(event: Mapping[str, Any]) -> bool:
    reason = event.get("ResourceStatusReason", "")
    return event["ResourceStatus"].endswith("_FAILED") and bool(reason) and "cancelled" not in reason.lower()


def _failed(events: Sequence[Mapping[str, Any]]) -> list[str]:
    stack = {event["StackName"] for event in events}
    failed = [event["LogicalResourceId"] for event in _last_operation(events) if _is_cause(event)]
    return [name for name in failed if name not in stack]


def _last_operation(events: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return events back to the one that began the last creation, update, removal or rollback."""
    starts = (
        *("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "IMPORT_IN_PROGRESS"),
        *("UPDATE_ROLLBACK_IN_PROGRESS", "IMPORT_ROLLBACK_IN_PROGRESS"),
    )
    found: list[Mapping[str, Any]] = []
    for event in events:
        found.append(event)
        if event["LogicalResourceId"] == event["StackName"] and event["ResourceStatus"] in starts:
            break
    return found


def _who(events: Sequence[Mapping[str, Any]]) -> str:
    tokens = [event.get("ClientRequestToken", "") for event in events]
    return next((f"started by {token}" for token in tokens if token), "it is not known who started it")
