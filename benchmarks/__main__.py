"""Run every benchmark, one after the other, each in a separate process: `make bench`.

Exit codes: 0 all were measured (whatever the bars say), 1 one failed, or a bar is missed and --strict was given.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.command import say

NAMES = (
    "small_run",
    "flatten",
    "growing_table",
    "million",
    "second_year",
    "largest_file",
    "views",
    "end_to_end",
    "stream_to_s3",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run all benchmarks; without --full in a short form of about ten minutes.",
        epilog="Example: python -m benchmarks --only flatten small_run",
    )
    parser.add_argument("--full", action="store_true", help="the big sizes, for an hour or two")
    parser.add_argument("--only", choices=NAMES, nargs="+", default=NAMES, help="these only")
    parser.add_argument("--work", type=Path, default=None, help="folder for data (default: the system's temporary one)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a bar is missed")
    options = parser.parse_args(arguments)
    given = [f"--{name}" for name in ("full", "strict") if getattr(options, name)]
    given += ["--work", str(options.work)] if options.work else []
    failed = [name for name in options.only if _failed(name, given)]
    for name in failed:
        print(f"Error: {name} ended with an error, see above.", file=sys.stderr)
    return 1 if failed else 0


def _failed(name: str, given: Sequence[str]) -> bool:
    say(name)
    command = [sys.executable, "-m", f"benchmarks.{name}", *given]
    return subprocess.run(command, check=False).returncode != 0  # noqa: S603 # our own


if __name__ == "__main__":
    sys.exit(main())
