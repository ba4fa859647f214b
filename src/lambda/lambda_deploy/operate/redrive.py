"""Convert on-failure objects and quarantined records again, into new objects for the job.

The mapping writes an on-failure object for a batch that it discarded, with the whole event as text in `payload`
(https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html); the function writes a quarantine object
with the records that it could not convert. Both are read here, converted by the function's code and put under the
landing prefix, where the job's next run finds them. (`flatten redrive` handles lines of the quarantine table.)

For each object, in this order: put what still fails under the quarantine prefix, put what converts under the landing
prefix, copy the object to `redriven/`, delete it. If this is interrupted, the object still exists, and the next redrive
does the same again: both keys follow from the records alone and are never overwritten (412 means that the object
exists), and the copy is made again. Two redrives at the same time do the same thing. If the job has archived the landed
object meanwhile, it is written again, and the job removes it, because its archive has the same content. Only a newer
version of this code between two attempts can make other keys for the same records: then lines come twice, and the job
drops repeats by sequence number. In none of these cases is a line lost or a row written twice.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import ClientError

from lambda_deploy.config import ON_FAILURE_PREFIX, Config
from lambda_deploy.errors import RedriveError, UnusableObjectError
from stream_to_s3.errors import NotAStreamEventError, StorageError
from stream_to_s3.lines import to_lines
from stream_to_s3.objects import Batch, ObjectWriter
from stream_to_s3.records import Record, stream_records

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

REDRIVEN_PREFIX: Final = "redriven/"
# Below the quarantine prefix: files that the job, not the function, quarantined (resources/flatten.job.yml).
OF_THE_JOB: Final = "files/"
MOST_BYTES: Final = 64 * 1024 * 1024

Kind = Literal["on-failure", "quarantine"]


@dataclass(frozen=True)
class Redriven:
    """The result of one object.

    `converted` lines are in the object `landed`; `failing` ones are in the object `quarantined`, or still in this one
    when `outcome` is left. `reason` says why something still fails, or why the object could not be used.
    """

    kind: Kind
    key: str
    outcome: Literal["moved", "left"]
    converted: int = 0
    failing: int = 0
    landed: str | None = None
    quarantined: str | None = None
    reason: str = ""


def waiting(s3: "S3Client", config: Config) -> list[tuple[Kind, str]]:
    """Return the objects to redrive, on-failure objects of all functions first, oldest key first."""
    found: list[tuple[Kind, str]] = [("on-failure", key) for key in _keys(s3, config.bucket, ON_FAILURE_PREFIX)]
    of_the_job = config.quarantine_prefix + OF_THE_JOB
    quarantined = _keys(s3, config.bucket, config.quarantine_prefix)
    return found + [("quarantine", key) for key in quarantined if not key.startswith(of_the_job)]


def _keys(s3: "S3Client", bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        yield from [entry["Key"] for entry in page.get("Contents", []) if not entry["Key"].endswith("/")]


class Redrive:
    """Redrives one target's objects, one by one. `sleep` takes seconds."""

    def __init__(self, s3: "S3Client", config: Config, sleep: Callable[[float], None]) -> None:
        self._s3 = s3
        self._config = config
        self._writer = ObjectWriter(s3, config.bucket, config.kms_key_id or None, sleep)

    def run(self, objects: Sequence[tuple[Kind, str]], *, dry: bool) -> Iterator[Redriven]:
        """Redrive these objects and yield the result of each; a dry run writes nothing.

        Raises RedriveError when S3 refuses: yielded objects are done, the others unchanged.
        """
        for kind, key in objects:
            outcome = self._redriven(kind, key, dry)
            if outcome is not None:
                yield outcome

    def _redriven(self, kind: Kind, key: str, dry: bool) -> Redriven | None:
        try:
            content = self._content(key)
            if content is None:
                return None
            if kind == "on-failure":
                records = on_failure_records(content, self._config.function_name)
            else:
                records = quarantined_records(content)
        except UnusableObjectError as error:
            return Redriven(kind, key, "left", reason=str(error))
        return None if records is None else self._converted(kind, key, records, dry)

    def _content(self, key: str) -> bytes | None:
        """Return the bytes of an object; None when another redrive has just moved it."""
        try:
            answer = self._s3.get_object(Bucket=self._config.bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] == "NoSuchKey":
                return None
            raise
        if answer["ContentLength"] > MOST_BYTES:
            raise UnusableObjectError(f"it has {answer['ContentLength']:,} bytes, more than any batch")
        return answer["Body"].read()

    def _converted(self, kind: Kind, key: str, records: Sequence[Record], dry: bool) -> Redriven:
        converting, failing, reason = sorted_out(records)
        outcome = Redriven(kind, key, "moved", len(converting), len(failing), reason=reason)
        if kind == "quarantine" and not converting:
            return replace(outcome, outcome="left", reason=reason or "it has no lines")
        # An on-failure batch gets the keys that the function would have made: it may have stored a part of it.
        batch, rest = (Batch.of(converting), Batch.of(failing)) if kind == "quarantine" else (Batch.of(records),) * 2
        if converting:
            outcome = replace(outcome, landed=batch.key(self._config.landing_prefix, len(converting)))
        if failing:
            outcome = replace(outcome, quarantined=rest.key(self._config.quarantine_prefix, len(failing)))
        if not dry:
            self._put(rest, self._config.quarantine_prefix, to_lines(failing).quarantined)
            self._put(batch, self._config.landing_prefix, to_lines(converting, self._config.ttl_attribute).converted)
            self._move(key)
        return outcome

    def _put(self, batch: Batch, prefix: str, lines: Sequence[str]) -> None:
        try:
            self._writer.put(batch, prefix, lines)
        except StorageError as error:
            raise RedriveError(f"{error}; nothing was moved: fix the cause, then run redrive again") from error

    def _move(self, key: str) -> None:
        bucket = self._config.bucket
        try:
            self._s3.copy_object(Bucket=bucket, Key=REDRIVEN_PREFIX + key, CopySource={"Bucket": bucket, "Key": key})
        except ClientError as error:
            # Another redrive has moved it.
            if error.response["Error"]["Code"] != "NoSuchKey":
                raise
        self._s3.delete_object(Bucket=bucket, Key=key)


