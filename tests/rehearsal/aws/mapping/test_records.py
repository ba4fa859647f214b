"""Records of the streams API as records of a Lambda event, and what is sent to the on-failure destination."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from rehearsal.aws.mapping.on_failure import Discarded, invocation_record, object_key
from rehearsal.aws.mapping.records import DeliveredRecord, event_record
from rehearsal.aws.mapping.response import FunctionError, Outcome, Returned
from rehearsal.aws.mapping.settings import MappingSettings
from support.clock import Clock
from support.mapping_stage import MappingStage
from support.memory_stream import ARN, MemoryStream
from support.stream_events import record as lambda_record
from support.stream_events import typed_item

AT = datetime(2026, 11, 23, 7, 5, 4, tzinfo=UTC)
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:chargeminder-unified-processor"


def api_record(**changes: Any) -> dict[str, Any]:
    image = {"event_id": {"S": "event-1"}, "raw": {"B": b"\x00\xff"}, "set": {"BS": [b"", b"a"]}, "map": {"M": {}}}
    return {
        "eventID": "a" * 32,
        "eventName": "REMOVE",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "eu-west-1",
        "dynamodb": {
            "ApproximateCreationDateTime": AT,
            "Keys": {"event_id": {"S": "event-1"}},
            "OldImage": {**image, "deep": {"L": [{"M": {"inner": {"B": b"a"}}}]}},
            "SequenceNumber": "400000000000000000001",
            "SizeBytes": 26,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
        **changes,
    }


def test_it_has_the_keys_of_a_lambda_event() -> None:
    old = typed_item({"event_id": "event-1"})
    expired = api_record(userIdentity={"PrincipalId": "dynamodb.amazonaws.com", "Type": "Service"})
    expected = lambda_record(1, old=old, userIdentity={"type": "Service", "principalId": "dynamodb.amazonaws.com"})
    found = event_record(expired, expected["eventSourceARN"])
    assert found.keys() == expected.keys()
    assert found["dynamodb"].keys() == expected["dynamodb"].keys()
    assert found["userIdentity"] == expected["userIdentity"]
    assert (found["awsRegion"], found["eventSourceARN"]) == (expected["awsRegion"], expected["eventSourceARN"])


def test_a_record_without_an_identity_has_none() -> None:
    assert "userIdentity" not in event_record(api_record(), ARN)


@pytest.mark.parametrize(
    ("time", "seconds"),
    [(AT, 1795417504), (AT.replace(microsecond=250_000), 1795417504.25), (AT.replace(tzinfo=None), 1795417504)],
    ids=["whole", "with milliseconds", "without a zone"],
)
def test_the_time_is_a_number_of_seconds(time: datetime, seconds: float) -> None:
    record = api_record()
    record["dynamodb"]["ApproximateCreationDateTime"] = time
    found = event_record(record, ARN)["dynamodb"]["ApproximateCreationDateTime"]
    assert (found, type(found)) == (seconds, type(seconds))


def test_binary_is_base64_text_at_every_depth() -> None:
    image = event_record(api_record(), ARN)["dynamodb"]["OldImage"]
    assert image["raw"] == {"B": "AP8="}
    assert image["set"] == {"BS": ["", "YQ=="]}
    assert image["map"] == {"M": {}}
    assert image["deep"] == {"L": [{"M": {"inner": {"B": "YQ=="}}}]}
    assert json.loads(json.dumps(image)) == image


def some_records(count: int = 2) -> list[DeliveredRecord]:
    clock = Clock(AT.timestamp())
    stream = MemoryStream(clock)
    for number in range(count):
        clock.sleep(number)
        stream.put(f'it\'s "{number}"\n`../')
    return [
        DeliveredRecord.of(record, ARN)
        for record in stream.read(stream.iterator("shard-1", "TRIM_HORIZON"), 10).records
    ]


def discarded(outcome: Outcome | None) -> Discarded:
    return Discarded(some_records(), "shard-1", ARN, "RetryAttemptsExhausted", 3, outcome, AT.timestamp() + 60.5)


def test_the_destination_is_sent_the_documented_fields() -> None:
    document = invocation_record(discarded(FunctionError({"errorType": "ValueError"})), FUNCTION, "request-1")
    payload = document.pop("payload")
    assert document == {
        "requestContext": {
            "requestId": "request-1",
            "functionArn": FUNCTION,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-11-23T07:06:04.500Z",
        "DDBStreamBatchInfo": {
            "shardId": "shard-1",
            "startSequenceNumber": "400000000000000000001",
            "endSequenceNumber": "400000000000000000002",
            "approximateArrivalOfFirstRecord": "2026-11-23T07:05:04Z",
            "approximateArrivalOfLastRecord": "2026-11-23T07:05:05Z",
            "batchSize": 2,
            "streamArn": ARN,
        },
    }
    assert isinstance(payload, str)
    assert json.loads(payload) == {"Records": [record.event for record in some_records()]}


@pytest.mark.parametrize(
    ("outcome", "context"),
    [(None, None), (Returned({}), {"statusCode": 200, "executedVersion": "$LATEST", "functionError": None})],
    ids=["never invoked", "returned failures"],
)
def test_the_response_is_that_of_the_last_invocation(outcome: Outcome | None, context: object) -> None:
    assert invocation_record(discarded(outcome), FUNCTION, "request-1")["responseContext"] == context


def test_the_key_is_the_documented_one() -> None:
    found = object_key("f89f8514-cdd9-4602-9e1f-01a5b77d449b", "shardId-1", AT.timestamp(), "unique")
    assert found == "aws/lambda/f89f8514-cdd9-4602-9e1f-01a5b77d449b/shardId-1/2026/11/23/2026-11-23T07.05.04-unique"


def test_each_discarded_record_is_in_the_documents_once_and_unchanged() -> None:
    stage = MappingStage(MappingSettings(max_record_age_seconds=600))
    stage.put(["a", "b", "POISON", "c", "d"])
    stage.run()
    events = [json.loads(invocation_record(entry, FUNCTION, "r")["payload"]) for entry in stage.delivered]
    names = [record["dynamodb"]["Keys"]["event_id"]["S"] for event in events for record in event["Records"]]
    assert names == ["POISON", "c", "d"]
    assert {entry.condition for entry in stage.delivered} == {"RecordAgeExceeded"}
    assert [entry.outcome is None for entry in stage.delivered] == [False] * 2
