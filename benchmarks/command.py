"""Share code between the benchmarks' commands. Tables go to standard output, progress to standard error.

Exit codes: 0 measured (whatever the bars say), 1 it failed, or a bar is missed and `--strict` was given, 2 wrong usage.
"""

import argparse
import shlex
import sys
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.bars import Result
from benchmarks.machine import machine
from benchmarks.recipes.dlt_process import DltError
from flatten.errors import FlattenError
from rehearsal.errors import RehearsalError


def parser(benchmark: str, about: str, example: str, rounds: int | None = None) -> argparse.ArgumentParser:
    """Return a parser with the common options. `rounds` is the default of --rounds; None leaves the option out."""
    made = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{benchmark}", description=about, epilog=f"Example: {example}"
    )
    made.add_argument("--full", action="store_true", help="the big sizes; without it those of `make bench`")
    if rounds is not None:
        made.add_argument("--rounds", type=at_least_one, default=rounds, help=f"rounds (default: {rounds})")
    made.add_argument("--work", type=Path, default=None, help="folder for data (default: the system's temporary one)")
    made.add_argument("--strict", action="store_true", help="exit with 1 when a bar is missed")
    return made


def at_least_one(text: str) -> int:
    """Read a whole number of 1 or more. Raises argparse.ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and int(text)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def say(text: str) -> None:
    """Report progress."""
    print(f"  {text}", file=sys.stderr, flush=True)


def work_folder(options: argparse.Namespace) -> "tempfile.TemporaryDirectory[str]":
    """Yield a folder for the data of a run, and remove it after the `with`."""
    if options.work is not None:
        options.work.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(prefix="bench-", dir=options.work, ignore_cleanup_errors=True)


def guarded(main: Callable[[], int]) -> int:
    """Return the exit code of a benchmark; an error is one sentence, not a traceback."""
    try:
        return main()
    except (FlattenError, RehearsalError, DltError) as wrong:
        print(f"Error: {wrong}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def finish(
    benchmark: str, results: Sequence[Result], options: argparse.Namespace, arguments: Sequence[str] | None
) -> int:
    """Print the tables as a section of a page, with the command, the date and the machine; return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = shlex.join(["python", "-m", f"benchmarks.{benchmark}", *given])
    print(f"### {benchmark}\n\n`{command}`, {datetime.now(UTC):%Y-%m-%d} ({', '.join(machine())}):\n")
    print("\n".join(result.as_text() for result in results), flush=True)
    return 1 if options.strict and any(bar.met is False for result in results for bar in result.bars) else 0
