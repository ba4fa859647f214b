"""Turn the SQL files into queries over one table.

A file uses the table's column names; columns that the table lacks become NULL of their type. Placeholders in the files:
`{events}` is events.sql with the columns that the file uses, and `X_measuredAt` for a signal X; the lines between `--
for each signal` and `-- end` are repeated for each signal, with commas between; `{now}` and `{days}` are the look-back;
`{charging_sessions}` is that view.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from flatten.events import catalogue
from flatten.events.catalogue import Signal

VIEWS = {
    "vehicle_latest": "The newest value of every signal of each vehicle",
    "charging_sessions": "Charging sessions: start, end, energy, state of charge, power, place",
    "vehicle_day": "Each vehicle and local day: distance, energy charged, events, hours silent",
    "vehicle_health": "Problems in the data of each vehicle: silence, errors, stuck and impossible values",
}
"""Name -> what it shows; a view comes after those that it reads."""

_MARK = re.compile(r"\{(days|now|table|charging_sessions)\}")
_BLOCK = re.compile(r"( *)-- for each signal\n(.*?)\n *-- end", re.DOTALL)


@dataclass(frozen=True)
class Flat:
    """A flat table as named in SQL, with its columns; how many days the views look back, from `now` (SQL)."""

    table: str
    columns: frozenset[str]
    days: int = 30
    now: str = "current_timestamp()"


def query(view: str, flat: Flat, names: Mapping[str, str] | None = None) -> str:
    """Return the SELECT of a view. `names` are the names of other views; without names they become subqueries."""
    signals = [each for each in catalogue.packaged().signals.values() if _is_wanted(each, flat)]
    text = _BLOCK.sub(lambda block: _repeated(block, signals), _file(view))
    words = frozenset(re.findall(r"\w+", text))
    columns = [column for each in signals for column in _columns(each, words, flat)]
    events = _file("events").replace("{columns}", "".join(f",\n    {column}" for column in columns))
    marks = {"days": str(flat.days), "now": flat.now, "table": flat.table}
    if "{charging_sessions}" in text:
        marks |= names or {"charging_sessions": f"(\n{query('charging_sessions', flat)})"}
    return _MARK.sub(lambda mark: marks[mark[1]], text.replace("{events}", _indented(events)))


@cache
def _file(name: str) -> str:
    return (files("flatten.views") / f"{name}.sql").read_text("utf-8").rstrip()


@cache
def _named_somewhere() -> frozenset[str]:
    return frozenset(re.findall(r"\w+", "".join(map(_file, VIEWS))))


def _is_wanted(signal: Signal, flat: Flat) -> bool:
    """Return whether the table has the signal or a view uses it: such columns always exist."""
    return not signal.columns().keys().isdisjoint(flat.columns | _named_somewhere())


def _stem(signal: Signal) -> str:
    return f"{signal.group}_{signal.name}"


def _repeated(block: re.Match[str], signals: list[Signal]) -> str:
    return ",\n".join(
        block[2]
        .replace("{signal}", _stem(signal))
        .replace("{fields}", ", ".join(field.column for field in signal.fields.values()))
        .replace("{is_known}", " OR ".join(f"{field.column} IS NOT NULL" for field in signal.fields.values()))
        for signal in signals
    )


def _columns(signal: Signal, words: frozenset[str], flat: Flat) -> Iterator[str]:
    """Yield those of the signal's columns that a view uses, as SQL."""
    is_sent = signal.status in flat.columns
    fields = {field.column for field in signal.fields.values()}
    for column, kind in signal.columns().items():
        if column in words and not (is_sent and column in flat.columns):
            yield f"CAST(NULL AS {kind}) AS {column}"
        elif column in words:
            yield f"IF({signal.status} = 'OK', {column}, NULL) AS {column}" if column in fields else column
    if f"{_stem(signal)}_measuredAt" in words:
        retrieved, updated = signal.stamps.values()
        measured = f"least(coalesce({updated}, {retrieved}, recorded_at), coalesce(delivered_at, recorded_at))"
        yield f"{measured if is_sent else 'CAST(NULL AS TIMESTAMP)'} AS {_stem(signal)}_measuredAt"


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")
