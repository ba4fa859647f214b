"""Read the catalogue of Smartcar's signals, with the columns of each. Contract 2 of docs/reference/table.md."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from flatten.errors import CatalogueError

VERSION = "1"
"""Grows by one with every change of signal_catalogue.json; each row has it as `catalogue_version`."""

STAMPS = ("retrievedAt", "oemUpdatedAt")
_KINDS = {
    "number": ("number", "DOUBLE"),
    "integer": ("number", "DOUBLE"),
    "boolean": ("boolean", "BOOLEAN"),
    "string": ("text", "STRING"),
    "array": ("json", "STRING"),
    "object": ("json", "STRING"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a signal's body. `kind` is number, boolean, text or json; `values` are those that Smartcar lists."""

    column: str
    kind: str
    sql_type: str
    unit: str | None
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal: `fields` by body key in catalogue order, and the names of three more columns.

    `stamps` maps each of `STAMPS` to its column; `status` is the column of the delivery status.
    """

    code: str
    group: str
    name: str
    fields: Mapping[str, Field]
    stamps: Mapping[str, str]
    status: str

    def columns(self) -> dict[str, str]:
        """Return all columns of the signal with their SQL types, in table order."""
        own = {field.column: field.sql_type for field in self.fields.values()}
        return own | dict.fromkeys(self.stamps.values(), "TIMESTAMP") | {self.status: "STRING"}

    def column_names(self) -> list[str]:
        """Return the names of all columns; a name that the catalogue uses twice occurs twice."""
        return [*(field.column for field in self.fields.values()), *self.stamps.values(), self.status]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All signals by code, in catalogue order."""

    signals: Mapping[str, Signal]
    code_of: Mapping[tuple[str, str], str]

    def columns(self, codes: Iterable[str] | None = None) -> dict[str, str]:
        """Return the columns of the given signals (all without) with SQL types, in catalogue order."""
        wanted = None if codes is None else frozenset(codes)
        chosen = [signal for code, signal in self.signals.items() if wanted is None or code in wanted]
        return {column: kind for signal in chosen for column, kind in signal.columns().items()}


def read_catalogue(entries: Iterable[Mapping[str, Any]]) -> Catalogue:
    """Build a catalogue from the entries of signal_catalogue.json.

    Raises CatalogueError when an entry lacks a part, a body field has no column or an unknown type, a code occurs
    twice, or two columns differ only in case (other engines ignore the case of names).
    """
    signals = list(map(_signal, entries))
    _once("code", [signal.code for signal in signals])
    _once("column", [column.lower() for signal in signals for column in signal.column_names()])
    return Catalogue(
        {signal.code: signal for signal in signals},
        {(signal.group, signal.name): signal.code for signal in signals},
    )


def _once(what: str, names: Iterable[str]) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise CatalogueError(f"The signal catalogue names a {what} twice: {', '.join(twice)}.")


def _signal(entry: Mapping[str, Any]) -> Signal:
    try:
        fields = {key: _field(entry["columns"][key], body) for key, body in entry["body"].items()}
        stem = f"{entry['group']}_{entry['name']}"
        stamps = {stamp: f"{stem}_{stamp}" for stamp in STAMPS}
        return Signal(entry["code"], entry["group"], entry["name"], fields, stamps, f"{stem}_status")
    except KeyError as missing:
        raise CatalogueError(f"The catalogue's entry {entry.get('code')!r} lacks {missing}.") from None


def _field(column: str, body: Mapping[str, Any]) -> Field:
    if body["type"] not in _KINDS:
        raise CatalogueError(f"The catalogue's column {column} has the unknown type {body['type']!r}.")
    kind, sql_type = _KINDS[body["type"]]
    return Field(column, kind, sql_type, body.get("unit"), tuple(body.get("enum", ())))


@cache
def packaged() -> Catalogue:
    """Return the catalogue of this package."""
    return read_catalogue(json.loads((files("flatten.events") / "signal_catalogue.json").read_text("utf-8")))
