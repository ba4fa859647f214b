"""Property test: every record ends exactly once, in order for its item, as the journal says."""

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.aws.mapping.journal import Attempt, Ended, Journal
from rehearsal.aws.mapping.on_failure import Discarded, invocation_record
from rehearsal.aws.mapping.poller import Poller, drain
from rehearsal.aws.mapping.response import FunctionError, NotInvoked, Outcome, Returned
from rehearsal.aws.mapping.settings import MappingSettings
from rehearsal.aws.mapping.stream import RETENTION_SECONDS
from rehearsal.errors import DeliveryError
from support.clock import Clock
from support.memory_stream import MemoryStream

SETTINGS = st.builds(
    MappingSettings,
    batch_size=st.integers(1, 5),
    batching_window_seconds=st.sampled_from([0, 5]),
    max_retries=st.sampled_from([-1, 1, 2]),
    max_record_age_seconds=st.sampled_from([-1, 60, 600]),
    bisect=st.booleans(),
    report_failures=st.booleans(),
)
ANSWERS = st.one_of(
    st.sampled_from(["ok", "raise", "throttle", "null", "empty", "strange", "unknown", "wrong key"]),
    st.lists(st.integers(0, 4), min_size=1, max_size=3),
)
PUTS = st.lists(
    st.tuples(st.sampled_from("xyz"), st.sampled_from([0.0, 0.0, 0.0, 3.0, 90.0, 1000.0, 90_000.0])), max_size=14
)


@dataclass
class Script:
    """A function with given answers, then success; a bucket that is up or down."""

    answers: list[Any]
    deliveries: list[bool]
    documents: list[Discarded] = field(default_factory=list)

    def invoke(self, event: dict[str, Any]) -> Outcome:
        """Call the function."""
        numbers = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        answer = self.answers.pop(0) if self.answers else "ok"
        if isinstance(answer, list):
            named = [{"itemIdentifier": numbers[place % len(numbers)]} for place in answer]
            return Returned({"batchItemFailures": named})
        outcomes: dict[str, Outcome] = {
            "ok": Returned({"batchItemFailures": []}),
            "raise": FunctionError({"errorType": "StorageError"}),
            "throttle": NotInvoked("Rate Exceeded."),
            "null": Returned(None),
            "empty": Returned({}),
            "strange": Returned("done"),
            "unknown": Returned({"batchItemFailures": [{"itemIdentifier": "17"}]}),
            "wrong key": Returned({"batchItemFailures": [{"identifier": numbers[-1]}]}),
        }
        return outcomes[answer]

    def deliver(self, discarded: Discarded) -> None:
        """Deliver to the bucket."""
        if self.deliveries and not self.deliveries.pop(0):
            raise DeliveryError("the bucket is down")
        self.documents.append(discarded)


def succeeded(attempt: Attempt, report: bool) -> set[str]:
    """Return what an attempt handled, by a second implementation of the rules."""
    ids = [record.event_id for record in attempt.records]
    if not isinstance(attempt.outcome, Returned):
        return set()
    value = attempt.outcome.value
    if not report or not value or (isinstance(value, dict) and not value.get("batchItemFailures")):
        return set(ids)
    if not isinstance(value, dict):
        return set()
    failed = {entry.get("itemIdentifier") for entry in value["batchItemFailures"]}
    numbers = [record.sequence_number for record in attempt.records]
    if not failed <= set(numbers):
        return set()
    return {event_id for event_id, number in zip(ids, numbers, strict=True) if all(number < other for other in failed)}


def overtaken(happened: list[Attempt | Ended], items: dict[str, str], unread: set[str]) -> list[str]:
    """Return the records that were neither finished nor in front when a later record of their item was sent."""
    order, done, found = list(items), set(unread), []
    for happening in happened:
        ids = [record.event_id for record in happening.records]
        if isinstance(happening, Ended):
            done.update(ids)
            continue
        for place, event_id in enumerate(ids):
            before = [other for other in order[: order.index(event_id)] if items[other] == items[event_id]]
            found += [other for other in before if other not in done and other not in ids[:place]]
    return found


@settings(max_examples=300)
@given(
    chosen=SETTINGS,
    answers=st.lists(ANSWERS, max_size=25),
    deliveries=st.lists(st.booleans(), max_size=4),
    puts=PUTS,
    split_after=st.integers(0, 14),
)
def test_every_record_ends_once_and_in_order(
    chosen: MappingSettings, answers: list[Any], deliveries: list[bool], puts: list[Any], split_after: int
) -> None:
    clock, journal, script = Clock(), Journal(), Script(answers, deliveries)
    happened: list[Attempt | Ended] = []

    def watch(happening: Attempt | Ended) -> None:
        happened.append(happening)
        journal(happening)

    stream = MemoryStream(clock)
    poller = Poller(stream, script.invoke, chosen, clock=clock, destination=script, watch=watch)
    items: dict[str, str] = {}
    made: dict[str, float] = {}
    for place, (item, pause) in enumerate(puts):
        if place == split_after:
            stream.open("shard-2", "shard-1")
            stream.close("shard-1")
        event_id = stream.put(item, "shard-2" if place >= split_after else "shard-1")
        items[event_id], made[event_id] = item, clock()
        poller.step()
        clock.sleep(pause)
    drain(poller, clock.sleep)

    unread = set(items) - set(journal.fates)
    assert all(len(fates) == 1 for fates in journal.fates.values())
    assert all(clock() - made[event_id] >= RETENTION_SECONDS for event_id in unread)
    handled = {event_id for event_id, fates in journal.fates.items() if fates == ["handled"]}
    by_the_rules: set[str] = set()
    for attempt in journal.attempts:
        by_the_rules |= succeeded(attempt, chosen.report_failures)
    assert handled == by_the_rules
    for item in "xyz":
        ended = [event_id for event_id in journal.fates if items[event_id] == item]
        assert ended == [event_id for event_id in items if items[event_id] == item and event_id not in unread]
    assert overtaken(happened, items, unread) == []
    sent = [json.loads(invocation_record(entry, "arn", "id")["payload"]) for entry in script.documents]
    delivered = [record["eventID"] for event in sent for record in event["Records"]]
    assert sorted(delivered) == sorted(key for key, fates in journal.fates.items() if fates == ["on_failure"])
