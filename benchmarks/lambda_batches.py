"""The handler of the zip on batches of 1 to 10,000 records: processor time, memory, and what a million events cost.

S3 is a server on the loopback address that takes everything, so what is seen is the function's own work.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.bars import Result, at_most
from benchmarks.command import say
from lambda_deploy.operate.cost import FIXED_MILLISECONDS, MB_OF_A_WHOLE_CPU, MOST_BYTES_A_CALL, Prices, packaged_prices
from rehearsal.loopback import Answer, LoopbackServer, Request
from support.stream_events import inserts, stream_event

BATCHES = (1, 10, 100, 500, 1_000, 2_000, 10_000)
_SIGNALS = 7
_MEMORY_MB = 512
_SMALLEST_MB = 256
_CHILD = Path(__file__).with_name("lambda_child.py")


@dataclass(frozen=True)
class Call:
    """One batch: records, bytes of the event, processor milliseconds of a call, and the process's peak memory."""

    records: int
    bytes: int
    milliseconds: float
    peak_bytes: int


def measure(folder: Path, environment: Mapping[str, str], rounds: int) -> list[Call]:
    """A call for each of `BATCHES` and the largest that Lambda hands over, in this order."""
    with LoopbackServer(_taken) as s3:
        told = {**environment, **_S3, "AWS_ENDPOINT_URL": f"http://{s3.address}"}
        return [_called(folder, told, records, rounds) for records in (*BATCHES, most_records())]


_S3 = {
    "AWS_ACCESS_KEY_ID": "made-up",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def _taken(request: Request) -> Answer:
    return Answer(200, headers={"ETag": '"0"'})


def event_of(records: int) -> bytes:
    """The event with so many records as the function gets it."""
    return json.dumps(stream_event(inserts(records, signals=_SIGNALS)), separators=(",", ":")).encode()


def most_records() -> int:
    """How many of these records Lambda hands over at once: as many as 6 MB hold."""
    hundred = len(event_of(200)) - len(event_of(100))
    return MOST_BYTES_A_CALL * 100 // hundred - 2


def _called(folder: Path, environment: Mapping[str, str], records: int, rounds: int) -> Call:
    event = folder / f"{records}.json"
    event.write_bytes(event_of(records))
    done = subprocess.run(  # noqa: S603 # our own script
        [sys.executable, "-S", "-P", str(_CHILD), str(event), str(rounds if records > 10 else 10 * rounds)],
        env={"PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    said = json.loads(done.stdout)
    say(f"{records:,} records: {said['milliseconds']:.1f} ms, {said['peak_bytes'] / 1e6:.0f} MB")
    return Call(records, event.stat().st_size, said["milliseconds"], said["peak_bytes"])


def result(calls: Sequence[Call], prices: Prices | None = None) -> Result:
    """The table; the last call is the one of 6 MB."""
    known, largest = prices or packaged_prices(), calls[-1]
    figures: dict[str, float] = {}
    for call in calls:
        more = " (more than 6 MB)" if call.bytes > MOST_BYTES_A_CALL else ""
        name = f"{call.records:,} records{more}"
        figures[f"{name}: processor milliseconds"] = call.milliseconds
        figures[f"{name}: peak memory, MB"] = call.peak_bytes / 1e6
        figures[f"{name}: dollars a million events"] = dollars_a_million(call, known)
    held = largest.peak_bytes / 2**20
    bars = [at_most(f"6 MB in one batch ({largest.records:,} records)", _SMALLEST_MB, held, "MB")]
    note = (
        f"Dollars: requests, puts and computing at {_MEMORY_MB} MB with these milliseconds, and "
        f"{FIXED_MILLISECONDS:g} ms assumed for the put; prices of {known.region}, {known.dated}."
    )
    return Result("the handler on one batch", figures=figures, bars=bars, notes=[note])


def dollars_a_million(call: Call, prices: Prices) -> float:
    """Requests, puts and computing of a million events in batches of this size."""
    calls = 1_000_000 / call.records
    share = min(1.0, _MEMORY_MB / MB_OF_A_WHOLE_CPU)
    gb_seconds = calls * (FIXED_MILLISECONDS + call.milliseconds / share) / 1000 * _MEMORY_MB / 1024
    puts, requests = calls / 1e3 * prices.s3_thousand_puts, calls / 1e6 * prices.lambda_million_requests
    return puts + requests + gb_seconds * prices.lambda_gb_second_arm64
