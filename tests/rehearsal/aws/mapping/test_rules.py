"""Rules of a mapping that the scenarios do not show."""

from dataclasses import replace
from typing import Any

import pytest

from rehearsal.aws.mapping.batches import BatchingWindow
from rehearsal.aws.mapping.journal import Attempt, Ended, Journal
from rehearsal.aws.mapping.lane import exponential
from rehearsal.aws.mapping.poller import Driver, Poller, drain
from rehearsal.aws.mapping.records import DeliveredRecord
from rehearsal.aws.mapping.response import Outcome, Returned, failed_from
from rehearsal.aws.mapping.settings import MappingSettings
from rehearsal.aws.runtime import MOST_BYTES
from rehearsal.errors import IteratorExpiredError, TrimmedDataError
from support.clock import Clock
from support.mapping_stage import MappingStage
from support.memory_stream import MemoryStream

NO_WINDOW = MappingSettings(batching_window_seconds=0, bisect=False)
NUMBERS = ["400000000000000000009", "400000000000000000010", "400000000000000000011"]


def failures(*names: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": name} for name in names]}


ANSWERS: dict[str, tuple[Any, int | None]] = {
    "null": (None, None),
    "an empty object": ({}, None),
    "an empty list": ({"batchItemFailures": []}, None),
    "a null list": ({"batchItemFailures": None}, None),
    "another object": ({"statusCode": 200}, None),
    "the first": (failures(NUMBERS[0]), 0),
    "the last": (failures(NUMBERS[2]), 2),
    "the lowest of several, whatever their order": (failures(NUMBERS[2], NUMBERS[1]), 1),
    "the same twice": (failures(NUMBERS[1], NUMBERS[1]), 1),
    "an empty identifier": (failures(""), 0),
    "a null identifier": (failures(None), 0),
    "a number, not text": (failures(400000000000000000010), 0),
    "an identifier that is not of the batch": (failures("400000000000000000017"), 0),
    "one of the batch and one that is not": (failures(NUMBERS[2], "17"), 0),
    "another key": ({"batchItemFailures": [{"identifier": NUMBERS[2]}]}, 0),
    "numbers without a key": ({"batchItemFailures": [NUMBERS[2]]}, 0),
    "an object for the list": ({"batchItemFailures": {"itemIdentifier": NUMBERS[2]}}, 0),
    "a hostile identifier": (failures("'; DROP TABLE x;\n../" * 1000), 0),
    "a text": ("done", 0),
    "a number": (7, 0),
    "true": (True, 0),
    "a list": ([1], 0),
}


@pytest.mark.parametrize(("value", "first"), ANSWERS.values(), ids=ANSWERS)
def test_the_index_of_the_first_failure(value: Any, first: int | None) -> None:
    assert failed_from(value, NUMBERS) == first


def test_back_off_doubles_up_to_a_minute() -> None:
    assert [exponential(failures) for failures in (1, 2, 3, 6, 7, 8, 10_000)] == [1, 2, 4, 32, 60, 60, 60]


def test_an_expired_iterator_is_renewed_after_the_last_number() -> None:
    stage = MappingStage(NO_WINDOW)
    stage.put(["a", "b"])
    stage.run()
    stage.sleep(16 * 60)
    stage.put(["c"])
    stage.run()
    assert stage.ends() == "handled a b c"
    assert stage.sizes() == "2, 1"


def test_records_between_a_trimmed_place_and_the_oldest_record_are_skipped() -> None:
    stage = MappingStage(NO_WINDOW)
    stage.put(["a"])
    stage.run()
    stage.put(["b"])
    stage.sleep(24 * 3600)
    stage.put(["c"])
    stage.run()
    assert stage.ends() == "handled a c; never read b"


def test_a_stream_refuses_old_iterators_and_old_places() -> None:
    clock = Clock()
    stream = MemoryStream(clock)
    stream.put("a")
    iterator = stream.iterator("shard-1", "TRIM_HORIZON")
    clock.sleep(15 * 60)
    with pytest.raises(IteratorExpiredError):
        stream.read(iterator, 10)
    clock.sleep(24 * 3600)
    with pytest.raises(TrimmedDataError):
        stream.iterator("shard-1", "AFTER_SEQUENCE_NUMBER", "400000000000000000001")


def test_a_batch_that_was_interrupted_is_delivered_again() -> None:
    stage = MappingStage(NO_WINDOW)
    calls = []

    def interrupted(event: dict[str, Any]) -> Outcome:
        calls.append(len(event["Records"]))
        if len(calls) == 1:
            raise KeyboardInterrupt
        return Returned(None)

    stage.answer = interrupted
    stage.put(["a", "b"])
    with pytest.raises(KeyboardInterrupt):
        stage.poller.step()
    stage.run()
    assert calls == [2, 2]
    assert stage.ends() == "handled a b"


def test_a_grandchild_waits_for_both() -> None:
    stage = MappingStage(replace(NO_WINDOW, max_retries=1))
    for shard_id, parent_id in (("shard-3", "shard-2"), ("shard-2", "shard-1")):
        stage.stream.open(shard_id, parent_id)
    for shard_id in ("shard-3", "shard-2", "shard-1"):
        stage.put([shard_id, "POISON"], shard_id)
    stage.stream.close("shard-1")
    stage.stream.close("shard-2")
    stage.run()
    assert [attempt.shard_id for attempt in stage.journal.attempts] == [f"shard-{n}" for n in (1, 1, 2, 2, 3, 3)]


def test_a_child_of_an_unknown_parent_is_read() -> None:
    stage = MappingStage(NO_WINDOW)
    stage.stream.open("shard-9", "shard-that-is-gone")
    stage.put(["a"], "shard-9")
    stage.run()
    assert stage.ends() == "handled a"


def test_two_shards_without_a_parent_do_not_wait_for_one_another() -> None:
    stage = MappingStage(replace(NO_WINDOW, max_retries=5))
    stage.stream.open("shard-2")
    stage.put(["POISON"])
    stage.put(["a"], "shard-2")
    stage.poller.step()
    assert stage.ends() == "handled a; never read POISON"


def test_a_record_beyond_6_megabytes_goes_alone() -> None:
    stage = MappingStage(MappingSettings(batching_window_seconds=60))
    stage.put(["a"])
    stage.put(["b"], image={"S": "x" * 7_000_000})
    stage.put(["c"])
    stage.run()
    assert stage.journal.sizes() == [1, 1, 1]


def sized(bytes_: int) -> DeliveredRecord:
    return DeliveredRecord({"eventID": "x"}, "400000000000000000001", 0.0, bytes_)


def test_a_batch_may_have_exactly_6_megabytes() -> None:
    room = MOST_BYTES - len('{"Records":[,]}')
    for spare, size in ((0, 2), (-1, 1)):
        window = BatchingWindow(MappingSettings(batching_window_seconds=60))
        window.add(sized(1000), 0)
        window.add(sized(room - 1000 - spare), 0)
        assert window.is_full
        assert len(window.take()) == size


def test_the_bytes_of_earlier_batches_do_not_fill_a_window() -> None:
    window = BatchingWindow(MappingSettings(batch_size=2, batching_window_seconds=60))
    for _ in range(1000):
        window.add(sized(MOST_BYTES // 3), 0)
        window.add(sized(MOST_BYTES // 3), 0)
        window.take()
    assert window.is_empty
    window.add(sized(MOST_BYTES - len('{"Records":[]}') - 1), 5)
    assert (window.is_full, window.due()) == (False, 65)
    window.add(sized(1), 5)
    assert (window.is_full, window.due()) == (True, 5)


def test_no_more_is_read_while_a_batch_waits_behind_one_that_fails() -> None:
    stage = MappingStage(replace(NO_WINDOW, batch_size=3))
    stage.put(["POISON", *(f"item-{number}" for number in range(50))])
    stage.run_until(600)
    assert stage.stream.handed_out == 6
    assert set(stage.journal.sizes()) == {3}


def test_records_are_delivered_again_after_an_error_of_the_watch() -> None:
    clock, journal, failing = Clock(), Journal(), [True]
    stream = MemoryStream(clock)

    def watch(happening: Attempt | Ended) -> None:
        if failing and isinstance(happening, Ended) and failing.pop():
            raise OSError("the screen is gone")
        journal(happening)

    poller = Poller(stream, lambda event: Returned(None), NO_WINDOW, clock=clock, watch=watch)
    ids = [stream.put("a"), stream.put("b")]
    with pytest.raises(OSError, match="the screen is gone"):
        poller.step()
    drain(poller, clock.sleep)
    assert journal.fates == {ids[0]: ["handled"], ids[1]: ["handled"]}


def test_a_driver_raises_the_error_of_a_step() -> None:
    clock = Clock()
    stream = MemoryStream(clock)
    stream.put("a")

    def broken(event: dict[str, Any]) -> Outcome:
        raise OSError("the function is gone")

    poller = Poller(stream, broken, NO_WINDOW, clock=clock)
    with pytest.raises(OSError, match="the function is gone"), Driver(poller) as driver:
        driver.wait(60)
