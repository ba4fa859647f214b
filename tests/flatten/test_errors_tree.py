"""The tree of errors in the docstring is the tree of the classes."""

import inspect
import re

import pytest

from flatten import errors
from flatten.errors import FlattenError, UsageError

CLASSES = [found for _, found in inspect.getmembers(errors, inspect.isclass) if found.__module__ == errors.__name__]


def _drawn() -> dict[str, str]:
    """Return each class of the drawing with the one above it."""
    above: list[str] = []
    parents = {}
    for marks, name in re.findall(r"^    ([│├└─ ]*)([A-Z]\w+)  ", errors.__doc__ or "", re.MULTILINE):
        depth = len(marks) // 4
        above[depth:] = [name]
        parents[name] = above[depth - 1] if depth else "Exception"
    return parents


def test_the_drawing_shows_every_class_under_its_parent() -> None:
    assert _drawn() == {found.__name__: found.__bases__[0].__name__ for found in CLASSES}


@pytest.mark.parametrize("found", CLASSES, ids=lambda found: found.__name__)
def test_the_exit_code_is_2_for_options_and_1_for_the_work(found: type[FlattenError]) -> None:
    assert found.exit_code == (2 if issubclass(found, UsageError) else 1)


@pytest.mark.parametrize("found", CLASSES, ids=lambda found: found.__name__)
def test_every_error_says_when_it_is_raised(found: type[FlattenError]) -> None:
    assert found is FlattenError or (found.__doc__ or "").startswith("Raised when ")
