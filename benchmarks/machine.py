"""On what a benchmark ran: what a reader must know before comparing two figures."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("pyspark", "delta-spark", "duckdb", "pyarrow")


def machine() -> dict[str, str]:
    """Processor, cores that this process may use, memory, versions; what cannot be found out is left out."""
    found = {"processor": _processor(), "cores": f"{_cores()} cores"}
    memory = _gigabytes()
    if memory:
        found["memory"] = f"{memory:.0f} GB"
    found |= {"load": f"load {os.getloadavg()[0]:.1f} at the end", "python": f"Python {platform.python_version()}"}
    return found | _packages()


def _cores() -> int:
    """How many this process may use; all there are where the system does not say."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _packages() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    lines = _lines("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _gigabytes() -> float | None:
    totals = [int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal:")]
    return totals[0] / 1024**2 if totals else None


def peak_bytes(process: int) -> int | None:
    """The most memory (resident) that a process ever held; None where the system does not say."""
    peaks = [int(line.split()[1]) * 1024 for line in _lines(f"/proc/{process}/status") if line.startswith("VmHWM:")]
    return peaks[0] if peaks else None


def _lines(name: str) -> list[str]:
    try:
        return Path(name).read_text("utf-8").splitlines()
    except OSError:
        return []
