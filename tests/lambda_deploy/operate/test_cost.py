"""The bill: the model gives the figures that were measured, and follows the settings."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.cost import Usage, bill, events_a_call, packaged_prices, per_million, total
from support.aws_account import HOST, write_bundle
from support.captured import Said

PRICES = packaged_prices()
QUIET, BUSY = 10_000, 100_000_000


@pytest.mark.parametrize(
    ("batch", "objects", "requests", "puts", "compute", "whole", "milliseconds"),
    [
        (1, 1_000_000, 0.2, 5.0, 0.2687, 5.47, 40),
        (10, 100_000, 0.02, 0.5, 0.0287, 0.549, 43),
        (100, 10_000, 0.002, 0.05, 0.0047, 0.057, 70),
        (500, 2_000, 0.0004, 0.01, 0.0026, 0.013, 192),
        (1000, 1_000, 0.0002, 0.005, 0.0023, 0.0075, 344),
        (2000, 500, 0.0001, 0.0025, 0.0022, 0.0048, 648),
    ],
    ids=str,
)
def test_a_million_events_cost_what_was_reckoned_by_hand(
    batch: int, objects: int, requests: float, puts: float, compute: float, whole: float, milliseconds: float
) -> None:
    found = per_million(batch, 512, PRICES)
    assert (found.batch, found.objects) == (batch, objects)
    assert found.requests == pytest.approx(requests)
    assert found.puts == pytest.approx(puts)
    assert found.compute == pytest.approx(compute, rel=0.02)
    assert found.total == pytest.approx(whole, rel=0.02)
    assert found.milliseconds == pytest.approx(milliseconds, rel=0.02)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(QUIET), 1.0),
        (Usage(BUSY, window_seconds=0), 1.0),
        (Usage(BUSY, batch_size=10), 10.0),
        (Usage(BUSY, shards=1), 1 + BUSY / 2_592_000 * 5),
        (Usage(BUSY, batch_size=10_000, window_seconds=300, event_bytes=6_000), 1048.0),
        (Usage(BUSY, event_bytes=20_000_000), 1.0),
    ],
    ids=["few events", "no window", "batch full", "window over", "6 MB", "one event larger than a call"],
)
def test_a_batch_ends_by_size_by_window_or_by_6_mb(usage: Usage, expected: float) -> None:
    assert events_a_call(usage) == pytest.approx(expected, rel=0.01)


def test_a_longer_window_writes_fewer_objects() -> None:
    def objects(window: int) -> float:
        [found] = [line for line in bill(Usage(1_000_000, window_seconds=window), PRICES) if "written" in line.what]
        return found.dollars

    assert objects(60) < objects(5) < objects(0)


def test_a_schedule_twice_as_slow_costs_half() -> None:
    fast, slow = (total(bill(Usage(QUIET, schedule_seconds=pace), PRICES), "Databricks") for pace in (300, 600))
    assert fast == pytest.approx(2 * slow)
    assert fast == pytest.approx(8640 * PRICES.databricks_dbu_a_run_assumed * PRICES.databricks_serverless_jobs_dbu)


def test_without_a_schedule_databricks_is_not_in_the_bill() -> None:
    assert total(bill(Usage(QUIET, schedule_seconds=None), PRICES), "Databricks") == 0


def test_only_a_trigger_with_a_secret_pays_for_one() -> None:
    without, having = (bill(Usage(QUIET, secret=secret), PRICES) for secret in (False, True))
    assert total(having, "AWS") - total(without, "AWS") == pytest.approx(PRICES.secret_month)


def test_the_bill_grows_with_the_prices() -> None:
    dear = replace(PRICES, s3_thousand_puts=1.0)
    assert total(bill(Usage(QUIET), dear), "AWS") > total(bill(Usage(QUIET), PRICES), "AWS")


def test_the_prices_are_dated_and_say_where_they_are_from() -> None:
    assert PRICES.dated
    assert PRICES.region == "us-east-1"
    assert all(source.startswith("https://") for source in PRICES.sources)
    assert json.dumps(PRICES.sources)


PACES: dict[str, Any] = {
    "no unit": {"interval": 5},
    "another unit": {"interval": 5, "unit": "FORTNIGHTS"},
    "a list as unit": {"interval": 5, "unit": ["HOURS"]},
    "text": {"interval": "`soon`\n", "unit": "HOURS"},
    "a reference": {"interval": "${var.pace}", "unit": "HOURS"},
    "nothing": {"interval": 0, "unit": "HOURS"},
    "a number alone": 5,
    "5,000 digits": {"interval": "5" * 5_000, "unit": "HOURS"},
}


@pytest.mark.parametrize("pace", PACES.values(), ids=PACES)
def test_a_pace_that_is_none_is_one_sentence(tmp_path: Path, said: Callable[[], Said], pace: Any) -> None:
    path = str(write_bundle(tmp_path, start={"periodic": pace}))
    assert run(["cost", "--events-per-month", "1", "--bundle", path], Tools({"DATABRICKS_HOST": HOST})) == 1
    shown = said()
    assert shown.err.startswith("Error: periodic of `start` is ")
    assert (shown.out, shown.err.count("\n"), len(shown.err) < 300) == ("", 1, True)
