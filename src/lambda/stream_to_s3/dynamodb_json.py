"""Convert DynamoDB's typed JSON to plain JSON text without loss.

`{"speed": {"N": "66.50"}}` becomes `{"speed":66.50}`: the digits of a number are copied, never parsed, so 38 digits and
exponents from -130 to 125 stay unchanged. Binary stays the base64 text of the stream event, a set becomes an array in
the same order, text beyond ASCII (also a lone surrogate) becomes \\uXXXX. Types:
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html

The conversion is recursive and checks only what it must; the place of an error is added while the recursion returns.
"""

import re
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final

MOST_LEVELS: Final = 32
"""Maximum nesting of maps and lists in an attribute's value.

DynamoDB stores 32 levels and counts the innermost value as one, so it accepts at most 31:
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""
_LONGEST_PLACE: Final = 200

# More than DynamoDB stores, and few enough that no reader has to parse 5 MB of digits.
_is_number = re.compile(r"-?(?:0|[1-9][0-9]{0,199}+)(?:\.[0-9]{1,199}+)?+(?:[eE][+-]?[0-9]{1,3}+)?+").fullmatch
_is_base64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?").fullmatch


class UnconvertibleError(ValueError):
    """Raised when a value is not DynamoDB JSON. The message has its place and the value."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.steps: list[str] = []
        """The path to the value, its last step first."""

    def __str__(self) -> str:
        problem, place = self.args[0], "".join(reversed(self.steps)).removeprefix(".")
        if len(place) > _LONGEST_PLACE:
            place = "..." + place[-_LONGEST_PLACE:]
        return f"{place}: {problem}" if place else str(problem)


def item_text(item: object) -> str:
    """Return an item (attribute name -> typed value) as the text of one JSON object.

    Raises UnconvertibleError when it is not DynamoDB JSON.
    """
    return _text({"M": item}, MOST_LEVELS + 1)


def value_text(value: object) -> str:
    """Return one typed value, such as `{"N": "1"}`, as JSON text. Raises UnconvertibleError as item_text does."""
    return _text(value, MOST_LEVELS)


def _text(value: object, levels: int) -> str:
    try:
        return _list([value], levels + 1)[1:-1]
    except UnconvertibleError as error:
        del error.steps[-1]
        raise


_labels: Final[dict[str, str]] = {}


def _quoted_name(name: str) -> str:
    """Return an attribute's name as a line has it. Cached, because the items of a table share their names."""
    label = quoted(name) + ":"
    if len(_labels) < 4096 and len(name) < 64:
        _labels[name] = label
    return label


_SURPRISES: Final = (AttributeError, LookupError, TypeError, ValueError)


def _map(entries: dict[str, Any], levels: int) -> str:
    if levels < 1:
        raise _too_deep()
    parts = []
    for name, value in entries.items():
        try:
            (tag,) = value
            inner = value[tag]
            label = _labels[name] if name in _labels else _quoted_name(name)
            if tag == "S":
                parts.append(label + quoted(inner))
            elif tag == "N" and _is_number(inner):
                parts.append(label + inner)
            elif tag == "M":
                parts.append(label + _map(inner, levels - 1))
            elif tag == "L":
                parts.append(label + _list(inner, levels - 1))
            else:
                parts.append(label + _SCALARS[tag](inner))
        except _SURPRISES as error:
            raise _located(error, value, f".{name[:40]}") from None
    return "{" + ",".join(parts) + "}"


def _list(values: list[Any], levels: int) -> str:
    if levels < 1:
        raise _too_deep()
    parts = []
    for place, value in enumerate(_array(values)):
        try:
            (tag,) = value
            inner = value[tag]
            if tag == "M":
                parts.append(_map(inner, levels - 1))
            elif tag == "L":
                parts.append(_list(inner, levels - 1))
            else:
                parts.append(_SCALARS[tag](inner))
        except _SURPRISES as error:
            raise _located(error, value, f"[{place}]") from None
    return "[" + ",".join(parts) + "]"


def _too_deep() -> UnconvertibleError:
    return UnconvertibleError(f"nested more than {MOST_LEVELS} levels deep, which DynamoDB does not store")


def _array(inner: Any) -> list[Any]:
    if not isinstance(inner, list):
        raise TypeError
    return inner


def _number(inner: str) -> str:
    if not _is_number(inner):
        raise ValueError
    return inner


def _binary(inner: str) -> str:
    if not _is_base64(inner):
        raise ValueError
    return quoted(inner)


def _boolean(inner: bool) -> str:
    if not isinstance(inner, bool):
        raise TypeError
    return "true" if inner else "false"


def _null(inner: bool) -> str:
    if inner is not True:
        raise ValueError
    return "null"


def _set_of(tag: str, text: Callable[[Any], str]) -> Callable[[Any], str]:
    def convert(inner: Any) -> str:
        parts = []
        for place, value in enumerate(_array(inner)):
            try:
                parts.append(text(value))
            except _SURPRISES as error:
                raise _located(error, {tag: value}, f"[{place}]") from None
        return "[" + ",".join(parts) + "]"

    return convert


_SCALARS: Final[dict[str, Callable[[Any], str]]] = {
    "S": quoted,
    "N": _number,
    "B": _binary,
    "BOOL": _boolean,
    "NULL": _null,
    "SS": _set_of("S", quoted),
    "NS": _set_of("N", _number),
    "BS": _set_of("B", _binary),
}
_EXPECTED: Final = {
    "S": "a string",
    "N": "the digits of a number as a string",
    "B": "base64 text",
    "BOOL": "true or false",
    "NULL": "true after NULL",
    "M": "an object",
}


def _located(error: Exception, value: object, step: str) -> UnconvertibleError:
    found = error if isinstance(error, UnconvertibleError) else UnconvertibleError(_problem(value))
    found.steps.append(step)
    return found


def _problem(value: object) -> str:
    if not isinstance(value, dict) or len(value) != 1:
        return f"expected one type and its value, such as {{'S': 'text'}}, got {shown(value)}"
    ((tag, inner),) = value.items()
    if tag not in (*_SCALARS, "M", "L"):
        return f"{shown(tag)} is not a type of DynamoDB"
    return f"expected {_EXPECTED.get(tag, 'an array')}, got {shown(inner)}"


def shown(value: object) -> str:
    """Return a value for an error message, shortened."""
    if isinstance(value, dict):
        return f"an object with the keys {sorted(map(shown, [*value][:5]))}" if value else "an empty object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    text = quoted(value[:60]) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:60] + "..."
