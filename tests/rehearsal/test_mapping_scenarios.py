"""Every scenario of a mapping comes out as it says, and docs/mapping.md shows just that."""

from functools import cache
from pathlib import Path

import pytest

from rehearsal.mapping.scenarios import SCENARIOS, table
from rehearsal.mapping.stage import Scenario, World

DOCS = Path(__file__).parents[2] / "docs/mapping.md"


@cache
def played(place: int) -> World:
    return SCENARIOS[place].run()


def play(name: str) -> World:
    return next(played(place) for place, scenario in enumerate(SCENARIOS) if scenario.name.startswith(name))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_comes_out_as_it_says(scenario: Scenario) -> None:
    world = played(SCENARIOS.index(scenario))
    assert (world.sizes(), world.ends()) == (scenario.sizes, scenario.ends)
    assert all(len(fates) == 1 for fates in world.journal.fates.values())


def test_the_docs_hold_the_table_that_the_command_prints() -> None:
    assert table(lambda scenario: played(SCENARIOS.index(scenario))) in DOCS.read_text(), (
        "put in what `python -m rehearsal.mapping.scenarios` prints"
    )


def test_a_throttled_function_is_counted_as_aws_counts_it() -> None:
    counts = play("throttled 20 times: ").poller.metrics.counts
    assert (counts["Throttles"], counts["Invocations"], counts["Errors"]) == (20, 1, 0)
    assert (counts["InvokedEventCount"], counts["FailedInvokeEventCount"]) == (105, 100)


def test_what_is_delivered_is_not_counted_as_dropped() -> None:
    counts = play("poison, failures reported").poller.metrics.counts
    assert counts["OnFailureDestinationDeliveredEventCount"] == 3
    assert counts["FailedInvokeEventCount"] == 9
    assert "DroppedEventCount" not in counts


def test_a_failed_delivery_is_one_failure_and_drops_all_its_records() -> None:
    counts = play("S3 and the destination down").poller.metrics.counts
    assert (counts["DestinationDeliveryFailures"], counts["DroppedEventCount"]) == (1, 2)
    assert "OnFailureDestinationDeliveredEventCount" not in counts


def test_what_expires_is_in_no_metric() -> None:
    counts = play("no bound at all").poller.metrics.counts
    assert not {"DroppedEventCount", "OnFailureDestinationDeliveredEventCount"} & set(counts)


def test_filtered_records_are_polled_and_never_invoked() -> None:
    counts = play("filtered records").poller.metrics.counts
    assert (counts["PolledEventCount"], counts["FilteredOutEventCount"], counts["InvokedEventCount"]) == (3, 1, 2)


def test_an_empty_poll_is_counted_as_nothing_and_not_passed_over() -> None:
    world = World(SCENARIOS[0].settings)
    world.run()
    assert world.poller.metrics.counts["PolledEventCount"] == 0
    assert "PolledEventCount" in world.poller.metrics.counts
    assert world.poller.metrics.iterator_age is None


def test_the_age_is_that_of_the_last_record_when_it_is_sent() -> None:
    metrics = play("a batch when the window is over").poller.metrics
    assert (metrics.iterator_age, metrics.greatest_iterator_age) == (60_000, 60_000)
