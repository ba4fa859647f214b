"""A deployment stopped at every call of AWS in turn: the next one completes it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambda_deploy.config import Config
from lambda_deploy.errors import AwsError
from support.aws_account import EVERYTHING, Account, moto_clients

SERVICES = ("cloudwatch", "dynamodb", "events", "iam", "kms", "lambda", "logs", "s3", "secretsmanager", "sns", "sts")
# Calls that read. A deployment that is stopped at one of them leaves what the last writing call left.
READS = ("Get", "List", "Describe", "Head")
EXPIRED = ClientError({"Error": {"Code": "ExpiredToken", "Message": "The security token has expired"}}, "Any")


@dataclass
class Stopping:
    """Accounts one after the other, by the same clients: to make those takes longer than to deploy."""

    clients: Callable[[str], Any]
    folder: Path
    calls: list[str]
    dashboard_tags: dict[str, dict[str, str]]

    def __post_init__(self) -> None:
        self._config = Account(self.clients, self.folder).config(**EVERYTHING)

    @contextmanager
    def account(self) -> Iterator[tuple[Account, Config]]:
        """An account with the table, and what is to be shipped to it."""
        with mock_aws():
            self.dashboard_tags.clear()
            account = Account(self.clients, self.folder, self.calls)
            account.create_table()
            self.calls.clear()
            yield account, self._config

    @contextmanager
    def stopped_at(self, number: int, event: str, error: BaseException) -> Iterator[None]:
        """Has the call of this number, from 1, fail: `event` is before-call or after-call."""
        numbers = iter(range(1, number + 1))

        def stop(**_: Any) -> None:
            if next(numbers) == number:
                raise error

        for service in SERVICES:
            self.clients(service).meta.events.register(event, stop, unique_id="stop")
        yield
        for service in SERVICES:
            self.clients(service).meta.events.unregister(event, unique_id="stop")


@pytest.fixture(scope="module")
def stopping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stopping]:
    calls: list[str] = []
    tags: dict[str, dict[str, str]] = {}
    with moto_clients(calls, tags) as clients:
        yield Stopping(clients, tmp_path_factory.mktemp("bundle"), calls, tags)


def comparable(account: Account, config: Config) -> str:
    """All states, without what AWS gives out anew for each mapping, stream and secret."""
    text = repr(account.states(config))
    for mapping in account.clients("lambda").list_event_source_mappings()["EventSourceMappings"]:
        text = text.replace(mapping["UUID"], "(mapping)").replace(mapping["EventSourceArn"], "(stream)")
    secret = account.clients("secretsmanager").describe_secret(SecretId=config.secret_name)
    return text.replace(secret["ARN"], "(secret)")


def is_read(call: str) -> bool:
    """Whether a call changes nothing."""
    return call.partition(".")[2].startswith(READS)


def writings(calls: list[str]) -> tuple[str, ...]:
    """Those of the calls that change something."""
    return tuple(call for call in calls if not is_read(call))


def test_stopped_at_any_call_the_next_deployment_ends_as_if_nothing_had_been(stopping: Stopping) -> None:
    """A writing call is made before the stop, and its answer lost; a reading one is not made any more.

    So the first stop of all leaves nothing, and each later one all writing calls up to it.
    """
    with stopping.account() as (account, config):
        account.deploy(config)
        calls, end = list(account.calls), comparable(account, config)
    completed: set[tuple[str, ...]] = set()
    for number, call in enumerate(calls, 1):
        event = "before-call" if is_read(call) else "after-call"
        error = EXPIRED if number % 2 else KeyboardInterrupt()
        with stopping.account() as (account, config):
            with stopping.stopped_at(number, event, error), pytest.raises((KeyboardInterrupt, AwsError)):
                account.deploy(config)
            assert account.calls == calls[:number]
            # The same writing calls leave the same state, and to complete that once is enough.
            written = writings(calls[:number])
            if written not in completed:
                account.deploy(config)
                assert comparable(account, config) == end, f"stopped at call {number}, {call}"
                completed.add(written)
    assert len(writings(calls)) > 25
    assert len(completed) == 1 + len(writings(calls))
