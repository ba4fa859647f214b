"""Install the wheel in a separate environment: what the job's compute has, and nothing of this checkout."""

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from zipfile import ZipFile

from packaging.requirements import Requirement

from flatten.local.java import find_java
from flatten.local.spark import cache_folder
from support.bundle import ROOT

_RUNTIME = ("pyspark[connect]", "delta-spark", "pandas", "pyarrow", "click")
"""The packages in addition to the wheel: the Databricks runtime has all but click, which the wheel requires."""

_SECONDS_AT_MOST = 900

AS_A_TASK = """
import json, os, sys
from importlib.metadata import distribution

def task(parameters):
    points = distribution("flatten").entry_points
    main = next(each for each in points if each.name == "flatten").load()
    sys.argv = ["flatten", *parameters]
    try:
        return main()
    except SystemExit as ended:
        return ended.code

tasks, session = json.loads(sys.argv[1]), None
if len(sys.argv) > 2:
    from dataclasses import replace
    from flatten.local.settings import SessionSettings
    from flatten.session import open_session
    settings = replace(SessionSettings.from_environment(os.environ), extra=json.loads(sys.argv[2]))
    session = type(open_session(settings)).__module__
import flatten
results = [task(parameters) for parameters in tasks]
loaded = sorted({name.partition(".")[0] for name in sys.modules})
print(json.dumps({"results": results, "home": flatten.__file__, "session": session, "loaded": loaded}))
"""
"""Runs tasks as a wheel task does: finds the entry point by the wheel's metadata, sets sys.argv, calls it.

Its first argument is JSON, a list of parameter lists; with a second one, Spark settings, all tasks share a session.
Its last line has the results: None, or the exit code.
"""


def build_wheel(folder: Path) -> Path:
    """Build the wheel as `uv build --wheel` does, with the backend that is installed here."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def clean_environment(folder: Path, wheel: Path, *, with_spark: bool = False) -> Path:
    """Make an environment with only the wheel and the runtime; return its Python.

    A pure wheel is installed by unpacking it
    (https://packaging.python.org/en/latest/specifications/binary-distribution-format/). `with_spark` adds the Spark of
    this machine, which is not in the wheel, instead of Databricks' session.
    """
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    with ZipFile(wheel) as content:
        content.extractall(packages)
    if with_spark:
        shutil.copytree(ROOT / "src" / "flatten" / "local", packages / "flatten" / "local")
    for entry in sorted(set(_entries(_RUNTIME))):
        if not (packages / entry.name).exists():
            (packages / entry.name).symlink_to(entry)
    return folder / "bin" / "python"


def _entries(wanted: Sequence[str]) -> Iterator[Path]:
    """Yield what the packages and their requirements have put into site-packages."""
    waiting, met = [Requirement(each) for each in wanted], set()
    while waiting:
        asked = waiting.pop()
        extras = asked.extras or {""}
        if (asked.name, frozenset(extras)) in met:
            continue
        met.add((asked.name, frozenset(extras)))
        try:
            found = distribution(asked.name)
        except PackageNotFoundError:  # needed on another platform or Python
            continue
        tops = {Path(str(file)).parts[0] for file in found.files or () if ".." not in Path(str(file)).parts}
        yield from (Path(str(found.locate_file(top))) for top in tops if not top.endswith(("__pycache__", ".pth")))
        needed = map(Requirement, found.requires or ())
        waiting += [
            each
            for each in needed
            if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in extras | {""})
        ]


def run_there(
    python: Path, script: str, *arguments: str, home: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a script with that Python and a separate environment: a Java, the Delta jars, and `variables`."""
    told = {
        "HOME": str(home),
        "PATH": os.defpath,
        "JAVA_HOME": str(find_java(os.environ, cache_folder() / "java")),
        "FLATTEN_JARS": os.environ.get("FLATTEN_JARS") or str(cache_folder() / "jars"),
        "JAVA_TOOL_OPTIONS": f"{os.environ.get('JAVA_TOOL_OPTIONS', '')} -Dderby.system.durability=test",
        **variables,
    }
    command = [str(python), "-c", script, *arguments]
    return subprocess.run(
        command, cwd=home, env=told, capture_output=True, text=True, timeout=_SECONDS_AT_MOST, check=False
    )
