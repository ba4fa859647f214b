"""Every scenario of a mapping has the expected result, and docs/delivery.md shows them."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

import pytest

from rehearsal.aws.mapping.settings import NO_LIMIT, MappingSettings
from support.mapping_stage import MappingStage

DOCS = Path(__file__).parents[4] / "docs/delivery.md"
FIVE: Final = ("a", "b", "POISON", "c", "d")


@dataclass(frozen=True)
class Scenario:
    """What is put, and the expected invocations and endings, as `MappingStage` writes them.

    `play` replaces putting the items at once; `stage` holds further settings of the stage.
    """

    name: str
    settings: MappingSettings
    sizes: str
    ends: str
    items: tuple[str, ...] = ()
    play: Callable[[MappingStage], None] | None = None
    stage: dict[str, Any] = field(default_factory=dict)

    def run(self) -> MappingStage:
        """Play it."""
        made = MappingStage(self.settings, **self.stage)
        made.put(self.items)
        if self.play:
            self.play(made)
        made.run()
        return made


def _many(count: int, **image: Any) -> Callable[[MappingStage], None]:
    return lambda stage: stage.put([f"item-{number}" for number in range(count)], **image)


def _arriving(*times: float) -> Callable[[MappingStage], None]:
    def play(stage: MappingStage) -> None:
        for time in times:
            stage.run_until(time)
            stage.put([f"at-{time:g}"])

    return play


def _parent_and_child(stage: MappingStage) -> None:
    stage.put(["a", "POISON"])
    stage.stream.open("shard-2", "shard-1")
    stage.put(["a", "b"], "shard-2")
    stage.stream.close("shard-1")


def _unread(stage: MappingStage) -> None:
    stage.put(["a", "b"])
    stage.sleep(25 * 3600)
    stage.put(["c"])


_DEPLOYED: Final = MappingSettings()
_THREE: Final = MappingSettings(max_retries=3)
_RETRIES_ALONE: Final = MappingSettings(max_retries=2, bisect=False, report_failures=False)
_REPORT_ALONE: Final = MappingSettings(max_retries=2, bisect=False)
_BISECT_ALONE: Final = MappingSettings(max_retries=1, report_failures=False)
_BY_AGE: Final = MappingSettings(max_record_age_seconds=600)

SCENARIOS: Final = (
    Scenario("a good batch", _DEPLOYED, "4", "handled a b c d", ("a", "b", "c", "d")),
    Scenario(
        "poison, retries alone: good records go with it", _RETRIES_ALONE, "5 x3", "on-failure a b POISON c d", FIVE
    ),
    Scenario(
        "poison, failures reported: what is behind it goes too",
        _REPORT_ALONE,
        "5, 3, 3",
        "handled a b; on-failure POISON c d",
        FIVE,
    ),
    Scenario("poison, bisect", _BISECT_ALONE, "5, 2, 3, 1, 1, 2", "handled a b c d; on-failure POISON", FIVE),
    Scenario("poison in the middle", _THREE, "5, 3, 1 x4, 2", "handled a b c d; on-failure POISON", FIVE),
    Scenario(
        "poison and no bound of retries: those behind it age with it",
        _BY_AGE,
        "5, 3, 1 x13",
        "handled a b; on-failure POISON c d",
        FIVE,
    ),
    Scenario(
        "throttled 20 times: no retry is used",
        MappingSettings(max_retries=1),
        "throttled x20, 5",
        "handled a b c d e",
        ("a", "b", "c", "d", "e"),
        stage={"throttles": 20},
    ),
    Scenario(
        "S3 down for 90 s, three retries: used up after 7 s",
        MappingSettings(max_retries=3, bisect=False),
        "2 x4",
        "on-failure a b",
        ("a", "b"),
        stage={"down_until": 90},
    ),
    Scenario(
        "S3 down for an hour",
        _DEPLOYED,
        "5, 2, 1 x65, 3",
        "handled a b c d e",
        ("a", "b", "c", "d", "e"),
        stage={"down_until": 3605},
    ),
    Scenario(
        "S3 and the destination down for longer than the age allows",
        _BY_AGE,
        "2, 1 x14",
        "dropped a b",
        ("a", "b"),
        stage={"down_until": 700, "destination_down_until": 700},
    ),
    Scenario(
        "no bound of age: everything expires, and no metric says so",
        MappingSettings(max_record_age_seconds=NO_LIMIT),
        "2, 1 x1444",
        "expired POISON a",
        ("POISON", "a"),
        stage={"poll_seconds": 5.0},
    ),
    Scenario("not read for 25 hours", _DEPLOYED, "1", "handled c; never read a b", play=_unread),
    Scenario(
        "batches full by count, the rest when the window is over",
        MappingSettings(batch_size=3),
        "3, 3, 1",
        "handled 7 records",
        play=_many(7),
    ),
    Scenario(
        "a batch when the window is over",
        MappingSettings(batching_window_seconds=60),
        "3, 1",
        "handled at-0 at-30 at-59 at-61",
        play=_arriving(0, 30, 59, 61),
    ),
    Scenario(
        "a batch full by 6 MB", _DEPLOYED, "16, 4", "handled 20 records", play=_many(20, image={"S": "x" * 390_000})
    ),
    Scenario(
        "without a window one read is a batch",
        MappingSettings(batch_size=10_000, batching_window_seconds=0),
        "1000, 200",
        "handled 1,200 records",
        play=_many(1200),
    ),
    Scenario(
        "a child shard waits for its parent",
        _RETRIES_ALONE,
        "2 x4",
        "handled a b; on-failure a POISON",
        play=_parent_and_child,
    ),
)


def described(settings: MappingSettings) -> str:
    """Return the settings that differ from the defaults, as one line."""
    changed = [
        f"{field.name} {str(getattr(settings, field.name)).lower()}"
        for field in fields(settings)
        if getattr(settings, field.name) != field.default
    ]
    return ", ".join(changed) or "as deployed"


def table() -> str:
    """Return all scenarios as a table in Markdown."""
    rows = [f"| {each.name} | {described(each.settings)} | {each.sizes} | {each.ends} |" for each in SCENARIOS]
    head = "| scenario | settings, where they differ from the deployed ones | invocations | where the records ended |"
    return "\n".join([head, "|---|---|---|---|", *rows])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_comes_out_as_it_says(scenario: Scenario) -> None:
    stage = scenario.run()
    assert (stage.sizes(), stage.ends()) == (scenario.sizes, scenario.ends)
    assert all(len(fates) == 1 for fates in stage.journal.fates.values())


def test_the_docs_contain_the_table() -> None:
    assert table() in DOCS.read_text()
