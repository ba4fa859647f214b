"""The state that a producer expects is the state of the table and its stream."""

import sys
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from boto3.dynamodb.types import TypeDeserializer

from rehearsal.aws.cloud import Cloud, cloud
from rehearsal.aws.mapping.stream import DynamoDbStream
from rehearsal.errors import FleetError, ProducerError
from rehearsal.producer import Action, Producer, fleet_actions, with_poison
from support.clock import Clock

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(sys.platform == "win32", reason="an emulator's supervisor waits on a pipe"),
]


@pytest.fixture(scope="module")
def local() -> Iterator[Cloud]:
    with cloud() as found:
        yield found


@pytest.fixture(scope="module")
def changes() -> list[Action]:
    return fleet_actions(events=150, vehicles=5, seed=3)


@pytest.fixture
def table(local: Cloud) -> tuple[str, DynamoDbStream, Producer]:
    name = f"table-{uuid4()}"
    arn = local.create_table(name)
    clock = Clock()
    producer = Producer(local.client("dynamodb"), name, clock=clock, sleep=clock.sleep)
    return name, DynamoDbStream(local.client("dynamodbstreams"), arn, producer.rewrite), producer


def stream_records(stream: DynamoDbStream) -> list[Any]:
    (shard,) = stream.shards()
    found: list[Any] = []
    iterator: str | None = stream.iterator(shard.shard_id, "TRIM_HORIZON")
    while iterator and (page := stream.read(iterator, 1000)).records:
        found += page.records
        iterator = page.next_iterator
    return found


def stored(local: Cloud, name: str) -> dict[str, Any]:
    plain = TypeDeserializer().deserialize
    pages = local.client("dynamodb").get_paginator("scan").paginate(TableName=name)
    items = [item for page in pages for item in page["Items"]]
    return {item["event_id"]["S"]: {key: plain(value) for key, value in item.items()} for item in items}


def exact(value: Any) -> Any:
    """Return numbers as DynamoDB returns them."""
    match value:
        case bool():
            return value
        case int() | float():
            return Decimal(repr(value))
        case dict():
            return {key: exact(entry) for key, entry in value.items()}
        case list():
            return [exact(entry) for entry in value]
    return value


def put(event_id: str, **attributes: Any) -> Action:
    return Action("put", event_id, {"event_id": event_id, "signals": [], **attributes})


def test_the_table_and_the_stream_are_what_is_expected(local: Cloud, table: Any, changes: list[Action]) -> None:
    name, stream, producer = table
    producer.play(with_poison(changes, every=30))
    expected = producer.expected
    assert stored(local, name) == {key: exact(state.item) for key, state in expected.items() if state.is_stored}
    records = stream_records(stream)
    counts = Counter(record["dynamodb"]["Keys"]["event_id"]["S"] for record in records)
    assert counts == {key: state.records for key, state in expected.items()}
    expired = {record["dynamodb"]["Keys"]["event_id"]["S"] for record in records if "userIdentity" in record}
    assert expired == {key for key, state in expected.items() if state.expired}
    removed = [record for record in records if record["eventName"] == "REMOVE"]
    assert 0 < len(expired) < len(removed)


def test_a_fleet_inserts_changes_deletes_and_lets_expire(changes: list[Action]) -> None:
    kinds = Counter(change.kind for change in changes)
    assert kinds.keys() == {"put", "delete", "expire"}
    assert len({change.event_id for change in changes}) == 150
    assert kinds["put"] > 150
    assert all("_stream_metadata" not in (change.item or {}) for change in changes)
    assert changes == fleet_actions(events=150, vehicles=5, seed=3)


def test_an_impossible_fleet_is_refused_with_the_reason() -> None:
    with pytest.raises(FleetError, match="0 events is not a possible fleet"):
        fleet_actions(events=0, vehicles=5, seed=3)


def test_poison_comes_in_every_kind_and_never_twice_under_one_id(changes: list[Action]) -> None:
    bad = [change for change in with_poison(changes, every=10) if change.poison]
    assert {(change.poison.found_by, change.poison.reason) for change in bad if change.poison} == {
        ("lambda", "reserved_attribute"),
        ("job", "bad_signals"),
        ("job", "bad_event_id"),
    }
    assert len({change.event_id for change in bad}) == len(bad)
    assert all(change.item and change.item["event_id"] == change.event_id for change in bad)


def test_the_newest_state_after_each_kind_of_change(table: Any) -> None:
    _, stream, producer = table
    for change in (put("a", n=1), put("a", n=2), put("b"), Action("delete", "b"), put("b", n=3), put("c"), put("c")):
        producer.make(change)
    producer.make(Action("expire", "c"))
    states = {
        key: (state.item.get("n"), state.deleted, state.expired, state.records)
        for key, state in producer.expected.items()
    }
    assert states == {
        "a": (2, False, False, 2),
        "b": (3, False, False, 3),
        "c": (None, False, True, 2),
    }
    assert len(stream_records(stream)) == 7


def test_numbers_and_hostile_texts_stay_unchanged(local: Cloud, table: Any) -> None:
    name, _, producer = table
    item = {"n": 2**53 + 1, "f": 0.1, "small": 1e-7, "none": None, "yes": True, "": "", "'; DROP `x`\n../": "\u0000é😀"}
    del item[""]
    producer.make(put('it\'s "é" `;\n../', **item))
    (found,) = stored(local, name).values()
    assert found == exact({"event_id": 'it\'s "é" `;\n../', "signals": [], **item})


def test_changes_are_made_at_the_given_rate(local: Cloud, table: Any) -> None:
    name, _, _ = table
    clock = Clock(1000.0)
    producer = Producer(local.client("dynamodb"), name, clock=clock, sleep=clock.sleep, rate=4)
    producer.play(put(f"event-{number}") for number in range(5))
    assert [made.at for made in producer.made] == [1000.0, 1000.25, 1000.5, 1000.75, 1001.0]


def test_playing_can_be_stopped(table: Any) -> None:
    _, _, producer = table
    producer.play((put(f"event-{number}") for number in range(5)), stop=lambda: len(producer.made) == 2)
    assert len(producer.made) == 2


@pytest.mark.parametrize(
    ("before", "change", "why"),
    [
        ([], Action("delete", "a"), "put it before the delete"),
        ([], Action("expire", "a"), "put it before the expire"),
        ([put("a"), Action("delete", "a")], Action("delete", "a"), "put it before the delete"),
        ([put("a"), Action("delete", "a"), put("a")], Action("expire", "a"), "already removed in another way"),
        ([put("a"), Action("expire", "a"), put("a")], Action("delete", "a"), "already removed in another way"),
    ],
    ids=["delete of nothing", "expiry of nothing", "second delete", "expiry after delete", "delete after expiry"],
)
def test_a_removal_with_the_same_record_as_another_is_refused(
    table: Any, before: list[Action], change: Action, why: str
) -> None:
    _, _, producer = table
    producer.play(before)
    states = dict(producer.expected)
    with pytest.raises(ProducerError, match=why):
        producer.make(change)
    assert producer.expected == states
