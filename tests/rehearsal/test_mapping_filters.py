"""Filter criteria: what each operator matches in a record of a DynamoDB stream, and what is refused."""

import json
from typing import Any

import pytest

from rehearsal.errors import MappingSettingsError
from rehearsal.mapping.filters import Filters
from rehearsal.mapping.settings import MappingSettings
from support.stream_events import TTL_IDENTITY, record

RECORD = record(
    7,
    {
        "event_id": {"S": "event-7"},
        "speed": {"N": "42"},
        "parked": {"BOOL": False},
        "note": {"S": ""},
        "tags": {"L": [{"S": "fleet"}, {"S": "north"}]},
        "nothing": {"NULL": True},
        'q"uote': {"S": "line\nend `;'../"},
    },
    SizeBytes=2000,
)


def new(attribute: str, typed: dict[str, Any]) -> dict[str, Any]:
    return {"dynamodb": {"NewImage": {attribute: typed}}}


def matches(*patterns: dict[str, Any], found: dict[str, Any] = RECORD) -> bool:
    return Filters.of([json.dumps(pattern) for pattern in patterns]).predicate()(found)


MATCHING = {
    "the name of the event": {"eventName": ["INSERT", "MODIFY"]},
    "a key": {"dynamodb": {"Keys": {"event_id": {"S": ["event-7"]}}}},
    "empty text": new("note", {"S": [""]}),
    "a boolean": new("parked", {"BOOL": [False]}),
    "a number as the text that it is": new("speed", {"N": ["42"]}),
    "prefix": new("event_id", {"S": [{"prefix": "event-"}]}),
    "suffix": new("event_id", {"S": [{"suffix": "-7"}]}),
    "ignoring case": new("event_id", {"S": [{"equals-ignore-case": "EVENT-7"}]}),
    "anything but": new("event_id", {"S": [{"anything-but": ["event-8", "event-9"]}]}),
    "anything but one": new("event_id", {"S": [{"anything-but": "event-8"}]}),
    "exists": new("speed", {"N": [{"exists": True}]}),
    "exists in a list": new("tags", {"L": {"S": [{"exists": True}]}}),
    "does not exist": new("deleted", {"S": [{"exists": False}]}),
    "exists is for leaves, so a map does not": {"dynamodb": {"NewImage": [{"exists": False}]}},
    "one of a list's entries": new("tags", {"L": {"S": ["north"]}}),
    "a number of the record itself": {"dynamodb": {"SizeBytes": [{"numeric": [">", 1999, "<=", 2000]}]}},
    "the same number": {"dynamodb": {"SizeBytes": [2000]}},
    "one rule of two": {"eventName": ["REMOVE", {"prefix": "INS"}]},
    "one alternative": {"$or": [{"eventName": ["REMOVE"]}, {"awsRegion": ["eu-west-1"]}]},
    "all keys": {"eventName": ["INSERT"], "awsRegion": ["eu-west-1"]},
    "a hostile name and text": new('q"uote', {"S": ["line\nend `;'../"]}),
}
MISSING = {
    "another event": {"eventName": ["REMOVE"]},
    "an attribute that is not there": new("speeds", {"N": ["42"]}),
    "an attribute's number compared": new("speed", {"N": [{"numeric": ["=", 42]}]}),
    "an attribute's number": new("speed", {"N": [42]}),
    "the same number written otherwise": {"dynamodb": {"SizeBytes": [2000.0]}},
    "exists at a map": {"dynamodb": {"NewImage": [{"exists": True}]}},
    "null for a typed null": new("nothing", {"NULL": [None]}),
    "another case": new("event_id", {"S": ["EVENT-7"]}),
    "anything but this": new("event_id", {"S": [{"anything-but": ["event-7"]}]}),
    "anything but, of what is not there": new("gone", {"S": [{"anything-but": ["x"]}]}),
    "false for 0": {"dynamodb": {"SizeBytes": [False]}},
    "one key of two": {"eventName": ["INSERT"], "awsRegion": ["us-east-1"]},
    "no alternative": {"$or": [{"eventName": ["REMOVE"]}, {"awsRegion": ["us-east-1"]}]},
}


