"""The commands of daily operation: status, test-event, redrive, cost."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final
from uuid import uuid4

import click

from lambda_deploy.aws import Clients
from lambda_deploy.config import Config
from lambda_deploy.console import SECONDS, Tools, json_option, print_json, progress, target_options, yes_option
from lambda_deploy.errors import UnreachableError
from lambda_deploy.explain import explained
from lambda_deploy.lakehouse import Lakehouse, lakehouse_of
from lambda_deploy.metrics import iterator_ages
from lambda_deploy.operate.cost import (
    ASSUMED,
    MOST_BYTES_A_CALL,
    OLDER_GUIDE,
    Bill,
    Usage,
    all_bills,
    nearest_to_a_dollar,
    packaged_prices,
    table,
)
from lambda_deploy.operate.redrive import Redrive, Redriven, waiting
from lambda_deploy.operate.status import Status
from lambda_deploy.operate.test_event import Probe, Reached
from lambda_deploy.template.alarms import ALARMS
from lambda_deploy.texts import printable
from stream_to_s3.metrics import UNITS

_SECONDS_TO_S3: Final = 180


@click.command("status")
@target_options
@json_option
@click.pass_obj
def status_command(tools: Tools, bundle: Path | None, target: str | None, as_json: bool) -> None:
    """Show both clouds on one screen: each part, its lag, and commands for details.

    Example: stream-lambda status -t prod
    """
    config = tools.config(bundle, target)
    clients = tools.connect(config.region)
    with explained("asking AWS who this is"):
        clients("sts").get_caller_identity()
    status = Status(config, clients, lakehouse_of(tools, config), tools.clock)
    rows = status.rows()
    now = tools.clock()
    if as_json:
        lines = {row.label: {"text": row.text, "at": row.at, "lag_seconds": row.lag(now)} for row in rows}
        print_json({"target": config.target, "lines": lines, "commands": status.commands()})
        return
    for row in rows:
        lag = row.lag(now)
        click.echo(f"{row.label:18} {'' if lag is None else _ago(lag):>9}  {printable(row.text)}")
    click.echo("\nFor details:")
    for command in status.commands():
        click.echo(f"  {printable(command)}")


def _ago(seconds: float) -> str:
    """Return a lag in its largest unit, such as 4 min."""
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:,.0f} {name}"
    return f"{seconds:,.0f} s"


@click.command("test-event")
@target_options
@click.option(
    "--wait", "to_s3", type=SECONDS, default=_SECONDS_TO_S3, show_default=True, help="Seconds to wait for the object."
)
@click.option(
    "--wait-table", "to_table", type=SECONDS, default=1200, show_default=True, help="Seconds to wait for the row."
)
@click.option("--no-table", is_flag=True, help="Check S3 only.")
@json_option
@click.pass_obj
def test_event_command(
    tools: Tools, bundle: Path | None, target: str | None, to_s3: int, to_table: int, no_table: bool, as_json: bool
) -> None:
    """Send a test item (a vehicle, the signal charge-ischarging) through the pipeline, and delete it again.

    It shows the item's object and, with a workspace and warehouse_id, waits for its row. The object and the row stay;
    the row gets deleted_at.

    Example: stream-lambda test-event --wait 60
    """
    config = tools.config(bundle, target)
    lakehouse = None if no_table or not config.warehouse_id else lakehouse_of(tools, config)
    reached = []
    for step in send_test_event(tools, config, lakehouse, to_s3, to_table):
        reached.append(asdict(step))
        if not as_json:
            click.echo(f"{step.seconds:7.1f} s  {step.where:8}  {printable(step.detail)}")
    if as_json:
        print_json({"steps": reached, "table": lakehouse is not None})
    elif lakehouse is None:
        click.echo("the table was not checked" + ("" if no_table else ": no workspace or no warehouse_id is set"))


def send_test_event(
    tools: Tools, config: Config, lakehouse: Lakehouse | None, to_s3: int = _SECONDS_TO_S3, to_table: int = 0
) -> Iterator[Reached]:
    """Yield each step of a test item; check the table if `lakehouse` is given. Raises ItemLostError."""
    clients = tools.connect(config.region)

    def row(event_id: str) -> str | None:
        assert lakehouse is not None, "a row needs a workspace"  # noqa: S101 # for mypy
        try:
            found = lakehouse.rows("cast(Charge_IsCharging AS STRING)", "event_id = :event_id", event_id=event_id)
        except UnreachableError as error:
            progress(str(error))
            return None
        return str(found[0][0]) if found else None

    def backlog() -> float | None:
        ages = iterator_ages(clients, config, tools.clock(), 300)
        return ages[-1][1] if ages else None

    looks_at = row if lakehouse else None
    with explained("sending a test event"):
        probe = Probe(config, clients, backlog, looks_at, tools.clock, tools.sleep, progress, to_s3, to_table)
        with closing(probe.run(str(uuid4()))) as steps:
            yield from steps


@click.command("redrive")
@target_options
@click.option("--dry-run", is_flag=True, help="Show what would be done, and write nothing.")
@yes_option
@json_option
@click.pass_context
def redrive_command(
    context: click.Context, bundle: Path | None, target: str | None, dry_run: bool, is_sure: bool, as_json: bool
) -> None:
    """Convert on-failure objects and records that the Lambda quarantined again.

    Converted records go into new objects for the job, and the failed object is moved to redriven/. What still fails
    stays, and the command exits with 1. You may stop it at any time and run it again. For lines of the quarantine
    table, see `flatten redrive`.

    Example: stream-lambda redrive --dry-run
    """
    tools: Tools = context.obj
    if as_json and not is_sure and not dry_run:
        raise click.UsageError("--json cannot ask: add --yes or --dry-run")
    config = tools.config(bundle, target)
    with explained("redriving"):
        s3 = tools.connect(config.region)("s3")
        objects = waiting(s3, config)
        if objects and not dry_run and not is_sure:
            click.confirm(f"{len(objects)} objects failed. Redrive them?", abort=True, err=True)
        outcomes = _redriven(Redrive(s3, config, tools.sleep).run(objects, dry=dry_run), as_json)
    left = [one for one in outcomes if one.outcome == "left" or one.failing]
    if as_json:
        print_json({"dry_run": dry_run, "objects": [asdict(one) for one in outcomes]})
    else:
        lines = sum([one.converted for one in outcomes])
        events = "events that would be redriven" if dry_run else "events redriven"
        click.echo(f"{events}: {lines:,}; objects: {len(outcomes):,}; objects that still fail: {len(left):,}")
    if left:
        context.exit(1)


def _redriven(steps: Iterator[Redriven], as_json: bool) -> list[Redriven]:
    outcomes = []
    try:
        for one in steps:
            outcomes.append(one)
            if not as_json:
                tail = f", {one.failing} still fail: {one.reason}" if one.failing or one.reason else ""
                click.echo(f"{one.outcome:5}  {printable(one.key)}  {one.converted} converted{printable(tail)}")
    except KeyboardInterrupt:
        progress(f"stopped after {len(outcomes)} objects; nothing is lost: run it again to continue")
        raise
    return outcomes


@click.command("cost")
@target_options
@click.option("--events-per-month", type=click.IntRange(1, 10**12), default=10**6, show_default=True, help="Events.")
@click.option("--shards", type=click.IntRange(1, 100_000), default=4, show_default=True, help="Shards of the stream.")
@click.option(
    "--event-bytes",
    type=click.IntRange(100, MOST_BYTES_A_CALL),
    default=2_950,
    show_default=True,
    help="Size of a stream record.",
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
    """Calculate the cost of a month, for each way to start the job and two windows; call no service.

    Example: stream-lambda cost --events-per-month 1000000
    """
    usage, prices = _usage(tools.config(bundle, target), events_per_month, shards, event_bytes), packaged_prices()
    bills, nearest = all_bills(usage, prices), nearest_to_a_dollar(usage, prices)
    if as_json:
        shown = {"bills": [asdict(one) for one in bills], "nearest": asdict(nearest), "prices": asdict(prices)}
        print_json({**shown, "assumed": ASSUMED})
    else:
        click.echo(f"{events_per_month:,} events a month, US dollars, prices of {prices.region} at {prices.dated}\n")
        _show_bills(bills)
        _show_assumptions(nearest)


def _usage(config: Config, events: int, shards: int, event_bytes: int) -> Usage:
    return Usage(
        events,
        batch_size=config.batch_size,
        memory_mb=config.memory_mb,
        shards=shards,
        event_bytes=event_bytes,
        alarms=len(ALARMS) - 1,  # Option A adds the alarm of failed starts
        metrics=len(UNITS),
        tracing=config.tracing,
        secret=not config.client_id and config.lambda_starts_job,
    )


def _show_bills(bills: Sequence[Bill]) -> None:
    for label, cells in table(list(bills)):
        row = f"{label:31}" + "".join([f"{cell:>13}" for cell in cells])
        click.secho(row, bold=True) if label.endswith("in all") else click.echo(row)


def _show_assumptions(nearest: Bill) -> None:
    click.echo(f"\nThe older guide, for a million events: {OLDER_GUIDE}")
    click.echo(
        f"Nearest to one dollar of AWS for a million events: batching_window_seconds {nearest.usage.window_seconds}, "
        f"${nearest.aws_beyond_free:,.2f} beyond what is always free, ${nearest.aws_total:,.2f} including alarms, "
        "custom metrics and dashboard"
    )
    click.echo("Assumed:")
    for what, value in ASSUMED.items():
        click.echo(f"  {what}: {value:,g}")


COMMANDS: Final[Sequence[click.Command]] = (status_command, test_event_command, redrive_command, cost_command)


def with_smoke_test(tools: Tools) -> Tools:
    """Return these tools with the end of `deploy`: send a test item as far as S3. It raises ItemLostError."""

    def smoke_test(config: Config, clients: Clients) -> None:
        for step in send_test_event(tools, config, None):
            progress(f"test event: {step.where} after {step.seconds:.1f} s")

    return replace(tools, smoke_test=smoke_test)
