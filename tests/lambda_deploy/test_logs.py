"""`logs`: each line once, however late it comes; nothing in it moves a cursor."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from lambda_deploy.errors import NotDeployedError
from lambda_deploy.logs import Log, LogLine
from lambda_deploy.texts import printable
from support.aws_account import FUNCTION, Account
from support.captured import Said

GROUP = f"/aws/lambda/{FUNCTION}"
BATCH = json.dumps(
    {
        "timestamp": "2027-01-15T08:00:00.000Z",
        "level": "WARNING",
        "message": "batch stored",
        "records": 3,
        "key": "telemetry/2027/01/15/08/1-3-3-0a1b2c3d.ndjson.gz",
        "quarantine_key": None,
        "_aws": {"Timestamp": 1},
        "EventsWritten": 3,
    }
)


def write(account: Account, *messages: str, at: float | None = None) -> None:
    """Lines of a log stream, a millisecond apart."""
    logs, start = account.clients("logs"), int((account.clock.now if at is None else at) * 1000)
    known = {one["logStreamName"] for one in logs.describe_log_streams(logGroupName=GROUP)["logStreams"]}
    if "stream" not in known:
        logs.create_log_stream(logGroupName=GROUP, logStreamName="stream")
    events = [{"timestamp": start + index, "message": message} for index, message in enumerate(messages)]
    logs.put_log_events(logGroupName=GROUP, logStreamName="stream", logEvents=events)


@pytest.fixture
def logged(account: Account) -> Account:
    # By the real clock: CloudWatch, and so moto, takes no line from the future.
    account.clock.now = float(int(time.time()))
    account.clients("logs").create_log_group(logGroupName=GROUP)
    return account


def test_only_what_is_young_enough_is_shown(logged: Account, said: Callable[[], Said]) -> None:
    write(logged, "old", at=logged.clock.now - 700)
    write(logged, "young", at=logged.clock.now - 500)
    assert logged.run("logs", "--since", "10m") == 0
    assert [line.rpartition(" ")[2] for line in said().out.splitlines()] == ["young"]


def test_a_batch_is_shown_as_one_line_for_a_person(logged: Account, said: Callable[[], Said]) -> None:
    write(logged, BATCH)
    logged.run("logs")
    now = datetime.fromtimestamp(logged.clock.now, UTC)
    assert said().out == (
        f"{now:%Y-%m-%d %H:%M:%S} WARNING batch stored records=3 key=telemetry/2027/01/15/08/1-3-3-0a1b2c3d.ndjson.gz\n"
    )


def test_json_is_one_object_a_line_with_the_message_as_it_came(logged: Account, said: Callable[[], Said]) -> None:
    write(logged, BATCH, "REPORT RequestId: r\n")
    logged.run("logs", "--json")
    found = [json.loads(line) for line in said().out.splitlines()]
    assert [one["message"] for one in found] == [BATCH, "REPORT RequestId: r\n"]
    assert [one["level"] for one in found] == ["WARNING", "INFO"]


@pytest.mark.parametrize(
    ("message", "level"),
    [
        (BATCH, "WARNING"),
        ('{"level": "error", "message": "x"}', "ERROR"),
        ('{"level": 7}', "INFO"),
        ('{"level": "LOUD"}', "INFO"),
        ("{", "INFO"),
        ("[ERROR] Runtime.ImportModuleError", "ERROR"),
        ("2027-01-15T08:00:00Z r Task timed out after 60.00 seconds", "ERROR"),
        ("RequestId: r Error: Runtime exited with error: signal: killed", "ERROR"),
        ('{"a":' * 100_000, "INFO"),
        ("", "INFO"),
    ],
    ids=["batch", "lower case", "no text", "unknown", "cut", "import", "timeout", "crash", "deep", "empty"],
)
def test_the_level_is_that_of_the_line_or_of_what_the_runtime_says(message: str, level: str) -> None:
    assert LogLine("id", 0, message).level == level


def test_a_level_hides_what_is_less(logged: Account, said: Callable[[], Said]) -> None:
    write(logged, '{"level": "INFO", "message": "fine"}', BATCH, "[ERROR] bad")
    logged.run("logs", "--level", "WARNING")
    assert ["WARNING" in line or "ERROR" in line for line in said().out.splitlines()] == [True, True]


def test_nothing_in_a_line_moves_the_cursor(logged: Account, said: Callable[[], Said]) -> None:
    write(logged, json.dumps({"level": "INFO", "message": "\x1b[2Jx\r\u202e", "error": "y" * 5_000}))
    logged.run("logs")
    out = said().out
    assert "\\x1b[2Jx\\r\\u202e" in out
    assert len(out) < 400


def test_following_shows_each_line_once_also_those_that_come_late(logged: Account) -> None:
    clock = logged.clock
    write(logged, "first", at=clock.now - 5)
    arrivals = iter([("second", clock.now), ("late", clock.now - 30), ("third", clock.now + 100), ("end", clock.now)])

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        message, at = next(arrivals)
        write(logged, message, at=at)

    log = Log(logged.clients("logs"), GROUP, clock, sleep)
    seen = [line.message for line in islice(log.follow(clock.now - 60), 4)]
    assert seen == ["first", "second", "late", "third"]


def test_without_a_log_group_deploy_is_named(account: Account, said: Callable[[], Said]) -> None:
    with pytest.raises(NotDeployedError):
        list(Log(account.clients("logs"), GROUP, account.clock, account.clock.sleep).lines(0))
    assert account.run("logs") == 1
    assert "stream-lambda deploy" in said().err


def test_a_time_before_all_times_is_the_beginning(logged: Account, said: Callable[[], Said]) -> None:
    write(logged, "first")
    assert logged.run("logs", "--since", "999999d") == 0
    assert said().out.endswith(" first\n")


@pytest.mark.parametrize("since", ["", "ten", "10", "-5m", "1.5h", "9999999d", "`'\n"])
def test_a_time_that_is_none_is_wrong_usage(account: Account, since: str, said: Callable[[], Said]) -> None:
    assert account.run("logs", "--since", since) == 64
    assert "30s, 10m, 2h or 1d" in said().err


@pytest.mark.parametrize(("text", "shown"), [("plain ä", "plain ä"), ("a\tb\n", "a\\tb\\n"), ("\x07", "\\x07")])
def test_what_is_not_printable_is_shown_as_its_escape(text: str, shown: Any) -> None:
    assert printable(text) == shown
