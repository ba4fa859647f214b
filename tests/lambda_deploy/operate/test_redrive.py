"""Redrive: what converts lands, what fails stays, and the next run completes an interrupted one."""

import gzip
import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambda_deploy.config import Config
from lambda_deploy.errors import RedriveError
from lambda_deploy.operate.redrive import Redrive, Redriven, waiting
from rehearsal.aws.mapping.on_failure import Discarded, S3Destination
from rehearsal.aws.mapping.records import DeliveredRecord
from stream_to_s3.lines import to_lines
from stream_to_s3.objects import Batch, compressed
from support.aws_account import BUCKET, FUNCTION, HOST, write_bundle
from support.clock import Clock
from support.stream_events import STREAM_ARN, Json, inserts, poison, record, stream_event

NAME = FUNCTION
with TemporaryDirectory() as _folder:
    CONFIG = Config.read(write_bundle(Path(_folder)), "prod", {"DATABRICKS_HOST": HOST})
ARN = f"arn:aws:lambda:eu-west-1:123456789012:function:{NAME}"
FAILED = "aws/lambda/0b1c2d3e/shardId-1/2025/10/28/2025-10-28T20.11.06-4f5e6d"
WRONG_NUMBER = 'unconvertible: speed: expected the digits of a number as a string, got "fast"'


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("s3", "eu-west-1", aws_access_key_id="AKIAEXAMPLE", aws_secret_access_key="made-up")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


@pytest.fixture
def bucket(s3: Any) -> Any:
    for key in keys(s3):
        s3.delete_object(Bucket=BUCKET, Key=key)
    return s3


def keys(s3: Any, prefix: str = "") -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]


def landed(s3: Any) -> list[str]:
    bodies = [s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys(s3, "telemetry/")]
    return sorted(json.loads(line)["event_id"] for body in bodies for line in gzip.decompress(body).splitlines())


def on_failure(records: list[Json], function: str = NAME) -> bytes:
    arn = f"arn:aws:lambda:eu-west-1:123456789012:function:{function}"
    condition = {"requestId": "r", "functionArn": arn, "condition": "RetryAttemptsExhausted"}
    return json.dumps({"requestContext": condition, "payload": json.dumps(stream_event(records))}).encode()


def quarantine(s3: Any, records: list[Json]) -> str:
    """Put records as the function would have put them if it could not convert them."""
    lines = [json.dumps({"reason": "unconvertible", "detail": "", "record": one}) for one in records]
    key = Batch.of([*records, *inserts(1, 900)]).key("telemetry-quarantine/", len(lines))
    s3.put_object(Bucket=BUCKET, Key=key, Body=compressed(lines))
    return key


def redriven(s3: Any, dry: bool = False) -> list[Redriven]:
    return list(Redrive(s3, CONFIG, Clock().sleep).run(waiting(s3, CONFIG), dry=dry))


def test_an_on_failure_batch_lands_under_the_key_that_the_function_would_have_made(bucket: Any) -> None:
    records = inserts(3)
    bucket.put_object(Bucket=BUCKET, Key=FAILED, Body=on_failure(records))
    [outcome] = redriven(bucket)
    assert outcome.landed == Batch.of(records).key("telemetry/", 3)
    assert (outcome.outcome, outcome.converted, outcome.failing) == ("moved", 3, 0)
    assert keys(bucket) == [f"redriven/{FAILED}", outcome.landed]
    assert landed(bucket) == ["event-1", "event-2", "event-3"]


def test_redrive_reads_what_the_mapping_writes(bucket: Any) -> None:
    ids = (f"{number:08d}-0000-4000-8000-000000000000" for number in range(1, 9))
    discarded = [DeliveredRecord.of(one, STREAM_ARN) for one in inserts(2)]
    destination = S3Destination(bucket, BUCKET, "0b1c2d3e", ARN, lambda: next(ids))
    destination.deliver(
        Discarded(discarded, "shardId-1", STREAM_ARN, "RetryAttemptsExhausted", 3, None, at=1_800_000_000.0)
    )
    [outcome] = redriven(bucket)
    assert (outcome.kind, outcome.outcome, outcome.converted) == ("on-failure", "moved", 2)
    assert landed(bucket) == ["event-1", "event-2"]


def test_a_completely_stored_batch_is_not_stored_again(bucket: Any) -> None:
    records = inserts(3)
    key = Batch.of(records).key("telemetry/", 3)
    bucket.put_object(Bucket=BUCKET, Key=key, Body=compressed(to_lines(records).converted))
    bucket.put_object(Bucket=BUCKET, Key=FAILED, Body=on_failure(records))
    redriven(bucket)
    assert keys(bucket, "telemetry/") == [key]


