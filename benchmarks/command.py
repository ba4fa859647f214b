"""What every benchmark's command has in common: its options, its progress, and what becomes of its report.

The table goes to standard output, progress to standard error, JSON and pictures to `--out`. Exit codes: 0 measured
(whatever the bars say), 1 it could not be, or a bar is missed and `--strict` was given, 2 wrong usage.
"""

import argparse
import json
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bars import Report, Result
from benchmarks.chart import seconds_chart
from benchmarks.machine import machine
from benchmarks.recipes.dlt_beside import DltFailed
from benchmarks.tables import as_text
from flatten.errors import FlattenError
from rehearsal.errors import RehearsalError

RESULTS = Path(__file__).with_name("results")


def parser(benchmark: str, about: str, example: str, rounds: int | None = None) -> argparse.ArgumentParser:
    """A parser with the common options. `rounds` is the default of --rounds, which is left out without one."""
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{benchmark}", description=about, epilog=f"Example: {example}"
    )
    made.add_argument("--full", action="store_true", help="the big sizes; without it those of `make bench`")
    if rounds is not None:
        made.add_argument("--rounds", type=at_least_one, default=rounds, help=f"rounds (default: {rounds})")
    made.add_argument("--out", type=Path, default=RESULTS, help="folder of results (default: benchmarks/results)")
    made.add_argument("--work", type=Path, default=None, help="folder for data (default: the system's temporary one)")
    made.add_argument("--json", action="store_true", help="print one JSON object and no table")
    made.add_argument("--strict", action="store_true", help="exit with 1 when a bar is missed")
    return made


def at_least_one(text: str) -> int:
    """Read a whole number of 1 or more. Raises argparse.ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def say(text: str) -> None:
    """Tell how far it is."""
    print(f"  {text}", file=sys.stderr, flush=True)


def work_folder(options: argparse.Namespace) -> "tempfile.TemporaryDirectory[str]":
    """A folder for the data of a run, removed after a `with`."""
    if options.work is not None:
        options.work.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="bench-", dir=options.work, ignore_cleanup_errors=True)


def guarded(main: Callable[[], int]) -> int:
    """The exit code of a benchmark; what it could not do is one sentence, not a traceback."""
    try:
        return main()
    except (FlattenError, RehearsalError, DltFailed) as wrong:
        print(f"Error: {wrong}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def finish(
    benchmark: str, results: Sequence[Result], options: argparse.Namespace, arguments: Sequence[str] | None
) -> int:
    """Print the report, write it as JSON with its pictures, and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = shlex.join(["python", "-m", f"benchmarks.{benchmark}", *given])
    report = Report(benchmark, command, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", machine(), results)
    write(report, options.out)
    print(json.dumps(report.as_dict()) if options.json else as_text(report), flush=True)
    return 1 if options.strict and report.missed else 0


def write(report: Report, folder: Path) -> None:
    """Write `<benchmark>.json` and a picture for each result that has seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{report.benchmark}.json").write_text(json.dumps(report.as_dict(), indent=1) + "\n", "utf-8")
    for result in report.results:
        slug = re.sub("[^a-z0-9]+", "-", result.name.lower().removeprefix(report.benchmark)).strip("-")
        name = f"{report.benchmark}-{slug}"
        drawn = seconds_chart(result, name)
        if drawn:
            (folder / f"{name}.svg").write_text(drawn, "utf-8")


def read(folder: Path) -> list[Report]:
    """The reports of a folder, by name of the benchmark. Raises ValueError for a file that is none."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(Report.from_dict(json.loads(path.read_text("utf-8"))))
        except (KeyError, TypeError, ValueError) as wrong:
            raise ValueError(f"{path} is not the report of a benchmark ({wrong}): remove it, or run it anew") from wrong
    return found
