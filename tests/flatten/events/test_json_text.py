"""JSON by RFC 8259: what is read, what is refused, and that no digit is lost. test_json_text_laws.py has properties."""

import json
from typing import Any

import pytest

from flatten.events.json_text import MAX_DEPTH, EqualKeysError, NotJsonError, Number, parse, storable, write

LONG = "1" * 10_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("true", True),
        ("7", 7),
        ("-0", 0),
        ('""', ""),
        (' \t\r\n{"a" : [ ] } \n', {"a": []}),
        ('"\\u00e9\\ud83d\\ude97\\/"', "é🚗/"),
        ('"\\u0000\u007f\u2028"', "\x00\x7f\u2028"),
        ('"\\ud83d"', "\ud83d"),
        ('{"":1}', {"": 1}),
        ("9007199254740993", 9_007_199_254_740_993),
        ("1.50", Number("1.50")),
        ("-0.0", Number("-0.0")),
        ("1E+125", Number("1E+125")),
        ("1e999999999999", Number("1e999999999999")),
        (LONG, Number(LONG)),
        (f"-{LONG}", Number(f"-{LONG}")),
        (f"{LONG}.5", Number(f"{LONG}.5")),
    ],
    ids=lambda value: f"{value!r:.40}",
)
def test_json_is_read(text: str, value: Any) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "{", "}", "[1,]", "[,1]", '{"a":1,}', '{"a"}', '{"a":}', "{1:2}", "{a:1}", "{'a':1}", "'a'"),
        *("NaN", "Infinity", "-Infinity", '{"value":NaN}', "nan", "True", "None", "nul", "undefined"),
        *("01", "+1", ".5", "1.", "1e", "1e+", "-", "0x10", "1_000", "\u0661"),
        *('"a', '"\\x41"', '"\\u12"', '"\\', '"a\nb"', '"a\tb"', '"\x00"'),
        *('{"a":1}{"b":2}', '{"a":1} x', "1 2", '{"value":1},"odometer":{}'),
        *("\ufeff{}", "\xa0{}", "\u2028{}", "\x0c{}", "// no\n{}", "{} # no"),
        *(f"[{LONG}, ", f"[{LONG},NaN]", f"{LONG}x", f'{{"a":{LONG}'),
    ],
    ids=lambda text: f"{text!r:.40}",
)
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(NotJsonError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ('{"a":1,"a":2}', {"a": 2}),
        ('{"a":1,"a":1}', {"a": 1}),
        ('{"b":[{"a":{},"\\u0061":1.50}]}', {"b": [{"a": Number("1.50")}]}),
        (f'{{"a":1,"a":{LONG}}}', {"a": Number(LONG)}),
    ],
    ids=["other values", "equal values", "nested and escaped", "a long number"],
)
def test_equal_keys_are_refused_unless_the_last_may_win(text: str, last: Any) -> None:
    with pytest.raises(EqualKeysError, match='"a" twice in one object'):
        parse(text)
    assert parse(text, unique=False) == last


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1 2]", "column 4: Expecting ',' delimiter"),
        ('{"value":NaN}', "NaN is not JSON"),
        ("[" * (MAX_DEPTH + 1), f"nested deeper than {MAX_DEPTH} levels"),
    ],
    ids=["syntax", "constant", "depth"],
)
def test_the_refusal_has_the_reason_and_the_place(text: str, message: str) -> None:
    with pytest.raises(NotJsonError) as refusal:
        parse(text)
    assert str(refusal.value) == message


@pytest.mark.parametrize(("start", "end"), [("[", "]"), ('{"a":', "}")], ids=["arrays", "objects"])
def test_nesting_is_read_to_the_limit_and_no_deeper(start: str, end: str) -> None:
    whole = start * MAX_DEPTH + "1.5" + end * MAX_DEPTH
    assert write(parse(whole)) == whole
    for depth in (MAX_DEPTH + 1, 5_000):
        with pytest.raises(NotJsonError, match="nested deeper"):
            parse(start * depth + "1.5" + end * depth)


@pytest.mark.parametrize(
    "text",
    ['"' + "[{" * 5_000 + '"', "[" + ",".join(["[]"] * 5_000) + "]", '["\\"' + "[" * 5_000 + '"]', '"\\\\" '],
    ids=["in a text", "side by side", "after an escaped quote", "after an escaped backslash"],
)
def test_brackets_that_do_not_nest_are_not_counted(text: str) -> None:
    assert parse(text) == json.loads(text)


def test_a_text_without_an_end_is_refused_in_one_pass() -> None:
    """A scan that starts again at each of these quotes would take hours."""
    with pytest.raises(NotJsonError):
        parse("[" * (MAX_DEPTH + 1) + '"' + '\\"' * 1_000_000)


def test_writing_is_not_deeper_than_the_stack_of_a_worker_allows() -> None:
    """Python stops at 1,000 frames; the caller may use half of them."""
    nested = parse('{"a":' * MAX_DEPTH + "1.5" + "}" * MAX_DEPTH)

    def called_from(depth: int) -> str:
        return called_from(depth - 1) if depth else write(nested)

    assert called_from(400).count("{") == MAX_DEPTH


def test_a_number_too_long_for_python_changes_no_other_number() -> None:
    assert parse(f'{{"long":{LONG},"year":2025}}') == {"long": Number(LONG), "year": 2025}


@pytest.mark.parametrize(
    "text",
    [
        '{"a":[1,2.50,{"b":-0.0}],"c":null,"d":true,"e":{},"f":[],"g":""}',
        "12345678901234567890123456789012345678",
        "0.12345678901234567890123456789012345678",
        "[1E+125,1e-130,1e999999999999]",
        f"[{LONG},{LONG}.{LONG}]",
        '"é🚗\u2028 \\" \\\\ \\n \\u0001"',
        '{"\\ud83d":"a\\\\\\udc00"}',
    ],
    ids=lambda text: f"{text!r:.40}",
)
def test_what_was_read_is_written_unchanged(text: str) -> None:
    assert write(parse(text)) == text


def test_white_space_and_escapes_are_not_kept() -> None:
    assert write(parse(' { "a" : "\\u00e9\\/" } ')) == '{"a":"é/"}'


@pytest.mark.parametrize("text", ['"\\ud83d"', '{"\\udc00":1.5}', '["\\udc00\\ud83d"]'])
def test_half_a_surrogate_pair_is_escaped_for_utf_8(text: str) -> None:
    written = write(parse(text))
    assert storable(written)
    assert written == text


@pytest.mark.parametrize(
    ("text", "holds"), [("", True), ("é🚗\x00", True), ("\ud83d", False), ("a\udc00b", False)], ids=repr
)
def test_storable_means_that_utf_8_can_represent_a_text(text: str, holds: bool) -> None:
    assert storable(text) is holds


def test_a_number_equals_only_a_number_of_the_same_text() -> None:
    assert Number("1.0") == Number("1.0")
    assert hash(Number("1.0")) == hash(Number("1.0"))
    assert Number("1.0") != Number("1.00")
    assert Number("1.0") != 1.0
    assert repr(Number("1.0")) == "Number('1.0')"
    assert float(Number("1e400")) == float("inf")
