"""Each state of a stack as a sentence with the next command."""

from typing import Any

import pytest

from lambda_deploy.errors import StackError
from lambda_deploy.stack.states import Stack, check_deployable, check_destroyable, first_failure, sentence
from support.fake_cloudformation import FakeCloudFormation, _model

# https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html
EVERY = _model().shape_for("StackStatus").enum
NEW = ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE")
GOOD = (
    *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"),
    *("IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"),
)
# The sentence of each state that allows no deployment, without the stack's name.
NEXT = {
    "CREATE_IN_PROGRESS": "is CREATE_IN_PROGRESS (started by stream-lambda-jo-1): wait for it, or follow it",
    "CREATE_FAILED": "was never created completely (no such bucket): `stream-lambda destroy`, then deploy again",
    "ROLLBACK_IN_PROGRESS": "is ROLLBACK_IN_PROGRESS (started by stream-lambda-jo-1)",
    "ROLLBACK_FAILED": "was never created completely (no such bucket): `stream-lambda destroy`",
    "ROLLBACK_COMPLETE": "was never created completely (no such bucket): `stream-lambda destroy`",
    "DELETE_IN_PROGRESS": "is DELETE_IN_PROGRESS (started by stream-lambda-jo-1)",
    "DELETE_FAILED": "could not be removed, because of Function (no such bucket): remove what uses it",
    "UPDATE_IN_PROGRESS": "is UPDATE_IN_PROGRESS (started by stream-lambda-jo-1)",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "is UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_FAILED": "aws cloudformation rollback-stack --stack-name st --region eu-west-1",
    "UPDATE_ROLLBACK_IN_PROGRESS": "is UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_FAILED": "because of Role (not allowed): fix that, then `aws cloudformation "
    "continue-update-rollback --stack-name st --region eu-west-1`; skip what cannot be fixed with "
    "`--resources-to-skip Role`",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "is UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "IMPORT_IN_PROGRESS": "is IMPORT_IN_PROGRESS",
    "IMPORT_ROLLBACK_IN_PROGRESS": "is IMPORT_ROLLBACK_IN_PROGRESS",
    "IMPORT_ROLLBACK_FAILED": "because of Role (not allowed): fix that, then `aws cloudformation "
    "continue-update-rollback --stack-name st",
}

ROLLED_BACK_HALF = ("UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED")


def events(*entries: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Return events of the stack, from the oldest first."""
    fake = FakeCloudFormation("st")
    for resource, status, reason in entries:
        fake.event(resource, status, reason, "stream-lambda-jo-1")
    return fake.log


UPDATE = (
    ("st", "CREATE_IN_PROGRESS", "User Initiated"),
    ("Old", "CREATE_FAILED", "long ago"),
    ("st", "UPDATE_IN_PROGRESS", "User Initiated"),
    ("Function", "UPDATE_FAILED", "no such bucket"),
    ("Mapping", "UPDATE_FAILED", "Resource update cancelled"),
)
FAILED = events(*UPDATE)
STUCK = events(
    *UPDATE,
    ("st", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Function]."),
    ("Role", "UPDATE_FAILED", "not allowed"),
    ("st", "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Role]."),
)


@pytest.mark.parametrize("status", EVERY)
def test_each_state_is_new_or_good_or_has_a_sentence(status: str) -> None:
    assert [status in states for states in (NEW, GOOD, NEXT)].count(True) == 1


@pytest.mark.parametrize("status", NEXT)
def test_a_state_that_allows_no_deployment_says_what_to_do(status: str) -> None:
    with pytest.raises(StackError) as caught:
        check_deployable(Stack("st", "eu-west-1", status), STUCK if status in ROLLED_BACK_HALF else FAILED)
    assert str(caught.value).startswith("the stack st in eu-west-1 ")
    assert NEXT[status] in str(caught.value)


@pytest.mark.parametrize("status", ["ABSENT", *NEW, *GOOD])
def test_a_state_that_allows_a_deployment_is_not_an_error(status: str) -> None:
    check_deployable(Stack("st", "eu-west-1", status), [])
    assert sentence(Stack("st", "eu-west-1", status), []).startswith("the stack st in eu-west-1 ")


@pytest.mark.parametrize("status", EVERY)
def test_a_stack_can_be_removed_unless_cloudformation_is_working_on_it(status: str) -> None:
    stack = Stack("st", "eu-west-1", status)
    if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
        with pytest.raises(StackError, match="wait for it, or follow it"):
            check_destroyable(stack, FAILED)
    else:
        check_destroyable(stack, FAILED)


def test_the_first_failure_is_the_oldest_that_was_not_cancelled() -> None:
    found = first_failure(FAILED[:2])
    assert found is not None
    assert (found["LogicalResourceId"], found["ResourceStatusReason"]) == ("Function", "no such bucket")


def test_without_a_failure_there_is_no_first_failure() -> None:
    assert first_failure(events(("st", "CREATE_COMPLETE", ""))) is None


@pytest.mark.parametrize("state", ["CREATE_FAILED", "DELETE_FAILED"])
def test_the_next_command_names_the_target_of_the_stack(state: str) -> None:
    stack = Stack("st", "eu-west-1", state, tags={"target": "prod"})
    assert "`stream-lambda destroy -t prod`" in sentence(stack, FAILED)
