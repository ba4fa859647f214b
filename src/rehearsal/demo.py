"""Run the whole pipeline on this machine for a minute, watch it, check the result and write a report.

Exit codes: 0 every event is where it must be, 1 one is not, or a part did not start, 2 wrong usage.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Event
from typing import TextIO

import click

from lambda_deploy.explain import traceback_of, unforeseen
from rehearsal.errors import RehearsalError, UnsettledError
from rehearsal.fleet import write_fleet
from rehearsal.loopback import loopback_alone
from rehearsal.pipeline import Pipeline, Setup, pipeline
from rehearsal.producer import Action, fleet_actions, with_poison
from rehearsal.report.page import page
from rehearsal.report.summary import text
from rehearsal.report.trace import Snapshot, Trace, snapshot, trace

_MARKER = ".rehearsal"
_SNAPSHOT_SECONDS = 0.25
_LINE_SECONDS = 5.0
_PUTS_TO_POISON = 150


@click.command(name="make demo", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--events", type=click.IntRange(1, 100_000), default=1_500, show_default=True, help="Events to put.")
@click.option("--rate", type=click.FloatRange(0.1, 10_000), default=50, show_default=True, help="Changes per second.")
@click.option("--schedule", is_flag=True, help="Start the job every 15 s (Option B) instead of by the Lambda.")
@click.option("--window", type=click.IntRange(0, 300), default=1, show_default=True, help="Batching window in seconds.")
@click.option("--debug", is_flag=True, expose_value=False, help="Show also where an error came from.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("demo"), show_default=True)
def demo(events: int, rate: float, schedule: bool, window: int, out: Path) -> None:
    """Put items into DynamoDB and follow them to rows of the table, on this machine, without a cloud account.

    \b
    Examples:
      make demo
      make demo ARGS=--schedule
      make demo ARGS='--events 5000 --rate 200 --window 5'
    """
    setup = Setup(batching_window=window, starts="schedule" if schedule else "lambda", rate=rate)
    folder = _emptied(out)
    actions = list(with_poison(fleet_actions(events, 1 + events // 50, seed=1), _PUTS_TO_POISON))
    found = rehearse(folder, setup, actions, sys.stderr, answers=folder / "report.html")
    (folder / "rehearsal.html").write_text(page(found), "utf-8", errors="backslashreplace")
    click.echo(text(found))
    click.echo(f"\nWhere each car stands, and what it charged: {out}/report.html", err=True)
    click.echo(f"The report of the run is {out}/rehearsal.html, the table is {out}/tables/telemetry:", err=True)
    click.echo(f"  .venv/bin/flatten status --table {folder}/tables/telemetry", err=True)
    if found.problems:
        raise click.ClickException(f"{len(found.problems)} problems; the first: {found.problems[0]}")


def rehearse(
    folder: Path,
    setup: Setup,
    actions: list[Action],
    out: TextIO,
    clock: Callable[[], float] = time.time,
    answers: Path | None = None,
) -> Trace:
    """Start the pipeline, play the actions, wait until every change has arrived, and return what happened.

    The page of the table's answers is written to `answers`.

    Raises RehearsalError when a part does not start, or when changes do not arrive in time.
    """
    click.echo("Starting DynamoDB, S3, the Lambda, the workspace and Spark on 127.0.0.1 ...", out)
    with pipeline(folder, setup, clock=clock) as running, ThreadPoolExecutor(1) as application:
        _warm_up(running)
        stop, snapshots = Event(), [snapshot(running, clock())]
        done = application.submit(_play, running, actions, stop)
        try:
            shown, is_over = 0.0, False
            while not is_over:
                is_over = bool(wait([done], _SNAPSHOT_SECONDS).done)  # the last snapshot is taken after the end
                snapshots.append(snapshot(running, clock()))
                if is_over or snapshots[-1].at - shown >= _LINE_SECONDS:
                    shown = snapshots[-1].at
                    click.echo(_line(running, snapshots), out)
        except BaseException:
            stop.set()
            running.compute.end()
            raise
        if not done.result():
            said = "; ".join(running.job.errors) or "nothing"
            raise UnsettledError(
                f"not every change reached the table in time; errors of the job: {said}. Its log: {folder}/job.log"
            )
        if answers:
            _report(running, answers)
        return trace(running, snapshots)


def _report(running: Pipeline, page: Path) -> None:
    table = str(running.folder / "tables" / "telemetry")
    finished = running.compute.run(["report", "--table", table, "--out", str(page), "--json"])
    if finished.code != 0:
        raise UnsettledError(f"the page of answers could not be written: {finished.stderr.strip()}")


def _line(running: Pipeline, snapshots: list[Snapshot]) -> str:
    now = snapshots[-1]
    counts = f"{now.put:,} put, {now.stored:,} in S3, {now.in_table:,} in the table"
    return f"{now.at - snapshots[0].at:5.0f} s: {counts}; runs finished: {len(running.job.done)}"


def _warm_up(running: Pipeline) -> None:
    """Let Spark do a small run on a scratch folder, because its first run is the slowest."""
    names = {"source": "landing", "archive": "archive", "table": "tables/telemetry", "state": "state"}
    places = {option: str(running.folder / "tmp" / name) for option, name in names.items()}
    write_fleet(Path(places["source"]), events=50, vehicles=2, seed=1)
    running.compute.run(["run", *(part for name, place in places.items() for part in (f"--{name}", place)), "--json"])


def _play(running: Pipeline, actions: list[Action], stop: Event) -> bool:
    running.producer.play(actions, stop.is_set)
    return running.settle(stop=stop.is_set)


def _emptied(out: Path) -> Path:
    """Empty the folder, which must be empty or from an earlier rehearsal. Raises click.UsageError."""
    if out.exists() and any(out.iterdir()) and not (out / _MARKER).exists():
        raise click.UsageError(f"{out} is not empty and not from an earlier rehearsal: name another folder with --out.")
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / _MARKER).touch()
    return out.resolve()


def main() -> None:
    """Run the command, and exit with its code."""
    alone = loopback_alone(os.environ)
    os.environ.clear()
    os.environ.update(alone)
    try:
        demo.main(prog_name="make demo", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped. No process is left running. Run `make demo` again.", err=True)
        sys.exit(130)
    except Exception as error:  # noqa: BLE001  # whatever it is, one sentence says it
        if "--debug" in sys.argv:
            click.echo(traceback_of(error), err=True)
        click.echo(f"Error: {error if isinstance(error, RehearsalError) else unforeseen(error, 'make demo')}", err=True)
        sys.exit(1)
