"""One object per batch: its key, its bytes, and the answers of S3."""

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
)

from stream_to_s3 import __version__
from stream_to_s3.errors import StorageError
from stream_to_s3.objects import Batch, ObjectWriter, compressed
from support.fake_s3 import FakeS3, s3_error
from support.stream_events import ELEVEN_PAST_EIGHT, inserts, record, sequence_number

FIVE_TO_NINE = ELEVEN_PAST_EIGHT + 44 * 60


def writer(s3: Any, kms_key_id: str | None = None, slept: list[float] | None = None) -> ObjectWriter:
    return ObjectWriter(s3, "raw", kms_key_id, (slept if slept is not None else []).append)


def stored(s3: FakeS3, records: Sequence[Any], lines: Sequence[str] = ("{}",)) -> dict[str, Any]:
    writer(s3).put(Batch.of(records), "telemetry/", lines)
    [request] = s3.requests.values()
    return request


def test_the_key_says_hour_first_last_lines_and_batch() -> None:
    key = Batch.of(inserts(3)).key("telemetry/", 2)
    names = f"{sequence_number(1)}-{sequence_number(3)}-2"
    assert re.fullmatch(rf"telemetry/2025/10/28/20/{names}-[0-9a-f]{{8}}\.ndjson\.gz", key)


def test_the_same_batch_has_the_same_key() -> None:
    assert Batch.of(inserts(3)) == Batch.of(inserts(3))


@pytest.mark.parametrize(
    "other",
    [inserts(2), inserts(3, start=2), inserts(3)[::-1], [*inserts(2), record(3, {}, eventID="other")]],
    ids=["a half of it", "the next one", "another order", "other changes with the same numbers"],
)
def test_another_batch_has_another_key(other: list[Any]) -> None:
    assert Batch.of(inserts(3)).key("t/", 3) != Batch.of(other).key("t/", 3)


def test_a_batch_of_two_hours_has_the_hour_of_its_first_record() -> None:
    records = [record(1, {}), record(2, {}, ApproximateCreationDateTime=FIVE_TO_NINE + 600)]
    assert "/2025/10/28/20/" in Batch.of(records).key("telemetry/", 2)


HOURS = [
    (0, "1970/01/01/00"),
    (1761695999, "2025/10/28/23"),
    (1761696000.5, "2025/10/29/00"),
    (253402300799, "9999/12/31/23"),
]


@pytest.mark.parametrize(("time", "hour"), HOURS)
def test_the_hour_is_utc(time: float, hour: str) -> None:
    batch = Batch.of([record(1, {}, ApproximateCreationDateTime=time)])
    assert batch.key("t/", 1).startswith(f"t/{hour}/")


def test_invalid_numbers_and_times_are_ignored() -> None:
    odd: dict[str, Any] = {"SequenceNumber": "../../x", "ApproximateCreationDateTime": "now", "eventID": ["\ud800"]}
    batch = Batch.of([record(1, {}, **odd), record(2, {}), record(3, {}, **odd)])
    assert (batch.first, batch.last) == (sequence_number(2), sequence_number(2))
    assert batch.first_time == ELEVEN_PAST_EIGHT


def test_a_batch_without_any_number_or_time_still_has_a_key() -> None:
    batch = Batch.of([record(1, {}, SequenceNumber=None, ApproximateCreationDateTime=None, eventID="\ud800")])
    assert re.fullmatch(r"q/1970/01/01/00/0-0-1-[0-9a-f]{8}\.ndjson\.gz", batch.key("q/", 1))


def test_without_lines_there_is_no_object() -> None:
    s3 = FakeS3()
    assert writer(s3).put(Batch.of(inserts(1)), "telemetry/", []) is None
    assert s3.calls == 0


def test_an_object_is_gzip_of_lines_that_end_in_a_line_end() -> None:
    body = stored(FakeS3(), inserts(2), ['{"a":1}', '{"a":2}'])["Body"]
    assert gzip.decompress(body) == b'{"a":1}\n{"a":2}\n'


def test_the_same_lines_give_the_same_bytes() -> None:
    assert compressed(["{}", "[]"]) == compressed(["{}", "[]"])
    assert compressed(["{}"])[4:8] == b"\0\0\0\0"


def test_an_object_has_metadata() -> None:
    records = [record(1, {}), record(2, {}, ApproximateCreationDateTime=FIVE_TO_NINE)]
    request = stored(FakeS3(), records, ["{}", "{}"])
    assert request["Bucket"] == "raw"
    assert (request["ContentType"], request["ContentEncoding"]) == ("application/x-ndjson", "gzip")
    assert request["IfNoneMatch"] == "*"
    assert request["Metadata"] == {
        "lines": "2",
        "first-time": "2025-10-28T20:11:06Z",
        "last-time": "2025-10-28T20:55:06Z",
        "code-version": __version__,
    }
    assert json.dumps(request["Metadata"]).isascii()


def test_without_a_kms_key_the_bucket_decides_on_encryption() -> None:
    assert not {"ServerSideEncryption", "SSEKMSKeyId"} & stored(FakeS3(), inserts(1)).keys()


