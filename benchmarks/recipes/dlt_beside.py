"""dlt: its own normaliser, and a merge into Delta on disk, in a Python of its own (`make bench-dlt`).

It stands beside our environment, so that its pins are not ours. The time of its start and imports is not counted.
"""

import json
import subprocess
from pathlib import Path

_ROOT = Path(__file__).parents[2]
PYTHON = _ROOT / ".cache" / "dlt" / "bin" / "python"
_SCRIPT = Path(__file__).with_name("dlt_script.py")
_SAID = "dlt.json"


class DltError(Exception):
    """Raised when dlt's process ended with an error; the message is the end of what it said."""


def is_installed() -> bool:
    """Whether there is a Python with dlt."""
    return PYTHON.exists()


def merge(source: Path, target: Path) -> None:
    """Merge all objects below a folder into Delta tables below `target`. Raises DltError."""
    target.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(  # noqa: S603 # our own script
        [str(PYTHON), str(_SCRIPT), str(source), str(target)],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(target), "PATH": "/usr/bin:/bin", "RUNTIME__DLTHUB_TELEMETRY": "false"},
    )
    if done.returncode:
        raise DltError(done.stderr.strip()[-2000:])
    (target / _SAID).write_text(done.stdout.splitlines()[-1], "utf-8")


def said(target: Path) -> dict[str, float]:
    """What the process measured: `seconds` without its start, and `total` of the odometers."""
    found: dict[str, float] = json.loads((target / _SAID).read_text("utf-8"))
    return found


def total(target: Path) -> float:
    """What the odometers add up to in the tables below `target`."""
    return said(target)["total"]
