"""The command `migrate`."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lambda_deploy.aws import Clients, explained
from lambda_deploy.config import Config
from lambda_deploy.console import SECONDS, Tools, json_option, print_json, progress, target_options, yes_option
from lambda_deploy.errors import MigrationError
from lambda_deploy.migrate import Migration, Planned, planned
from lambda_deploy.migrate_aws import OldPipeline
from lambda_deploy.migrate_hands import RealHands
from lambda_deploy.migrate_seen import OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION, Journal
from lambda_deploy.wait import Wait

if TYPE_CHECKING:
    from lambda_deploy.migrate_workspace import OldHouse


@click.command("migrate")
@target_options
@click.option("--old-job", metavar="NAME", help="Name or number of the older pipeline's Databricks job.")
@click.option("--no-old-job", is_flag=True, help="There is no such job any more.")
@click.option("--old-table", metavar="NAME", help="Its table; by default the name that ours gets.")
@click.option("--keep-table-as", metavar="NAME", help="What it is called then.  [default: <old table>_two_lambdas]")
@click.option("--old-stream-function", default=OLD_STREAM_FUNCTION, show_default=True, help="What reads the stream.")
@click.option("--old-trigger-function", default=OLD_TRIGGER_FUNCTION, show_default=True, help="What S3 calls.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("--no-delete", "keeps", is_flag=True, help="Stop before the first step that cannot be undone.")
@click.option("--rollback", is_flag=True, help="Undo, as long as nothing is deleted.")
@click.option(
    "--wait", "seconds", type=SECONDS, default=1800, show_default=True, help="Seconds to wait for a run or a mapping."
)
@yes_option
@json_option
@click.pass_context
def migrate_command(
    context: click.Context, /, bundle: Path | None, target: str | None, is_sure: bool, as_json: bool, **options: Any
) -> None:
    """Move from the two-Lambda pipeline to this one, without losing or doubling an event.

    Each step is asked for, and read from what is there: stopped anywhere, the next migrate goes on. The first run
    stops the old job, then asks for `stream-lambda deploy`; the second does the rest. docs/migration.md

    Example: stream-lambda migrate --old-job telemetry-import --plan
    """
    tools: Tools = context.obj
    if as_json and not is_sure and not options["only_plan"]:
        raise click.UsageError("--json asks nothing, so it needs --yes or --plan")
    config = tools.config(bundle, target)
    hands = _hands(tools, config, options)
    with explained("reading the journal of the migration"):
        begun = hands.pipeline.journal()
    if begun is not None:
        _check_same(begun, options)
    journal = begun or _begun_now(hands, config, options)
    if journal is None:
        _tell_nothing(as_json)
        return
    now = hands.look(journal)
    steps = planned(now, journal)
    if not as_json:
        _show(steps)
    if steps[0].state == "to do" and now.new_mapping is not None and now.new_mapping.state == "Enabled":
        progress(
            "the new function writes while the old job still runs: see docs/migration.md, what is not carried over"
        )
    finished = True
    if not options["only_plan"]:
        migration = Migration(hands, journal, _asking(is_sure), progress)
        finished = _back(migration, hands) if options["rollback"] else _forward(migration, hands, begun, options)
    if as_json:
        after = planned(hands.look(journal), journal)
        print_json({"steps": [asdict(step) for step in after], "finished": finished})
    if not finished:
        context.exit(1)


def _hands(tools: Tools, config: Config, options: dict[str, Any]) -> RealHands:
    names = (options["old_stream_function"], options["old_trigger_function"])
    if config.function_name in names:
        raise click.UsageError(f"{config.function_name} is the new function, not one of the old ones")
    wait = tools.wait(options["seconds"])
    return RealHands(OldPipeline(config, tools.connect(config.region), wait, *names), _house(tools, config, wait))


def _house(tools: Tools, config: Config, wait: Wait) -> "OldHouse | None":
    if not has_workspace(tools, config):
        return None
    from lambda_deploy.doctor_workspace import HouseEyes
    from lambda_deploy.migrate_workspace import OldHouse

    return OldHouse(HouseEyes(config, cache(lambda: tools.workspaces(config.host))), wait)


def check_old_job(tools: Tools, config: Config, clients: Clients) -> None:
    """Refuses a deployment beside a job of the two-Lambda pipeline that may archive what the new function writes.

    Raises MigrationError. Only functions of the older pipeline's own names are looked for.
    """
    pipeline = OldPipeline(config, clients, tools.wait(), OLD_STREAM_FUNCTION, OLD_TRIGGER_FUNCTION)
    with explained("looking for the two-Lambda pipeline"):
        found = list(pipeline.leftovers())
        if not found or not pipeline.shares_our_prefix():
            return
        begun = pipeline.journal()
    if begun is not None and RealHands(pipeline, _house(tools, config, tools.wait())).is_old_job_stopped(begun):
        return
    raise MigrationError(
        f"the two-Lambda pipeline is still there ({', '.join(found)}), and its Databricks job would archive what the "
        f"new function writes: stop that job first with `stream-lambda migrate -t {config.target}`, or say "
        "--no-old-job when there is none any more or it reads elsewhere"
    )


def has_workspace(tools: Tools, config: Config) -> bool:
    """Whether somebody has said which workspace it is."""
    return bool(config.host or tools.environment.get("DATABRICKS_CONFIG_PROFILE"))


def _begun_now(hands: RealHands, config: Config, options: dict[str, Any]) -> Journal | None:
    """The journal of a migration that begins now; None when nothing of the old pipeline is there."""
    if options["rollback"]:
        raise MigrationError(f"no migration has begun: there is no {hands.pipeline.journal_place}")
    with explained("reading the two-Lambda pipeline"):
        if not list(hands.pipeline.leftovers()):
            return None
    name = _old_job(options)
    if name is None:
        return hands.noted(None, None)
    if hands.house is None:
        raise MigrationError("no workspace is named: set workspace.host in databricks.yml, or DATABRICKS_HOST")
    table = options["old_table"] or f"{config.catalog}.{config.schema}.{config.table}"
    job = hands.house.job_named(name)
    return hands.noted(job, hands.house.old_table(table, options["keep_table_as"] or f"{table}_two_lambdas"))


def _old_job(options: dict[str, Any]) -> str | None:
    if options["no_old_job"] and options["old_job"]:
        raise click.UsageError("--old-job and --no-old-job exclude one another")
    if options["no_old_job"] or options["old_job"]:
        return options["old_job"] or None
    if not sys.stdin.isatty():
        raise click.UsageError(
            "the older pipeline's Databricks job must be stopped first, because it archives what the new one writes: "
            "say which it is with --old-job, or --no-old-job when there is none any more"
        )
    return str(click.prompt("Name or number of the old Databricks job", err=True))


def _asking(is_sure: bool) -> Callable[[str, str], bool]:
    return lambda name, says: is_sure or click.confirm(f"{name}: {says} Do it?", err=True)


def _check_same(begun: Journal, options: dict[str, Any]) -> None:
    """Raises MigrationError when this migration began with other names than are given now."""
    job = (begun.job.name, str(begun.job.job_id)) if begun.job else ()
    given = {
        options["old_job"]: job,
        options["old_stream_function"]: (begun.stream_function,),
        options["old_trigger_function"]: (begun.trigger_function,),
    }
    for name, known in given.items():
        if name and name not in known:
            raise MigrationError(
                f"this migration began with {' or '.join(known) or 'no old job'}, not with {name!r}: "
                "go on with the same names, or undo it first with --rollback"
            )


def _forward(migration: Migration, hands: RealHands, begun: Journal | None, options: dict[str, Any]) -> bool:
    def confirm(name: str, says: str) -> bool:
        is_confirmed = migration.confirm(name, says)
        with explained("writing the journal of the migration"):
            if is_confirmed and begun is None and hands.pipeline.journal() is None:
                hands.pipeline.write_journal(migration.journal)
        return is_confirmed

    finished = replace(migration, confirm=confirm).forward(deletes=not options["keeps"])
    if hands.house is not None and not hands.pipeline.config.start_is_paused:
        for number in hands.house.our_paused_jobs():
            progress(f"our own job {number} is paused, so nobody reads what arrives: resume it, or deploy the bundle")
    return finished


def _back(migration: Migration, hands: RealHands) -> bool:
    if not migration.back():
        return False
    with explained("removing the journal of the migration"):
        hands.pipeline.forget_journal()
    return True


def _show(steps: list[Planned]) -> None:
    for line in _lines(steps):
        click.echo(line)


def _lines(steps: list[Planned]) -> Iterator[str]:
    longest = max(len(step.name) for step in steps)
    for step in steps:
        mark = click.style("done ", fg="green") if step.state == "done" else click.style("to do", fg="yellow")
        yield f"{mark}  {step.name:{longest}}  {step.says}"


def _tell_nothing(as_json: bool) -> None:
    if as_json:
        print_json({"steps": [], "finished": True})
    else:
        click.echo("nothing of the two-Lambda pipeline is there")
