"""The processing of a batch: objects, answer, log line and metrics."""

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from stream_to_s3.delivery import Delivery
from stream_to_s3.errors import NotAStreamEventError, StorageError
from stream_to_s3.metrics import NAMESPACE, UNITS, Log
from stream_to_s3.objects import ObjectWriter
from stream_to_s3.outcome import Outcome, without_trigger
from stream_to_s3.settings import FunctionSettings, read_settings
from support.fake_s3 import FakeS3, s3_error
from support.stream_events import (
    ELEVEN_PAST_EIGHT,
    inserts,
    poison,
    record,
    sequence_number,
    stream_event,
    typed_item,
)

SUCCESS: dict[str, list[str]] = {"batchItemFailures": []}
SETTINGS = read_settings({"TELEMETRY_BUCKET": "raw"})


class Context:
    aws_request_id = "8f5c1e0a-request"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:stream-to-s3"

    def get_remaining_time_in_millis(self) -> int:
        return 41_500


@dataclass
class Recorder:
    """A trigger that records its calls and returns a given outcome."""

    outcome: Outcome = field(default_factory=lambda: Outcome("started", "run 7"))
    asked: list[tuple[str, float]] = field(default_factory=list)

    def __call__(self, key: str, seconds_left: float) -> Outcome:
        self.asked.append((key, seconds_left))
        return self.outcome


@dataclass
class Harness:
    """A handler on a fake S3, on a clock that advances by a quarter of a second with each reading."""

    s3: FakeS3 = field(default_factory=FakeS3)
    trigger: Any = field(default_factory=Recorder)
    printed: list[str] = field(default_factory=list)
    context: Any = field(default_factory=Context)
    settings: FunctionSettings = SETTINGS

    def deliver(self, event: object) -> object:
        ticks: Iterator[float] = itertools.count(1_800_000_000, 0.25)
        log = Log(self.printed.append, lambda: next(ticks), "chargeminder-unified-processor")
        writer = ObjectWriter(self.s3, "raw", None, list[float]().append)  # type: ignore[arg-type] # a fake client
        return Delivery(self.settings, writer, self.trigger, log, lambda: next(ticks))(event, self.context)

    @property
    def logged(self) -> dict[str, Any]:
        [text] = self.printed
        assert text.endswith("\n")
        found = json.loads(text)
        assert isinstance(found, dict)
        return found


def written_numbers(lines: Iterable[dict[str, Any]]) -> list[str]:
    return [text["_stream_metadata"]["sequence_number"] for text in lines]


def quarantined_numbers(lines: Iterable[dict[str, Any]]) -> list[str]:
    return [text["record"]["dynamodb"]["SequenceNumber"] for text in lines]


def test_a_batch_is_one_object_and_success() -> None:
    harness = Harness()
    assert harness.deliver(stream_event(inserts(5))) == SUCCESS
    assert len(harness.s3.requests) == 1
    assert written_numbers(harness.s3.lines("telemetry/")) == [sequence_number(number) for number in range(1, 6)]


def test_a_batch_of_one() -> None:
    harness = Harness()
    assert harness.deliver(stream_event(inserts(1))) == SUCCESS
    [key] = harness.s3.requests
    assert f"{sequence_number(1)}-{sequence_number(1)}-1-" in key


def test_an_empty_batch_writes_nothing() -> None:
    harness = Harness()
    assert harness.deliver(stream_event([])) == SUCCESS
    assert (harness.s3.calls, harness.printed, harness.trigger.asked) == (0, [], [])


def test_records_of_two_hours_stay_in_one_object() -> None:
    harness = Harness()
    later = record(2, {"event_id": {"S": "e"}}, ApproximateCreationDateTime=ELEVEN_PAST_EIGHT + 7200)
    harness.deliver(stream_event([*inserts(1), later]))
    [key] = harness.s3.requests
    assert key.startswith("telemetry/2025/10/28/20/")
    assert written_numbers(harness.s3.lines()) == [sequence_number(1), sequence_number(2)]


def test_poison_is_quarantined_first_and_the_other_records_are_stored() -> None:
    harness = Harness()
    assert harness.deliver(stream_event([poison(1), *inserts(2, start=2), poison(4)])) == SUCCESS
    quarantine, landing = harness.s3.requests
    batch = f"2025/10/28/20/{sequence_number(1)}-{sequence_number(4)}"
    assert quarantine.startswith(f"telemetry-quarantine/{batch}-2-")
    assert landing.startswith(f"telemetry/{batch}-2-")
    assert quarantined_numbers(harness.s3.lines("telemetry-quarantine/")) == [
        sequence_number(1),
        sequence_number(4),
    ]
    assert written_numbers(harness.s3.lines("telemetry/")) == [sequence_number(2), sequence_number(3)]


def test_a_batch_of_poison_only_is_success_and_starts_nothing() -> None:
    harness = Harness()
    assert harness.deliver(stream_event([poison(1), poison(2)])) == SUCCESS
    [key] = harness.s3.requests
    assert key.startswith("telemetry-quarantine/")
    assert harness.trigger.asked == []
    assert harness.logged["trigger"] == "off"


