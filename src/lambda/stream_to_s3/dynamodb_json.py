"""DynamoDB's typed JSON as plain JSON text, with nothing changed on the way.

`{"speed": {"N": "66.50"}}` becomes `{"speed":66.50}`: a number's digits are copied, never parsed, so 38
digits and exponents from -130 to 125 stay as they are. Binary stays the base64 text that it is in a stream
event, a set becomes an array in the order it came in, text beyond ASCII (a lone surrogate too) becomes
\\uXXXX. Types: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html

A value is converted by two functions that agree. The quick one is recursive, looks at all the numbers of a
value at once and gives up at the first surprise. The careful one has no limit of depth and says what is wrong
and where; it decides whenever the quick one has given up.

This module imports nothing of its package: the job's wheel carries a copy.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from json.encoder import encode_basestring_ascii as quoted
from typing import Any, Final, NamedTuple

# Wider than what DynamoDB stores, and narrow enough that no reader chokes on 5 MB of digits.
_NUMBER: Final = r"-?(?:0|[1-9][0-9]{0,199}+)(?:\.[0-9]{1,199}+)?+(?:[eE][+-]?[0-9]{1,3}+)?+"
_is_number = re.compile(_NUMBER).fullmatch
_are_numbers = re.compile(f"(?:{_NUMBER}\n)*+").fullmatch
_is_base64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?").fullmatch


class UnconvertibleError(ValueError):
    """Raised when something is not DynamoDB JSON. The message names the place and the offending value."""


def item_text(item: object) -> str:
    """An item (attribute name -> typed value) as the text of one JSON object.

    Raises UnconvertibleError when it is not DynamoDB JSON.
    """
    return value_text({"M": item})


def value_text(value: object) -> str:
    """One typed value, such as `{"N": "1"}`, as JSON text. Raises UnconvertibleError as item_text does."""
    numbers: list[str] = []
    try:
        text = _quick_list([value], numbers.append)
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return written(Place(value), _careful)
    digits = "\n".join([*numbers, ""])
    # A number that holds a line end would pass for two, so they are counted.
    if digits.count("\n") != len(numbers) or not _are_numbers(digits):
        return written(Place(value), _careful)
    return text[1:-1]


_labels: Final[dict[str, str]] = {}


def _remembered(name: str) -> str:
    """An attribute's name as it stands in a line, kept because every item of a table has the same ones."""
    label = quoted(name) + ":"
    if len(_labels) < 4096 and len(name) < 64:
        _labels[name] = label
    return label


_See = Callable[[str], None]


def _quick_map(entries: dict[str, Any], see: _See) -> str:
    parts = []
    for name, value in entries.items():
        (tag,) = value
        inner = value[tag]
        try:
            label = _labels[name]
        except KeyError:
            label = _remembered(name)
        if tag == "S":
            parts.append(label + quoted(inner))
        elif tag == "N":
            see(inner)
            parts.append(label + inner)
        elif tag == "M":
            parts.append(label + _quick_map(inner, see))
        elif tag == "L":
            parts.append(label + _quick_list(inner, see))
        else:
            parts.append(label + _SCALARS[tag](inner))
    return "{" + ",".join(parts) + "}"


def _quick_list(values: object, see: _See) -> str:
    parts = []
    for value in _array(values):
        (tag,) = value
        inner = value[tag]
        if tag == "M":
            parts.append(_quick_map(inner, see))
        elif tag == "L":
            parts.append(_quick_list(inner, see))
        else:
            parts.append(_SCALARS[tag](inner))
    return "[" + ",".join(parts) + "]"


class Place(NamedTuple):
    """A value in a tree, and the way to it."""

    value: object
    label: str = ""
    outer: "Place | None" = None

    def __str__(self) -> str:
        labels: list[str] = []
        place: Place | None = self
        while place is not None and len(labels) < 8:
            labels.append(place.label)
            place = place.outer
        way = "".join(reversed(labels)).lstrip(".") or "the item"
        return f"...{way}" if place else way


