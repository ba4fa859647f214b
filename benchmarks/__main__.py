"""`make bench`: every benchmark, one after the other, each in a process of its own; then all bars in one table.

Exit codes: 0 all were measured (whatever the bars say), 1 one could not be, or a bar is missed and --strict was given.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import command
from benchmarks.bars import Report
from benchmarks.tables import bars_text

SHORT = ("flatten", "lines", "merge", "small_files", "end_to_end", "stream_to_s3", "scale")
FULL = ("flatten", "lines", "merge", "small_files", "million", "end_to_end", "stream_to_s3", "scale")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run them, print, return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Run all benchmarks; without --full in a short form of about ten minutes.",
        epilog="Example: python -m benchmarks --only flatten merge",
    )
    parser.add_argument("--full", action="store_true", help="the big sizes, for an hour or two")
    parser.add_argument("--only", choices=FULL, nargs="+", help="these only")
    parser.add_argument("--out", type=Path, default=command.RESULTS, help="folder of results")
    parser.add_argument("--work", type=Path, default=None, help="folder for data (default: the system's temporary one)")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a bar is missed")
    options = parser.parse_args(arguments)
    names = options.only or (FULL if options.full else SHORT)
    failed = [name for name in names if not _ran(name, options)]
    reports = [report for report in command.read(options.out) if report.benchmark in names]
    print(f"\n{_all_bars(reports)}", flush=True)
    for name in failed:
        print(f"Error: {name} was not measured, see above.", file=sys.stderr)
    return 1 if failed or (options.strict and any(report.missed for report in reports)) else 0


def _ran(name: str, options: argparse.Namespace) -> bool:
    told = ["--out", str(options.out), *(["--full"] if options.full else [])]
    told += ["--results", str(options.out)] if name == "scale" else []
    told += ["--work", str(options.work)] if options.work else []
    print(f"\n== {name}", flush=True)
    (options.out / f"{name}.json").unlink(missing_ok=True)
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *told], check=False)  # noqa: S603 # our own
    command.say(f"{name}: {time.monotonic() - started:.0f} s in all")
    return done.returncode == 0


def _all_bars(reports: Sequence[Report]) -> str:
    bars = [bar for report in reports for result in report.results for bar in result.bars]
    return f"All bars, {sum(bar.met is True for bar in bars)} of {len(bars)} met:\n{bars_text(bars)}"


if __name__ == "__main__":
    sys.exit(main())
