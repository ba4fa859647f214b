"""A third reader of the stream is refused, and mappings of older streams are found and removed in time."""

import json
from collections.abc import Callable
from datetime import datetime

import pytest

from lambda_deploy.mappings import StreamMapping
from lambda_deploy.outside.readers import REPLACED, finished
from support.aws_account import CODE, TABLE, Account
from support.captured import Said

ARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/{}/stream/{}"
MADE = "2026-11-29T10:00:00.000"
NOON = datetime.fromisoformat("2026-11-29T12:00:00+00:00").timestamp()


def add_reader(account: Account, name: str) -> None:
    """Add a function that reads the table's stream."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = account.clients("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    made = {"Runtime": "python3.13", "Handler": "x.y", "Role": role, "Code": {"ZipFile": CODE}}
    account.clients("lambda").create_function(FunctionName=name, **made)
    stream = account.clients("dynamodb").describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    account.clients("lambda").create_event_source_mapping(
        EventSourceArn=stream, FunctionName=name, StartingPosition="TRIM_HORIZON"
    )


def test_a_third_reader_is_refused_unless_asked_for(account: Account, said: Callable[[], Said]) -> None:
    add_reader(account, "one")
    assert account.run("plan") == 0
    add_reader(account, "two")
    assert account.run("plan") == 1
    assert "already has 2 readers (one, two)" in said().err
    assert account.run("plan", "--third-reader") == 0


def test_a_function_that_the_migration_replaces_does_not_count(account: Account) -> None:
    add_reader(account, "one")
    add_reader(account, REPLACED[0])
    assert account.run("plan") == 0


def test_a_function_that_already_reads_the_stream_is_not_refused(account: Account) -> None:
    add_reader(account, "one")
    add_reader(account, "two")
    assert account.run("deploy", "--yes", "--third-reader") == 0
    assert account.run("deploy", "--yes") == 0


def older(table: str = TABLE) -> StreamMapping:
    """Return a mapping of an older stream."""
    return StreamMapping("1", "f", ARN.format(table, "2026-11-01T00:00:00.000"), "Enabled", "")


FINISHED = {
    "two hours after the new stream was made": (older(), NOON, False),
    "a day and an hour after": (older(), NOON + 23 * 3600, True),
    "of another table": (older("another"), NOON, True),
}


@pytest.mark.parametrize(("mapping", "now", "expected"), FINISHED.values(), ids=FINISHED)
def test_an_older_mapping_can_be_removed_when_its_stream_is_empty(
    mapping: StreamMapping, now: float, expected: bool
) -> None:
    assert bool(finished([mapping], TABLE, ARN.format(TABLE, MADE), now)) is expected
