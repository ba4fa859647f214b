"""Measure the memory of each pass over the largest file that is not quarantined, in a process like a Python worker.

The file has MAX_FILE_BYTES unpacked and less than MAX_STORED_BYTES as stored; a UDF on serverless compute has 1 GB
(https://docs.databricks.com/aws/en/compute/serverless/limitations).
"""

import gzip
import hashlib
import json
import subprocess
import sys
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pyarrow as pa

from benchmarks import command
from benchmarks.bars import Result, at_most
from benchmarks.command import say
from benchmarks.machine import peak_bytes
from flatten.events.landing_file import MAX_FILE_BYTES, MAX_STORED_BYTES
from flatten.run.envelopes import _read_files
from flatten.run.values import _flat_row, _take, columns_for

_CODE = "odometer-traveleddistance"
_SIGNALS_A_LINE = 40
_NOISE_BYTES = 750
"""In each line, so that the compressed file is a little smaller than the limit."""
_PASSES = ("worker without a file", "envelopes", "values")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, return the exit code."""
    parser = command.parser("largest_file", __doc__ or "", "python -m benchmarks.largest_file")
    parser.add_argument("--inside", choices=_PASSES, help="one pass, in this process: used by the benchmark itself")
    parser.add_argument("--file", type=Path, help="the file for --inside")
    options = parser.parse_args(arguments)
    if options.inside:
        print(_inside(options.inside, options.file.read_bytes()))
        return 0
    with command.work_folder(options) as work:
        file = Path(work) / "largest.ndjson.gz"
        lines = write_largest(file)
        peaks = {name: _peak(name, file) for name in _PASSES}
        made = result(lines, file.stat().st_size, peaks)
    return command.finish("largest_file", [made], options, arguments)


def write_largest(file: Path) -> int:
    """Write a file of the largest size, with signals that compress badly; return the number of lines."""
    text = b"".join(_lines())
    stored = gzip.compress(text, compresslevel=6, mtime=0)
    if len(stored) > MAX_STORED_BYTES:
        raise ValueError(f"{len(stored)} bytes are more than a file may have")
    file.write_bytes(stored)
    return text.count(b"\n")


def _lines() -> Iterator[bytes]:
    size = number = 0
    while True:
        noise = hashlib.shake_256(str(number).encode()).hexdigest(_NOISE_BYTES)
        signals = [{"code": _CODE, "body": {"value": int(noise[:6], 16) + each}} for each in range(_SIGNALS_A_LINE)]
        stream = {"event_name": "INSERT", "stream": "2026-01-01T00:00:00.000", "sequence_number": str(number)}
        item = {"event_id": noise[:32], "noise": noise, "recorded_at": "2026-01-05 10:00:00", "signals": signals}
        line = json.dumps(item | {"_stream_metadata": stream}).encode() + b"\n"
        size += len(line)
        if size > MAX_FILE_BYTES:
            return
        number += 1
        yield line


def _peak(name: str, file: Path) -> int | None:
    say(name)
    ours = [sys.executable, "-m", "benchmarks.largest_file", "--inside", name, "--file", str(file)]
    done = subprocess.run(ours, check=True, capture_output=True, text=True)  # noqa: S603 # our own
    return int(done.stdout) or None


def _inside(name: str, stored: bytes) -> int:
    """Do one pass over a file as Spark delivers it; return the peak memory of this process in bytes, or 0."""
    kinds = [("path", pa.string()), ("modificationTime", pa.timestamp("us")), ("content", pa.binary())]
    batch = pa.RecordBatch.from_arrays(
        [pa.array([value], kind) for value, (_, kind) in zip(("x", 0, stored), kinds, strict=True)],
        schema=pa.schema(kinds),
    )
    chosen = {"x": (hashlib.sha256(stored).hexdigest(), array("I", range(1, _most_lines() + 1)))}
    passes: dict[str, Callable[[], Iterator[pa.RecordBatch]]] = {
        "worker without a file": lambda: iter(()),
        "envelopes": lambda: _read_files([batch], on_delete="soft", on_expiry="keep"),
        "values": lambda: _take(
            [batch], chosen=chosen, columns=columns_for([_CODE]), row_of=partial(_flat_row, processed_at=0)
        ),
    }
    for _ in passes[name]():
        pass  # like Spark, which sends each batch on
    return peak_bytes() or 0


def _most_lines() -> int:
    """Return a number of lines that no file of this size reaches."""
    return MAX_FILE_BYTES // 1_000


def result(lines: int, stored: int, peaks: dict[str, int | None]) -> Result:
    """Return the table."""
    figures = {"lines": float(lines), "stored, MiB": stored / 2**20}
    figures |= {f"{name}: peak, MB": peak / 1e6 for name, peak in peaks.items() if peak}
    most = max((peak for peak in peaks.values() if peak), default=None)
    bar = at_most("peak of a worker", 1_000, most / 1e6 if most else None, "MB", "the system does not say")
    return Result(f"a file of {MAX_FILE_BYTES // 2**20} MiB", {}, "", [bar], figures)


if __name__ == "__main__":
    sys.exit(command.guarded(main))
