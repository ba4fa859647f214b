"""Write a batch to one S3 object, once.

The key follows from the batch alone (never from the clock), and an object is never overwritten. A batch has two writes
(quarantine first, then the rest) and an answer. Whatever fails between them, a second delivery of the same batch writes
what is missing, and the result is that of one delivery:

- crash, timeout or cut connection before a write: the object is missing, the second delivery writes it;
- after a write, before the answer: the second delivery gets 412, which says that this very batch is stored;
- two deliveries at the same time (a timed-out one still sends): one writes, the other gets 412, or 409 and then 412;
- the mapping cuts the batch in halves after a failure: their keys differ, so lines come twice, and readers drop repeats
  by sequence number. That is why the handler raises nothing after its writes.

Conditional writes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

import gzip
import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from stream_to_s3 import __version__
from stream_to_s3.errors import StorageError
from stream_to_s3.records import Record, creation_time, event_id, sequence_number

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PRECONDITION_FAILED = 412
_CONFLICT = 409
_find_right = re.compile(r"\b(?:s3|kms):[A-Z][A-Za-z]{1,40}").search
_CONFLICT_WAITS = (0.1, 0.2, 0.4, 0.8)


@dataclass(frozen=True)
class Batch:
    """What identifies a batch. Times are in seconds since the epoch; 0 when no record has one."""

    first: str
    last: str
    first_time: float
    last_time: float
    digest: str

    @classmethod
    def of(cls, records: Sequence[Record]) -> "Batch":
        """Read the batch from its records; invalid numbers and times are ignored."""
        numbers = [number for record in records if (number := sequence_number(record)) is not None] or ["0"]
        times = [time for record in records if (time := creation_time(record)) is not None] or [0]
        event_ids = "\n".join([event_id(record) or "" for record in records])
        digest = hashlib.sha256(event_ids.encode("utf-8", "surrogatepass")).hexdigest()
        return cls(numbers[0], numbers[-1], times[0], times[-1], digest[:8])

    @property
    def name(self) -> str:
        """Return the batch's name for logs."""
        return f"{self.first}-{self.last}-{self.digest}"

    def key(self, prefix: str, lines: int) -> str:
        """Return the key of the object with this many of the batch's lines; the prefix ends in a slash."""
        hour = f"{_utc(self.first_time):%Y/%m/%d/%H}"
        return f"{prefix}{hour}/{self.first}-{self.last}-{lines}-{self.digest}.ndjson.gz"


@dataclass(frozen=True)
class Stored:
    """A stored object: its compressed size in bytes, and whether an earlier delivery had stored it."""

    key: str
    size: int
    was_there: bool


class ObjectWriter:
    """Puts lines into one bucket."""

    def __init__(self, client: "S3Client", bucket: str, kms_key_id: str | None, sleep: Callable[[float], None]) -> None:
        self._client = client
        self._bucket = bucket
        self._encryption: dict[str, str] = (
            {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id} if kms_key_id else {}
        )
        self._sleep = sleep

    def put(self, batch: Batch, prefix: str, lines: Sequence[str], owner: str | None = None) -> Stored | None:
        """Store the lines as one object under the prefix; return None when there are no lines.

        `owner` is the account that must own the bucket, None for any. Raises StorageError when S3 did not store it.
        """
        if not lines:
            return None
        body = compressed(lines)
        key = batch.key(prefix, len(lines))
        request = self._request(key, body, _metadata(batch, len(lines)), owner)
        return Stored(key, len(body), was_there=not self._created(key, request))

    def _created(self, key: str, request: dict[str, Any]) -> bool:
        for wait in (*_CONFLICT_WAITS, None):
            status = self._status_of_put(key, request)
            if status != _CONFLICT:
                return status != _PRECONDITION_FAILED
            if wait is not None:
                self._sleep(wait)
        raise StorageError(
            f"s3://{self._bucket}/{key} was not written: S3 answered 409 (conflict) to each of "
            f"{len(_CONFLICT_WAITS) + 1} attempts"
        )

    def _request(self, key: str, body: bytes, metadata: dict[str, str], owner: str | None) -> dict[str, Any]:
        return {
            "Bucket": self._bucket,
            "Key": key,
            "Body": body,
            "IfNoneMatch": "*",
            "ChecksumSHA256": b64encode(hashlib.sha256(body).digest()).decode(),
            "ContentType": "application/x-ndjson",
            "ContentEncoding": "gzip",
            "Metadata": metadata,
            **self._encryption,
            **({"ExpectedBucketOwner": owner} if owner else {}),
        }

    def _status_of_put(self, key: str, request: dict[str, Any]) -> int:
        try:
            answer = self._client.put_object(**request)
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if status in (_PRECONDITION_FAILED, _CONFLICT):
                return status
            raise StorageError(f"s3://{self._bucket}/{key} was not written: {_refusal(error)}") from None
        except BotoCoreError as error:  # its text may quote the token of the role
            raise StorageError(f"s3://{self._bucket}/{key} was not written: {type(error).__name__}") from None
        return answer["ResponseMetadata"]["HTTPStatusCode"]


def _refusal(error: ClientError) -> str:
    """Return S3's code, and the right that it asks for."""
    found = error.response.get("Error", {})
    right = _find_right(found.get("Message", ""))
    return found.get("Code", "ClientError") + (f" ({right[0]})" if right else "")


def compressed(lines: Sequence[str]) -> bytes:
    """Return lines as the bytes of an object, the same bytes for the same lines."""
    return gzip.compress(("\n".join(lines) + "\n").encode("ascii"), compresslevel=5, mtime=0)


def _metadata(batch: Batch, lines: int) -> dict[str, str]:
    return {
        "lines": str(lines),
        "first-time": f"{_utc(batch.first_time):%Y-%m-%dT%H:%M:%SZ}",
        "last-time": f"{_utc(batch.last_time):%Y-%m-%dT%H:%M:%SZ}",
        "code-version": __version__,
    }


def _utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
