"""The commands that look at what is shipped, and mend it: doctor, status, logs, test-event, redrive, migrate, cost."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import click
import yaml

from lambda_deploy.aws import Clients, explained
from lambda_deploy.config import Config
from lambda_deploy.console import (
    SECONDS,
    Tools,
    json_option,
    nearest_bundle,
    print_json,
    progress,
    seconds_of,
    target_options,
    yes_option,
)
from lambda_deploy.cost import packaged_prices
from lambda_deploy.cost_cli import cost_command
from lambda_deploy.doctor import Line, has_problem
from lambda_deploy.doctor_aws import CloudEyes
from lambda_deploy.doctor_checks import check_cloud
from lambda_deploy.doctor_job_checks import check_house
from lambda_deploy.errors import ConfigError
from lambda_deploy.logs import LEVELS, Log, LogLine
from lambda_deploy.migrate_aws import OldPipeline
from lambda_deploy.migrate_cli import has_workspace, migrate_command
from lambda_deploy.migrate_seen import OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION
from lambda_deploy.redrive import Places, Redrive, Redriven
from lambda_deploy.status import Watch, told
from lambda_deploy.test_event import Probe, Reached, Way
from lambda_deploy.texts import printable

if TYPE_CHECKING:
    from lambda_deploy.doctor_workspace import HouseEyes

_SECONDS_TO_S3: Final = 180
_COLOURS: Final = {"ok": "green", "warning": "yellow", "problem": "red"}


@click.command("doctor")
@target_options
@json_option
@click.pass_context
def doctor_command(context: click.Context, bundle: Path | None, target: str | None, as_json: bool) -> None:
    """Look at everything that the pipeline needs, and say what is wrong and which command mends it.

    Ends with 1 when there is a problem; a warning is none. Nothing is changed.

    Example: stream-lambda doctor --target prod
    """
    tools: Tools = context.obj
    path = bundle or nearest_bundle(Path.cwd())
    config = tools.config(path, target)
    clients = tools.connect(config.region)
    old = OldPipeline(config, clients, tools.wait(), OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION)
    others = _other_targets(tools, path, config)
    eyes = CloudEyes(config, others, clients, tools.clock, lambda: (), old.leftovers)
    cloud = eyes.look()
    house = house_eyes(tools, config).look() if has_workspace(tools, config) else None
    lines = check_cloud(config, cloud) + check_house(config, cloud, house)
    if as_json:
        print_json({"lines": [asdict(line) for line in lines], "has_problem": has_problem(lines)})
    else:
        _show_lines(lines)
    if has_problem(lines):
        context.exit(1)


def _other_targets(tools: Tools, path: Path, config: Config) -> dict[str, Config | str]:
    """The other targets of the bundle, or why one cannot be read."""
    names = [name for name in yaml.safe_load(path.read_text("utf-8"))["targets"] if name != config.target]
    others: dict[str, Config | str] = {}
    for name in names:
        try:
            others[name] = Config.read(path, name, tools.environment)
        except ConfigError as error:
            others[name] = str(error)
    return others


def house_eyes(tools: Tools, config: Config) -> "HouseEyes":
    """What looks at the workspace."""
    from lambda_deploy.doctor_workspace import HouseEyes

    return HouseEyes(config, cache(lambda: tools.workspaces(config.host)))


def _show_lines(lines: Sequence[Line]) -> None:
    longest = max(len(line.check) for line in lines)
    for line in lines:
        verdict = click.style(f"{line.verdict:7}", fg=_COLOURS[line.verdict])
        click.echo(f"{verdict}  {line.check:{longest}}  {printable(line.reason)}")
        if line.mend:
            click.echo(f"{'':7}  {'':{longest}}  -> {printable(line.mend)}")


@click.command("status")
@target_options
@json_option
@click.pass_obj
def status_command(tools: Tools, bundle: Path | None, target: str | None, as_json: bool) -> None:
    """Show the function, its mapping, the last hour and what this month has cost so far.

    Example: stream-lambda status --json
    """
    config = tools.config(bundle, target)
    clients = tools.connect(config.region)
    with explained("reading the status"):
        found = Watch(clients("lambda"), clients("cloudwatch"), packaged_prices(), tools.clock).status(
            config.function_name
        )
    if as_json:
        print_json(asdict(found))
        return
    for label, sentence in told(found):
        click.echo(f"{label:14} {printable(sentence)}".rstrip())


@click.command("logs")
@target_options
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@click.option(
    "--since",
    default="10m",
    show_default=True,
    metavar="TIME",
    callback=seconds_of,
    help="How far back: 30s, 10m, 2h, 1d.",
)
@click.option("--level", type=click.Choice(LEVELS), default="DEBUG", show_default=True, help="The least level shown.")
@json_option
@click.pass_obj
def logs_command(
    tools: Tools, bundle: Path | None, target: str | None, follow: bool, since: int, level: str, as_json: bool
) -> None:
    """Show the function's log; with --json one object a line.

    Example: stream-lambda logs --follow --level WARNING
    """
    config = tools.config(bundle, target)
    clients = tools.connect(config.region)
    start = max(0.0, tools.clock() - since)
    with explained("reading the log"):
        log = Log(clients("logs"), config.log_group, tools.clock, tools.sleep)
        for line in log.follow(start) if follow else log.lines(start):
            if LEVELS.index(line.level) >= LEVELS.index(level):
                click.echo(_as_json(line) if as_json else line.text())


def _as_json(line: LogLine) -> str:
    return json.dumps({"at": line.at, "level": line.level, "message": line.message})


@click.command("test-event")
@target_options
@click.option(
    "--wait", "to_s3", type=SECONDS, default=_SECONDS_TO_S3, show_default=True, help="Seconds to wait for the object."
)
@click.option(
    "--wait-table", "to_table", type=SECONDS, default=1200, show_default=True, help="Seconds to wait for the row."
)
@click.option("--no-table", is_flag=True, help="Look at S3 only.")
@json_option
@click.pass_obj
def test_event_command(
    tools: Tools, bundle: Path | None, target: str | None, to_s3: int, to_table: int, no_table: bool, as_json: bool
) -> None:
    """Send a marked item through the pipeline, show where it arrives and when, and delete it again.

    With a workspace and a warehouse_id it is looked for in the table, too, where its row stays with deleted_at.

    Example: stream-lambda test-event --wait 60
    """
    config = tools.config(bundle, target)
    clients = tools.connect(config.region)
    looks_at_table = not no_table and bool(config.warehouse_id) and has_workspace(tools, config)
    reached = []
    for step in _way(tools, config, clients, to_s3, to_table if looks_at_table else None):
        reached.append(asdict(step))
        if not as_json:
            click.echo(f"{step.seconds:7.1f} s  {step.where:8}  {printable(step.detail)}")
    if as_json:
        print_json({"steps": reached, "table": looks_at_table})
    elif not looks_at_table:
        click.echo("the table was not looked at" + ("" if no_table else ": no workspace or no warehouse_id is set"))


def _way(tools: Tools, config: Config, clients: Clients, to_s3: int, to_table: int | None) -> Iterator[Reached]:
    way = Way(
        config.dynamodb_table,
        config.bucket,
        config.landing_prefix,
        config.archive_prefix,
        config.quarantine_prefix,
        to_s3,
        to_table or 0,
    )
    in_table = house_eyes(tools, config).has_event if to_table is not None else None
    with explained("sending a test event"):
        probe = Probe(clients("dynamodb"), clients("s3"), way, in_table, tools.wait())
        with closing(probe.run(str(uuid4()))) as steps:
            yield from steps


def with_smoke_test(tools: Tools) -> Tools:
    """These tools, with what `deploy` ends with: a test event as far as S3. Raises LostOnTheWayError."""

    def smoke_test(config: Config, clients: Clients) -> list[dict[str, Any]]:
        reached = []
        for step in _way(tools, config, clients, _SECONDS_TO_S3, None):
            progress(f"test event: {step.where} after {step.seconds:.1f} s")
            reached.append(asdict(step))
        return reached

    return replace(tools, smoke_test=smoke_test)


@click.command("redrive")
@target_options
@click.option("--dry-run", is_flag=True, help="Say what would be done, and write nothing.")
@yes_option
@json_option
@click.pass_context
def redrive_command(
    context: click.Context, bundle: Path | None, target: str | None, dry_run: bool, is_sure: bool, as_json: bool
) -> None:
    """Send what failed through the conversion again: on-failure objects and the quarantine prefix.

    What succeeds goes into new objects for the job, and the failed object is moved to redriven/. What still fails
    stays, and the command ends with 1. It may be stopped anywhere and run again.

    Example: stream-lambda redrive --dry-run
    """
    tools: Tools = context.obj
    if as_json and not is_sure and not dry_run:
        raise click.UsageError("--json asks nothing, so it needs --yes or --dry-run")
    config = tools.config(bundle, target)
    with explained("redriving"):
        redrive = Redrive(tools.connect(config.region)("s3"), _places(config), tools.sleep)
        count = len(redrive.waiting())
        if count and not dry_run and not is_sure:
            click.confirm(f"{count} objects failed. Redrive them?", abort=True, err=True)
        outcomes = _redriven(redrive, dry_run, as_json)
    left = [one for one in outcomes if one.outcome == "left" or one.failing]
    if as_json:
        print_json({"dry_run": dry_run, "objects": [asdict(one) for one in outcomes]})
    else:
        lines = sum([one.converted for one in outcomes])
        verb = "would be" if dry_run else "were"
        click.echo(f"{len(outcomes)} objects: {lines} events {verb} redriven, {len(left)} objects still fail")
    if left:
        context.exit(1)


def _places(config: Config) -> Places:
    return Places(
        config.bucket,
        config.landing_prefix,
        config.quarantine_prefix,
        config.archive_prefix,
        config.function_name,
        config.kms_key_id or None,
    )


def _redriven(redrive: Redrive, dry_run: bool, as_json: bool) -> list[Redriven]:
    outcomes = []
    try:
        for one in redrive.run(dry_run):
            outcomes.append(one)
            if not as_json:
                tail = f", {one.failing} still fail: {one.reason}" if one.failing or one.reason else ""
                click.echo(f"{one.outcome:5}  {printable(one.key)}  {one.converted} converted{printable(tail)}")
    except KeyboardInterrupt:
        progress(f"stopped after {len(outcomes)} objects; nothing is lost: run it again to go on")
        raise
    return outcomes


COMMANDS: list[click.Command] = [
    doctor_command,
    status_command,
    logs_command,
    test_event_command,
    redrive_command,
    migrate_command,
    cost_command,
]
