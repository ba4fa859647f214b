"""The result of a benchmark: seconds side by side, other figures, and the bars that it must meet.

A bar is a ratio if possible, because machines are noisy: both of its sides were measured in turns in one process. A bar
that could not be measured has a reason, and is neither met nor missed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Side = Literal["at most", "at least"]


@dataclass(frozen=True)
class Bar:
    """A bar: `found` must be at most, or at least, `limit`. `unit` is "times", or that of a plain number."""

    what: str
    side: Side
    limit: float
    found: float | None
    unit: str = "times"
    why_not: str = ""

    @property
    def met(self) -> bool | None:
        """Return whether it is met; None when it was not measured."""
        if self.found is None:
            return None
        return self.found <= self.limit if self.side == "at most" else self.found >= self.limit

    @property
    def verdict(self) -> str:
        """Return `met`, `not met`, or `not measured` and why."""
        if self.met is None:
            return f"not measured: {self.why_not}" if self.why_not else "not measured"
        return "met" if self.met else "not met"


@dataclass(frozen=True)
class Result:
    """One table of a benchmark.

    `seconds` are by contender, `ours` names ours among them. `figures` are other numbers, whose names include the unit.
    """

    name: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    ours: str = ""
    bars: Sequence[Bar] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def as_text(self) -> str:
        """Return it as one Markdown table, also readable on a screen."""
        times = {name: ratio(self.seconds, name, self.ours) for name in self.seconds}
        rows = [(name, f"{taken:.2f} s", _times(times[name])) for name, taken in self.seconds.items()]
        rows += [(name, number(value), "") for name, value in self.figures.items()]
        rows += [(bar.what, _found(bar), f"{bar.side} {bar.limit:g}: {bar.verdict}") for bar in self.bars]
        return "\n".join([f"**{self.name}**", "", aligned([("what", "found", ""), *rows]), "", *self.notes])


def ratio(seconds: Mapping[str, float], over: str, under: str) -> float | None:
    """Return how many times as long one contender took as another; None when one of them was not measured."""
    above, below = seconds.get(over), seconds.get(under)
    return above / below if above is not None and below else None


def at_most(what: str, limit: float, found: float | None, unit: str = "times", why_not: str = "") -> Bar:
    """Return a bar that must not be exceeded."""
    return Bar(what, "at most", limit, found, unit, why_not)


def at_least(what: str, limit: float, found: float | None, unit: str = "times", why_not: str = "") -> Bar:
    """Return a bar that must be reached."""
    return Bar(what, "at least", limit, found, unit, why_not)


def number(value: float) -> str:
    """Return a figure with a suitable number of digits."""
    if value == int(value) or abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 0.1 else f"{value:.2g}"


def _times(found: float | None) -> str:
    return "" if found is None else f"{found:.2f} times"


def _found(bar: Bar) -> str:
    return "-" if bar.found is None else f"{number(bar.found)} {bar.unit}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Return rows, the first of which is the head, as a Markdown table."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    head, *body = [" | ".join(map(str.ljust, row, widths)) for row in rows]
    return "\n".join(f"| {line} |" for line in [head, " | ".join("-" * width for width in widths), *body])
