"""Follow CloudFormation: print the stack's events until the operation has ended."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from lambda_deploy.errors import NotReadyError, StackError
from lambda_deploy.stack.cloudformation import CloudFormation
from lambda_deploy.stack.states import first_failure, follow_command, is_at_work
from lambda_deploy.texts import printable

# A function in a VPC takes 40 minutes to release its network interfaces.
_MOST_SECONDS: Final = 5_400
_PAUSE_SECONDS: Final = 2.0
# AWS's messages, and what they mean here.
_MEANINGS: Final = (
    (
        "Cannot access stream",
        "the role's permissions have not reached every service yet (deploy again), or the table's KMS key does not "
        "let the role decrypt (stream-lambda doctor)",
    ),
    ("cannot be assumed by Lambda", "the role has not reached every service yet: deploy again"),
    (
        "AccessDenied",
        "the deployer lacks a permission: stream-lambda template --deployer-policy prints the required ones",
    ),
    ("is not authorized to perform", "stream-lambda template --deployer-policy prints the required permissions"),
)


def follow(cloudformation: CloudFormation, stack_id: str, seen: str, say: Callable[[str], None]) -> str:
    """Return the final state of the stack; print each event after the one with the id `seen`.

    The operation has ended when the stack is idle and has the event of its end: just after a change set was executed,
    the stack may still have its earlier state. Raises StackError when it takes longer than an hour and a half.
    """
    wait = cloudformation.wait
    started, is_through = wait.clock(), False
    while wait.clock() - started < _MOST_SECONDS:
        try:
            events = cloudformation.events(stack_id, seen)
            status = cloudformation.status(stack_id)
        except NotReadyError as error:
            say(f"retrying: {error}")
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
        f"CloudFormation has not finished {cloudformation.stack_name} after {_MOST_SECONDS // 60} minutes: follow it "
        f"with `{follow_command(cloudformation.stack_name, cloudformation.region)}`"
    )


@contextmanager
def left_to_cloudformation(cloudformation: CloudFormation, say: Callable[[str], None]) -> Iterator[None]:
    """Say, on Ctrl-C, that CloudFormation continues, and how to follow it."""
    try:
        yield
    except KeyboardInterrupt:
        command = follow_command(cloudformation.stack_name, cloudformation.region)
        say(f"CloudFormation continues and rolls back what fails; follow it with `{command}`")
        raise


def failure(events: Sequence[Mapping[str, Any]], fallback: str) -> str:
    """Return the first failure's reason in one line, with its meaning if known."""
    event = first_failure(events)
    if event is None:
        return fallback
    reason = " ".join(str(event["ResourceStatusReason"]).split())
    meanings = [meaning for words, meaning in _MEANINGS if words in reason][:1]
    return printable(f"{event['LogicalResourceId']}: {reason}" + "".join([f" ({meaning})" for meaning in meanings]))


def _said(event: Mapping[str, Any]) -> str:
    reason = " ".join(event.get("ResourceStatusReason", "").split())
    return printable(f"{event['LogicalResourceId']}: {event['ResourceStatus']}" + (f" ({reason})" if reason else ""))