def test_an_item_with_the_reserved_attribute_is_quarantined() -> None:
    harness = Harness()
    forged = typed_item({"event_id": "event-1", "_stream_metadata": {"sequence_number": "9" * 40}})
    harness.deliver(stream_event([record(1, forged)]))
    [line] = harness.s3.lines("telemetry-quarantine/")
    assert line["reason"] == "reserved_attribute"
    assert harness.s3.lines("telemetry/") == []


def test_a_new_image_stream_is_written() -> None:
    harness = Harness()
    images = [record(1, typed_item({"event_id": "e"})), record(2, typed_item({"event_id": "e"}))]
    images[1]["eventName"] = "MODIFY"
    harness.deliver(stream_event(images))
    assert [line["_stream_metadata"]["event_name"] for line in harness.s3.lines()] == ["INSERT", "MODIFY"]


def test_a_keys_only_remove_is_written() -> None:
    harness = Harness()
    harness.deliver(stream_event([record(1, Keys={"event_id": {"S": "gone"}})]))
    [line] = harness.s3.lines("telemetry/")
    assert (line["event_id"], line["_stream_metadata"]["event_name"]) == ("gone", "REMOVE")


def test_a_replicated_expiry_is_recognised_by_the_ttl_attribute() -> None:
    overdue = {"event_id": {"S": "e"}, "expires_at": {"N": str(ELEVEN_PAST_EIGHT)}}
    harness = Harness(settings=read_settings({"TELEMETRY_BUCKET": "raw", "TTL_ATTRIBUTE": "expires_at"}))
    harness.deliver(stream_event([record(1, None, overdue)]))
    [written] = harness.s3.lines("telemetry/")
    assert written["_stream_metadata"]["expired_by_ttl"] is True


def test_the_same_batch_again_changes_nothing() -> None:
    harness = Harness()
    event = stream_event([poison(1), *inserts(2, start=2)])
    harness.deliver(event)
    before = {key: request["Body"] for key, request in harness.s3.requests.items()}
    harness.printed.clear()
    assert harness.deliver(event) == SUCCESS
    assert {key: request["Body"] for key, request in harness.s3.requests.items()} == before
    assert harness.logged["already_stored"] is True


def test_the_trigger_runs_after_the_write_also_when_the_batch_was_already_stored() -> None:
    harness = Harness()
    harness.deliver(stream_event(inserts(1)))
    harness.deliver(stream_event(inserts(1)))
    [key] = harness.s3.requests
    assert harness.trigger.asked == [(key, 41.5), (key, 41.5)]


@pytest.mark.parametrize("attempts", [[0], [None, 0]], ids=["the quarantine object", "the other object"])
def test_a_failure_of_s3_is_raised_and_the_next_delivery_completes_the_batch(
    attempts: list[int | None],
) -> None:
    failure = s3_error(503, "SlowDown")
    harness = Harness(FakeS3([failure if attempt == 0 else None for attempt in attempts]))
    event = stream_event([poison(1), *inserts(2, start=2)])
    with pytest.raises(StorageError):
        harness.deliver(event)
    assert harness.trigger.asked == []
    assert harness.logged["level"] == "ERROR"
    assert "SlowDown" in harness.logged["error"]
    assert "_aws" not in harness.logged
    assert harness.deliver(event) == SUCCESS
    assert quarantined_numbers(harness.s3.lines("telemetry-quarantine/")) == [sequence_number(1)]
    assert written_numbers(harness.s3.lines("telemetry/")) == [sequence_number(2), sequence_number(3)]


def test_halves_of_a_batch_have_other_keys_and_the_same_lines() -> None:
    harness = Harness()
    for part in (inserts(4), inserts(2), inserts(2, start=3)):
        harness.deliver(stream_event(part))
    assert len(harness.s3.requests) == 3
    assert sorted(written_numbers(harness.s3.lines())) == sorted([sequence_number(n) for n in (1, 2, 3, 4)] * 2)


NOT_STREAM_EVENTS: dict[str, Any] = {
    "nothing": None,
    "text": "Records",
    "an array": [],
    "an empty object": {},
    "not an array": {"Records": {}},
    "an S3 event": {"Records": [{"eventSource": "aws:s3", "s3": {}}]},
    "a Kinesis event": {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"data": "e30="}}]},
    "an SQS event among records": {"Records": [*inserts(1), {"eventSource": "aws:sqs"}]},
    "records that are not objects": {"Records": ["x"]},
    "a test event of the console": {"key1": "value1", "key2": "value2"},
    "hostile keys": {"a\nb": 1, "x" * 5_000_000: 2},
}


@pytest.mark.parametrize("event", NOT_STREAM_EVENTS.values(), ids=NOT_STREAM_EVENTS)
def test_an_event_of_another_kind_is_refused_before_anything_is_written(event: Any) -> None:
    harness = Harness()
    with pytest.raises(NotAStreamEventError, match="DynamoDB stream") as caught:
        harness.deliver(event)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert harness.s3.calls == 0