def written(root: Place, unfold: Callable[[Place], Iterator[str | Place]]) -> str:
    """A tree as text, without recursion: `unfold` gives the text and the children of a node, in order."""
    pieces: list[str] = []
    unfinished = [unfold(root)]
    while unfinished:
        for part in unfinished[-1]:
            if isinstance(part, Place):
                unfinished.append(unfold(part))
                break
            pieces.append(part)
        else:
            unfinished.pop()
    return "".join(pieces)


def _careful(place: Place) -> Iterator[str | Place]:
    try:
        tag, inner = _tag_and_content(place.value)
        if tag == "M":
            yield from unfold_object(place, _object(inner))
        elif tag == "L":
            yield from unfold_array(place, _array(inner))
        else:
            yield _SCALARS[tag](inner)
    except UnconvertibleError as error:
        raise UnconvertibleError(f"{place}: {error}") from None


def unfold_object(place: Place, entries: Mapping[str, object]) -> Iterator[str | Place]:
    """The parts of a JSON object that stands at this place, for `written`."""
    separator = "{"
    for name, value in entries.items():
        yield f"{separator}{quoted(name)}:"
        yield Place(value, f".{name[:40]}", place)
        separator = ","
    yield "}" if entries else "{}"


def unfold_array(place: Place, values: list[Any]) -> Iterator[str | Place]:
    """The parts of a JSON array that stands at this place, for `written`."""
    yield "["
    for index, value in enumerate(values):
        if index:
            yield ","
        yield Place(value, f"[{index}]", place)
    yield "]"


def _tag_and_content(value: object) -> tuple[str, Any]:
    if not isinstance(value, dict) or len(value) != 1:
        raise UnconvertibleError(f"expected one type and its value, such as {{'S': 'text'}}, got {shown(value)}")
    ((tag, inner),) = value.items()
    if tag not in _TYPES:
        raise UnconvertibleError(f"{shown(tag)} is no type of DynamoDB")
    return tag, inner


def shown(value: object) -> str:
    """A value for an error message: short, whatever it is."""
    if isinstance(value, dict):
        return f"an object with the keys {sorted(map(shown, [*value][:5]))}" if value else "an empty object"
    if isinstance(value, list):
        return f"an array of {len(value)}"
    text = quoted(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:60] + "..."


def _object(inner: object) -> dict[str, Any]:
    if not isinstance(inner, dict):
        raise UnconvertibleError(f"expected an object, got {shown(inner)}")
    return inner


def _array(inner: object) -> list[Any]:
    if not isinstance(inner, list):
        raise UnconvertibleError(f"expected an array, got {shown(inner)}")
    return inner


def _string(inner: object) -> str:
    if not isinstance(inner, str):
        raise UnconvertibleError(f"expected a string, got {shown(inner)}")
    return quoted(inner)


def _number(inner: object) -> str:
    if not isinstance(inner, str) or not _is_number(inner):
        raise UnconvertibleError(f"expected the digits of a number as a string, got {shown(inner)}")
    return inner


def _binary(inner: object) -> str:
    if not isinstance(inner, str) or not _is_base64(inner):
        raise UnconvertibleError(f"expected base64 text, got {shown(inner)}")
    return quoted(inner)


def _boolean(inner: object) -> str:
    if not isinstance(inner, bool):
        raise UnconvertibleError(f"expected true or false, got {shown(inner)}")
    return "true" if inner else "false"


def _null(inner: object) -> str:
    if inner is not True:
        raise UnconvertibleError(f"expected true after NULL, got {shown(inner)}")
    return "null"


def _set_of(element: Callable[[object], str]) -> Callable[[object], str]:
    return lambda inner: "[" + ",".join([element(value) for value in _array(inner)]) + "]"


_SCALARS: Final[dict[str, Callable[[object], str]]] = {
    "S": _string,
    "N": _number,
    "B": _binary,
    "BOOL": _boolean,
    "NULL": _null,
    "SS": _set_of(_string),
    "NS": _set_of(_number),
    "BS": _set_of(_binary),
}
_TYPES: Final = {*_SCALARS, "M", "L"}
