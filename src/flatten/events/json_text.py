"""JSON as RFC 8259 has it, read without losing a digit and written as it came.

Spark's reader takes more (text after the object, `NaN`, single quotes) and loses it without a word, so lines
and bodies are read here. https://www.rfc-editor.org/rfc/rfc8259
"""

import json
import re
from collections import Counter
from itertools import accumulate
from typing import Any, NoReturn

MAX_DEPTH = 256
"""Levels of nesting that are read. DynamoDB itself stores at most 32.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""


class NotJsonError(ValueError):
    """Raised for a text that is not one JSON value by RFC 8259, or is nested deeper than `MAX_DEPTH`."""


class EqualKeysError(NotJsonError):
    """Raised for an object that has one key twice: RFC 8259 leaves open what it means (section 4)."""


class Number:
    """A number that is kept as the text it came as: one with a fraction or an exponent, or a very long one."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __float__(self) -> float:
        return float(self.text)

    def __repr__(self) -> str:
        return f"Number({self.text!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Number) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


def _refuse(constant: str) -> NoReturn:
    raise NotJsonError(f"{constant} is not JSON")


def _integer(digits: str) -> int | Number:
    try:
        return int(digits)
    except ValueError:
        return Number(digits)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise EqualKeysError(f"{write(twice[:60])} twice in one object")
    return found


_NUMBERS: Any = {"parse_float": Number, "parse_constant": _refuse}
_DECODERS = {
    True: json.JSONDecoder(object_pairs_hook=_unique, **_NUMBERS),
    False: json.JSONDecoder(**_NUMBERS),
}
_DECODERS_OF_LONG = {
    True: json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer, **_NUMBERS),
    False: json.JSONDecoder(parse_int=_integer, **_NUMBERS),
}
"""Whether keys must be unique -> the reader; the second knows integers that Python's own would refuse."""
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_STEPS = bytes.maketrans(b"[{]}", b"\2\2\0\0")
"""A level down is 2, a level up 0."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse(text: str, *, unique: bool = True) -> Any:
    """Read one JSON value; floats come as `Number`, integers as int (as `Number` beyond 4,300 digits).

    Raises NotJsonError; EqualKeysError where keys must be unique. Where they need not be, the last of equal ones wins,
    and a line of 12 signals is read in two thirds of the time.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise NotJsonError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        return _parse(text, unique)
    except json.JSONDecodeError as wrong:
        raise NotJsonError(f"column {wrong.pos + 1}: {wrong.msg}") from None


def has_unique_keys(text: str) -> bool:
    """Say whether no object of a JSON text has a key twice. Raises NotJsonError."""
    try:
        parse(text)
    except EqualKeysError:
        return False
    return True


def _parse(text: str, unique: bool) -> Any:
    try:
        return _DECODERS[unique].decode(text)
    except (json.JSONDecodeError, NotJsonError):
        raise
    except ValueError:  # Python's own limit on the digits of an int
        return _DECODERS_OF_LONG[unique].decode(text)


def _depth(text: str) -> int:
    """Count the levels of brackets outside of texts, in one pass, whatever the text."""
    plain = text.replace("\\\\", "").replace('\\"', "") if "\\" in text else text
    outside = "".join(plain.split('"')[::2])
    steps = outside.encode("utf-8", "surrogatepass").translate(_STEPS, _NO_BRACKETS)
    return max(accumulate(step - 1 for step in steps), default=0)


def write(value: Any) -> str:
    """Return `value`, as `parse` gives it, as compact JSON: every digit kept, Unicode as it is.

    Text that UTF-8 cannot hold (a lone surrogate) is written with ASCII escapes.
    """
    try:
        text = _write(value)
    except TypeError:  # a Number is somewhere inside
        pieces: list[str] = []
        _gather(value, pieces)
        text = "".join(pieces)
    return text if storable(text) else _escape_surrogates(text)


def _gather(value: Any, pieces: list[str]) -> None:
    """Append the pieces of a JSON text; takes one frame of Python's stack for each level."""
    if isinstance(value, Number):
        pieces.append(value.text)
    elif isinstance(value, dict) and value:
        for count, (key, part) in enumerate(value.items()):
            pieces.append(f"{',' if count else '{'}{_write(key)}:")
            _gather(part, pieces)
        pieces.append("}")
    elif isinstance(value, list) and value:
        for count, part in enumerate(value):
            pieces.append("," if count else "[")
            _gather(part, pieces)
        pieces.append("]")
    else:
        pieces.append(_write(value))


def storable(text: str) -> bool:
    """Say whether UTF-8 can hold the text: whether it has no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escape_surrogates(text: str) -> str:
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found.group()):04x}", text)
