"""Measure the Lambda next to what it replaces: `make bench-lambda`.

Conversion and start are ratios: both sides run in turn, round after round, and the median of the rounds' ratios counts.
Then the handler of the zip on batches of all sizes: its processor time and memory, because its S3 is a server on the
loopback address that accepts everything.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

# The events are those of the tests.
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from boto3.dynamodb.types import TypeDeserializer

from benchmarks import command
from benchmarks.bars import Bar, Result, at_least, at_most
from lambda_deploy.build import OUR_BUDGET, WHOLE_BUDGET, build
from rehearsal.aws.runtime import MOST_BYTES, link_runtime_packages
from rehearsal.loopback import Answer, LoopbackServer
from stream_to_s3.dynamodb_json import item_text
from support.stream_events import inserts, stream_event

ITEMS = (1, 1_000)
BATCHES = (1, 10, 100, 1_000, 2_000)
SIGNALS = 7  # 2.5 KB of typed JSON an item: 2,000 fill the 6 MB that Lambda takes
_CHILD = Path(__file__).with_name("lambda_child.py")


@dataclass(frozen=True)
class Call:
    """One batch: records, processor milliseconds of a call, and the process's peak memory in bytes."""

    records: int
    milliseconds: float
    peak_bytes: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("stream_to_s3", __doc__ or "", "python -m benchmarks.stream_to_s3 --rounds 3", rounds=15)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        conversions = [conversion(count, options.rounds) for count in ITEMS]
        environment, sizes = _unpacked_zip(Path(folder))
        begun = start(environment, options.rounds)
        calls = batches(Path(folder), environment, max(1, options.rounds // 3))
    results = [*conversions, Result("start", bars=[begun, *sizes]), _batches_result(calls)]
    return command.finish("stream_to_s3", results, options, arguments)


def conversion(count: int, rounds: int) -> Result:
    """Measure the microseconds of an item: ours, boto3's and plain JSON."""
    items = [record["dynamodb"]["NewImage"] for record in inserts(count, signals=SIGNALS)]
    plain = [item_text(item) for item in items]
    deserializer = TypeDeserializer()
    sides: dict[str, Callable[[], object]] = {
        "ours": lambda: [item_text(item) for item in items],
        "TypeDeserializer": lambda: [
            json.dumps(deserializer.deserialize({"M": item}), default=float) for item in items
        ],
        "json": lambda: [json.dumps(json.loads(text)) for text in plain],
    }
    times = {name: [_microseconds(side, count) for _ in range(3)] for name, side in sides.items()}
    for _ in range(rounds):
        for name, side in sides.items():
            times[name].append(_microseconds(side, count))
    bars = [
        at_least(f"{name} / ours", least, _ratio(times[name], times["ours"]))
        for name, least in (("TypeDeserializer", 2.0), ("json", 0.5))
    ]
    figures = {f"{name}, microseconds an item": min(found) for name, found in times.items()}
    notes = [
        "TypeDeserializer with json.dumps; json is json.loads and json.dumps of the plain item, nothing converted."
    ]
    return Result(f"conversion, {count:,} items in turn", figures=figures, bars=bars, notes=notes)


def _microseconds(side: Callable[[], object], count: int) -> float:
    repeats = max(1, 400 // count)
    begun = time.process_time()
    for _ in range(repeats):
        side()
    return (time.process_time() - begun) / repeats / count * 1e6


def _ratio(others: Sequence[float], ours: Sequence[float]) -> float:
    return statistics.median([other / our for other, our in zip(others, ours, strict=True)])


def _unpacked_zip(folder: Path) -> tuple[dict[str, str], list[Bar]]:
    """Return the variables with which a Python sees the zip and Lambda's packages, and the zip's sizes."""
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
    return environment, [
        at_most("zip, ours", OUR_BUDGET / 1e3, built.our_size / 1e3, "KB"),
        at_most("zip, whole", WHOLE_BUDGET / 1e6, built.size / 1e6, "MB"),
    ]


def start(environment: Mapping[str, str], rounds: int) -> Bar:
    """Measure the import of the handler, over that of boto3 with an S3 client."""
    codes = {"ours": "import stream_to_s3.handler", "boto3": "import boto3; boto3.client('s3')"}
    times: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(rounds + 1):
        for name, code in codes.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-S", "-c", code], env=environment, check=True)  # noqa: S603 # our own
            times[name].append(time.perf_counter() - begun)
    # The first round fills the file cache.
    return at_most("import of the handler / boto3.client('s3')", 1.15, _ratio(times["ours"][1:], times["boto3"][1:]))


def batches(folder: Path, environment: Mapping[str, str], rounds: int) -> list[Call]:
    """Measure a call for each of `BATCHES` and for the largest that Lambda sends, in this order."""
    with LoopbackServer(lambda request: Answer(200, headers={"ETag": '"0"'})) as s3:
        variables = {
            **environment,
            "AWS_ENDPOINT_URL": s3.url,
            "AWS_ACCESS_KEY_ID": "made-up",
            "AWS_SECRET_ACCESS_KEY": "made-up",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return [_called(folder, variables, records, rounds) for records in (*BATCHES, most_records())]


def most_records() -> int:
    """Return how many of these records Lambda sends at once: as many as fit into 6 MB."""
    return MOST_BYTES * 100 // (len(_event(200)) - len(_event(100))) - 2


def _event(records: int) -> bytes:
    return json.dumps(stream_event(inserts(records, signals=SIGNALS)), separators=(",", ":")).encode()


def _called(folder: Path, environment: Mapping[str, str], records: int, rounds: int) -> Call:
    event = folder / f"{records}.json"
    event.write_bytes(_event(records))
    done = subprocess.run(  # noqa: S603 # our own script
        [sys.executable, "-S", "-P", str(_CHILD), str(event), str(rounds if records > 10 else 10 * rounds)],
        env={**environment, "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    command.say(f"{records:,} records: {found['milliseconds']:.1f} ms, {found['peak_bytes'] / 1e6:.0f} MB")
    return Call(records, found["milliseconds"], found["peak_bytes"])


def _batches_result(calls: Sequence[Call]) -> Result:
    figures = {}
    for call in calls:
        figures[f"{call.records:,} records: processor milliseconds"] = call.milliseconds
        figures[f"{call.records:,} records: peak memory, MB"] = call.peak_bytes / 1e6
    largest = calls[-1]
    bar = at_most(f"6 MB in one batch ({largest.records:,} records)", 256, largest.peak_bytes / 2**20, "MB")
    return Result("the handler on one batch", figures=figures, bars=[bar])


if __name__ == "__main__":
    sys.exit(command.guarded(main))
