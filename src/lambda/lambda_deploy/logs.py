"""The function's log, once or for as long as somebody looks."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from lambda_deploy.errors import NotDeployedError
from lambda_deploy.texts import cut, printable

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

PAUSE_SECONDS: Final = 2.0
# A line may come to be seen after later ones: CloudWatch takes it in from several processes.
LATE_MILLISECONDS: Final = 60_000
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
_SHOWN: Final = ("records", "key", "quarantine_key", "trigger", "trigger_detail", "milliseconds", "error", "batch")


@dataclass(frozen=True)
class LogLine:
    """One line; `at` is in milliseconds since the epoch."""

    id: str
    at: int
    message: str

    @property
    def level(self) -> str:
        """The level of the line, also of one that Lambda's runtime wrote."""
        said = _object(self.message).get("level")
        if isinstance(said, str) and said.upper() in LEVELS:
            return said.upper()
        failed = self.message.startswith("[ERROR]") or "Task timed out" in self.message
        return "ERROR" if failed or "Runtime exited" in self.message else "INFO"

    def text(self) -> str:
        """The line for a person: time, level, what happened; nothing that moves a terminal's cursor."""
        time = datetime.fromtimestamp(self.at / 1000, UTC)
        said = _object(self.message)
        message = self.message.rstrip()
        if isinstance(said.get("message"), str):
            parts = [f"{name}={_value(said[name])}" for name in _SHOWN if said.get(name) not in (None, "")]
            message = " ".join([str(said["message"]), *parts])
        return f"{time:%Y-%m-%d %H:%M:%S} {self.level:7} {printable(message)}"


class Log:
    """The log of one function. `clock` gives seconds since the epoch, `sleep` takes seconds."""

    def __init__(
        self,
        client: "CloudWatchLogsClient",
        group: str,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._client = client
        self._group = group
        self._clock = clock
        self._sleep = sleep

    def lines(self, since: float) -> Iterator[LogLine]:
        """What was written since then (seconds since the epoch). Raises NotDeployedError without a log group."""
        return self._read(int(since * 1000))

    def follow(self, since: float) -> Iterator[LogLine]:
        """As `lines`, and then each new line as it comes, without an end."""
        newest, seen = int(since * 1000), dict[str, int]()
        while True:
            for line in self._read(max(int(since * 1000), newest - LATE_MILLISECONDS)):
                if line.id not in seen:
                    seen[line.id] = line.at
                    newest = max(newest, line.at)
                    yield line
            seen = {known: at for known, at in seen.items() if at >= newest - LATE_MILLISECONDS}
            self._sleep(PAUSE_SECONDS)

    def _read(self, start: int) -> Iterator[LogLine]:
        paginator = self._client.get_paginator("filter_log_events")
        try:
            for page in paginator.paginate(logGroupName=self._group, startTime=start):
                for event in page["events"]:
                    place = f"{event.get('logStreamName')}/{event['timestamp']}/{event['message']}"
                    # Emulators give no id.
                    yield LogLine(event.get("eventId", place), event["timestamp"], event["message"])
        except self._client.exceptions.ResourceNotFoundException:
            raise NotDeployedError(
                f"there is no log group {self._group}: run `stream-lambda deploy`, or wait for the first call"
            ) from None


def _object(message: str) -> dict[str, Any]:
    if not message.startswith("{"):
        return {}
    try:
        said = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _value(value: object) -> str:
    return cut(value if isinstance(value, str) else json.dumps(value), 200)
