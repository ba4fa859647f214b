"""docs/reference/oddities.md lists all 35 oddities, and the tests that it names exist."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
EVENTS = TESTS.parent / "events"
PAGE = (TESTS.parents[1] / "docs" / "reference" / "oddities.md").read_text("utf-8")
ROWS = {int(number): shown for number, shown in re.findall(r"^\| (\d+) \|.*\| ([^|]*) \|$", PAGE, re.MULTILINE)}


@cache
def _tests_of(file: str) -> set[str]:
    [path] = TESTS.rglob(file)
    tree = ast.parse(path.read_text("utf-8"))
    return {part.name for part in ast.walk(tree) if isinstance(part, ast.FunctionDef) and part.name.startswith("test_")}


def test_every_oddity_is_listed_once_and_in_order() -> None:
    assert re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE) == [str(number) for number in range(1, 36)]


@pytest.mark.parametrize(("number", "shown"), ROWS.items(), ids=map(str, ROWS))
def test_an_oddity_names_all_its_events_and_tests_that_exist(number: int, shown: str) -> None:
    names = re.findall(r"`([^`]+)`", shown)
    assert shown == ", ".join(f"`{name}`" for name in names)
    tests = [name.split("::") for name in names if "::" in name]
    assert all(test in _tests_of(file) for file, test in tests)
    events = {path.stem for path in EVENTS.glob(f"{number:02}-*.json")}
    assert {name for name in names if "::" not in name} == events != set()


def test_the_test_that_runs_the_events_exists() -> None:
    file, test = re.search(r"`(test_\w+\.py)::(test_\w+)\[name\]`", PAGE).groups()  # type: ignore[union-attr]  # it stands on the page
    assert test in _tests_of(file)
