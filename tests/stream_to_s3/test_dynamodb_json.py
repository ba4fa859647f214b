"""Typed JSON to plain JSON: a table of values, and any nesting by hypothesis."""

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_to_s3.dynamodb_json import MOST_LEVELS, UnconvertibleError, item_text, value_text

DIGITS_38 = "12345678901234567890123456789012345678"
BINARY = base64.b64encode(bytes(range(256))).decode()

CONVERTED = [
    # numbers: the same digits
    ({"N": "0"}, "0"),
    ({"N": "-0"}, "-0"),
    ({"N": "7"}, "7"),
    ({"N": "-7"}, "-7"),
    ({"N": "1.5"}, "1.5"),
    ({"N": "1.50"}, "1.50"),
    ({"N": "82.0"}, "82.0"),
    ({"N": "0.1"}, "0.1"),
    ({"N": "-0.001"}, "-0.001"),
    ({"N": "100"}, "100"),
    ({"N": "1761682265846"}, "1761682265846"),
    ({"N": "9007199254740993"}, "9007199254740993"),
    ({"N": "9223372036854775808"}, "9223372036854775808"),
    ({"N": "18446744073709551616"}, "18446744073709551616"),
    ({"N": DIGITS_38}, DIGITS_38),
    ({"N": "-" + DIGITS_38}, "-" + DIGITS_38),
    ({"N": "0." + DIGITS_38}, "0." + DIGITS_38),
    ({"N": "-0." + DIGITS_38}, "-0." + DIGITS_38),
    ({"N": "1234567890123456789.0123456789012345678"}, "1234567890123456789.0123456789012345678"),
    ({"N": "1" + 41 * "0"}, "1" + 41 * "0"),
    ({"N": "1" + 125 * "0"}, "1" + 125 * "0"),
    ({"N": "0." + 129 * "0" + "1"}, "0." + 129 * "0" + "1"),
    ({"N": "1E+125"}, "1E+125"),
    ({"N": "9.9999999999999999999999999999999999999E+125"}, "9.9999999999999999999999999999999999999E+125"),
    ({"N": "-9.9E125"}, "-9.9E125"),
    ({"N": "1E-130"}, "1E-130"),
    ({"N": "-1e-130"}, "-1e-130"),
    # text: always ASCII in the line
    ({"S": ""}, '""'),
    ({"S": "TESLA"}, '"TESLA"'),
    ({"S": "007"}, '"007"'),
    ({"S": 'say "hi"\\'}, r'"say \"hi\"\\"'),
    ({"S": "line\nend\r\ttab"}, r'"line\nend\r\ttab"'),
    ({"S": "\x00\x1f\x7f"}, r'"\u0000\u001f\u007f"'),
    ({"S": "é"}, r'"\u00e9"'),
    ({"S": "🚗"}, r'"\ud83d\ude97"'),
    ({"S": "\ud83d"}, r'"\ud83d"'),
    ({"S": "\ude97\ud83d"}, r'"\ude97\ud83d"'),
    ({"S": "\u2028\u2029\ufeff"}, r'"\u2028\u2029\ufeff"'),
    ({"S": "</script>`${x}`../'"}, '"</script>`${x}`../\'"'),
    ({"S": 'Robert"); DROP TABLE t;--'}, r'"Robert\"); DROP TABLE t;--"'),
    # the other scalars
    ({"BOOL": True}, "true"),
    ({"BOOL": False}, "false"),
    ({"NULL": True}, "null"),
    ({"B": ""}, '""'),
    ({"B": "AQI="}, '"AQI="'),
    ({"B": "AA=="}, '"AA=="'),
    ({"B": "+/+/"}, '"+/+/"'),
    ({"B": BINARY}, f'"{BINARY}"'),
    # sets keep their order
    ({"SS": []}, "[]"),
    ({"SS": ["b", "a"]}, '["b","a"]'),
    ({"SS": ['"', "\ud83d", ""]}, r'["\"","\ud83d",""]'),
    ({"NS": []}, "[]"),
    ({"NS": ["1", "2.50", DIGITS_38]}, f"[1,2.50,{DIGITS_38}]"),
    ({"NS": ["-0", "1E-130"]}, "[-0,1E-130]"),
    ({"BS": []}, "[]"),
    ({"BS": ["AQI=", ""]}, '["AQI=",""]'),
    # maps and lists
    ({"M": {}}, "{}"),
    ({"L": []}, "[]"),
    ({"M": {"": {"S": ""}}}, '{"":""}'),
    ({"M": {"a\n\"'`../": {"N": "1"}}}, r'{"a\n\"' + "'`../\":1}"),
    ({"M": {"\udfff": {"NULL": True}}}, r'{"\udfff":null}'),
    ({"M": {"S": {"S": "S"}, "N": {"N": "1"}, "M": {"M": {}}}}, '{"S":"S","N":1,"M":{}}'),
    ({"M": {"z": {"N": "1"}, "a": {"N": "2"}}}, '{"z":1,"a":2}'),
    ({"L": [{"N": "1"}, {"S": "1"}, {"BOOL": True}, {"NULL": True}]}, '[1,"1",true,null]'),
    ({"L": [{"L": []}, {"L": [{"L": []}]}, {"M": {}}]}, "[[],[[]],{}]"),
    ({"L": [{"SS": ["a"]}, {"NS": ["1"]}, {"BS": ["AA=="]}, {"B": "AA=="}]}, '[["a"],[1],["AA=="],"AA=="]'),
    ({"M": {"m": {"M": {"l": {"L": [{"M": {"n": {"N": "1.0"}}}]}}}}}, '{"m":{"l":[{"n":1.0}]}}'),
]


