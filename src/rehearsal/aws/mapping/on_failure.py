"""Send discarded records to the on-failure destination in S3.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html has the fields, the `payload` as an escaped
string, and the key. Not documented, so assumed: the condition `RecordAgeExceeded`; `functionError` null for a function
that returned failures; `responseContext` null for records without an invocation; the key's time is the delivery's.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.aws.mapping.records import DeliveredRecord, event_of, serialized
from rehearsal.aws.mapping.response import FunctionError, Outcome
from rehearsal.errors import DeliveryError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Condition = Literal["RetryAttemptsExhausted", "RecordAgeExceeded"]


@dataclass(frozen=True)
class Discarded:
    """Records that are discarded together. `outcome` is the last invocation's, None without one."""

    records: Sequence[DeliveredRecord]
    shard_id: str
    stream_arn: str
    condition: Condition
    invocations: int
    outcome: Outcome | None
    at: float


class Destination(Protocol):
    """Accepts discarded records."""

    def deliver(self, discarded: Discarded) -> None:
        """Send a record of the failure. Raises DeliveryError when it is not accepted."""


def invocation_record(discarded: Discarded, function_arn: str, request_id: str) -> dict[str, Any]:
    """Return the document that Lambda sends to an S3 destination."""
    first, last = discarded.records[0], discarded.records[-1]
    return {
        "requestContext": {
            "requestId": request_id,
            "functionArn": function_arn,
            "condition": discarded.condition,
            "approximateInvokeCount": discarded.invocations,
        },
        "responseContext": _response_context(discarded.outcome),
        "version": "1.0",
        "timestamp": _utc(discarded.at).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "DDBStreamBatchInfo": {
            "shardId": discarded.shard_id,
            "startSequenceNumber": first.sequence_number,
            "endSequenceNumber": last.sequence_number,
            "approximateArrivalOfFirstRecord": f"{_utc(first.created):%Y-%m-%dT%H:%M:%SZ}",
            "approximateArrivalOfLastRecord": f"{_utc(last.created):%Y-%m-%dT%H:%M:%SZ}",
            "batchSize": len(discarded.records),
            "streamArn": discarded.stream_arn,
        },
        "payload": serialized(event_of(list(discarded.records))).decode(),
    }


def _response_context(outcome: Outcome | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    error = "Unhandled" if isinstance(outcome, FunctionError) else None
    return {"statusCode": 200, "executedVersion": "$LATEST", "functionError": error}


def object_key(mapping_id: str, shard_id: str, at: float, unique: str) -> str:
    """Return the key that Lambda gives to an invocation record in S3."""
    time = _utc(at)
    return f"aws/lambda/{mapping_id}/{shard_id}/{time:%Y/%m/%d}/{time:%Y-%m-%dT%H.%M.%S}-{unique}"


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class S3Destination:
    """A bucket. `new_id` returns a UUID as text, for the key and for a request."""

    def __init__(
        self, client: "S3Client", bucket: str, mapping_id: str, function_arn: str, new_id: Callable[[], str]
    ) -> None:
        self._client = client
        self._bucket = bucket
        self._mapping_id = mapping_id
        self._function_arn = function_arn
        self._new_id = new_id

    def deliver(self, discarded: Discarded) -> None:
        """Put the invocation record. Raises DeliveryError when S3 does not accept it."""
        document = invocation_record(discarded, self._function_arn, self._new_id())
        key = object_key(self._mapping_id, discarded.shard_id, discarded.at, self._new_id())
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=json.dumps(document).encode())
        except (BotoCoreError, ClientError) as error:
            raise DeliveryError(f"s3://{self._bucket}/{key} was not written: {error}") from error
