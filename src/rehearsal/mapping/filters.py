"""Filter criteria: which records of a stream become part of an event.

Rules: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html (operators, leaves, numbers
compared as text, patterns ORed), https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html (what they
mean for DynamoDB: an attribute's number is text there, so `numeric` never matches one). The latter says that
mappings of DynamoDB filter on the key `dynamodb` only, while
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/streams-lambda.tutorial2.html and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html filter on
`eventName` and `userIdentity`; here a pattern may name any key of the record.

Assumed, from EventBridge: an array in the record is looked into, and one match among its entries is enough.
"""

import json
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from rehearsal.errors import MappingSettingsError

_MOST_FILTERS: Final = 10
_LONGEST_PATTERN: Final = 4096
_DEEPEST: Final = 100
_COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Test = Callable[[list[Any]], bool]
"""Whether the leaves that stand at one place of a record (none, one, or several by way of arrays) match."""


@dataclass(frozen=True)
class Number:
    """A JSON number as it is written: 300, 300.0 and 3.0e2 are not equal."""

    text: str


@dataclass(frozen=True)
class Filters:
    """Patterns, as the JSON texts that they are at AWS. Without any, every record matches."""

    patterns: tuple[str, ...] = ()

    @classmethod
    def of(cls, patterns: Sequence[str]) -> "Filters":
        """Raises MappingSettingsError for what AWS would refuse."""
        if len(patterns) > _MOST_FILTERS:
            raise MappingSettingsError(f"{len(patterns)} filters are given, a mapping takes {_MOST_FILTERS} at most")
        for pattern in patterns:
            _compiled(_parsed(pattern))
        return cls(tuple(patterns))

    def predicate(self) -> Callable[[dict[str, Any]], bool]:
        """Whether a record, as it stands in a Lambda event, matches one of the patterns."""
        compiled = [_compiled(_parsed(pattern)) for pattern in self.patterns]
        if not compiled:
            return lambda record: True
        return lambda record: any(matches([record]) for matches in compiled)


def _parsed(pattern: str) -> dict[str, Any]:
    if len(pattern) > _LONGEST_PATTERN:
        raise MappingSettingsError(f"a filter pattern has {len(pattern):,} characters, 4,096 are allowed")
    try:
        found = json.loads(pattern, parse_int=Number, parse_float=Number, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _refused(pattern, f"it is not JSON ({error})") from None
    if not isinstance(found, dict) or not found:
        raise _refused(pattern, "expected an object with at least one key")
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _refused(pattern: object, why: str) -> MappingSettingsError:
    shown = pattern if isinstance(pattern, str) else str(pattern)
    return MappingSettingsError(f"the filter pattern {shown[:120]!r} is refused: {why}")


def _compiled(pattern: dict[str, Any], depth: int = 0) -> Test:
    if depth > _DEEPEST:
        raise MappingSettingsError(f"a filter pattern is nested more than {_DEEPEST} levels deep")
    tests = [
        _alternatives(inner, depth + 1) if key == "$or" else _below(key, inner, depth + 1)
        for key, inner in pattern.items()
    ]
    return lambda nodes: all(test(nodes) for test in tests)


def _alternatives(patterns: Any, depth: int) -> Test:
    if not isinstance(patterns, list) or not patterns or not all(isinstance(entry, dict) for entry in patterns):
        raise _refused(patterns, "$or takes an array of patterns")
    tests = [_compiled(entry, depth) for entry in patterns]
    return lambda nodes: any(test(nodes) for test in tests)


def _below(key: str, inner: Any, depth: int) -> Test:
    if isinstance(inner, dict) and inner:
        deeper = _compiled(inner, depth)
        return lambda nodes: deeper(_children(nodes, key))
    if isinstance(inner, list) and inner:
        rules = [_rule(entry) for entry in inner]
        return lambda nodes: any(rule(_leaves(_children(nodes, key))) for rule in rules)
    raise _refused({key: inner}, "a value has to be a pattern or an array of rules, and not empty")


def _children(nodes: list[Any], key: str) -> list[Any]:
    return [node[key] for node in _flat(nodes) if isinstance(node, dict) and key in node]


def _flat(nodes: list[Any]) -> Iterator[Any]:
    for node in nodes:
        if isinstance(node, list):
            yield from _flat(node)
        else:
            yield node


def _leaves(nodes: list[Any]) -> list[Any]:
    return [_exact(node) for node in _flat(nodes) if not isinstance(node, dict)]


def _exact(value: Any) -> Any:
    return Number(json.dumps(value)) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _rule(rule: Any) -> Test:
    if not isinstance(rule, dict):
        return _equals(rule)
    if len(rule) != 1:
        raise _refused(rule, "a rule has one operator")
    ((name, operand),) = rule.items()
    if name not in _OPERATORS:
        raise _refused(rule, f"the operators are {', '.join(sorted(_OPERATORS))}")
    return _OPERATORS[name](operand)


def _equals(expected: Any) -> Test:
    if isinstance(expected, list):
        raise _refused(expected, "an array cannot stand among the rules")
    return lambda leaves: any(type(leaf) is type(expected) and leaf == expected for leaf in leaves)


def _of_text(matches: Callable[[str, str], bool]) -> Callable[[Any], Test]:
    def made(operand: Any) -> Test:
        if not isinstance(operand, str):
            raise _refused(operand, "the operator takes a text")
        return lambda leaves: any(isinstance(leaf, str) and matches(leaf, operand) for leaf in leaves)

    return made


def _exists(operand: Any) -> Test:
    if not isinstance(operand, bool):
        raise _refused(operand, "exists takes true or false")
    return lambda leaves: bool(leaves) is operand


def _anything_but(operand: Any) -> Test:
    unwanted = operand if isinstance(operand, list) else [operand]
    if not unwanted or not all(isinstance(entry, str | Number) for entry in unwanted):
        raise _refused(operand, "anything-but takes texts or numbers")
    return lambda leaves: any(leaf not in unwanted for leaf in leaves)


def _numeric(operand: Any) -> Test:
    if not isinstance(operand, list) or len(operand) not in (2, 4):
        raise _refused(operand, 'numeric takes one or two comparisons, such as [">", 0, "<=", 5]')
    pairs = list(zip(operand[::2], operand[1::2], strict=True))
    if not all(map(_is_comparison, pairs)):
        raise _refused(operand, f"numeric takes {' '.join(_COMPARISONS)}, each with a number")
    limits = [(_COMPARISONS[sign], Decimal(number.text)) for sign, number in pairs]
    return lambda leaves: any(
        isinstance(leaf, Number) and all(compare(Decimal(leaf.text), limit) for compare, limit in limits)
        for leaf in leaves
    )


def _is_comparison(pair: tuple[Any, Any]) -> bool:
    return isinstance(pair[0], str) and pair[0] in _COMPARISONS and isinstance(pair[1], Number)


_OPERATORS: Final[dict[str, Callable[[Any], Test]]] = {
    "anything-but": _anything_but,
    "equals-ignore-case": _of_text(lambda leaf, text: leaf.casefold() == text.casefold()),
    "exists": _exists,
    "numeric": _numeric,
    "prefix": _of_text(str.startswith),
    "suffix": _of_text(str.endswith),
}