@pytest.mark.parametrize(("value", "text"), CONVERTED, ids=[str(case[1])[:24] for case in CONVERTED])
def test_a_value_is_converted_without_loss(value: dict[str, Any], text: str) -> None:
    assert value_text(value) == text
    assert item_text({"a": value}) == f'{{"a":{text}}}'


def test_a_string_of_5_megabytes_is_converted_whole() -> None:
    assert value_text({"S": "é" * 5_000_000}) == '"' + r"\u00e9" * 5_000_000 + '"'


REFUSED = {
    "a number with letters": ({"N": "fast"}, 'as a string, got "fast"'),
    "not a number": ({"N": "NaN"}, '"NaN"'),
    "infinity": ({"N": "-Infinity"}, '"-Infinity"'),
    "an empty number": ({"N": ""}, "digits"),
    "a leading zero": ({"N": "007"}, '"007"'),
    "a plus": ({"N": "+1"}, '"+1"'),
    "no digit after the point": ({"N": "1."}, '"1."'),
    "no digit before the point": ({"N": ".5"}, '".5"'),
    "hexadecimal": ({"N": "0x10"}, '"0x10"'),
    "a grouped number": ({"N": "1_000"}, '"1_000"'),
    "two numbers": ({"N": "1,2"}, '"1,2"'),
    "two numbers in two lines": ({"N": "1\n2"}, r'"1\n2"'),
    "a number and a line end": ({"N": "1\n"}, r'"1\n"'),
    "digits of another script": ({"N": "\u0661"}, r'"\u0661"'),
    "a space": ({"N": " 1"}, '" 1"'),
    "201 digits": ({"N": "1" * 201}, "..."),
    "an exponent of four digits": ({"N": "1E1000"}, '"1E1000"'),
    "a number that is not a string": ({"N": 1}, "got 1"),
    "JSON smuggled in as a number": ({"N": '1,"admin":true'}, "admin"),
    "a string that is not a string": ({"S": 1}, "got 1"),
    "a string that is null": ({"S": None}, "got None"),
    "a string that is an object": ({"S": {}}, "an empty object"),
    "binary that is not base64": ({"B": "%%%"}, '"%%%"'),
    "binary without its padding": ({"B": "AQI"}, '"AQI"'),
    "binary with a line end": ({"B": "AQI=\n"}, r'"AQI=\n"'),
    "bytes": ({"B": b"\x01"}, "base64"),
    "a boolean as text": ({"BOOL": "true"}, '"true"'),
    "a boolean as a number": ({"BOOL": 1}, "got 1"),
    "a false null": ({"NULL": False}, "got False"),
    "a null of null": ({"NULL": None}, "got None"),
    "an unknown type": ({"X": "1"}, '"X" is not a type'),
    "a type in lower case": ({"s": "1"}, '"s" is not a type'),
    "no type": ({}, "an empty object"),
    "two types": ({"S": "a", "N": "1"}, "the keys"),
    "a bare string": ("text", 'got "text"'),
    "a bare array": ([], "an array of 0"),
    "nothing": (None, "got None"),
    "a map that is an array": ({"M": []}, "expected an object"),
    "a map that is text": ({"M": ""}, "expected an object"),
    "a list that is an object": ({"L": {}}, "expected an array"),
    "a list that is text": ({"L": ""}, "expected an array"),
    "a set that is text": ({"SS": ""}, "expected an array"),
    "a number in a set of strings": ({"SS": [1]}, "got 1"),
    "text in a set of numbers": ({"NS": ["1", "x"]}, '"x"'),
    "no base64 in a set of binary": ({"BS": ["x"]}, '"x"'),
    "5 megabytes": ({"N": "x" * 5_000_000}, "x..."),
}


