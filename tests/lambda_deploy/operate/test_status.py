"""`status`: what is read of the function, its mapping and its metrics, and what it has cost."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from lambda_deploy.cost import packaged_prices
from lambda_deploy.status import spent, stream_mappings
from support.aws_account import FUNCTION, TABLE, Account
from support.captured import Said
from support.old_pipeline import create_other_function

# Noon of the 15th, so that "the last hour" and "this month" are apart.
NOON = datetime(2027, 1, 15, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def deployed(account: Account) -> Account:
    """A function with a mapping; it is noon."""
    account.clock.now = NOON
    create_other_function(account.clients, FUNCTION)
    stream = account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    account.clients("lambda").create_event_source_mapping(
        FunctionName=FUNCTION, EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=10
    )
    return account


def put(account: Account, namespace: str, name: str, value: float, hours_ago: float, function: str = FUNCTION) -> None:
    datum: Any = {
        "MetricName": name,
        "Dimensions": [{"Name": "FunctionName", "Value": function}],
        "Timestamp": NOON - hours_ago * 3600,
        "Value": value,
    }
    account.clients("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


def test_counts_are_of_the_last_hour_and_dollars_of_the_month(deployed: Account, said: Callable[[], Said]) -> None:
    for hours_ago in (0.5, 30):
        put(deployed, "AWS/Lambda", "Invocations", 1_000, hours_ago)
        put(deployed, "AWS/Lambda", "Duration", 90_000, hours_ago)
        put(deployed, "AWS/Lambda", "Errors", 2, hours_ago)
        put(deployed, "StreamToS3", "EventsWritten", 40_000, hours_ago)
        put(deployed, "StreamToS3", "EventsQuarantined", 3, hours_ago)
    for age in (500, 4_500, 900):
        put(deployed, "AWS/Lambda", "IteratorAge", age, 0.25)
    put(deployed, "AWS/Lambda", "Invocations", 7, 0.5, "another-function")
    put(deployed, "AWS/Lambda", "Invocations", 9, 24 * 20)
    assert deployed.run("status", "--json") == 0
    found = json.loads(said().out)
    assert (found["calls"], found["errors"], found["written"], found["quarantined"]) == (1_000, 2, 40_000, 3)
    assert (found["oldest_seconds"], found["events_this_month"]) == (4.5, 80_000)
    month = {"calls": 2_000.0, "milliseconds": 180_000.0}
    assert found["dollars_this_month"] == pytest.approx(spent(month, 128, packaged_prices()))
    assert found["mapping"]["state"] == "Enabled"


def test_what_was_spent_is_calls_objects_and_computing() -> None:
    prices = packaged_prices()
    whole = spent({"calls": 1_000_000.0, "milliseconds": 1_000_000.0}, 1024, prices)
    assert whole == pytest.approx(0.20 + 5.0 + 1_000 * prices.lambda_gb_second_arm64)
    assert spent({"calls": None, "milliseconds": None}, 1024, prices) == 0


def test_a_silent_function_says_so(deployed: Account, said: Callable[[], Said]) -> None:
    assert deployed.run("status") == 0
    out = said().out
    assert f"{FUNCTION}, Active, 128 MB" in out
    assert "0 events in 0 calls" in out
    assert "none was read" in out


def test_without_a_function_deploy_is_named(account: Account, said: Callable[[], Said]) -> None:
    assert account.run("status") == 1
    assert said().err == f"Error: there is no function {FUNCTION}: run `stream-lambda deploy`\n"


def test_mappings_are_found_by_function_and_by_stream(deployed: Account) -> None:
    client = deployed.clients("lambda")
    [by_function] = stream_mappings(client, FunctionName=FUNCTION)
    assert stream_mappings(client, EventSourceArn=by_function.source) == [by_function]
    assert by_function.function == FUNCTION
