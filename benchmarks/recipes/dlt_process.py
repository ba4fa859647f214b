"""Run dlt: its normaliser, and a merge into Delta on disk, in a separate Python (`make bench-dlt`) with other pins.

The time of its start and imports is not counted.
"""

import json
import subprocess
from pathlib import Path

_PYTHON = Path(__file__).parents[2] / ".cache" / "dlt" / "bin" / "python"
_SCRIPT = Path(__file__).with_name("dlt_script.py")


class DltError(Exception):
    """Raised when dlt's process ended with an error; the message is the end of its output."""


def is_installed() -> bool:
    """Return whether a Python with dlt is installed."""
    return _PYTHON.exists()


def merge(source: Path, target: Path) -> None:
    """Merge all objects below a folder into Delta tables below `target`. Raises DltError."""
    target.mkdir()
    done = subprocess.run(  # noqa: S603 # our own script
        [str(_PYTHON), str(_SCRIPT), str(source), str(target)],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(target), "PATH": "/usr/bin:/bin", "RUNTIME__DLTHUB_TELEMETRY": "false"},
    )
    if done.returncode:
        raise DltError(done.stderr.strip()[-2000:])


def said(target: Path) -> dict[str, float]:
    """Return what the process measured: `seconds`, and `total` of the odometers."""
    found: dict[str, float] = json.loads((target / "said.json").read_text("utf-8"))
    return found