@pytest.mark.parametrize(("value", "message"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize(
    "wrap", [lambda value: value, lambda value: {"L": [{"M": {"deep": value}}]}], ids=["bare", "nested"]
)
def test_anything_else_is_an_unconvertible_error(value: Any, message: str, wrap: Any) -> None:
    with pytest.raises(UnconvertibleError) as caught:
        value_text(wrap(value))
    assert message in str(caught.value)
    assert len(str(caught.value)) < 400


def test_the_error_names_the_place() -> None:
    item = {"signals": {"L": [{"M": {}}, {"M": {"body": {"M": {"value": {"N": "fast"}}}}}]}}
    with pytest.raises(UnconvertibleError, match=r"^signals\[1\]\.body\.value: expected the digits .* got \"fast\"$"):
        item_text(item)


def nested(levels: int, value: Any) -> Any:
    for level in range(levels):
        value = {"M": {"k": value}} if level % 2 else {"L": [value]}
    return value


@pytest.mark.parametrize("last", [{"N": "1.50"}, {"NS": ["1.50"]}], ids=["a number", "a set"])
def test_the_32_levels_of_dynamodb_are_converted(last: Any) -> None:
    text = item_text({"a": nested(MOST_LEVELS, last)})
    assert text.replace("[", "").replace("]", "").replace("}", "").replace('{"k":', "") == '{"a":1.50'


@pytest.mark.parametrize("levels", [33, 300, 20_000, 500_000])
def test_a_value_nested_deeper_is_refused(levels: int) -> None:
    with pytest.raises(UnconvertibleError, match=r"^a(\.k|\[0\])+: nested more than 32 levels deep") as caught:
        item_text({"a": nested(levels, {"N": "1.50"})})
    assert len(str(caught.value)) < 400


def test_a_long_place_is_shortened_at_its_beginning() -> None:
    value: Any = {"N": "fast"}
    for level in range(20):
        value = {"M": {f"{level}-" + "x" * 60_000: value}}
    with pytest.raises(UnconvertibleError, match=r"^\.\.\.x+\..*\.0-x+: expected the digits") as caught:
        item_text({"a": value})
    assert len(str(caught.value)) < 400


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
    lambda number: -130 <= number.adjusted() <= 125 and len(number.as_tuple().digits) <= 38
)
NAMES = st.text(st.characters(), max_size=8)
PLAIN = st.recursive(
    st.none() | st.booleans() | NUMBERS | NAMES,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(NAMES, children, max_size=4),
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "1", "AA==", "x", "1\n2"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.sampled_from(["S", "N", "M", "L", "SS", "NS", "B", "BOOL", "NULL", "a"]), children, max_size=2
        )
    ),
    max_leaves=12,
)


def as_typed(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"BOOL": value}
        case None:
            return {"NULL": True}
        case str():
            return {"S": value}
        case Decimal():
            return {"N": str(value)}
        case dict():
            return {"M": {name: as_typed(child) for name, child in value.items()}}
        case _:
            return {"L": [as_typed(child) for child in value]}


def exact(value: Any) -> Any:
    """Return numbers as their digits, so that 1.50 is not 1.5 and -0 is not 0."""
    match value:
        case Decimal():
            return value.as_tuple()
        case dict():
            return {name: exact(child) for name, child in value.items()}
        case list():
            return [exact(child) for child in value]
        case _:
            return value


@given(PLAIN)
def test_parsing_the_text_gives_exactly_what_was_sent(value: Any) -> None:
    text = value_text(as_typed(value))
    assert exact(json.loads(text, parse_float=Decimal, parse_int=Decimal)) == exact(value)
    assert text.isascii()
    assert "\n" not in text


@given(ANY_JSON)
def test_exactly_the_values_that_dynamodb_allows_are_converted(value: Any) -> None:
    try:
        text = value_text(value)
    except UnconvertibleError:
        assert not is_typed(value)
    else:
        assert is_typed(value)
        assert text.isascii()
        json.loads(text)


def is_typed(value: Any) -> bool:
    """Return whether this is a typed value, by a second implementation of the rules."""
    match value:
        case {"S": str(), **rest}:
            return not rest
        case {"N": inner, **rest}:
            return not rest and inner == "1"
        case {"B": inner, **rest}:
            return not rest and inner in ("", "AA==")
        case {"BOOL": bool(), **rest}:
            return not rest
        case {"NULL": inner, **rest}:
            return not rest and inner is True
        case {"M": dict() as inner, **rest}:
            return not rest and all(map(is_typed, inner.values()))
        case {"L": list() as inner, **rest}:
            return not rest and all(map(is_typed, inner))
        case {"SS": list() as inner, **rest} | {"NS": list() as inner, **rest}:
            tag = "S" if "SS" in value else "N"
            return not rest and all(is_typed({tag: each}) for each in inner)
    return False
