"""Scenarios of a mapping: what is put, when the function and the bucket fail, and what comes of it.

`python -m rehearsal.mapping.scenarios` prints them as the table of docs/mapping.md.
"""

from collections.abc import Callable
from typing import Any, Final

from rehearsal.mapping.response import Returned
from rehearsal.mapping.settings import MappingSettings
from rehearsal.mapping.stage import Scenario, World

FIVE: Final = ("a", "b", "POISON", "c", "d")


def _items(*items: str) -> Callable[[World], None]:
    def play(world: World) -> None:
        world.put(items)
        world.run()

    return play


def _many(count: int, **image: Any) -> Callable[[World], None]:
    def play(world: World) -> None:
        world.put([f"item-{number}" for number in range(count)], **image)
        world.run()

    return play


def _arriving(*times: float) -> Callable[[World], None]:
    def play(world: World) -> None:
        for time in times:
            world.run_until(time)
            world.put([f"at-{time:g}"])
        world.run()

    return play


def _parent_and_child(world: World) -> None:
    world.put(["a", "POISON"])
    world.stream.open("shard-2", "shard-1")
    world.put(["a", "b"], "shard-2")
    world.stream.close("shard-1")
    world.run()


def _unread(world: World) -> None:
    world.put(["a", "b"])
    world.sleep(25 * 3600)
    world.put(["c"])
    world.run()


def _latest(world: World) -> None:
    world.put(["before"])
    world.run()
    world.put(["after"])
    world.run()


def _returns(value: object) -> dict[str, Any]:
    return {"answer": lambda event: Returned(value)}


def _settings(**changes: Any) -> MappingSettings:
    return MappingSettings.of(changes)


_REPORT: Final = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
_BISECT: Final = {"BisectBatchOnFunctionError": True}
_DEPLOYED: Final = _settings(
    BatchSize=1000,
    MaximumBatchingWindowInSeconds=5,
    MaximumRetryAttempts=100,
    MaximumRecordAgeInSeconds=43_200,
    **_REPORT,
    **_BISECT,
)
_PREFIX: Final = '{"dynamodb":{"Keys":{"event_id":{"S":[{"prefix":"a"}]}}}}'

