"""The command `cost`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from lambda_deploy.bundle_file import BundleFile, shown
from lambda_deploy.config import Config
from lambda_deploy.console import Tools, json_option, nearest_bundle, print_json, target_options
from lambda_deploy.cost import (
    BATCH_SIZES,
    MOST_BYTES_A_CALL,
    PerMillion,
    Position,
    Prices,
    Usage,
    bill,
    packaged_prices,
    per_million,
    total,
)
from lambda_deploy.errors import ConfigError
from lambda_deploy.template.alarms import ALARMS
from stream_to_s3.metrics import UNITS

_SECONDS_OF: Final = {"MINUTES": 60, "HOURS": 3_600, "DAYS": 86_400, "WEEKS": 604_800}


@click.command("cost")
@target_options
@click.option("--events-per-month", type=click.IntRange(1, 10**12), required=True, help="How many events a month.")
@click.option("--shards", type=click.IntRange(1, 100_000), default=4, show_default=True, help="Shards of the stream.")
@click.option(
    "--event-bytes",
    type=click.IntRange(100, MOST_BYTES_A_CALL),
    default=2_950,
    show_default=True,
    help="Of a stream record.",
)
@json_option
@click.pass_obj
def cost_command(
    tools: Tools,
    bundle: Path | None,
    target: str | None,
    events_per_month: int,
    shards: int,
    event_bytes: int,
    as_json: bool,
) -> None:
    """Reckon what a month costs with the settings of databricks.yml; asks nobody.

    Prices are those of one region on one day, without free allowances; what a run of the schedule uses is assumed.

    Example: stream-lambda cost --events-per-month 1000000
    """
    path = bundle or nearest_bundle(Path.cwd())
    config, prices = tools.config(path, target), packaged_prices()
    pace = _seconds_between_runs(BundleFile(path, target, tools.environment).raw("start"))
    usage = _usage(config, events_per_month, shards, event_bytes, pace)
    table = [per_million(size, config.memory_mb, prices) for size in sorted({*BATCH_SIZES, config.batch_size})]
    if as_json:
        print_json(_as_json(usage, table, prices))
        return
    click.echo(
        f"{events_per_month:,} events a month, target {config.target}: prices of {prices.region}, {prices.dated}"
    )
    _show_bill(bill(usage, prices))
    click.echo(f"\nA million events in batches of one size, {config.memory_mb} MB")
    _show_table(table)


def _usage(config: Config, events: int, shards: int, event_bytes: int, pace: int | None) -> Usage:
    return Usage(
        events,
        config.batch_size,
        config.batching_window_seconds,
        config.memory_mb,
        shards,
        event_bytes,
        alarms=len(ALARMS) - (not config.lambda_starts_job),
        metrics=len(UNITS),
        secret=config.needs_secret,
        schedule_seconds=pace,
    )


def _seconds_between_runs(start: object) -> int | None:
    """The pace of the job's own schedule, None when files start it. Raises ConfigError when it is no such pace."""
    periodic = start.get("periodic") if isinstance(start, dict) else None
    if periodic is None:
        return None
    try:
        interval, seconds = int(periodic["interval"]), _SECONDS_OF[periodic["unit"]]
    except (KeyError, TypeError, ValueError):
        interval, seconds = 0, 0
    if interval < 1:
        raise ConfigError(
            f"periodic of `start` is {shown(periodic)}, expected an interval of 1 or more and one of the units "
            f"{', '.join(_SECONDS_OF)}"
        )
    return interval * seconds


def _totals(positions: Sequence[Position]) -> dict[str, float]:
    return {paid_to: total(positions, paid_to) for paid_to in ("AWS", "Databricks")}


def _as_json(usage: Usage, table: Sequence[PerMillion], prices: Prices) -> dict[str, object]:
    positions = bill(usage, prices)
    return {
        "usage": asdict(usage),
        "positions": [asdict(position) for position in positions],
        "totals": _totals(positions),
        "per_million_events": [{**asdict(row), "total": row.total} for row in table],
        "prices": asdict(prices),
    }


def _show_bill(positions: Sequence[Position]) -> None:
    for position in positions:
        click.echo(f"{position.paid_to:10}  {position.what:42} {position.amount:>28} {position.dollars:12,.2f} $")
    for paid_to, dollars in _totals(positions).items():
        click.secho(f"{paid_to:10}  {'all of it':42} {'':28} {dollars:12,.2f} $", bold=True)


def _show_table(table: Sequence[PerMillion]) -> None:
    click.echo(
        f"{'batch':>6} {'objects':>10} {'calls $':>9} {'puts $':>9} {'GB-s $':>9} {'all $':>9} {'ms a call':>10}"
    )
    for row in table:
        click.echo(
            f"{row.batch:6,} {row.objects:10,} {row.requests:9.4f} {row.puts:9.4f} {row.compute:9.4f} "
            f"{row.total:9.4f} {row.milliseconds:9.0f}"
        )