def test_a_batch_that_the_job_has_archived_is_written_again_with_the_same_bytes(bucket: Any) -> None:
    records = inserts(3)
    bucket.put_object(Bucket=BUCKET, Key=FAILED, Body=on_failure(records))
    [first] = redriven(bucket)
    body = bucket.get_object(Bucket=BUCKET, Key=first.landed)["Body"].read()
    bucket.delete_object(Bucket=BUCKET, Key=first.landed)
    bucket.put_object(Bucket=BUCKET, Key=FAILED, Body=on_failure(records))
    [second] = redriven(bucket)
    # The job removes a path that comes again with the content that it has archived.
    assert (second.landed, bucket.get_object(Bucket=BUCKET, Key=second.landed)["Body"].read()) == (first.landed, body)


def test_unconvertible_records_of_an_on_failure_batch_are_quarantined(bucket: Any) -> None:
    bucket.put_object(Bucket=BUCKET, Key=FAILED, Body=on_failure([*inserts(2), poison(3)]))
    [outcome] = redriven(bucket)
    assert (outcome.converted, outcome.failing, outcome.reason) == (2, 1, WRONG_NUMBER)
    assert keys(bucket, "telemetry-quarantine/") == [outcome.quarantined]
    assert landed(bucket) == ["event-1", "event-2"]


def test_a_quarantine_object_that_now_converts_lands_and_is_moved(bucket: Any) -> None:
    key = quarantine(bucket, inserts(2))
    [outcome] = redriven(bucket)
    assert (outcome.outcome, outcome.converted) == ("moved", 2)
    assert landed(bucket) == ["event-1", "event-2"]
    assert keys(bucket, "redriven/") == [f"redriven/{key}"]
    assert keys(bucket, "telemetry-quarantine/") == []


def test_a_quarantine_object_of_poison_stays_with_the_reason(bucket: Any) -> None:
    key = quarantine(bucket, [poison(1)])
    [outcome] = redriven(bucket)
    assert (outcome.outcome, outcome.reason) == ("left", WRONG_NUMBER)
    assert keys(bucket) == [key]


def test_only_the_failing_records_of_a_mixed_quarantine_object_stay(bucket: Any) -> None:
    key = quarantine(bucket, [*inserts(2), poison(3)])
    [outcome] = redriven(bucket)
    assert (outcome.outcome, outcome.converted, outcome.failing) == ("moved", 2, 1)
    assert keys(bucket, "telemetry-quarantine/") == [outcome.quarantined] != [key]
    assert [one.outcome for one in redriven(bucket)] == ["left"]
    assert landed(bucket) == ["event-1", "event-2"]


def test_a_dry_run_reports_the_same_and_writes_nothing(bucket: Any) -> None:
    bucket.put_object(Bucket=BUCKET, Key=FAILED, Body=on_failure([*inserts(2), poison(3)]))
    quarantine(bucket, inserts(2, 10))
    before = keys(bucket)
    dry = redriven(bucket, dry=True)
    assert keys(bucket) == before
    assert dry == redriven(bucket)


def test_files_that_the_job_quarantined_are_ignored(bucket: Any) -> None:
    key = "telemetry-quarantine/files/2025/10/28/20/1-1-1-0a1b2c3d.ndjson.gz"
    bucket.put_object(Bucket=BUCKET, Key=key, Body=b"\x1f\x8b")
    assert redriven(bucket) == []
    assert keys(bucket) == [key]


def test_batches_of_other_functions_are_not_touched(bucket: Any) -> None:
    bucket.put_object(Bucket=BUCKET, Key=FAILED, Body=on_failure(inserts(1), f"{NAME}-dev"))
    assert redriven(bucket) == []
    assert keys(bucket) == [FAILED]


def _gzipped(text: str) -> bytes:
    return gzip.compress(text.encode())


