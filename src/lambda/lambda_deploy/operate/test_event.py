"""Send a test item from DynamoDB to S3 and the table, time each step, and delete the item.

The item is that of the older guide: a vehicle and the signal `charge-ischarging`, whose value is true.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal, TypeVar

from botocore.exceptions import ClientError

from lambda_deploy.aws import Clients
from lambda_deploy.config import Config
from lambda_deploy.errors import ItemLostError
from lambda_deploy.names import table_name
from lambda_deploy.texts import cut

MARK: Final = "stream-lambda-test-"
# After the mapping is enabled and has caught up: the batching window of 5 s, a cold start, a put.
USUAL_SECONDS_TO_S3: Final = 10
_CLOCKS_MAY_DIFFER: Final = timedelta(minutes=10)
_MOST_BYTES: Final = 64 * 1024 * 1024
_POLL_SECONDS: Final = 2.0

Where = Literal["dynamodb", "s3", "table", "deleted"]
_T = TypeVar("_T")


@dataclass(frozen=True)
class Reached:
    """A step that the item has reached: `seconds` after it was put, and what was found."""

    where: Where
    seconds: float
    detail: str


@dataclass(frozen=True)
class Probe:
    """Sends one item.

    `backlog` returns the age in seconds of the newest record that the function has read, None when unknown. `row`
    returns the value of Charge_IsCharging in the event's row, None while there is no row; it is None when the table is
    not checked. `clock` returns seconds since the epoch, `sleep` takes seconds, `say` gets progress messages.
    """

    config: Config
    clients: Clients
    backlog: Callable[[], float | None]
    row: Callable[[str], str | None] | None
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    say: Callable[[str], None]
    seconds_to_s3: float = 180
    seconds_to_table: float = 1_200
    _looked_into: set[str] = field(default_factory=set, init=False)

    def run(self, unique: str) -> Generator[Reached, None, None]:
        """Put the item, yield each step that it reaches, and delete it in any case.

        Its event_id ends in `unique`. Raises ItemLostError when it does not arrive in time.
        """
        event_id, started = f"{MARK}{unique}", self.clock()
        dynamodb, table, put = self.clients("dynamodb"), table_name(self.config), item(event_id, started)
        key = key_of(put, dynamodb.describe_table(TableName=table)["Table"])
        dynamodb.put_item(TableName=table, Item={**put, **key}, ConditionExpression="attribute_not_exists(event_id)")
        try:
            yield Reached("dynamodb", self._since(started), f"{table}, event_id {event_id}")
            stored, line = self._object(event_id, started)
            yield Reached("s3", self._since(started), f"s3://{self.config.bucket}/{stored}: {cut(line, 300)}")
            if self.row is not None:
                yield self._in_table(event_id, started, self.row)
        finally:
            dynamodb.delete_item(TableName=table, Key=key)
        yield Reached("deleted", self._since(started), "the object stays, and the row with deleted_at")

    def _since(self, started: float) -> float:
        return self.clock() - started

    def _object(self, event_id: str, started: float) -> tuple[str, str]:
        found = self._wait(lambda: self._found(event_id, started), self.seconds_to_s3, "in S3", self.backlog)
        if found is None:
            raise ItemLostError(
                f"{event_id} did not reach s3://{self.config.bucket}/{self.config.landing_prefix} within "
                f"{self._since(started):.0f} s: run `stream-lambda doctor -t {self.config.target}`, then see the log "
                f"that `stream-lambda status -t {self.config.target}` names"
            )
        return found

    def _in_table(self, event_id: str, started: float, row: Callable[[str], str | None]) -> Reached:
        value = self._wait(lambda: row(event_id), self.seconds_to_table, "in the table")
        if value is None:
            raise ItemLostError(
                f"{event_id} is in S3, but not in the table after {self._since(started):.0f} s: check the runs of the "
                "job, whether it is paused, and how often it starts"
            )
        if value != "true":
            raise ItemLostError(
                f"the row of {event_id} has Charge_IsCharging {value}, expected true: check which version of the job "
                "wrote it"
            )
        return Reached("table", self._since(started), "the row has Charge_IsCharging true")

    def _wait(
        self,
        look: Callable[[], _T | None],
        seconds: float,
        place: str,
        backlog: Callable[[], float | None] = lambda: None,
    ) -> _T | None:
        """Return what `look` finds; None when it found nothing in time.

        With a backlog the function reads older records first, so the time begins when it has caught up.
        """
        started = until = self.clock()
        until += seconds
        while (found := look()) is None:
            now = self.clock()
            if now >= until:
                return None
            behind = (backlog() or 0) if now - started >= USUAL_SECONDS_TO_S3 else 0
            if behind > seconds:
                until = now + seconds
                self.say(f"behind a backlog: the newest record that the function read was {behind:,.0f} s old")
            else:
                self.say(f"not yet {place} after {now - started:.0f} s")
            self.sleep(min(_POLL_SECONDS, max(until - now, 0.1)))
        return found

    def _found(self, event_id: str, started: float) -> tuple[str, str] | None:
        for prefix in (self.config.landing_prefix, self.config.archive_prefix, self.config.quarantine_prefix):
            for key in self._new_keys(prefix, started):
                line = self._line(key, event_id)
                if line is None:
                    continue
                if prefix == self.config.quarantine_prefix:
                    raise ItemLostError(
                        f"{event_id} was quarantined as s3://{self.config.bucket}/{key}: run `stream-lambda doctor "
                        f"-t {self.config.target}` and see its line `stream`, because the stream's view type may be "
                        "the reason"
                    )
                return key, line
        return None

    def _new_keys(self, prefix: str, started: float) -> Iterator[str]:
        since = datetime.fromtimestamp(started, UTC) - _CLOCKS_MAY_DIFFER
        now = datetime.fromtimestamp(self.clock(), UTC) + _CLOCKS_MAY_DIFFER
        for hour in sorted({f"{at:%Y/%m/%d/%H/}" for at in (since, now)}):
            pages = (
                self.clients("s3")
                .get_paginator("list_objects_v2")
                .paginate(Bucket=self.config.bucket, Prefix=prefix + hour)
            )
            for entry in [entry for page in pages for entry in page.get("Contents", [])]:
                if entry["LastModified"] >= since and entry["Key"] not in self._looked_into:
                    yield entry["Key"]

    def _line(self, key: str, event_id: str) -> str | None:
        """Return the object's line with this event, or None."""
        try:
            body = self.clients("s3").get_object(Bucket=self.config.bucket, Key=key)["Body"].read(_MOST_BYTES)
        except ClientError as error:
            # The job may archive it between the list and this.
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        self._looked_into.add(key)
        try:
            lines = gzip.decompress(body).decode("utf-8", "replace").splitlines()
        except (OSError, EOFError, zlib.error):
            return None
        return next((line for line in lines if event_id in line), None)


