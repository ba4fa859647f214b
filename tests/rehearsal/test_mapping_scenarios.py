"""Every scenario of a mapping comes out as it says, and docs/mapping.md shows just that."""

from functools import cache
from pathlib import Path

import pytest

from rehearsal.mapping.scenarios import SCENARIOS, Scenario, table
from rehearsal.mapping.stage import MappingStage

DOCS = Path(__file__).parents[2] / "docs/mapping.md"


@cache
def played(place: int) -> MappingStage:
    return SCENARIOS[place].run()


def play(name: str) -> MappingStage:
    return next(played(place) for place, scenario in enumerate(SCENARIOS) if scenario.name.startswith(name))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_comes_out_as_it_says(scenario: Scenario) -> None:
    stage = played(SCENARIOS.index(scenario))
    assert (stage.sizes(), stage.ends()) == (scenario.sizes, scenario.ends)
    assert all(len(fates) == 1 for fates in stage.journal.fates.values())


def test_the_docs_hold_the_table_that_the_command_prints() -> None:
    assert table(lambda scenario: played(SCENARIOS.index(scenario))) in DOCS.read_text(), (
        "put in what `python -m rehearsal.mapping.scenarios` prints"
    )


def test_what_is_delivered_is_not_counted_as_dropped() -> None:
    counts = play("poison, failures reported").poller.metrics.counts
    assert counts["OnFailureDestinationDeliveredEventCount"] == 3
    assert "DroppedEventCount" not in counts


def test_each_failed_delivery_is_one_failure_and_drops_all_its_records() -> None:
    counts = play("S3 and the destination down").poller.metrics.counts
    assert (counts["DestinationDeliveryFailures"], counts["DroppedEventCount"]) == (2, 2)
    assert "OnFailureDestinationDeliveredEventCount" not in counts


def test_what_expires_is_in_no_metric() -> None:
    counts = play("no bound of age").poller.metrics.counts
    assert not {"DroppedEventCount", "OnFailureDestinationDeliveredEventCount"} & set(counts)


def test_an_empty_poll_is_counted_as_nothing_and_not_passed_over() -> None:
    stage = MappingStage()
    stage.run()
    assert stage.poller.metrics.counts["PolledEventCount"] == 0
    assert "PolledEventCount" in stage.poller.metrics.counts
    assert stage.poller.metrics.greatest_iterator_age is None


def test_the_age_is_that_of_the_last_record_when_it_is_sent() -> None:
    assert play("a batch when the window is over").poller.metrics.greatest_iterator_age == 60_000