def test_the_log_line_reports_the_batch() -> None:
    harness = Harness()
    harness.deliver(stream_event([poison(1), *inserts(2, start=2)]))
    quarantine_key, key = harness.s3.requests
    expected = {
        "timestamp": "2027-01-15T08:00:00.750Z",
        "level": "WARNING",
        "message": "batch stored",
        "request_id": "8f5c1e0a-request",
        "records": 3,
        "written": 2,
        "bytes": sum(len(request["Body"]) for request in harness.s3.requests.values()),
        "key": key,
        "quarantine_key": quarantine_key,
        "already_stored": False,
        "trigger": "started",
        "trigger_detail": "run 7",
        "write_milliseconds": 250.0,
        "milliseconds": 500.0,
    }
    assert {name: harness.logged[name] for name in expected} == expected
    assert harness.logged["batch"].startswith(f"{sequence_number(1)}-{sequence_number(3)}-")


def test_metrics_are_embedded_in_the_log_line() -> None:
    harness = Harness()
    harness.deliver(stream_event([poison(1), *inserts(2, start=2)]))
    logged = harness.logged
    [described] = logged["_aws"]["CloudWatchMetrics"]
    assert (described["Namespace"], described["Dimensions"]) == (NAMESPACE, [["FunctionName"]])
    assert {metric["Name"]: metric["Unit"] for metric in described["Metrics"]} == UNITS
    assert logged["_aws"]["Timestamp"] == 1_800_000_000_750
    assert logged["FunctionName"] == "chargeminder-unified-processor"
    assert {type(logged[name]) for name in UNITS} == {int}, "CloudWatch drops a metric that is true or false"
    assert {name: logged[name] for name in UNITS} == {"EventsQuarantined": 1, "TriggerStarted": 1, "TriggerFailed": 0}


def test_there_are_three_custom_metrics_because_each_one_costs() -> None:
    assert len(UNITS) == 3


OUTCOMES = [
    ("started", "INFO", (1, 0)),
    ("skipped", "INFO", (0, 0)),
    ("failed", "WARNING", (0, 1)),
    ("off", "INFO", (0, 0)),
]


@pytest.mark.parametrize(("what", "level", "counts"), OUTCOMES)
def test_each_outcome_of_the_trigger_is_counted(what: Any, level: str, counts: tuple[int, int]) -> None:
    harness = Harness(trigger=Recorder(Outcome(what, "why")))
    assert harness.deliver(stream_event(inserts(1))) == SUCCESS
    names = ("TriggerStarted", "TriggerFailed")
    assert (harness.logged["level"], tuple(harness.logged[name] for name in names)) == (level, counts)
    assert (harness.logged["trigger"], harness.logged["trigger_detail"]) == (what, "why")


def test_wrong_trigger_settings_are_counted_for_every_batch() -> None:
    harness = Harness(trigger=without_trigger("DATABRICKS_JOB_ID is missing or empty"))
    assert harness.deliver(stream_event(inserts(1))) == SUCCESS
    assert harness.logged["TriggerFailed"] == 1
    assert harness.logged["trigger_detail"] == "DATABRICKS_JOB_ID is missing or empty"


def test_no_trigger_is_neither_a_failure_nor_a_skip() -> None:
    harness = Harness(trigger=without_trigger(None))
    harness.deliver(stream_event(inserts(1)))
    assert (harness.logged["trigger"], harness.logged["TriggerStarted"], harness.logged["TriggerFailed"]) == (
        "off",
        0,
        0,
    )


@pytest.mark.parametrize(
    ("arn", "owner"),
    [
        (Context.invoked_function_arn, "123456789012"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:stream-to-s3:live", "123456789012"),
        ("arn:aws:lambda:eu-west-1::function:stream-to-s3", None),
        ("stream-to-s3", None),
        ("", None),
    ],
)
def test_the_bucket_must_belong_to_the_account_of_the_function(arn: str, owner: str | None) -> None:
    harness = Harness()
    harness.context.invoked_function_arn = arn
    harness.deliver(stream_event([poison(1), *inserts(2, start=2)]))
    assert [request.get("ExpectedBucketOwner") for request in harness.s3.requests.values()] == [owner] * 2


def test_without_a_function_in_the_context_no_owner_is_expected() -> None:
    harness = Harness()
    harness.context = SimpleNamespace(aws_request_id="r", get_remaining_time_in_millis=lambda: 1000)
    assert harness.deliver(stream_event(inserts(1))) == SUCCESS
    assert "ExpectedBucketOwner" not in harness.s3.requests.popitem()[1]


def test_a_line_end_in_hostile_data_cannot_forge_a_log_line() -> None:
    harness = Harness()
    harness.deliver(stream_event([record(1, {"a": {"N": '\n{"level":"ERROR"}'}}, eventName="\nINSERT")]))
    assert len(harness.printed) == 1
    assert harness.printed[0].count("\n") == 1
