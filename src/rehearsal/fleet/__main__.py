"""Run `python -m rehearsal.fleet`. Exit codes: 0 done, 1 the files could not be written, 2 wrong usage."""

import dataclasses
import json
from pathlib import Path

import click

from rehearsal.errors import FleetError
from rehearsal.fleet import write_fleet


@click.command(name="python -m rehearsal.fleet", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="An empty or a new folder.")
@click.option("--events", type=click.IntRange(1, 100_000_000), default=2000, show_default=True)
@click.option("--vehicles", type=click.IntRange(1, 100_000), default=20, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed gives the same files.")
@click.option("--oddities", is_flag=True, help="Add unusual but real payloads, bad lines and broken files.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def fleet(out: Path, events: int, vehicles: int, seed: int, oddities: bool, as_json: bool) -> None:
    """Generate a realistic fleet over time, as the objects that the Lambda would write.

    What the cars did (charging sessions, drives, distance and energy per day, silence, errors, latest values) is
    written to DIR.truth.json, next to the folder.

    \b
    Example:
      python -m rehearsal.fleet --out landing --events 20000 --vehicles 50 --seed 7 --oddities
    """
    truth = out.absolute().with_name(f"{out.absolute().name}.truth.json")
    try:
        report = write_fleet(out, events=events, vehicles=vehicles, seed=seed, oddities=oddities)
        truth.write_text(json.dumps(report.truth, indent=1), "utf-8")
    except FleetError as error:
        raise click.UsageError(str(error)) from error
    except OSError as error:
        raise click.ClickException(
            f"{error.filename} cannot be written ({error.strerror}): name another folder."
        ) from error
    if as_json:
        click.echo(json.dumps({**dataclasses.asdict(report), "truth": str(truth)}))
    else:
        click.echo(
            f"{report.files:,} files, {report.lines:,} lines, {report.events:,} events in {out}; "
            f"what the cars did: {truth}"
        )


if __name__ == "__main__":
    fleet.main(prog_name="python -m rehearsal.fleet")