@pytest.mark.parametrize(
    ("key", "body", "reason"),
    [
        (FAILED, b"", "it is not JSON"),
        (FAILED, b"\xff\xfe", "it is not JSON"),
        (FAILED, b"[]", "requestContext.functionArn is missing"),
        (FAILED, b'{"requestContext": {"functionArn": 7}}', "requestContext.functionArn is missing"),
        (FAILED, b"[" * 100_000, "nested too deeply"),
        (FAILED, json.dumps({"requestContext": {"functionArn": ARN}}).encode(), "it has no payload"),
        (
            FAILED,
            json.dumps({"requestContext": {"functionArn": ARN}, "payload": '{"Records": ["x"]}'}).encode(),
            "not a batch of a DynamoDB stream",
        ),
        (FAILED, json.dumps({"requestContext": {"functionArn": ARN}, "payload": "{"}).encode(), "not JSON"),
        ("telemetry-quarantine/`'\"\n.json", b"{}", "not a complete gzip file"),
        ("telemetry-quarantine/a.gz", _gzipped("{}")[:-3], "not a complete gzip file"),
        ("telemetry-quarantine/a.gz", _gzipped('{"event_id": "a line of the job"}'), "a line has no record"),
        ("telemetry-quarantine/a.gz", _gzipped('{"record": []}'), "a line has no record"),
        ("telemetry-quarantine/a.gz", _gzipped(""), "it has no lines"),
        ("telemetry-quarantine/a.gz", _gzipped(" " * 70_000_000), "unpacks to more than"),
        ("telemetry-quarantine/a.gz", _gzipped('{"record": {"eventName": "' + "x" * 5_000_000 + '"}}'), "malformed"),
    ],
    ids=[
        "empty", "not text", "an array", "arn no text", "deep", "no payload", "payload of others", "payload cut",
        "hostile key", "gzip cut", "a file of the job", "record no object", "no lines", "a bomb", "5 MB of text",
    ],
)  # fmt: skip
def test_an_unusable_object_stays_with_the_reason(bucket: Any, key: str, body: bytes, reason: str) -> None:
    bucket.put_object(Bucket=BUCKET, Key=key, Body=body)
    [outcome] = redriven(bucket)
    assert outcome.outcome == "left"
    assert reason in outcome.reason
    assert len(outcome.reason) < 300
    assert keys(bucket) == [key]


class Killed(BaseException):
    """The end of a process between two calls."""


class Interrupted:
    """A client of S3 that ends the process at its n-th call, or right after it with `after`."""

    def __init__(self, s3: Any, calls: int, after: bool) -> None:
        self._s3, self._left, self._after = s3, calls, after

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*values: Any, **named: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed
            try:
                return getattr(self._s3, name)(*values, **named)
            finally:
                if self._left == 0:
                    raise Killed

        return call


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_after_a_kill_at_any_call_the_next_run_completes_the_redrive(bucket: Any, after: bool) -> None:
    def filled() -> None:
        for key in keys(bucket):
            bucket.delete_object(Bucket=BUCKET, Key=key)
        bucket.put_object(Bucket=BUCKET, Key=FAILED, Body=on_failure([*inserts(2), poison(3)]))
        quarantine(bucket, [*inserts(2, 10), poison(12)])

    filled()
    redriven(bucket)
    expected = keys(bucket)
    for calls in count(1):
        filled()
        try:
            redriven(Interrupted(bucket, calls, after))
        except Killed:
            redriven(bucket)
            assert keys(bucket) == expected
            assert landed(bucket) == ["event-1", "event-10", "event-11", "event-2"]
        else:
            break
    assert calls > 12


def test_an_object_that_another_redrive_moved_is_skipped(bucket: Any) -> None:
    bucket.put_object(Bucket=BUCKET, Key=FAILED, Body=on_failure(inserts(1)))
    quarantine(bucket, inserts(1, 10))
    slow = Redrive(bucket, CONFIG, Clock().sleep).run(waiting(bucket, CONFIG), dry=False)
    next(slow)
    redriven(bucket)
    assert list(slow) == []
    assert landed(bucket) == ["event-1", "event-10"]


def test_a_refused_put_moves_nothing(bucket: Any) -> None:
    class Refusing:
        def __getattr__(self, name: str) -> Any:
            return getattr(bucket, name)

        def put_object(self, **request: Any) -> None:
            answer: Any = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
            raise ClientError(answer, "PutObject")

    bucket.put_object(Bucket=BUCKET, Key=FAILED, Body=on_failure(inserts(1)))
    with pytest.raises(RedriveError, match="nothing was moved"):
        redriven(Refusing())
    assert keys(bucket) == [FAILED]


def test_a_removed_item_and_one_with_our_attribute_are_different(bucket: Any) -> None:
    forged = record(2, {"event_id": {"S": "event-2"}, "_stream_metadata": {"S": "forged"}})
    quarantine(bucket, [record(1, old={"event_id": {"S": "event-1"}}), forged])
    [outcome] = redriven(bucket)
    assert (outcome.converted, outcome.failing) == (1, 1)
    assert outcome.reason.startswith("reserved_attribute")
