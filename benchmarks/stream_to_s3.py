"""The Lambda measured against what it replaces, side by side: `make bench-lambda`.

Ratios: both sides run in turn in the same process, round after round, and the median of the rounds' ratios counts.
Then the handler on batches of all sizes: processor time, memory, cost.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

# The events are those of the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from boto3.dynamodb.types import TypeDeserializer

from benchmarks import command, lambda_batches
from benchmarks.bars import Bar, Result, at_least, at_most
from lambda_deploy.build import build
from rehearsal.runtime import link_runtime_packages
from stream_to_s3.dynamodb_json import item_text
from stream_to_s3.objects import compressed
from support.stream_events import inserts

BATCHES = (1, 100, 1_000, 2_000)
SIGNALS = 7  # 2.5 KB of typed JSON an item: 2,000 fill the 6 MB that Lambda takes
Texts = Callable[[], list[str]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("stream_to_s3", __doc__ or "", "python -m benchmarks.stream_to_s3 --rounds 3", rounds=15)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        converted = [conversion(count, options.rounds) for count in BATCHES]
        started, environment = start(Path(folder), options.rounds)
        calls = lambda_batches.measure(Path(folder), environment, max(1, options.rounds // 3))
    results = [result(converted, started), lambda_batches.result(calls)]
    return command.finish("stream_to_s3", results, options, arguments)


def result(converted: Sequence[dict[str, Any]], started: dict[str, Any]) -> Result:
    """The ratios as a table, and what was promised of them."""
    notes = table({"conversion": converted, "start": started}).splitlines()
    return Result("conversion and start", bars=[*_conversion_bars(converted), *_start_bars(started)], notes=notes)


def _conversion_bars(converted: Sequence[dict[str, Any]]) -> list[Bar]:
    bars = []
    for row in converted:
        for name, least in (("TypeDeserializer", 2.0), ("json", 0.5)):
            bars.append(at_least(f"{name} / ours, {row['batch']:,} records", least, row["apart"][name]))
            bars.append(at_least(f"{name} / ours, {row['batch']:,} records, gzip", least, row["with_gzip"][name]))
    return bars


def _start_bars(started: dict[str, Any]) -> list[Bar]:
    return [
        at_most("import of the handler / boto3.client('s3')", 1.15, started["ratio"]),
        at_most("zip, ours", 100, started["our_bytes"] / 1e3, "KB"),
        at_most("zip, whole", 1.3, started["zip_bytes"] / 1e6, "MB"),
    ]


def conversion(count: int, rounds: int) -> dict[str, Any]:
    """How many times faster a batch of this size becomes text, and gzip of it."""
    items = [record["dynamodb"]["NewImage"] for record in inserts(count, signals=SIGNALS)]
    plain = [item_text(item) for item in items]
    deserializer = TypeDeserializer()
    sides: dict[str, Texts] = {
        "ours": lambda: [item_text(item) for item in items],
        "TypeDeserializer": lambda: [
            json.dumps(deserializer.deserialize({"M": item}), default=float) for item in items
        ],
        "json": lambda: [json.dumps(json.loads(text)) for text in plain],
    }
    repeats = max(1, 200 // count)
    apart = ratios(sides, rounds, lambda texts: None, repeats)
    with_gzip = ratios(sides, rounds, compressed, repeats)
    return {"batch": count, "apart": apart, "with_gzip": with_gzip}


def ratios(
    sides: dict[str, Texts], rounds: int, finish: Callable[[list[str]], object], repeats: int
) -> dict[str, float]:
    """Median of time of the other side over ours, by the other side's name."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, texts in sides.items():
            begun = time.process_time()
            for _ in range(repeats):
                finish(texts())
            times[name].append(time.process_time() - begun)
    return {
        name: round(
            statistics.median([other / ours for other, ours in zip(times[name], times["ours"], strict=True)]), 2
        )
        for name in sides
        if name != "ours"
    }


def start(folder: Path, rounds: int) -> tuple[dict[str, Any], dict[str, str]]:
    """How long the import of the handler takes, over that of boto3 with an S3 client; and the sizes of the zip.

    The second are the environment variables with which a Python sees the zip and Lambda's packages.
    """
    built = build(folder / "stream_to_s3.zip")
    with zipfile.ZipFile(built.path) as content:
        content.extractall(folder / "task")
    packages = link_runtime_packages(folder / "runtime")
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{folder / 'task'}{os.pathsep}{packages}",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "TELEMETRY_BUCKET": "telemetry",
    }
    codes = {"ours": "import stream_to_s3.handler", "boto3": "import boto3; boto3.client('s3')"}
    times: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(rounds + 1):
        for name, code in codes.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-S", "-c", code], env=environment, check=True)  # noqa: S603 # our own
            times[name].append(time.perf_counter() - begun)
    # The first round fills the file cache.
    pairs = list(zip(times["ours"], times["boto3"], strict=True))[1:]
    ratio = statistics.median([ours / boto3 for ours, boto3 in pairs])
    return {"ratio": round(ratio, 2), "zip_bytes": built.size, "our_bytes": built.our_size}, environment


def table(found: dict[str, Any]) -> str:
    """The ratios for a reader."""
    lines = [
        "Conversion of a batch: how many times as fast as",
        f"{'batch':>5}  {'TypeDeserializer + json.dumps':34}json",
    ]
    for row in found["conversion"]:
        apart, zipped = row["apart"], row["with_gzip"]
        cells = [f"{apart[name]:.2f} ({zipped[name]:.2f} with gzip)" for name in ("TypeDeserializer", "json")]
        lines.append(f"{row['batch']:5,}  {cells[0]:34}{cells[1]}")
    begin = found["start"]
    lines += [
        "json is json.loads + json.dumps of the plain item, with nothing converted.",
        f"Start: import of the handler takes {begin['ratio']:.2f} times as long as boto3.client('s3') alone.",
        f"Zip: {begin['our_bytes']:,} bytes of ours, {begin['zip_bytes']:,} with requests and what it needs.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(command.guarded(main))
