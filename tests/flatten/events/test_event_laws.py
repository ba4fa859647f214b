"""Property tests: nothing of an event is lost, its row fits the table, and no signal changes another."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flatten.events import catalogue
from flatten.events.arrow import ColumnBuilder
from flatten.events.envelope import METADATA, read_change, read_line
from flatten.events.event import flatten
from flatten.events.signals import Row
from flatten.tables.schema import EVENT_COLUMNS
from support.items import JsonText, line, metadata, unmapped_attributes
from support.lossless import code_of, joined, lost, misfits

KNOWN = catalogue.packaged()
COLUMNS = {name: kind for name, (kind, _) in EVENT_COLUMNS.items()} | KNOWN.columns()
CODES = sorted(KNOWN.signals)
FEW = ["motion-currentspeed", "charge-ischarging", "diagnostics-abs", "wheel-tires", "closure-doors"]

texts = st.text(st.characters(exclude_categories=[]), max_size=8)
numbers = st.from_regex(r"-?(0|[1-9][0-9]{0,24})(\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?", fullmatch=True).map(JsonText)
odd_numbers = st.sampled_from([JsonText("1e999999999999"), JsonText("9" * 5_000), JsonText("-0.0"), JsonText("1e309")])
stamps = st.sampled_from(
    [
        *(1_761_682_265_846, 0, -1, 10**30, JsonText("1761682265846.5"), JsonText("0.0"), True, "1761682265846"),
        *("2025-10-28T20:11:05.846Z", "2025-10-28 20:11:05", "9999-12-31T23:00:00-01:00", "1970-01-01T00:00:00Z"),
        *("yesterday", 253_402_300_799_999, 253_402_300_800_000),
    ]
)
leaves = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), texts, numbers, odd_numbers, stamps)
keys = (
    st.sampled_from(["a", "a.b", "a\\", "", "id", "value", "unit", "status", "code", "error", "type", "mode"]) | texts
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=5
)


@st.composite
def bodies(draw: st.DrawFn, code: str) -> Any:
    fields = KNOWN.signals[code].fields if code in KNOWN.signals else {}
    fitting = {"number": st.integers(), "boolean": st.booleans(), "text": texts, "json": values}
    body: Any = {key: draw(fitting[field.kind] | values) for key, field in fields.items() if draw(st.booleans())}
    match draw(st.integers(0, 7)):
        case 0:
            return draw(values)
        case 1:
            body |= draw(st.dictionaries(keys, values, max_size=1))
        case 2:
            return line(body).decode()
        case 3:
            return line(body).decode() + draw(texts)
    return body


statuses = values | st.fixed_dictionaries(
    {},
    optional={
        "value": st.sampled_from(["SUCCESS", "ERROR", "UNAVAILABLE", ""]) | values,
        "error": st.fixed_dictionaries({}, optional={"type": texts | values, "code": texts | values}) | values,
        "since": values,
    },
)
metas = values | st.dictionaries(
    st.sampled_from(["retrievedAt", "oemUpdatedAt", "fetchedAt", "ingestedAt", "a.b"]), stamps | values, max_size=3
)


@st.composite
def signals(draw: st.DrawFn, codes: list[str] = CODES) -> Any:
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    code = draw(st.sampled_from(codes) | texts) if draw(st.integers(0, 4)) == 0 else draw(st.sampled_from(codes))
    known = KNOWN.signals.get(code)
    entry = {"code": code, "name": known.name if known else "N", "group": known.group if known else "G"}
    optional = {
        "body": bodies(code),
        "meta": metas,
        "status": statuses,
        "name": texts,
        "code": values,
        "odd.key": values,
    }
    for key in draw(st.sets(st.sampled_from(["body", "body", "meta", "status", *optional]))):
        entry[key] = draw(optional[key])
    for key in draw(st.sampled_from([(), (), (), ("code",), ("name",), ("code", "group")])):
        entry.pop(key, None)
    return entry


def _inner(*names: str) -> st.SearchStrategy[Any]:
    return values | st.dictionaries(st.sampled_from(names) | keys, values | stamps, max_size=4)


items = st.builds(
    lambda parts, more, entries: more | {"event_id": "e"} | parts | {"signals": entries},
    st.fixed_dictionaries(
        {},
        optional={
            "recorded_at": stamps | values,
            "eventType": values,
            "triggers": values,
            "vehicle": _inner("id", "make", "model", "year", "mode", "powertrainType"),
            "user": _inner("id", "externalId"),
            "meta": _inner("version", "deliveryId", "webhookId", "deliveredAt", "sequence", "signalCount", "mode"),
            METADATA: st.builds(lambda more: more | metadata(), st.dictionaries(keys, values, max_size=2)),
        },
    ),
    st.dictionaries(keys.filter(lambda key: key not in ("signals", METADATA)), values, max_size=2),
    st.lists(signals(FEW) | signals(), max_size=4),
)


def _flat(stored: dict[str, Any]) -> tuple[dict[str, Any], Row]:
    event = read_line(line(stored))
    return event, flatten(event, read_change(event), KNOWN)


@settings(max_examples=100, deadline=None)
@given(items)
def test_nothing_of_an_event_is_lost(stored: dict[str, Any]) -> None:
    event, row = _flat(stored)
    assert lost(event, row, KNOWN) == []
    known = metadata(previous_recorded_at="").keys()
    unknown = {joined((METADATA, key)) for key in event.get(METADATA, {}) if key not in known}
    assert unknown <= unmapped_attributes(row).keys()


@settings(max_examples=40, deadline=None)
@given(items)
def test_what_is_kept_unmapped_is_in_the_event(stored: dict[str, Any]) -> None:
    event, row = _flat(stored)
    kept = read_line(b'{"signals":%s}' % row.get("unmapped_signals", "[]").encode())["signals"]
    assert all(entry in event["signals"] for entry in kept)
    assert None not in kept


@settings(max_examples=40, deadline=None)
@given(st.lists(items, max_size=2))
def test_rows_fit_the_columns_of_the_table_and_become_a_batch(stored: list[dict[str, Any]]) -> None:
    builder, rows = ColumnBuilder(COLUMNS), [_flat(each)[1] for each in stored]
    for row in rows:
        assert misfits(row, COLUMNS) == []
        builder.add(row)
    batch = builder.take()
    assert batch.schema.names == list(COLUMNS)
    for name in set().union(*rows):
        column = batch.column(name)
        cells = column.cast("int64").to_pylist() if COLUMNS[name] == "TIMESTAMP" else column.to_pylist()
        assert cells == [row.get(name) for row in rows]


@settings(max_examples=80, deadline=None)
@given(signals(FEW), st.lists(signals(), max_size=3), st.integers(0, 3))
def test_no_signal_changes_the_columns_of_another(entry: Any, others: list[Any], position: int) -> None:
    alone, row_alone = _flat({"event_id": "e", "signals": [entry]})
    code = code_of(alone["signals"][0], KNOWN)
    others = [other for other in others if code is None or code_of(read_line(line({"o": other}))["o"], KNOWN) != code]
    _, row = _flat({"event_id": "e", "signals": [*others[:position], entry, *others[position:]]})
    own = KNOWN.columns([code] if code else [])
    assert {name: row.get(name) for name in own} == {name: row_alone.get(name) for name in own}
    for name in ("unmapped_signals", "unmapped_attributes"):
        _includes(row.get(name), row_alone.get(name))


def _includes(whole: str | None, part: str | None) -> None:
    if part is None:
        return
    assert whole is not None
    of_all, of_one = read_line(b'{"a":%s}' % whole.encode())["a"], read_line(b'{"a":%s}' % part.encode())["a"]
    if isinstance(of_one, dict):
        assert all(of_all[key] == value for key, value in of_one.items())
    else:
        assert all(entry in of_all for entry in of_one)
