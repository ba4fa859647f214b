"""Imports go one way: who may import whom, and which rooms work without Spark."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = {
    "flatten": ROOT / "src/flatten",
    "rehearsal": ROOT / "src/rehearsal",
    "stream_to_s3": ROOT / "src/lambda/stream_to_s3",
    "lambda_deploy": ROOT / "src/lambda/lambda_deploy",
}
MAY_IMPORT = {
    "flatten": set[str](),
    "stream_to_s3": set[str](),
    "lambda_deploy": {"stream_to_s3"},
    "rehearsal": {"flatten", "stream_to_s3", "lambda_deploy"},
}
FLOORS = (
    {"errors", "screen"},
    {"events"},
    {"storage", "decide", "local"},
    {"session"},
    {"tables"},
    {"settings", "views"},
    {"run", "report"},
    {"job"},
    {"smoke"},
    {"cli"},
)
"""The rooms of flatten from the ground up; each may import those below it."""


def imported(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_those_that_it_may(package: str) -> None:
    found = {name.partition(".")[0] for path in SOURCE[package].rglob("*.py") for name in imported(path)}
    assert found & SOURCE.keys() - {package} <= MAY_IMPORT[package]


def test_the_rooms_of_the_job_import_downwards_alone() -> None:
    floor_of = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
    up = []
    for path in SOURCE["flatten"].rglob("*.py"):
        room = path.relative_to(SOURCE["flatten"]).with_suffix("").parts[0]
        for name in imported(path):
            package, _, rest = name.partition(".")
            other = rest.partition(".")[0]
            if package == "flatten" and other in floor_of and room in floor_of and other != room:
                up += [f"{path.name}: {name}"] if floor_of[other] >= floor_of[room] else []
    assert up == []


@pytest.mark.parametrize("room", ["events", "decide", "storage"])
def test_a_room_works_without_spark(room: str) -> None:
    modules = [f"flatten.{room}.{path.stem}" for path in (SOURCE["flatten"] / room).glob("*.py")]
    script = f"import sys, {', '.join(modules)}; print('pyspark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_command_line_and_its_settings_need_no_spark_to_refuse() -> None:
    script = "import sys, flatten.cli, flatten.settings; print('pyspark' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
