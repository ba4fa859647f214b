"""Quartz expressions, as far as the bundle needs them.

https://www.quartz-scheduler.org/api/2.3.0/org/quartz/CronExpression.html
"""

import re
from collections.abc import Iterator

_FIELDS = (
    ("seconds", 0, 59, ()),
    ("minutes", 0, 59, ()),
    ("hours", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")),
    ("day of week", 1, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")),
    ("year", 1970, 2199, ()),
)
_PART = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d+))?")


def cron_mistakes(expression: str) -> Iterator[str]:
    """Return what is wrong with an expression; nothing for a valid one."""
    fields = expression.split()
    if not 6 <= len(fields) <= 7:
        yield f"{expression!r} has {len(fields)} fields, not 6 or 7"
        return
    if (fields[3] == "?") == (fields[5] == "?"):
        yield f"{expression!r}: one of day of month and day of week must be ?"
    for (name, lowest, highest, words), text in zip(_FIELDS, fields, strict=False):
        days = name.startswith("day")
        for part in text.split(","):
            if not (days and part == "?") and not _fits(part, lowest, highest, words):
                yield f"{expression!r}: {part!r} is no {name}"


def _fits(part: str, lowest: int, highest: int, words: tuple[str, ...]) -> bool:
    met = _PART.fullmatch(part)
    if not met:
        return False
    numbers = [_number(each, words) for each in (met[2], met[3]) if each]
    return all(lowest <= number <= highest for number in numbers) and met[4] != "0"


def _number(text: str, words: tuple[str, ...]) -> int:
    if text.upper() in words:
        return words.index(text.upper()) + 1
    return int(text) if text.isdigit() else -1
