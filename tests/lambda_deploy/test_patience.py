"""Throttling and eventual consistency: waited out, with the wait shown, for a bounded time."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from lambda_deploy.errors import AwsError, NotReadyError
from lambda_deploy.wait import Wait
from support.aws_account import Account, moto_account
from support.clock import Clock


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with moto_account(tmp_path) as made:
        made.create_table()
        yield made


def aws_error(code: str, message: str) -> ClientError:
    """An error as AWS answers it."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Any")


def failing(account: Account, service: str, operation: str, error: BaseException, times: int) -> None:
    """Has a call fail so often."""
    left = [error] * times

    def fail(**_: Any) -> None:
        if left:
            raise left.pop()

    account.clients(service).meta.events.register(f"before-call.{service}.{operation}", fail)


LATE = {
    "a role that Lambda does not see yet": (
        "lambda",
        "CreateFunction",
        aws_error("InvalidParameterValueException", "The role defined for the function cannot be assumed by Lambda."),
    ),
    "a policy that Lambda does not see yet": (
        "lambda",
        "CreateEventSourceMapping",
        aws_error(
            "InvalidParameterValueException",
            "Cannot access stream arn:aws:dynamodb:x. Please ensure the role can perform the GetRecords, "
            "GetShardIterator, DescribeStream, and ListStreams Actions on your stream in IAM.",
        ),
    ),
    "a mapping that is being deleted": (
        "lambda",
        "CreateEventSourceMapping",
        aws_error("ResourceConflictException", "An event source mapping with this stream and function already exists"),
    ),
    "an update of the function": (
        "lambda",
        "CreateFunction",
        aws_error("ResourceConflictException", "An update is in progress for resource"),
    ),
    "a role that IAM itself does not find yet": (
        "iam",
        "PutRolePolicy",
        aws_error("NoSuchEntity", "The role with name x cannot be found."),
    ),
    "a bucket that S3 itself does not find yet": (
        "s3",
        "PutBucketPolicy",
        aws_error("NoSuchBucket", "The specified bucket does not exist"),
    ),
    "a table that is being updated": (
        "dynamodb",
        "UpdateTable",
        aws_error("ResourceInUseException", "Table is being updated"),
    ),
    "throttling of a reading call": ("iam", "GetRole", aws_error("Throttling", "Rate exceeded")),
    "throttling of a writing call": ("iam", "PutRolePolicy", aws_error("Throttling", "Rate exceeded")),
    "throttling by Lambda": ("lambda", "CreateFunction", aws_error("TooManyRequestsException", "Rate exceeded")),
    "throttling by CloudWatch": ("cloudwatch", "PutMetricAlarm", aws_error("ThrottlingException", "Rate exceeded")),
    "a bucket in use": ("s3", "PutBucketPolicy", aws_error("OperationAborted", "A conflicting operation")),
    "slow down": ("s3", "PutBucketTagging", aws_error("SlowDown", "Please reduce your request rate.")),
    "an error of AWS": ("sns", "CreateTopic", aws_error("InternalError", "")),
    "no answer": ("events", "PutRule", ConnectTimeoutError(endpoint_url="https://events.eu-west-1.amazonaws.com")),
}


@pytest.mark.parametrize(("service", "operation", "error"), LATE.values(), ids=LATE)
def test_what_comes_late_is_waited_out_and_shown(
    account: Account, service: str, operation: str, error: Exception
) -> None:
    config = account.config()
    made = account.plan(config)
    failing(account, service, operation, error, times=3)
    account.deploy(config, made)
    assert account.clock.slept == [1, 2, 4]
    waits = [line for line in account.said if line.startswith("waiting for the ")]
    assert [line.split("(")[1].split(" s)")[0] for line in waits] == ["0", "1", "3"]
    assert [change.kind for change in account.plan(config).changes] == ["on-failure notice"]


def test_waiting_is_bounded_and_says_how_to_go_on(account: Account) -> None:
    config = account.config()
    made = account.plan(config)
    failing(account, "lambda", "CreateFunction", aws_error("TooManyRequestsException", "Rate exceeded"), times=10_000)
    with pytest.raises(NotReadyError, match=r"Rate exceeded.*: still so after 300 s; run the same command again"):
        account.deploy(config, made)
    assert sum(account.clock.slept) == 300


