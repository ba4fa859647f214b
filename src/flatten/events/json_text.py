"""Read JSON by RFC 8259 without losing a digit, and write it unchanged.

Spark's reader accepts more (text after the object, `NaN`, single quotes) and loses it silently, so lines and bodies are
read here. https://www.rfc-editor.org/rfc/rfc8259
"""

import json
import re
from collections import Counter
from itertools import accumulate
from typing import Any, NoReturn

MAX_DEPTH = 256
"""The most levels of nesting that are read. DynamoDB stores at most 32.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""


class NotJsonError(ValueError):
    """Raised for a text that is not one JSON value by RFC 8259, or is nested deeper than `MAX_DEPTH`."""


class EqualKeysError(NotJsonError):
    """Raised for an object with the same key twice: RFC 8259 does not define what it means (section 4)."""


class Number:
    """A number kept as its text: one with a fraction or an exponent, or a very long one."""

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
"""Whether keys must be unique -> the reader; the second one reads integers that Python's int refuses."""
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
_STEPS = bytes.maketrans(b"[{]}", b"\2\2\0\0")
"""An opening bracket is 2, a closing one 0."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse(text: str, *, unique: bool = True) -> Any:
    """Read one JSON value; floats become `Number`, integers int (`Number` beyond 4,300 digits).

    Raises NotJsonError; EqualKeysError if keys must be unique. Otherwise the last of equal keys wins, and a line of 12
    signals takes two thirds of the time.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise NotJsonError(f"nested deeper than {MAX_DEPTH} levels")
    try:
        return _parse(text, unique)
    except json.JSONDecodeError as wrong:
        raise NotJsonError(f"column {wrong.pos + 1}: {wrong.msg}") from None


def has_unique_keys(text: str) -> bool:
    """Return whether no object of a JSON text has a key twice. Raises NotJsonError."""
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
    except ValueError:  # Python's limit on the digits of an int
        return _DECODERS_OF_LONG[unique].decode(text)


def _depth(text: str) -> int:
    """Return the depth of brackets outside of strings, in one pass, for any text."""
    plain = text.replace("\\\\", "").replace('\\"', "") if "\\" in text else text
    outside = "".join(plain.split('"')[::2])
    steps = outside.encode("utf-8", "surrogatepass").translate(_STEPS, _NO_BRACKETS)
    return max(accumulate(step - 1 for step in steps), default=0)


def write(value: Any) -> str:
    """Return `value`, from `parse`, as compact JSON: all digits kept, Unicode unchanged.

    Text that UTF-8 cannot represent (a lone surrogate) is written with ASCII escapes.
    """
    try:
        text = _write(value)
    except TypeError:  # it contains a Number
        pieces: list[str] = []
        _gather(value, pieces)
        text = "".join(pieces)
    return text if storable(text) else _escape_surrogates(text)


def _gather(value: Any, pieces: list[str]) -> None:
    """Append the pieces of a JSON text; uses one frame of Python's stack for each level."""
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
    """Return whether UTF-8 can represent the text: whether it has no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escape_surrogates(text: str) -> str:
    return re.sub("[\ud800-\udfff]", lambda found: f"\\u{ord(found.group()):04x}", text)