SCENARIOS: Final = (
    Scenario("a good batch", _settings(), "4", "handled a b c d", _items("a", "b", "c", "d")),
    Scenario(
        "poison, retries alone: good records go with it",
        _settings(MaximumRetryAttempts=2),
        "5 x3",
        "on-failure a b POISON c d",
        _items(*FIVE),
    ),
    Scenario(
        "poison, failures reported: what is behind it goes too",
        _settings(MaximumRetryAttempts=2, **_REPORT),
        "5, 3, 3",
        "handled a b; on-failure POISON c d",
        _items(*FIVE),
    ),
    Scenario(
        "poison, bisect",
        _settings(MaximumRetryAttempts=1, **_BISECT),
        "5, 2, 3, 1, 1, 2",
        "handled a b c d; on-failure POISON",
        _items(*FIVE),
    ),
    Scenario(
        "poison in the middle, both",
        _settings(MaximumRetryAttempts=1, **_REPORT, **_BISECT),
        "5, 3, 1, 1, 2",
        "handled a b c d; on-failure POISON",
        _items(*FIVE),
    ),
    Scenario(
        "poison at the start, both",
        _settings(MaximumRetryAttempts=1, **_REPORT, **_BISECT),
        "5, 2, 1 x3, 3",
        "handled a b c d; on-failure POISON",
        _items("POISON", "a", "b", "c", "d"),
    ),
    Scenario(
        "poison at the end, both",
        _settings(MaximumRetryAttempts=1, **_REPORT, **_BISECT),
        "5, 1, 1",
        "handled a b c d; on-failure POISON",
        _items("a", "b", "c", "d", "POISON"),
    ),
    Scenario(
        "two poisons, both",
        _settings(MaximumRetryAttempts=0, **_REPORT, **_BISECT),
        "5, 4, 2, 1, 1, 2, 1",
        "handled a b c; on-failure POISON-1 POISON-2",
        _items("a", "POISON-1", "b", "c", "POISON-2"),
    ),
    Scenario(
        "throttled 20 times: no retry is used",
        _settings(MaximumRetryAttempts=2),
        "throttled x20, 5",
        "handled a b c d e",
        _items("a", "b", "c", "d", "e"),
        {"throttles": 20},
    ),
    Scenario(
        "throttled 20 times, then poison: all retries are left",
        _settings(MaximumRetryAttempts=2),
        "throttled x20, 2 x3",
        "on-failure a POISON",
        _items("a", "POISON"),
        {"throttles": 20},
    ),
    Scenario(
        "S3 down for 90 s, three retries: used up in 7 s",
        _settings(MaximumRetryAttempts=3),
        "2 x4",
        "on-failure a b",
        _items("a", "b"),
        {"down_until": 90},
    ),
    Scenario(
        "S3 down for an hour, bounded by age",
        _settings(MaximumRecordAgeInSeconds=21_600),
        "2 x66",
        "handled a b",
        _items("a", "b"),
        {"down_until": 3600},
    ),
    Scenario(
        "S3 down for an hour, as deployed",
        _DEPLOYED,
        "5, 2, 1 x65, 3",
        "handled a b c d e",
        _items("a", "b", "c", "d", "e"),
        {"down_until": 3605},
    ),
    Scenario(
        "S3 down for three hours, as deployed: 100 retries end before the age does",
        _DEPLOYED,
        "5, 2, 1 x190, 3",
        "handled b c d e; on-failure a",
        _items("a", "b", "c", "d", "e"),
        {"down_until": 10_805},
    ),
    Scenario(
        "S3 and the destination down",
        _settings(MaximumRetryAttempts=1),
        "2, 2",
        "dropped a b",
        _items("a", "b"),
        {"down_until": 90, "bucket_is_down": True},
    ),
    Scenario(
        "no destination",
        _settings(MaximumRetryAttempts=0),
        "2",
        "dropped a POISON",
        _items("a", "POISON"),
        {"has_destination": False},
    ),
    Scenario(
        "no bound of retries: the neighbours age out with the poison",
        _settings(MaximumRecordAgeInSeconds=600, **_BISECT),
        "5, 2, 1 x13",
        "on-failure POISON a b c d",
        _items("POISON", "a", "b", "c", "d"),
    ),
    Scenario(
        "the same with three retries",
        _settings(MaximumRecordAgeInSeconds=600, MaximumRetryAttempts=3, **_BISECT),
        "5, 2, 1 x5, 3",
        "handled a b c d; on-failure POISON",
        _items("POISON", "a", "b", "c", "d"),
    ),
    Scenario(
        "no bound at all: everything expires, and no metric says so",
        _settings(),
        "2 x1445",
        "expired POISON a",
        _items("POISON", "a"),
        {"poll_seconds": 5.0},
    ),
    Scenario("not read for 25 hours", _settings(), "1", "handled c; never read a b", _unread),
    Scenario(
        "batches full by count, the rest when the window is over",
        _settings(BatchSize=3, MaximumBatchingWindowInSeconds=60),
        "3, 3, 1",
        "handled 7 records",
        _many(7),
    ),
    Scenario(
        "a batch when the window is over",
        _settings(MaximumBatchingWindowInSeconds=60),
        "3, 1",
        "handled at-0 at-30 at-59 at-61",
        _arriving(0, 30, 59, 61),
    ),
    Scenario(
        "a batch full by 6 MB",
        _settings(MaximumBatchingWindowInSeconds=60),
        "16, 4",
        "handled 20 records",
        _many(20, image={"S": "x" * 390_000}),
    ),
    Scenario(
        "without a window one read is a batch",
        _settings(BatchSize=10_000),
        "1000, 200",
        "handled 1,200 records",
        _many(1200),
    ),
    Scenario(
        "three batches at once: poison holds up what is in its own",
        _settings(MaximumRetryAttempts=2, ParallelizationFactor=3),
        "4, 4, 1, 4, 4",
        "handled a b a b e; on-failure POISON POISON c d",
        _items("POISON", "a", "b", "POISON", "a", "b", "c", "d", "e"),
    ),
    Scenario(
        "a child shard waits for its parent",
        _settings(MaximumRetryAttempts=2),
        "2 x4",
        "handled a b; on-failure a POISON",
        _parent_and_child,
    ),
    Scenario(
        "filtered records do not count",
        _settings(FilterCriteria={"Filters": [{"Pattern": _PREFIX}]}),
        "2",
        "handled a1 a2; filtered b1",
        _items("a1", "b1", "a2"),
    ),
    Scenario(
        "LATEST: what was there before is passed over",
        _settings(StartingPosition="LATEST"),
        "1",
        "handled after; never read before",
        _latest,
    ),
    Scenario(
        "null is success, whatever the function did",
        _settings(**_REPORT),
        "2",
        "handled a b",
        _items("a", "b"),
        _returns(None),
    ),
    Scenario(
        "an identifier that is not of the batch fails all of it",
        _settings(MaximumRetryAttempts=0, **_REPORT),
        "2",
        "on-failure a b",
        _items("a", "b"),
        _returns({"batchItemFailures": [{"itemIdentifier": "17"}]}),
    ),
    Scenario(
        "failures that are returned but not asked for are no failures",
        _settings(),
        "2",
        "handled a b",
        _items("a", "b"),
        _returns({"batchItemFailures": [{"itemIdentifier": ""}]}),
    ),
)


def table(play: Callable[[Scenario], World] = Scenario.run) -> str:
    """All scenarios, played, as a table in Markdown."""
    rows = [
        f"| {scenario.name} | {scenario.settings.described().replace('|', chr(92) + '|')} "
        f"| {world.sizes()} | {world.ends()} |"
        for scenario in SCENARIOS
        for world in [play(scenario)]
    ]
    head = ["| scenario | settings, where they are not AWS's defaults | invocations | where the records ended |"]
    return "\n".join([*head, "|---|---|---|---|", *rows])


if __name__ == "__main__":
    print(table())