def item(event_id: str, now: float) -> dict[str, Any]:
    """Return the test item in DynamoDB's format; `now` is in seconds since the epoch."""
    milliseconds = {"N": str(int(now * 1000))}
    vehicle = {"make": {"S": "Tesla"}, "model": {"S": "Model 3"}, "id": {"S": "test-123"}, "year": {"N": "2023"}}
    signal = {
        "name": {"S": "IsCharging"},
        "code": {"S": "charge-ischarging"},
        "group": {"S": "Charge"},
        "body": {"S": json.dumps({"value": True})},
        "meta": {"M": {"retrievedAt": milliseconds, "oemUpdatedAt": milliseconds}},
    }
    return {
        "event_id": {"S": event_id},
        "recorded_at": {"S": f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M:%S}"},
        "signals": {"L": [{"M": signal}]},
        "vehicle": {"M": vehicle},
        "meta": {"M": {"mode": {"S": "TEST"}}},
    }


def key_of(put: Mapping[str, Any], definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the key of an item in a table; a key attribute that the item lacks gets the event_id, or 0."""
    types = {one["AttributeName"]: one["AttributeType"] for one in definition["AttributeDefinitions"]}
    fill = {"S": put["event_id"], "N": {"N": "0"}, "B": {"B": b"0"}}
    names = [one["AttributeName"] for one in definition["KeySchema"]]
    return {name: put.get(name, fill[types[name]]) for name in names}
