"""Read times of all forms as whole microseconds since 1970 UTC; None for invalid ones."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flatten.events.json_text import Number

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LOWEST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_HIGHEST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_TEXT = re.compile(r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:Z|([+-])(\d\d):(\d\d))?", re.ASCII)


def from_text(text: Any) -> int | None:
    """Read `YYYY-MM-DD[ T]HH:MM:SS[.f][Z or ±hh:mm]`, UTC without a zone; digits after microseconds are cut."""
    found = _TEXT.fullmatch(text) if isinstance(text, str) else None
    if not found:
        return None
    *parts, fraction, sign, hours, minutes = found.groups()
    try:
        moment = datetime(*map(int, parts), tzinfo=UTC)  # type: ignore[misc, arg-type]  # six numbers by the pattern
    except ValueError:
        return None
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            return None
        ahead = timedelta(hours=int(hours), minutes=int(minutes))
        moment_at = (moment - _EPOCH) - ahead if sign == "+" else (moment - _EPOCH) + ahead
    else:
        moment_at = moment - _EPOCH
    micros = moment_at // _MICROSECOND + int((fraction or "")[:6].ljust(6, "0"))
    return _in_range(micros)


def from_number(value: Any, per_unit: int) -> int | None:
    """Read a number of units since 1970; `per_unit` is 1,000 for milliseconds, 1,000,000 for seconds."""
    if type(value) is int:  # True is not a number
        return _in_range(value * per_unit)
    if isinstance(value, Number):
        value = float(value)
        if value != value or abs(value) > 1e18:
            return None
        return _in_range(round(value * per_unit))
    return None


def from_stamp(value: Any) -> int | None:
    """Read a stamp of a Smartcar payload: milliseconds, or ISO text as in REST and test events."""
    return from_text(value) if isinstance(value, str) else from_number(value, 1_000)


def micros_of(moment: datetime) -> int:
    """Return a time with a zone as microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def date_of(micros: int | None) -> date | None:
    """Return the UTC date of a time."""
    return None if micros is None else moment_of(micros).date()


def moment_of(micros: int) -> datetime:
    """Return a time of the years 1 to 9999 as a datetime, in UTC."""
    return _EPOCH + timedelta(microseconds=micros)


def nearest(micros: int) -> int:
    """Return the time of the years 1 to 9999 that is nearest to one that other readers cannot show."""
    return max(_LOWEST, min(micros, _HIGHEST))


def _in_range(micros: int) -> int | None:
    return micros if _LOWEST <= micros <= _HIGHEST else None
