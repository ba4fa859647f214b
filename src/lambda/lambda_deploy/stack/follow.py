"""What CloudFormation does, as it does it: the stack's events as progress, until it is through."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from lambda_deploy.errors import NotReadyError, StackError
from lambda_deploy.stack.cloudformation import CloudFormation
from lambda_deploy.stack.states import first_failure, follow_command, is_at_work
from lambda_deploy.texts import printable

# A function in a VPC takes 40 minutes to let go of its network interfaces.
_MOST_SECONDS: Final = 5_400
_PAUSE_SECONDS: Final = 2.0
# What AWS says, and what it means here.
_MEANINGS: Final = (
    (
        "Cannot access stream",
        "the role's rights were not known everywhere yet (deploy again), or the table's KMS key does not let the role "
        "decrypt (stream-lambda doctor)",
    ),
    ("cannot be assumed by Lambda", "the role was not known everywhere yet: deploy again"),
    ("AccessDenied", "whoever deploys lacks a right: stream-lambda template --deployer-policy prints those needed"),
    ("is not authorized to perform", "stream-lambda template --deployer-policy prints the rights that are needed"),
)


def follow(cloudformation: CloudFormation, stack_id: str, seen: str, say: Callable[[str], None]) -> str:
    """Return the state in which CloudFormation leaves the stack; say each event after the one of the id `seen`.

    It is through when the stack is at rest and says so by an event of its own: just after a change set was asked for,
    the stack may still be in the state before. Raises StackError when it takes longer than an hour and a half.
    """
    wait = cloudformation.wait
    started, is_through = wait.clock(), False
    while wait.clock() - started < _MOST_SECONDS:
        try:
            events = cloudformation.events(stack_id, seen)
            status = cloudformation.status(stack_id)
        except NotReadyError as error:
            say(f"asking again: {error}")
            events, status = [], "UNKNOWN_IN_PROGRESS"
        for event in reversed(events):
            say(_said(event))
            if event["LogicalResourceId"] == event["StackName"]:
                is_through = not event["ResourceStatus"].endswith("_IN_PROGRESS")
        seen = events[0]["EventId"] if events else seen
        if (is_through and not is_at_work(status)) or status == "DELETE_COMPLETE":
            return status
        wait.sleep(_PAUSE_SECONDS)
    raise StackError(
        f"CloudFormation is still at work on {cloudformation.stack_name} after {_MOST_SECONDS // 60} minutes: follow "
        f"it with `{follow_command(cloudformation.stack_name, cloudformation.region)}`"
    )


@contextmanager
def left_to_cloudformation(cloudformation: CloudFormation, say: Callable[[str], None]) -> Iterator[None]:
    """Say, on Ctrl-C, that CloudFormation goes on, and how to follow it."""
    try:
        yield
    except KeyboardInterrupt:
        command = follow_command(cloudformation.stack_name, cloudformation.region)
        say(f"CloudFormation goes on by itself, and rolls back what fails; follow it with `{command}`")
        raise


def failure(events: Sequence[Mapping[str, Any]], fallback: str) -> str:
    """Return the first failure's reason in one line, with what it means where that is known."""
    event = first_failure(events)
    if event is None:
        return fallback
    reason = " ".join(str(event["ResourceStatusReason"]).split())
    meanings = [meaning for words, meaning in _MEANINGS if words in reason][:1]
    return printable(f"{event['LogicalResourceId']}: {reason}" + "".join([f" ({meaning})" for meaning in meanings]))


def _said(event: Mapping[str, Any]) -> str:
    reason = " ".join(event.get("ResourceStatusReason", "").split())
    return printable(f"{event['LogicalResourceId']}: {event['ResourceStatus']}" + (f" ({reason})" if reason else ""))
