"""Events in the odd forms in which real items have them: every so many events, one kind after the other."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from flatten.sample.bodies import SIGNALS
from flatten.sample.fleet import Dated
from flatten.sample.items import Item, heading
from flatten.sample.odd_signals import DATED_KINDS, ODD_SIGNALS, Signal, signals_of
from flatten.sample.report import Tally

_ERROR = {"value": "ERROR", "error": {"type": "COMPATIBILITY", "code": "VEHICLE_NOT_CAPABLE"}}


def with_oddities(events: Iterator[Dated], expected: int, tally: Tally) -> Iterator[Dated]:
    """Yield the events, some of them odd; each kind occurs when there are as many events as kinds."""
    every = max(1, min(12, expected // len(KINDS)))
    for number, (at, item) in enumerate(events):
        if number % every == every - 1:
            kind = KINDS[number // every % len(KINDS)]
            tally.oddities[kind] += 1
            item = make_odd(item, kind, round(at * 1000))
        yield at, item


def make_odd(item: Item, kind: str, at: int) -> Item:
    """Return the item in one of `KINDS`; `at` is the event's time in milliseconds since 1970 UTC.

    What the result shares with `item` is not changed.
    """
    if kind in _ODD_ITEMS:
        return _counted({**item, **_ODD_ITEMS[kind](item, at)})
    odd = signals_of(kind, at)
    if kind == "signal_meta_unknown_key":
        odd = [{**item["signals"][0], "quality": {"source": "OEM", "age": 12}}]
    codes = {_code(signal) for signal in odd}
    kept = [signal for signal in item["signals"] if _code(signal) not in codes]
    return _counted({**item, "signals": kept + odd})


def _code(signal: Signal) -> str:
    return str(signal.get("code") or f"{signal['group']}-{signal['name']}".lower())


def _counted(item: Item) -> Item:
    """Bring meta.signalCount up to the signals, unless it is what is odd (then it is text or negative)."""
    meta = item.get("meta")
    if not isinstance(meta, dict) or meta.get("signalCount") == _WRONG_COUNT:
        return item
    return {**item, "meta": {**meta, "signalCount": sum(signal is not None for signal in item["signals"])}}


_WRONG_COUNT = 99


def _with(item: Item, container: str, **parts: Any) -> Item:
    return {container: {**item[container], **parts}}


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _newer_envelope(item: Item, at: int) -> Item:
    return (
        _with(item, "user", externalId="driver-17")
        | _with(item, "vehicle", mode="live", powertrainType="BEV")
        | _with(item, "meta", applicationId="app_1c2d3e4f", webhookId="wh_5a6b7c8d", sequence=at)
    )


def _vehicle_errors(item: Item, at: int) -> Item:
    locked = {"code": "closure-islocked", "name": "Closure", "group": "IsLocked"}
    error = {
        "type": "CONNECTED_SERVICES_ACCOUNT",
        "code": "AUTHENTICATION_FAILED",
        "state": "ERROR",
        "description": "Sign in again",
        "resolution": {"type": "REAUTHENTICATE"},
        "signals": [locked, "Charge.IsCharging"],
    }
    return {"signals": [], "triggers": [], "errors": [error]}


def _many_signals(item: Item, at: int) -> Item:
    present = {_code(signal) for signal in item["signals"]}
    headings = [heading(name) for name in SIGNALS]
    missing = [{**head, "status": _ERROR} for head in headings if head["code"] not in present]
    return {"signals": item["signals"] + missing}


def _trigger_texts(item: Item, at: int) -> Item:
    names = ("Odometer.TraveledDistance", "TractionBattery.StateOfCharge")
    return {"triggers": [{"type": "SIGNAL_UPDATED", "signal": name} for name in names]}


_ODD_ITEMS: dict[str, Callable[[Item, int], Item]] = {
    "signals_empty": lambda item, at: {"signals": []},
    "signal_null": lambda item, at: {"signals": [None, *item["signals"], None]},
    "signals_many": _many_signals,
    "triggers_null": lambda item, at: {"triggers": None},
    "triggers_empty": lambda item, at: {"triggers": []},
    "triggers_as_text": _trigger_texts,
    "trigger_first_delivery": lambda item, at: {"triggers": [{"code": "FIRST_DELIVERY"}]},
    "meta_empty": lambda item, at: {"meta": {}},
    "delivered_at_as_text": lambda item, at: _with(item, "meta", deliveredAt=_iso(item["meta"]["deliveredAt"])),
    "delivery_time_too": lambda item, at: _with(item, "meta", deliveryTime=item["meta"]["deliveredAt"]),
    "signal_count_wrong": lambda item, at: _with(item, "meta", signalCount=_WRONG_COUNT),
    "sequence_large": lambda item, at: _with(item, "meta", sequence=2**53 + 1),
    "year_as_text": lambda item, at: _with(item, "vehicle", year=str(item["vehicle"]["year"])),
    "newer_envelope": _newer_envelope,
    "event_type_stored": lambda item, at: {"eventType": "VEHICLE_STATE"},
    "vehicle_errors": _vehicle_errors,
    "recorded_at_iso": lambda item, at: {"recorded_at": _iso(at)},
    "recorded_at_with_zone": lambda item, at: {"recorded_at": _in_paris(at)},
    "recorded_at_unreadable": lambda item, at: {"recorded_at": item["recorded_at"].replace(":", ": ")},
    "car_timezone": lambda item, at: {"car_timezone": "America/Los_Angeles"},
}


def _in_paris(at: int) -> str:
    return datetime.fromtimestamp(at // 1000 + 3600, UTC).strftime("%Y-%m-%d %H:%M:%S") + "+01:00"


KINDS = (*ODD_SIGNALS, *DATED_KINDS, "signal_meta_unknown_key", *_ODD_ITEMS)
"""The kinds of odd events, in the order in which they come."""
