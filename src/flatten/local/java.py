"""Find a Java that Spark runs on."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from flatten.errors import JavaError
from flatten.local.spark_settings import without_foreign

OLDEST = 17
"""Spark 4 requires Java 17 or newer: https://spark.apache.org/docs/latest/"""

_PROPERTY = re.compile(r"^\s*(java\.home|java\.specification\.version) = (.+?)\s*$", re.MULTILINE)


def find_java(environment: Mapping[str, str], brought: Path | None = None) -> Path:
    """Return the home of the first Java 17 or newer: JAVA_HOME, then PATH, then `brought`.

    `brought` is a folder with bin/java that `make setup` may have made. Raises `JavaError`.
    """
    refused = []
    for origin, command, home in _candidates(environment, brought):
        properties = _ask(command)
        version = properties.get("java.specification.version", "")
        if version.isdigit() and int(version) >= OLDEST:
            return home or Path(properties["java.home"])
        refused.append(f"{origin} ({command}) is Java {version}" if version else f"{origin} ({command}) does not start")
    seen = "; ".join(refused) or "JAVA_HOME is not set and there is no java on PATH"
    raise JavaError(
        f"Spark needs Java {OLDEST} or newer, but {seen}. Install a JDK and set JAVA_HOME, or run `make setup` in a "
        f"checkout, which downloads one{java_options(environment)}."
    )


def java_options(environment: Mapping[str, str]) -> str:
    """Return what to add, where a Java does not start, about the variable from which each takes options."""
    return "; check JAVA_TOOL_OPTIONS, which is set" if environment.get("JAVA_TOOL_OPTIONS") else ""


def _candidates(environment: Mapping[str, str], brought: Path | None) -> Iterator[tuple[str, Path, Path | None]]:
    """Yield (where it was found, the command, its home; None if Java must report the home)."""
    if home := environment.get("JAVA_HOME"):
        yield "JAVA_HOME", Path(home, "bin", "java"), Path(home).absolute()
    if command := shutil.which("java", path=environment.get("PATH", "")):
        yield "PATH", Path(command), None
    if brought and (brought / "bin" / "java").exists():
        yield "the project's cache", brought / "bin" / "java", brought.absolute()


def _ask(command: Path) -> dict[str, str]:
    """Return the home and version that this java reports, or nothing when it does not start."""
    try:
        answer = subprocess.run(  # noqa: S603 - the user's own java
            [str(command.absolute()), "-XshowSettings:properties", "-version"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            cwd="/",  # Java does not start in a folder that has been removed
            env=without_foreign(os.environ),
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(_PROPERTY.findall(answer.stderr))
