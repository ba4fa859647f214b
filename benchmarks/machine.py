"""Describe the machine of a benchmark, so that figures can be compared."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

_PACKAGES = ("pyspark", "delta-spark", "duckdb", "pyarrow")


def machine() -> list[str]:
    """Return processor, usable cores, memory, load and versions, as far as known."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    names = [line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")]
    memory = [int(line.split()[1]) / 1024**2 for line in _lines("/proc/meminfo") if line.startswith("MemTotal:")]
    found = [*(names[:1] or [platform.machine()]), f"{cores} cores", *(f"{each:.0f} GB" for each in memory)]
    found += [f"load {os.getloadavg()[0]:.1f} at the end", f"Python {platform.python_version()}"]
    return found + [f"{name} {version(name)}" for name in _PACKAGES]


def peak_bytes(process: int | str = "self") -> int | None:
    """Return the peak resident memory of a process; None if the system does not report it."""
    peaks = [int(line.split()[1]) * 1024 for line in _lines(f"/proc/{process}/status") if line.startswith("VmHWM:")]
    return peaks[0] if peaks else None


def _lines(name: str) -> list[str]:
    try:
        return Path(name).read_text("utf-8").splitlines()
    except OSError:
        return []