@pytest.mark.parametrize("pattern", MATCHING.values(), ids=MATCHING)
def test_a_pattern_that_matches(pattern: dict[str, Any]) -> None:
    assert matches(pattern)


@pytest.mark.parametrize("pattern", MISSING.values(), ids=MISSING)
def test_a_pattern_that_does_not_match(pattern: dict[str, Any]) -> None:
    assert not matches(pattern)


def test_one_pattern_of_several_is_enough() -> None:
    assert matches({"eventName": ["REMOVE"]}, {"eventName": ["INSERT"]})


def test_no_pattern_lets_everything_through() -> None:
    assert matches()


def test_expiries_are_told_from_deletes_by_who_made_them() -> None:
    expired = {"userIdentity": {"type": ["Service"], "principalId": ["dynamodb.amazonaws.com"]}}
    assert matches(expired, found=record(1, old={}, userIdentity=TTL_IDENTITY))
    assert not matches(expired, found=record(1, old={}))


REFUSED = {
    "not JSON": "{eventName}",
    "not an object": "[]",
    "empty": "{}",
    "a bare value": '{"eventName": "INSERT"}',
    "no rules": '{"eventName": []}',
    "an array among the rules": '{"eventName": [["INSERT"]]}',
    "an unknown operator": '{"eventName": [{"wildcard": "*"}]}',
    "two operators": '{"eventName": [{"prefix": "a", "suffix": "b"}]}',
    "prefix of a number": '{"eventName": [{"prefix": 7}]}',
    "exists of a text": '{"eventName": [{"exists": "yes"}]}',
    "numeric without a number": '{"a": [{"numeric": [">", "7"]}]}',
    "numeric without an array": '{"a": [{"numeric": 7}]}',
    "numeric with half a comparison": '{"a": [{"numeric": [">", 7, "<"]}]}',
    "numeric with another sign": '{"a": [{"numeric": ["!=", 7]}]}',
    "anything-but of nothing": '{"a": [{"anything-but": []}]}',
    "anything-but of an object": '{"a": [{"anything-but": {"prefix": "x"}}]}',
    "$or of nothing": '{"$or": []}',
    "too long": json.dumps({"a": ["x" * 4096]}),
    "5 MB": json.dumps({"a": ["x" * 5_000_000]}),
    "too deep for JSON": "[" * 4_000,
    "too deep": '{"a":' * 600 + "[1]" + "}" * 600,
    "NaN": '{"a": [NaN]}',
}


@pytest.mark.parametrize("pattern", REFUSED.values(), ids=REFUSED)
def test_a_pattern_is_refused_in_one_sentence(pattern: str) -> None:
    with pytest.raises(MappingSettingsError) as raised:
        Filters.of([pattern])
    assert len(str(raised.value)) < 400
    assert "\n" not in str(raised.value)


def test_eleven_filters_are_too_many() -> None:
    with pytest.raises(MappingSettingsError, match="11 filters"):
        Filters.of(['{"a": [1]}'] * 11)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BatchSize", 0),
        ("BatchSize", 10_001),
        ("BatchSize", "100"),
        ("BatchSize", True),
        ("MaximumBatchingWindowInSeconds", 301),
        ("ParallelizationFactor", 11),
        ("MaximumRetryAttempts", -2),
        ("MaximumRecordAgeInSeconds", 59),
        ("MaximumRecordAgeInSeconds", 604_801),
        ("StartingPosition", "AT_TIMESTAMP"),
    ],
)
def test_a_setting_out_of_its_range_is_refused_with_its_name(name: str, value: object) -> None:
    with pytest.raises(MappingSettingsError, match=f"{name} is {value!r}"):
        MappingSettings.of({name: value})


def test_settings_are_read_from_what_the_api_is_called_with() -> None:
    parameters = {
        "EventSourceArn": "arn:...",
        "BatchSize": 1000,
        "MaximumBatchingWindowInSeconds": 5,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "FilterCriteria": {"Filters": [{"Pattern": '{"eventName":["INSERT"]}'}]},
    }
    assert MappingSettings.of(parameters) == MappingSettings(
        batch_size=1000,
        batching_window=5,
        bisect_batch_on_function_error=True,
        report_batch_item_failures=True,
        filters=Filters.of(['{"eventName":["INSERT"]}']),
    )
