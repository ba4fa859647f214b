"""Read a DynamoDB stream through boto3.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html: shards have parents, an iterator is valid
for 15 minutes, records stay for 24 hours.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from botocore.exceptions import ClientError

from rehearsal.aws.mapping.records import StreamRecord
from rehearsal.errors import IteratorExpiredError, TrimmedDataError

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

IteratorType = Literal["TRIM_HORIZON", "AFTER_SEQUENCE_NUMBER"]

RETENTION_SECONDS: Final = 24 * 60 * 60
ITERATOR_SECONDS: Final = 15 * 60
MOST_RECORDS: Final = 1_000
"""Per answer of GetRecords."""


@dataclass(frozen=True)
class Shard:
    """A shard of a stream. Its parent, if any, is read first."""

    shard_id: str
    parent_id: str | None = None


@dataclass(frozen=True)
class Page:
    """The result of one read. Without a next iterator the shard is closed and read to its end."""

    records: Sequence[StreamRecord]
    next_iterator: str | None


class ReadableStream(Protocol):
    """The part of a stream's API that the poller uses."""

    arn: str
    """Contains the stream's region and label."""

    def shards(self) -> list[Shard]:
        """Return the current shards."""

    def iterator(self, shard_id: str, kind: IteratorType, sequence_number: str | None = None) -> str:
        """Return an iterator. Raises TrimmedDataError when the number has been trimmed."""

    def read(self, iterator: str, limit: int) -> Page:
        """Return up to `limit` records. Raises IteratorExpiredError and TrimmedDataError."""


class DynamoDbStream:
    """A stream behind the API. `rewrite` changes each record as the service would, where an emulator does not."""

    def __init__(
        self,
        client: "DynamoDBStreamsClient",
        arn: str,
        rewrite: Callable[[StreamRecord], StreamRecord] = lambda record: record,
    ) -> None:
        self._client = client
        self.arn = arn
        self._rewrite = rewrite

    def shards(self) -> list[Shard]:
        """Return all shards, from all pages."""
        found: list[Shard] = []
        request: dict[str, Any] = {"StreamArn": self.arn}
        while True:
            description = self._client.describe_stream(**request)["StreamDescription"]
            found += [Shard(shard["ShardId"], shard.get("ParentShardId")) for shard in description.get("Shards", [])]
            if "LastEvaluatedShardId" not in description:
                return found
            request["ExclusiveStartShardId"] = description["LastEvaluatedShardId"]

    def iterator(self, shard_id: str, kind: IteratorType, sequence_number: str | None = None) -> str:
        """Return an iterator. Raises TrimmedDataError when the number has been trimmed."""
        request: dict[str, Any] = {"StreamArn": self.arn, "ShardId": shard_id, "ShardIteratorType": kind}
        if sequence_number is not None:
            request["SequenceNumber"] = sequence_number
        try:
            return self._client.get_shard_iterator(**request)["ShardIterator"]
        except ClientError as error:
            raise _translated(error) from error

    def read(self, iterator: str, limit: int) -> Page:
        """Return up to `limit` records. Raises IteratorExpiredError and TrimmedDataError."""
        try:
            answer = self._client.get_records(ShardIterator=iterator, Limit=limit)
        except ClientError as error:
            raise _translated(error) from error
        return Page([self._rewrite(record) for record in answer["Records"]], answer.get("NextShardIterator"))


def _translated(error: ClientError) -> Exception:
    code = error.response.get("Error", {}).get("Code")
    if code == "ExpiredIteratorException":
        return IteratorExpiredError(str(error))
    if code == "TrimmedDataAccessException":
        return TrimmedDataError(str(error))
    return error
