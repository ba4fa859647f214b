"""Faults of S3: what the handler answers, what the mapping does next, where each record ends.

The mapping in short: a batch that fails is delivered again, whole or (bisect) in halves.
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from stream_to_s3.delivery import Delivery
from stream_to_s3.errors import StorageError
from stream_to_s3.metrics import Log
from stream_to_s3.objects import ObjectWriter
from stream_to_s3.outcome import without_trigger
from stream_to_s3.settings import read_settings
from support.emulators import ministack, moto, s3_client
from support.fault_proxy import Fault, FaultProxy, cut_after, cut_before, error, fault_proxy, passed
from support.stream_events import Json, inserts, poison, sequence_number, stream_event

pytestmark = pytest.mark.process

SLOW_DOWN = error(503, "SlowDown")
INTERNAL_ERROR = error(500, "InternalError")
DENIED = error(403, "AccessDenied")
CONFLICT = error(409, "ConditionalRequestConflict")
ATTEMPTS = 2  # of the SDK, for each put
BATCH = [*inserts(3), poison(4), *inserts(2, start=5)]


class Context:
    aws_request_id = "request"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:stream-to-s3"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


@dataclass
class Harness:
    """A handler that writes to a separate bucket through a proxy that has faults."""

    s3: Any
    proxy: FaultProxy
    delivery: Delivery
    bucket: str
    answers: list[str] = field(default_factory=list)

    def deliver(self, records: list[Json]) -> bool:
        """Deliver a batch once; return whether the mapping continues with the next one."""
        try:
            answer = self.delivery(stream_event(records), Context())
        except StorageError as failure:
            self.answers.append(f"raised: {failure}")
            return False
        assert answer == {"batchItemFailures": []}
        self.answers.append("success")
        return True

    def deliver_until_success(self, records: list[Json], most: int = 5) -> int:
        """Return how many deliveries it takes."""
        return next(count for count in range(1, most + 1) if self.deliver(records))

    def ended(self) -> tuple[Counter[str], Counter[str]]:
        """Return the sequence numbers in objects and those in quarantine, with how often each occurs."""
        written, quarantined = Counter[str](), Counter[str]()
        for found in self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", []):
            body = self.s3.get_object(Bucket=self.bucket, Key=found["Key"])["Body"].read()
            for text in gzip.decompress(body).decode().splitlines():
                line = json.loads(text)
                if "_stream_metadata" in line:
                    written[line["_stream_metadata"]["sequence_number"]] += 1
                else:
                    quarantined[line["record"]["dynamodb"]["SequenceNumber"]] += 1
        return written, quarantined


@pytest.fixture(scope="module", params=[moto, ministack], ids=["moto", "ministack"])
def upstream(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    emulator: Callable[[Path], Any] = request.param
    with emulator(tmp_path_factory.mktemp("emulator")) as url:
        yield url


@pytest.fixture
def harness(upstream: str) -> Iterator[Harness]:
    bucket = f"raw-{uuid4()}"
    patience = {
        "connect_timeout": 1,
        "read_timeout": 0.4,
        "retries": {"mode": "standard", "total_max_attempts": ATTEMPTS},
    }
    with s3_client(upstream) as s3, fault_proxy(upstream) as (proxy, url), s3_client(url, **patience) as faulty:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        writer = ObjectWriter(faulty, bucket, None, list[float]().append)
        log = Log(list[str]().append, lambda: 0.0, "test")
        settings = read_settings({"TELEMETRY_BUCKET": bucket})
        yield Harness(s3, proxy, Delivery(settings, writer, without_trigger(None), log, lambda: 0.0), bucket)


ONCE = (
    Counter([sequence_number(number) for number in (1, 2, 3, 5, 6)]),
    Counter([sequence_number(4)]),
)


def test_without_faults_each_record_is_stored_once(harness: Harness) -> None:
    assert harness.deliver_until_success(BATCH) == 1
    assert harness.ended() == ONCE
    assert harness.proxy.puts == 2


def test_an_object_has_the_content_of_its_metadata(harness: Harness) -> None:
    harness.deliver(BATCH)
    found = harness.s3.list_objects_v2(Bucket=harness.bucket, Prefix="telemetry/")["Contents"]
    head = harness.s3.head_object(Bucket=harness.bucket, Key=found[0]["Key"])
    assert (head["ContentType"], head["ContentEncoding"]) == ("application/x-ndjson", "gzip")
    assert head["Metadata"]["lines"] == "5"


# Name, faults of the puts (quarantine first, two attempts each), deliveries until the batch is stored.
FAULTS: dict[str, tuple[list[Fault | str], int]] = {
    "slow down, once": ([SLOW_DOWN], 1),
    "slow down, for a while": ([SLOW_DOWN] * 6, 4),
    "internal error, once": ([INTERNAL_ERROR], 1),
    "internal error of the second object": ([passed, INTERNAL_ERROR, INTERNAL_ERROR], 2),
    "access denied until the role is fixed": ([DENIED] * 3, 4),
    "access denied for one prefix": ([passed, DENIED], 2),
    "a conflict with a delivery at the same time": ([CONFLICT, CONFLICT, passed, CONFLICT], 1),
    "a cut connection, nothing stored": ([cut_before], 1),
    "a cut connection after the object was stored: the retry gets 412": ([cut_after], 1),
    "a cut connection after both objects were stored": ([cut_after, passed, cut_after], 1),
    "a cut connection, then a cut retry: the next delivery gets 412": ([cut_after] * 2, 2),
    "no answer, nothing stored": (["hang_before"], 1),
    "no answer, nothing stored, for a while": (["hang_before"] * 2, 2),
    "no answer after the object was stored": (["hang_after"] * 2, 2),
    "everything at once": ([SLOW_DOWN, cut_after, passed, "hang_after", DENIED, cut_before, passed, CONFLICT], 3),
}


@pytest.mark.parametrize(("faults", "deliveries"), FAULTS.values(), ids=FAULTS)
def test_after_a_fault_each_record_is_stored_once(harness: Harness, faults: list[Fault | str], deliveries: int) -> None:
    for fault in faults:
        harness.proxy.faults.append(getattr(harness.proxy, fault) if isinstance(fault, str) else fault)
    assert harness.deliver_until_success(BATCH) == deliveries
    assert harness.answers[:-1] == [answer for answer in harness.answers if answer.startswith("raised: s3://raw-")]
    assert harness.ended() == ONCE


def test_without_the_bucket_the_batch_is_delivered_again(harness: Harness) -> None:
    harness.s3.delete_bucket(Bucket=harness.bucket)
    assert not harness.deliver(BATCH)
    assert not harness.deliver(BATCH)
    assert "NoSuchBucket" in harness.answers[0]
    harness.s3.create_bucket(Bucket=harness.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    assert harness.deliver(BATCH)
    assert harness.ended() == ONCE


def test_halves_store_each_record_at_least_once(harness: Harness) -> None:
    # The batch fails at its second object; bisect then delivers halves, which have other keys.
    harness.proxy.faults[:] = [passed, DENIED]
    assert not harness.deliver(BATCH)
    assert [harness.deliver(BATCH[:3]), harness.deliver(BATCH[3:])] == [True, True]
    written, quarantined = harness.ended()
    assert written == ONCE[0]
    assert quarantined == Counter({sequence_number(4): 2})


def test_halves_of_a_batch_that_was_stored_are_repeats(harness: Harness) -> None:
    harness.proxy.faults[:] = [passed, cut_after, cut_after]
    assert not harness.deliver(BATCH)
    assert [harness.deliver(BATCH[:3]), harness.deliver(BATCH[3:])] == [True, True]
    assert harness.ended() == (ONCE[0] + ONCE[0], ONCE[1] + ONCE[1])


def test_a_permanent_failure_is_raised_every_time(harness: Harness) -> None:
    # The mapping then sends the batch, with its records, to the on-failure destination.
    harness.proxy.faults[:] = [DENIED] * 10
    assert [harness.deliver(BATCH) for _ in range(10)] == [False] * 10
    assert harness.ended() == (Counter(), Counter())
