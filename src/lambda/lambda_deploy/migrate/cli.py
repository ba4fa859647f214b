"""The command `migrate`."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import click

from lambda_deploy.config import Config
from lambda_deploy.console import Tools, json_option, print_json, target_options
from lambda_deploy.explain import explained
from lambda_deploy.lakehouse import lakehouse_of
from lambda_deploy.migrate import OLD_TRIGGER_FUNCTION
from lambda_deploy.migrate.found import Found, Search
from lambda_deploy.migrate.steps import Step, steps
from lambda_deploy.texts import printable


@click.command("migrate")
@target_options
@click.option("--old-job", metavar="NAME", default="", help="Name or number of the older pipeline's Databricks job.")
@click.option("--old-stream-function", metavar="NAME", default="", help="The older function that reads the stream.")
@click.option(
    "--old-trigger-function",
    metavar="NAME",
    default=OLD_TRIGGER_FUNCTION,
    show_default=True,
    help="The older function that the bucket calls.",
)
@json_option
@click.pass_obj
def migrate_command(
    tools: Tools,
    bundle: Path | None,
    target: str | None,
    old_job: str,
    old_stream_function: str,
    old_trigger_function: str,
    as_json: bool,
) -> None:
    """Print the steps of a migration from an older pipeline, from what exists; execute nothing.

    Each step has its commands (AWS CLI, Databricks CLI), what to check after it, and how to undo it. Run it again after
    each step: finished steps are marked. docs/migration.md

    Example: stream-lambda migrate -t prod > migration.txt
    """
    config = tools.config(bundle, target)
    lakehouse = lakehouse_of(tools, config)
    search = Search(config, tools.connect(config.region), lakehouse, old_stream_function, old_trigger_function, old_job)
    with explained("looking for an older pipeline"):
        found = search.find()
    way = steps(config, found) if found else []
    if as_json:
        print_json({"steps": [asdict(step) for step in way]})
        return
    for line in _lines(config, found, way):
        click.echo(line)


def _lines(config: Config, found: Found | None, way: Sequence[Step]) -> Iterator[str]:
    if found is None:
        yield (
            f"No older pipeline exists. If not done yet, run `stream-lambda deploy -t {config.target}` and "
            f"`databricks bundle deploy -t {config.target}`."
        )
        return
    yield "Nothing was executed. Keep this first output: it records the state before the migration."
    if found.stream_function == config.function_name:
        yield (
            f"The old function has the name of ours, {config.function_name}, so it is deleted first, and that cannot "
            "be undone. To run both in parallel, set another function_name in databricks.yml, and run this again."
        )
    for number, step in enumerate(way, 1):
        yield ""
        mark = click.style("done", fg="green") if step.is_done else click.style("to do", fg="yellow")
        yield f"{number}. {step.title}: {mark}"
        yield f"   {step.why}"
        yield from [f"   run:   {printable(command)}" for command in step.commands]
        yield from [f"   check: {printable(one.command)}   shows {printable(one.shows)}" for one in step.checks]
        yield from [f"   back:  {printable(command)}" for command in step.back]