def test_a_kms_key_is_passed_on() -> None:
    s3 = FakeS3()
    writer(s3, "alias/telemetry").put(Batch.of(inserts(1)), "telemetry/", ["{}"])
    [request] = s3.requests.values()
    assert (request["ServerSideEncryption"], request["SSEKMSKeyId"]) == ("aws:kms", "alias/telemetry")


@pytest.mark.parametrize("owner", ["123456789012", None])
def test_the_account_that_must_own_the_bucket_is_sent(owner: str | None) -> None:
    s3 = FakeS3()
    writer(s3).put(Batch.of(inserts(1)), "telemetry/", ["{}"], owner)
    assert s3.requests.popitem()[1].get("ExpectedBucketOwner") == owner


def test_a_batch_that_is_already_stored_is_success() -> None:
    s3 = FakeS3()
    first = writer(s3).put(Batch.of(inserts(1)), "telemetry/", ["{}"])
    second = writer(s3).put(Batch.of(inserts(1)), "telemetry/", ["{}"])
    assert first is not None
    assert second is not None
    assert (first.was_there, second.was_there) == (False, True)
    assert (first.key, first.size) == (second.key, second.size)


def refusal(code: str, message: str) -> ClientError:
    status = {"ResponseMetadata": {"HTTPStatusCode": 403}}
    return ClientError({"Error": {"Code": code, "Message": message}, **status}, "PutObject")  # type: ignore[typeddict-item]  # a part of an answer


def test_a_conflict_is_retried() -> None:
    slept: list[float] = []
    s3 = FakeS3([s3_error(409, "ConditionalRequestConflict")] * 2)
    found = writer(s3, slept=slept).put(Batch.of(inserts(1)), "telemetry/", ["{}"])
    assert found is not None
    assert not found.was_there
    assert (s3.calls, slept) == (3, [0.1, 0.2])


def test_a_conflict_with_a_delivery_that_succeeded_is_success() -> None:
    s3 = FakeS3([s3_error(409, "ConditionalRequestConflict"), s3_error(412, "PreconditionFailed")])
    found = writer(s3).put(Batch.of(inserts(1)), "telemetry/", ["{}"])
    assert found is not None
    assert found.was_there


def test_a_permanent_conflict_is_a_storage_error() -> None:
    slept: list[float] = []
    s3 = FakeS3([s3_error(409, "ConditionalRequestConflict")] * 9)
    with pytest.raises(StorageError, match=r"s3://raw/telemetry/.* was not written: .*409 .*5 attempts"):
        writer(s3, slept=slept).put(Batch.of(inserts(1)), "telemetry/", ["{}"])
    assert (s3.calls, slept) == (5, [0.1, 0.2, 0.4, 0.8])


FAILURES = [
    s3_error(503, "SlowDown"),
    s3_error(500, "InternalError"),
    s3_error(403, "AccessDenied"),
    s3_error(404, "NoSuchBucket"),
    EndpointConnectionError(endpoint_url="https://raw.s3.amazonaws.com"),
    ConnectTimeoutError(endpoint_url="https://raw.s3.amazonaws.com"),
]


@pytest.mark.parametrize("failure", FAILURES, ids=[str(failure)[:60] for failure in FAILURES])
def test_any_other_answer_is_a_storage_error(failure: Exception) -> None:
    with pytest.raises(StorageError, match=r"^s3://raw/telemetry/2025/10/28/20/.* was not written: "):
        writer(FakeS3([failure])).put(Batch.of(inserts(1)), "telemetry/", ["{}"])


QUOTING = {
    "a header of the HTTP library": (
        HTTPClientError(error=ValueError("x-amz-security-token: 5ecre7")),
        "HTTPClientError",
    ),
    "what a program printed": (CredentialRetrievalError(provider="x", error_msg="5ecre7"), "CredentialRetrievalError"),
    "a signature": (refusal("SignatureDoesNotMatch", "Signature=5ecre7"), "SignatureDoesNotMatch"),
    "a right": (
        refusal("AccessDenied", "5ecre7 may not: kms:GenerateDataKey"),
        "AccessDenied (kms:GenerateDataKey)",
    ),
}


@pytest.mark.parametrize(("failure", "said"), QUOTING.values(), ids=QUOTING)
def test_a_storage_error_says_what_it_was_without_what_it_quotes(failure: Exception, said: str) -> None:
    with pytest.raises(StorageError) as raised:
        writer(FakeS3([failure])).put(Batch.of(inserts(1)), "telemetry/", ["{}"])
    assert str(raised.value).endswith(f" was not written: {said}")
    assert raised.value.__suppress_context__


@pytest.mark.parametrize("endpoint", ["http://user:5ecre7@[::1", "5ecre7"])
def test_a_start_with_a_wrong_endpoint_names_the_variable_and_quotes_nothing(endpoint: str) -> None:
    given = {"TELEMETRY_BUCKET": "raw", "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": endpoint}
    command = [sys.executable, "-c", "import stream_to_s3.handler"]
    done = subprocess.run(command, env=os.environ | given, capture_output=True, text=True, check=False)
    assert "SettingsError: AWS_ENDPOINT_URL" in done.stderr
    assert "5ecre7" not in done.stderr
