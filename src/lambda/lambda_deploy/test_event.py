"""A marked item on its way: DynamoDB -> S3 -> the table, with the time that each step took, and away again."""

import gzip
import zlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

from botocore.exceptions import ClientError

from lambda_deploy.errors import LostOnTheWayError, NotReadyError
from lambda_deploy.wait import Wait

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

MARK: Final = "stream-lambda-test-"
_CLOCKS_MAY_DIFFER: Final = timedelta(minutes=10)
_MOST_BYTES: Final = 64 * 1024 * 1024

Where = Literal["dynamodb", "s3", "table", "deleted"]


@dataclass(frozen=True)
class Reached:
    """A step that the item has made: `seconds` after it was put, and what was found."""

    where: Where
    seconds: float
    detail: str


@dataclass(frozen=True)
class Way:
    """Where the item goes and how long it may take, in seconds; prefixes end in a slash."""

    dynamodb_table: str
    bucket: str
    landing: str
    archive: str
    quarantine: str
    seconds_to_s3: float
    seconds_to_table: float


class Probe:
    """Sends one item. `in_table` tells whether the table has an event; None when no workspace is configured."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        s3: "S3Client",
        way: Way,
        in_table: Callable[[str], bool] | None,
        wait: Wait,
    ) -> None:
        self._dynamodb = dynamodb
        self._s3 = s3
        self._way = way
        self._in_table = in_table
        self._wait = wait
        self._clock = wait.clock
        self._looked_into: set[str] = set()

    def run(self, mark: str) -> Generator[Reached, None, None]:
        """Puts the item with the event_id MARK + `mark` and tells of each step; the item is deleted in any case.

        Raises LostOnTheWayError when a step takes too long or the record is quarantined.
        """
        event_id, started = MARK + mark, self._clock()
        self._put(event_id)
        try:
            yield Reached("dynamodb", 0.0, f"{self._way.dynamodb_table}, event_id {event_id}")
            yield self._reached_s3(event_id, started)
            if self._in_table is not None:
                yield self._reached_the_table(event_id, started, self._in_table)
        finally:
            self._dynamodb.delete_item(TableName=self._way.dynamodb_table, Key={"event_id": {"S": event_id}})
        # In the table its row stays, with deleted_at.
        yield Reached("deleted", self._clock() - started, f"{self._way.dynamodb_table}, event_id {event_id}")

    def _put(self, event_id: str) -> None:
        now = datetime.fromtimestamp(self._clock(), UTC)
        self._dynamodb.put_item(
            TableName=self._way.dynamodb_table,
            Item={
                "event_id": {"S": event_id},
                "recorded_at": {"S": f"{now:%Y-%m-%d %H:%M:%S}"},
                "signals": {"L": []},
                "meta": {"M": {"mode": {"S": "TEST"}}},
            },
            ConditionExpression="attribute_not_exists(event_id)",
        )

    def _reached_s3(self, event_id: str, started: float) -> Reached:
        def look() -> str:
            key = self._found(event_id, started)
            if key is None:
                raise NotReadyError("no object has it yet")
            return key

        try:
            key = self._wait.at_most(self._way.seconds_to_s3).until(look, "the item in S3")
        except NotReadyError:
            raise LostOnTheWayError(
                f"{event_id} did not reach s3://{self._way.bucket}/{self._way.landing} within "
                f"{self._way.seconds_to_s3:.0f} s: see `stream-lambda doctor` and `stream-lambda logs`"
            ) from None
        return Reached("s3", self._clock() - started, f"s3://{self._way.bucket}/{key}")

    def _reached_the_table(self, event_id: str, started: float, in_table: Callable[[str], bool]) -> Reached:
        def look() -> None:
            if not in_table(event_id):
                raise NotReadyError("it has no such row yet")

        try:
            self._wait.at_most(self._way.seconds_to_table).until(look, "the row in the table")
        except NotReadyError:
            raise LostOnTheWayError(
                f"{event_id} is in S3, but not in the table after {self._way.seconds_to_table:.0f} s more: "
                "see the runs of the job, whether it is paused, and how often it starts"
            ) from None
        return Reached("table", self._clock() - started, "the row is there")

    def _found(self, event_id: str, started: float) -> str | None:
        for prefix in (self._way.landing, self._way.archive, self._way.quarantine):
            for key in self._new_keys(prefix, started):
                if self._holds(key, event_id):
                    if prefix == self._way.quarantine:
                        raise LostOnTheWayError(
                            f"{event_id} was quarantined as s3://{self._way.bucket}/{key}: is the stream's view type "
                            "NEW_AND_OLD_IMAGES? See `stream-lambda doctor`"
                        )
                    return key
        return None

    def _new_keys(self, prefix: str, started: float) -> Iterator[str]:
        since = datetime.fromtimestamp(started, UTC) - _CLOCKS_MAY_DIFFER
        now = datetime.fromtimestamp(self._clock(), UTC) + _CLOCKS_MAY_DIFFER
        for hour in sorted({f"{at:%Y/%m/%d/%H/}" for at in (since, now)}):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._way.bucket, Prefix=prefix + hour)
            for entry in [entry for page in pages for entry in page.get("Contents", [])]:
                if entry["LastModified"] >= since and entry["Key"] not in self._looked_into:
                    yield entry["Key"]

    def _holds(self, key: str, event_id: str) -> bool:
        try:
            body = self._s3.get_object(Bucket=self._way.bucket, Key=key)["Body"].read(_MOST_BYTES)
        except ClientError as error:
            # The job may archive it between the list and this.
            if error.response["Error"]["Code"] == "NoSuchKey":
                return False
            raise
        self._looked_into.add(key)
        try:
            return event_id.encode() in gzip.decompress(body)
        except (OSError, EOFError, zlib.error):
            return False