def test_a_call_whose_answer_got_lost_is_not_made_twice(account: Account) -> None:
    """The role is there, but the SDK's second attempt hears that it exists already."""
    config = account.config()
    lost = [ConnectTimeoutError(endpoint_url="https://iam.amazonaws.com")]

    def lose(**_: Any) -> None:
        if lost:
            raise lost.pop()

    account.clients("iam").meta.events.register("after-call.iam.CreateRole", lose)
    account.deploy(config)
    assert account.calls.count("iam.CreateRole") == 1
    assert account.clock.slept == [1]


STATES: dict[str, tuple[list[dict[str, str]], list[float]]] = {
    "pending": ([{"State": "Pending"}, {"State": "Pending"}], [1, 2]),
    "an update under way": ([{"State": "Active", "LastUpdateStatus": "InProgress"}], [1]),
    "active": ([{"State": "Active", "LastUpdateStatus": "Successful"}], []),
}


@pytest.mark.parametrize(("answers", "slept"), STATES.values(), ids=STATES)
def test_the_function_is_waited_for(account: Account, answers: list[dict[str, str]], slept: list[float]) -> None:
    left = list(answers)

    def answer(parsed: dict[str, Any], **_: Any) -> None:
        parsed.update(left.pop(0) if left else {})

    account.clients("lambda").meta.events.register("after-call.lambda.GetFunctionConfiguration", answer)
    account.deploy(account.config())
    assert account.clock.slept == slept


def test_a_function_that_failed_is_an_error_with_its_reason(account: Account) -> None:
    def answer(parsed: dict[str, Any], **_: Any) -> None:
        parsed.update(State="Failed", StateReason="The key is disabled")

    account.clients("lambda").meta.events.register("after-call.lambda.GetFunctionConfiguration", answer)
    with pytest.raises(AwsError, match="could not be made ready: The key is disabled"):
        account.deploy(account.config())
    assert account.clock.slept == []


def test_the_mapping_is_waited_for_while_it_is_created(account: Account) -> None:
    left = ["Creating", "Creating", "Enabling", "Enabled"]

    def answer(parsed: dict[str, Any], **_: Any) -> None:
        parsed.update(State=left.pop(0) if len(left) > 1 else left[0])

    account.clients("lambda").meta.events.register("after-call.lambda.GetEventSourceMapping", answer)
    account.deploy(account.config())
    assert account.clock.slept
    assert left == ["Enabled"]


def test_a_mapping_that_was_switched_off_instead_is_an_error_with_its_reason(account: Account) -> None:
    def answer(parsed: dict[str, Any], **_: Any) -> None:
        parsed.update(State="Disabled", StateTransitionReason="User initiated")

    account.clients("lambda").meta.events.register("after-call.lambda.GetEventSourceMapping", answer)
    with pytest.raises(AwsError, match="is disabled: User initiated"):
        account.deploy(account.config())


def test_the_table_is_waited_for_until_its_stream_has_a_name(account: Account) -> None:
    left = ["UPDATING", "UPDATING"]

    def answer(parsed: dict[str, Any], **_: Any) -> None:
        if parsed["Table"].get("StreamSpecification") and left:
            parsed["Table"]["TableStatus"] = left.pop()

    account.clients("dynamodb").meta.events.register("after-call.dynamodb.DescribeTable", answer)
    account.deploy(account.config())
    assert (left, account.clock.slept) == ([], [1, 2])


def test_steps_of_a_wait_grow_to_ten_seconds() -> None:
    clock, said = Clock(), list[str]()
    wait = Wait(clock, clock.sleep, said.append, seconds=45)

    def never() -> None:
        raise NotReadyError("not yet")

    with pytest.raises(NotReadyError, match="not yet: still so after 45 s"):
        wait.until(never, "something")
    assert clock.slept == [1, 2, 4, 8, 10, 10, 10]
    assert said[1] == "waiting for something (1 s): not yet"


def test_a_wait_ends_at_its_bound() -> None:
    clock = Clock()
    wait = replace(Wait(clock, clock.sleep, list[str]().append), seconds=5)
    with pytest.raises(NotReadyError):
        wait.until(lambda: (_ for _ in ()).throw(NotReadyError("no")), "it")
    assert clock.slept == [1, 2, 2]
