"""A million lines read again: an archive replayed into a new table, and a full export backfilled, each in 4 GB of heap.

The second attempt finds every row and writes nothing, as after a crash at the very end.
"""

import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import command, events
from benchmarks.bars import Result, at_least, at_most
from benchmarks.command import say
from benchmarks.job_folder import SESSION
from benchmarks.machine import peak_bytes
from flatten.cli.common import second_look
from flatten.run import exports
from flatten.run.again import read_again
from flatten.run.batch import Around
from flatten.run.given import GivenFile
from flatten.run.replay import EVER, archived_files, names_within
from flatten.session import spark_session
from flatten.storage import open_location
from flatten.tables.names import TableName
from rehearsal.fleet.export import Json, typed_item, write_export

SHORT, FULL = 20_000, 1_000_000
_SIGNALS, _ITEMS_A_FILE = 12, 50_000
Files = Callable[[], Iterator[GivenFile]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    example = "python -m benchmarks.second_year --only replay --full --work /data/bench"
    parser = command.parser("second_year", __doc__ or "", example)
    parser.add_argument("--events", type=command.at_least_one, help="lines (default: 20000, with --full 1000000)")
    parser.add_argument("--only", choices=tuple(_MADE), nargs="+", default=tuple(_MADE), help="these commands only")
    options = parser.parse_args(arguments)
    count = options.events or (FULL if options.full else SHORT)
    results = []
    with command.work_folder(options) as work:
        for name in options.only:
            say(f"{name}: writing {count:,} lines")
            files = _MADE[name](Path(work) / name, count)
            results.append(_measured(name, Path(work) / name, files, count))
    return command.finish("second_year", results, options, arguments)


def _archive(root: Path, count: int) -> Files:
    events.write_objects(root / "archive", events.fleet(count), _SIGNALS)
    place = open_location(str(root / "archive"))
    return lambda: archived_files(place, names_within(place, EVER), place.root)


def _export(root: Path, count: int) -> Files:
    def lines(first: int) -> Iterator[Json]:
        for number in range(first, min(first + _ITEMS_A_FILE, count)):
            change = events.Change(number, number)
            yield {"Item": typed_item(events.item(change, _SIGNALS))}

    folder = write_export(root, map(lines, range(0, count, _ITEMS_A_FILE)))
    return lambda: _verified(str(folder))


def _verified(folder: str) -> Iterator[GivenFile]:
    export = exports.read_export(folder)
    exports.verify(export, lambda items: None)
    return exports.parts(export, None)


_MADE = {"replay": _archive, "backfill": _export}


def _measured(name: str, root: Path, files: Files, count: int) -> Result:
    given = second_look(TableName.of(str(root / "tables" / "telemetry")), str(root), "soft", "keep", dry_run=False)
    seconds, counts = {}, []
    with spark_session(SESSION) as spark:
        for attempt in ("first attempt", "again"):
            say(f"{name}: {attempt}")
            settings = replace(given, run_id=uuid.uuid4().hex, started_at=datetime.now(UTC))
            began = time.perf_counter()
            counts.append(read_again(spark, settings, Around(), name, files(), lambda done: say(f"{done['lines']:,}")))
            seconds[attempt] = time.perf_counter() - began
        java = spark.sparkContext._jvm.java.lang.ProcessHandle.current().pid()  # type: ignore[union-attr]  # classic
        java_bytes, python_bytes = peak_bytes(java), peak_bytes()
    figures = {"lines a second, first attempt": count / seconds["first attempt"]}
    if java_bytes:
        figures["peak of Spark's JVM, GB"] = java_bytes / 1e9
    peak = python_bytes / 1e9 if python_bytes else None
    bars = [
        at_least("rows written, first attempt", count, counts[0]["rows_written"], "rows"),
        at_most("rows written, again", 0, counts[1]["rows_written"], "rows"),
        at_most("peak of the Python driver", 1, peak, "GB", "the system does not say"),
    ]
    return Result(f"{name} of {count:,} lines, 4 GB of heap", seconds, "first attempt", bars, figures)


if __name__ == "__main__":
    sys.exit(command.guarded(main))