def sorted_out(records: Sequence[Record]) -> tuple[list[Record], list[Record], str]:
    """Return the records that convert, those that do not, and why the first of these does not."""
    converting: list[Record] = []
    failing: list[Record] = []
    reason = ""
    for record in records:
        quarantined = to_lines([record]).quarantined
        (failing if quarantined else converting).append(record)
        if quarantined and not reason:
            line = json.loads(quarantined[0])
            reason = f"{line['reason']}: {line['detail']}"
    return converting, failing, reason


def on_failure_records(content: bytes, function_name: str) -> list[Record] | None:
    """Return the records of an on-failure object; None when the batch belongs to another function.

    Raises UnusableObjectError.
    """
    found = _json(content)
    context = found.get("requestContext") if isinstance(found, dict) else None
    arn = context.get("functionArn") if isinstance(context, dict) else None
    if not isinstance(found, dict) or not isinstance(arn, str):
        raise UnusableObjectError("it is not an on-failure record of a mapping: requestContext.functionArn is missing")
    if arn.split(":")[6:7] != [function_name]:
        return None
    payload = found.get("payload")
    if not isinstance(payload, str):
        raise UnusableObjectError("it has no payload, so its records are only in the stream, for 24 hours")
    try:
        return stream_records(_json(payload.encode("utf-8", "surrogatepass")))
    except NotAStreamEventError as error:
        raise UnusableObjectError(f"its payload is not a batch of a DynamoDB stream: {error}") from None


def quarantined_records(content: bytes) -> list[Record]:
    """Return the records of a quarantine object of the function. Raises UnusableObjectError."""
    try:
        with gzip.open(BytesIO(content)) as opened:
            text = opened.read(MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        raise UnusableObjectError("it is not a complete gzip file") from None
    if len(text) > MOST_BYTES:
        raise UnusableObjectError(f"it unpacks to more than {MOST_BYTES:,} bytes, more than any batch")
    lines: list[Any] = [_json(line) for line in text.split(b"\n") if line]
    if not all(isinstance(line, dict) and isinstance(line.get("record"), dict) for line in lines):
        raise UnusableObjectError("a line has no record: the job quarantined this file (docs/reference/quarantine.md)")
    return [line["record"] for line in lines]


def _json(text: bytes) -> object:
    try:
        return json.loads(text.decode("utf-8", "surrogatepass"))
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise UnusableObjectError("it is not JSON") from None
    except RecursionError:
        raise UnusableObjectError("it is nested too deeply") from None
