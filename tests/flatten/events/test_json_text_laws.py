"""Property tests: any text is JSON with all its digits, or NotJsonError; nothing else is ever raised."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any, NoReturn

from hypothesis import given, settings
from hypothesis import strategies as st

from flatten.events.json_text import MAX_DEPTH, NotJsonError, Number, parse, write

RUNS = settings(max_examples=100, deadline=None)

texts = st.text(st.characters(exclude_categories=[]), max_size=12)
digits = st.from_regex(r"-?(0|[1-9][0-9]{0,45})(\.[0-9]{1,45})?([eE][+-]?[0-9]{1,4})?", fullmatch=True)
spaces = st.text(" \t\r\n", max_size=3)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _exact(text: str) -> Any:
    """Read JSON with Python's reader, strictly: each number as a Decimal of all its digits, each key once."""
    return json.loads(
        text, parse_int=Decimal, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_each_key_once
    )


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key twice")
    return dict(pairs)


def _array(parts: list[str]) -> str:
    return "[" + ",".join(parts) + "]"


def _object(parts: list[tuple[str, str]]) -> str:
    return "{" + ",".join(f"{key}:{value}" for key, value in parts) + "}"


quoted = texts.map(json.dumps) | texts.map(lambda text: json.dumps(text, ensure_ascii=False))
json_texts = st.recursive(
    st.one_of(st.sampled_from(["null", "true", "false"]), digits, quoted),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(_array),
        st.lists(st.tuples(quoted, inner), max_size=4, unique_by=lambda pair: json.loads(pair[0])).map(_object),
        st.tuples(spaces, inner, spaces).map("".join),
    ),
    max_leaves=12,
)
garbage = st.text(st.sampled_from('{}[]":,\\ntruefalse0123456789.eE+-NaN \ufeff\x00\ud83dé'), max_size=40)


@RUNS
@given(json_texts)
def test_valid_json_is_read_and_written_with_every_digit(text: str) -> None:
    assert _exact(write(parse(text))) == _exact(text)


@RUNS
@given(json_texts)
def test_what_was_written_can_be_stored_and_read_again(text: str) -> None:
    value = parse(text)
    assert parse(write(value).encode().decode()) == value


@RUNS
@given(json_texts, json_texts, quoted)
def test_of_equal_keys_the_last_wins_where_it_may(first: str, second: str, key: str) -> None:
    text = f"[{{{key}:{first},{key}:{second}}}]"
    assert parse(text, unique=False) == parse(f"[{{{key}:{second}}}]")
    _refused(text)


@RUNS
@given(garbage | texts)
def test_a_text_is_read_when_python_reads_it_strictly_else_it_is_not_json(text: str) -> None:
    _agrees(text)


@RUNS
@given(json_texts, st.data())
def test_json_with_a_piece_cut_out_or_put_in_is_read_as_python_reads_it(text: str, data: st.DataObject) -> None:
    start, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    _agrees(text[:start] + data.draw(garbage) + text[end:])


@RUNS
@given(
    st.lists(st.sampled_from(["[", "]", "{", "}", '"', '{"a":', "\\", "1", ",", '"a"']), max_size=60),
    st.integers(1, 90),
)
def test_nesting_ends_in_a_value_or_in_not_json(pieces: list[str], times: int) -> None:
    with suppress(NotJsonError):
        write(parse("".join(pieces * times)))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9_000), st.integers(0, 9_000), st.integers(-(10**13), 10**13))
def test_a_number_of_any_length_keeps_its_digits(whole: int, fraction: int, exponent: int) -> None:
    for text in ("7" * whole, f"{'7' * whole}.{'3' * fraction}e{exponent}" if fraction else f"-{'7' * whole}"):
        value = parse(f"[{text},1]")
        assert write(value) == f"[{text},1]"
        assert value[1] == 1
        assert isinstance(value[0], int | Number)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, MAX_DEPTH * 2), st.sampled_from([("[", "]"), ('{"a":', "}"), ('[1,{"b":', "}]")]))
def test_nesting_is_read_exactly_up_to_the_limit(levels: int, mark: tuple[str, str]) -> None:
    start, end = mark
    text = start * levels + "0" + end * levels
    depth = levels * (start.count("[") + start.count("{"))
    try:
        assert write(parse(text)) == text
    except NotJsonError:
        assert depth > MAX_DEPTH
    else:
        assert depth <= MAX_DEPTH


def _agrees(text: str) -> None:
    try:
        wanted = _exact(text)
    except ValueError:
        _refused(text)
    else:
        assert _exact(write(parse(text))) == wanted


def _refused(text: str) -> None:
    try:
        value = parse(text)
    except NotJsonError:
        return
    raise AssertionError(f"{text!r} was read as {value!r}")
