"""One line of an object, in plain Python on one core: what each step costs on its way to a row.

Beside them `json.loads`, which reads numbers as floats and checks nothing: no exact reading in Python is faster. In a
run each core of the job does the first two steps once to judge a line and once more, with the rest, to flatten it.
"""

import json
import sys
from collections.abc import Callable, Sequence

from benchmarks import command, events
from benchmarks.bars import Result
from benchmarks.command import say
from benchmarks.rounds import Contender, best, in_turns
from flatten.events import catalogue
from flatten.columns import ColumnBuilder
from flatten.events.envelope import read_change, read_line
from flatten.events.event import flatten
from flatten.run.values import columns_for

SIGNALS = (12, 60)
SHORT, FULL = 2_000, 20_000
LOADS = "json.loads"
READ = "read the line"
JUDGE = "read the line and its change"
FLAT = "and flatten it"
ALL = "ours: and gather its cells"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("lines", __doc__ or "", "python -m benchmarks.lines --rounds 3", rounds=3)
    options = parser.parse_args(arguments)
    count = FULL if options.full else SHORT
    return command.finish("lines", [measure(count, each, options.rounds) for each in SIGNALS], options, arguments)


def measure(count: int, signals: int, rounds: int) -> Result:
    """The table of so many events of so many signals."""
    lines = [events.line(change, signals).encode() for change in events.fleet(count)]
    contenders = [Contender(name, _over(lines, step)) for name, step in steps().items()]
    seconds = best(in_turns(contenders, rounds, say))
    figures = {f"{name}: microseconds a line": taken / count * 1e6 for name, taken in seconds.items()}
    return Result(f"{count:,} lines of {signals} signals, one core", seconds, ALL, (), figures)


def steps() -> dict[str, Callable[[bytes], object]]:
    """What is done to a line, by name; each of ours does what the one before it does, and more."""
    known = catalogue.packaged()
    builder = ColumnBuilder(columns_for(known.signals))

    def flat(line: bytes) -> dict[str, object]:
        event = read_line(line)
        return flatten(event, read_change(event), known)

    def gather(line: bytes) -> None:
        builder.add(flat(line), len(line))
        if builder.is_full:
            builder.take()

    return {
        LOADS: json.loads,
        READ: read_line,
        JUDGE: lambda line: read_change(read_line(line)),
        FLAT: flat,
        ALL: gather,
    }


def _over(lines: Sequence[bytes], step: Callable[[bytes], object]) -> Callable[[], None]:
    def run() -> None:
        for line in lines:
            step(line)

    return run


if __name__ == "__main__":
    sys.exit(command.guarded(main))
