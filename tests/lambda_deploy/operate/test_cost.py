"""The bill equals figures that were calculated manually, and follows the settings."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lambda_deploy.cli import run
from lambda_deploy.console import Tools
from lambda_deploy.operate.cost import (
    SECONDS_A_MONTH,
    Usage,
    all_bills,
    bill,
    events_a_call,
    nearest_to_a_dollar,
    packaged_prices,
    runs_a_month,
    table,
)
from support.aws_account import HOST, write_bundle
from support.captured import Said

PRICES = packaged_prices()
QUIET, MILLION, BUSY = 10_000, 1_000_000, 100_000_000


@pytest.mark.parametrize(
    ("usage", "objects", "aws"),
    [
        (
            # A batch for every event: 200,000 calls are $0.04, so a million are $0.20, puts $5.00.
            Usage(MILLION, window_seconds=0),
            1_000_000,
            {"requests": 0.20, "compute": 0.2687, "objects written": 5.00, "alarms": 0.70, "dashboard": 3.00},
        ),
        (
            # 4 shards of 0.0965 events a second: 1.48 events in 5 s.
            Usage(MILLION),
            674_649,
            {"requests": 0.135, "objects written": 3.373, "archive copies and listings": 4.042, "logs": 0.506},
        ),
        (
            Usage(MILLION, window_seconds=60),
            147_340,
            {"requests": 0.029, "objects written": 0.737, "archive copies and listings": 0.984, "logs": 0.111},
        ),
    ],
    ids=["no window", "5 s", "60 s"],
)
def test_the_cost_of_a_million_events_equals_a_manual_calculation(
    usage: Usage, objects: int, aws: dict[str, float]
) -> None:
    found = bill(usage, PRICES)
    assert round(found.objects) == objects
    assert {line: found.aws[line] for line in aws} == pytest.approx(aws, rel=0.02)
    assert found.aws_total == pytest.approx(sum(found.aws.values()))


@pytest.mark.parametrize(
    ("batch", "requests", "puts", "compute"),
    [
        (1, 0.2, 5.0, 0.2687),
        (100, 0.002, 0.05, 0.0047),
        (1000, 0.0002, 0.005, 0.0023),
        (2000, 0.0001, 0.0025, 0.0022),
    ],
)
def test_a_million_events_in_batches_of_one_size(batch: int, requests: float, puts: float, compute: float) -> None:
    usage = Usage(MILLION, window_seconds=SECONDS_A_MONTH, batch_size=batch, memory_mb=512, event_bytes=1)
    found = bill(usage, PRICES).aws
    assert (found["requests"], found["objects written"]) == pytest.approx((requests, puts))
    assert found["compute"] == pytest.approx(compute, rel=0.02)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(QUIET), 1.0),
        (Usage(BUSY, window_seconds=0), 1.0),
        (Usage(BUSY, batch_size=10), 10.0),
        (Usage(BUSY, shards=1), 1 + BUSY / SECONDS_A_MONTH * 5),
        (Usage(BUSY, batch_size=10_000, window_seconds=300, event_bytes=6_000), 1048.0),
        (Usage(BUSY, event_bytes=20_000_000), 1.0),
    ],
    ids=["few events", "no window", "batch full", "window over", "6 MB", "one event larger than a call"],
)
def test_a_batch_ends_by_size_by_window_or_by_6_mb(usage: Usage, expected: float) -> None:
    assert events_a_call(usage) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("start", "objects", "runs"),
    [
        # One run a minute at most: runs take a minute, one at a time.
        ("Option A", 674_649, 43_200),
        ("Option A", 1_000, 1_000 + 1_440),
        ("Option B", 674_649, 8_640),
        ("Option B", 10, 8_640),
        ("file arrival", 674_649, 43_200),
        ("file arrival", 1_000, 1_000),
    ],
)
def test_runs_follow_from_what_starts_them(start: Any, objects: float, runs: float) -> None:
    assert runs_a_month(Usage(MILLION, start=start), objects) == runs


def test_option_a_pays_for_the_two_metrics_of_its_own_alarm() -> None:
    assert bill(Usage(MILLION, start="Option A"), PRICES).aws["alarms"] == pytest.approx(0.90)


def test_a_run_costs_its_dbu() -> None:
    found = bill(Usage(MILLION), PRICES)
    assert found.databricks["runs"] == pytest.approx(8_640 * 0.15 * 0.35)
    assert found.databricks["checks"] == pytest.approx(720 * 0.05 * 0.35)
    # Ten minutes of 4 DBU an hour, 720 times.
    assert found.alerts == pytest.approx(336.0)


@pytest.mark.parametrize(
    ("change", "line", "dollars"),
    [({"tracing": True}, "tracing", 3.373), ({"secret": True}, "secret", 0.40), ({"metrics": 1}, "own metrics", 0.30)],
)
def test_a_setting_changes_only_its_line(change: dict[str, Any], line: str, dollars: float) -> None:
    before, after = (bill(usage, PRICES).aws for usage in (Usage(MILLION), replace(Usage(MILLION), **change)))
    assert after[line] == pytest.approx(dollars, rel=0.01)
    assert {name for name in before if before[name] != after[name]} == {line}


def test_nearest_to_a_dollar_is_nearer_than_its_neighbours() -> None:
    best = nearest_to_a_dollar(Usage(QUIET), PRICES)
    assert best.usage.events_a_month == MILLION
    for window in (best.usage.window_seconds - 5, best.usage.window_seconds + 5):
        other = bill(replace(best.usage, window_seconds=window), PRICES)
        assert abs(best.aws_beyond_free - 1) <= abs(other.aws_beyond_free - 1)


def test_the_table_has_a_column_for_each_start_and_window() -> None:
    rows = table(all_bills(Usage(MILLION), PRICES))
    assert {len(cells) for _, cells in rows} == {6}
    assert rows[0][1] == ["Option A", "Option A", "Option B", "Option B", "file arrival", "file arrival"]
    assert rows[1][1] == ["5", "60"] * 3


def test_the_bill_grows_with_the_prices() -> None:
    dear = replace(PRICES, s3_thousand_puts=1.0)
    assert bill(Usage(QUIET), dear).aws_total > bill(Usage(QUIET), PRICES).aws_total


def test_the_prices_have_a_date_and_a_source() -> None:
    assert (PRICES.dated, PRICES.region) == ("2026-11-22", "us-east-1")
    assert all(source.startswith("https://") for source in PRICES.sources)


def test_the_command_uses_the_settings_of_the_bundle(tmp_path: Path, said: Callable[[], Said]) -> None:
    path = str(write_bundle(tmp_path, lambda_memory_mb=1024, tracing=True))
    assert run(["cost", "--bundle", path, "--json"], Tools({"DATABRICKS_HOST": HOST})) == 0
    found = json.loads(said().out)
    assert {(one["usage"]["memory_mb"], one["usage"]["tracing"]) for one in found["bills"]} == {(1024, True)}
    assert found["prices"]["dated"] == PRICES.dated
    assert found["assumed"]["DBU of a run"] == 0.15
