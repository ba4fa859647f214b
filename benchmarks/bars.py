"""What a benchmark found, and the bars that it was held against.

A bar is a ratio, because machines are noisy: both of its sides were measured in turns in one run. One that could not
be measured says why, and is neither met nor missed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Side = Literal["at most", "at least"]


@dataclass(frozen=True)
class Bar:
    """A promise: `found` shall be at most, or at least, `limit`. `unit` is "times", or that of a plain number."""

    what: str
    side: Side
    limit: float
    found: float | None
    unit: str = "times"
    why_not: str = ""

    @property
    def met(self) -> bool | None:
        """Whether it holds; None when it was not measured."""
        if self.found is None:
            return None
        return self.found <= self.limit if self.side == "at most" else self.found >= self.limit

    @property
    def verdict(self) -> str:
        """`met`, `not met`, or `not measured` and why."""
        if self.met is None:
            return f"not measured: {self.why_not}" if self.why_not else "not measured"
        return "met" if self.met else "not met"


@dataclass(frozen=True)
class Result:
    """One table of a benchmark.

    `seconds` are by contender, `ours` names ours among them. `figures` are other numbers, whose names say their unit.
    """

    name: str
    seconds: Mapping[str, float] = field(default_factory=dict)
    ours: str = ""
    bars: Sequence[Bar] = ()
    figures: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def ratio(self, contender: str) -> float | None:
        """How many times as long as ours this one took; None when one of the two was not measured."""
        return ratio(self.seconds, contender, self.ours)


@dataclass(frozen=True)
class Report:
    """All results of one benchmark, with the command that gave them, when (UTC, ISO 8601) and on what machine."""

    benchmark: str
    command: str
    at: str
    machine: Mapping[str, str]
    results: Sequence[Result]

    @property
    def missed(self) -> list[Bar]:
        """The bars that do not hold."""
        return [bar for result in self.results for bar in result.bars if bar.met is False]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a file, with what follows from it: ratios and verdicts."""
        told = asdict(self)
        for shown, result in zip(told["results"], self.results, strict=True):
            shown["ratios"] = {name: result.ratio(name) for name in result.seconds}
            for row, bar in zip(shown["bars"], result.bars, strict=True):
                row["met"] = bar.met
        return told

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> "Report":
        """The report that `as_dict` made plain data of. Raises KeyError or TypeError for other data."""
        results = [
            Result(
                name=entry["name"],
                seconds=entry["seconds"],
                ours=entry["ours"],
                bars=[Bar(**{name: value for name, value in bar.items() if name != "met"}) for bar in entry["bars"]],
                figures=entry["figures"],
                notes=entry["notes"],
            )
            for entry in told["results"]
        ]
        return cls(told["benchmark"], told["command"], told["at"], told["machine"], results)


def ratio(seconds: Mapping[str, float], over: str, under: str) -> float | None:
    """How many times as long one contender took as another; None when one of the two was not measured."""
    above, below = seconds.get(over), seconds.get(under)
    return above / below if above is not None and below else None


def at_most(what: str, limit: float, found: float | None, unit: str = "times", why_not: str = "") -> Bar:
    """A bar to stay below."""
    return Bar(what, "at most", limit, found, unit, why_not)


def at_least(what: str, limit: float, found: float | None, unit: str = "times", why_not: str = "") -> Bar:
    """A bar to reach."""
    return Bar(what, "at least", limit, found, unit, why_not)
