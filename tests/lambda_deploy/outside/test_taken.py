"""Names that exist already are refused before anything is made."""

from collections.abc import Callable
from typing import Any

import pytest

from support.aws_account import FUNCTION, REGION, Account
from support.captured import Said

TRUST = '{"Version": "2012-10-17", "Statement": []}'
ALARM = {"Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold"}


def _role(account: Account, name: str) -> str:
    return str(account.clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"])


def _function(account: Account) -> None:
    zipped = b"PK\x05\x06" + bytes(18)
    made = {"Runtime": "python3.13", "Handler": "x.y", "Role": _role(account, "other"), "Code": {"ZipFile": zipped}}
    account.clients("lambda").create_function(FunctionName=FUNCTION, **made)


def _alarm(account: Account) -> None:
    about: dict[str, Any] = {"Namespace": "x", "MetricName": "y", "Statistic": "Sum", **ALARM}
    account.clients("cloudwatch").put_metric_alarm(AlarmName=f"{FUNCTION}-errors", **about)


def _dashboard(account: Account) -> None:
    account.clients("cloudwatch").put_dashboard(DashboardName=f"{FUNCTION}-{REGION}", DashboardBody='{"widgets": []}')


TAKEN: dict[str, tuple[Callable[[Account], object], str]] = {
    "a role": (
        lambda account: _role(account, f"{FUNCTION}-{REGION}"),
        f"the role '{FUNCTION}-{REGION}' already exists",
    ),
    "a function": (_function, f"the function '{FUNCTION}' already exists"),
    "a topic": (
        lambda account: account.clients("sns").create_topic(Name=f"{FUNCTION}-alerts"),
        f"the topic '{FUNCTION}-alerts' already exists",
    ),
    "an alarm": (_alarm, f"the alarm '{FUNCTION}-errors' already exists"),
    "a dashboard": (_dashboard, f"the dashboard '{FUNCTION}-{REGION}' already exists"),
}


@pytest.mark.parametrize(("make", "message"), TAKEN.values(), ids=TAKEN)
def test_an_existing_name_is_refused_with_a_remedy(
    account: Account, said: Callable[[], Said], make: Callable[[Account], object], message: str
) -> None:
    make(account)
    assert account.run("deploy", "--yes") == 1
    error = said().err
    assert message in error
    assert "set another function_name, or remove it first" in error
    assert "cloudformation.CreateChangeSet" not in account.calls


def test_a_log_group_may_exist(account: Account) -> None:
    account.clients("logs").create_log_group(logGroupName=f"/aws/lambda/{FUNCTION}-other")
    assert account.run("plan") == 0


def test_names_of_existing_resources_are_not_checked(account: Account) -> None:
    assert account.run("deploy", "--yes") == 0
    account.calls.clear()
    assert account.run("plan", lambda_memory_mb=256) == 0
    assert "lambda.GetFunctionConfiguration" not in account.calls
