"""`make bench`: the flattening, as ratios, side by side in one run.

Each round takes every way in turn, so that a slow moment of the machine meets all of them; the median of the
rounds counts, and the first round only warms up.
"""

import argparse
import gzip
import json
import random
import shutil
import tempfile
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.from_json_recipe import flatten_with_from_json
from pyspark.sql import DataFrame, SparkSession

from flatten import catalogue
from flatten.flat_rows import flat_rows
from flatten.session import spark_session

LINES_PER_FILE = 1_000


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(
        prog="make bench", description="usage: make bench ARGS='--events 50000 --signals 60'"
    )
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--signals", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="flatten-bench-"))
    try:
        chosen = write_events(folder / "in", options.events, options.signals)
        with spark_session() as spark:
            report(measure(ways(spark, folder, chosen), options.rounds), options.events, options.signals)
    finally:
        shutil.rmtree(folder)


def write_events(folder: Path, events: int, signals: int) -> dict[str, tuple[str, "array[int]"]]:
    """Write files of events that carry the catalogue's own examples; return what flat_rows is to take of them."""
    folder.mkdir(parents=True)
    rng, chosen = random.Random(1), {}  # noqa: S311  # made-up data
    known = list(json.loads((Path(catalogue.__file__).with_name("signal_catalogue.json")).read_text("utf-8")))
    for start in range(0, events, LINES_PER_FILE):
        lines = [
            _event(number, rng.sample(known, signals)) for number in range(start, min(start + LINES_PER_FILE, events))
        ]
        path = folder / f"{start:09}.ndjson.gz"
        path.write_bytes(gzip.compress("".join(lines).encode(), 3, mtime=0))
        chosen[str(path)] = (sha256(path.read_bytes()).hexdigest(), array("I", range(1, len(lines) + 1)))
    return chosen


def _event(number: int, signals: Sequence[dict[str, Any]]) -> str:
    stamps = {"retrievedAt": 1_761_682_265_645 + number, "oemUpdatedAt": 1_761_681_895_000 + number}
    event = {
        "event_id": f"51e89212-b651-54d4-8470-{number:012}",
        "recorded_at": f"2025-10-{1 + number % 28:02} 20:11:06",
        "meta": {"deliveredAt": 1_761_682_265_846, "deliveryId": f"d{number}", "mode": "LIVE", "version": "4.0"},
        "vehicle": {"id": f"v{number % 100}", "make": "TOYOTA", "model": "RAV4", "year": 2023},
        "user": {"id": f"u{number % 100}"},
        "triggers": [{"type": "SIGNAL_UPDATED"}],
        "signals": [
            {name: signal[name] for name in ("code", "name", "group")}
            | {"body": signal["example"], "meta": stamps, "status": {"value": "SUCCESS"}}
            for signal in signals
        ],
    }
    return json.dumps(event, separators=(",", ":")) + "\n"


def ways(spark: SparkSession, folder: Path, chosen: Any) -> dict[str, Callable[[], None]]:
    """Return what is compared, by name."""
    source, known = str(folder / "in"), catalogue.packaged()
    files = spark.read.format("binaryFile").load(source)
    ours = flat_rows(files, chosen, known.signals, 0)
    recipe = flatten_with_from_json(spark.read.text(source), known)

    def to_delta(rows: DataFrame, table: str) -> None:
        rows.write.format("delta").mode("overwrite").save(str(folder / table))

    return {
        "flat_rows, not written": lambda: _run(ours),
        "two from_json, not written": lambda: _run(recipe),
        "flat_rows to Delta": lambda: to_delta(ours, "flat"),
        "plain copy, JSON to Delta": lambda: to_delta(spark.read.json(source), "copy"),
    }


def _run(rows: DataFrame) -> None:
    rows.write.format("noop").mode("overwrite").save()


def measure(compared: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each way; the first round does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in compared}
    for number in range(rounds):
        for name, taken in _round(compared):
            print(f"round {number}: {name} {taken:.1f} s", flush=True)
            seconds[name].append(taken)
    return {name: median(taken[1:] or taken) for name, taken in seconds.items()}


def _round(compared: dict[str, Callable[[], None]]) -> Iterator[tuple[str, float]]:
    for name, way in compared.items():
        started = time.perf_counter()
        way()
        yield name, time.perf_counter() - started


def report(seconds: dict[str, float], events: int, signals: int) -> None:
    """Print the ratios."""
    floor = seconds["plain copy, JSON to Delta"]
    print(f"\n{events:,} events of {signals} signals\n{'way':32}{'seconds':>9}{'to the copy':>13}")
    for name, taken in seconds.items():
        print(f"{name:32}{taken:9.1f}{taken / floor:13.2f}")
    ratio = seconds["two from_json, not written"] / seconds["flat_rows, not written"]
    print(f"\nflat_rows is {ratio:.2f} times as fast as two from_json (which keep nothing that does not fit)")


if __name__ == "__main__":
    main()
