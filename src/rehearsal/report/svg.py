"""Drawing with SVG elements: scales, ticks, paths and what a picture needs to be read aloud.

Elements are those of xml.etree, so that what they hold is escaped. They stand in HTML, which needs no namespace.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement, tostring

_NICE: Final = (1, 2, 5, 10)


@dataclass(frozen=True)
class Scale:
    """From values `low..high` to places `start..end`; a range of no width lies at its start."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The place of a value, which may lie outside."""
        if self.high == self.low:
            return self.start
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def step(span: float, most: int) -> float:
    """The smallest of 1, 2, 5, 10, 20, ... and their fractions that divides a span into at most so many parts."""
    if span <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(span / most))
    return next(nice * power for nice in _NICE if nice * power * most >= span * (1 - 1e-9))


def ticks(high: float, most: int, *, whole: bool = False) -> list[float]:
    """Round values from 0 to the first one that is not below `high`; `whole` for counts."""
    apart = max(1.0, step(high, most)) if whole else step(high, most)
    return [number * apart for number in range(max(1, math.ceil(high / apart - 1e-9)) + 1)]


def tick_text(value: float, apart: float) -> str:
    """A tick's label, with as many decimals as its distance to the next one has."""
    decimals = max(0, -math.floor(math.log10(apart) + 1e-9))
    return f"{value:,.{decimals}f}"


def path(points: Sequence[tuple[float, float]]) -> str:
    """The `d` of a line through points, with a tenth of a pixel; none of no points."""
    return " ".join(f"{'L' if number else 'M'}{x:.1f},{y:.1f}" for number, (x, y) in enumerate(points))


def picture(width: int, height: int, name: str, title: str, description: str) -> Element:
    """An empty picture that says what it shows; `name` is unlike those of the page's other ones."""
    svg = Element(
        "svg",
        {
            "viewBox": f"0 0 {width} {height}",
            "role": "img",
            "aria-labelledby": f"{name}-title {name}-desc",
        },
    )
    for tag, said in (("title", title), ("desc", description)):
        SubElement(svg, tag, {"id": f"{name}-{tag}"}).text = said
    return svg


def line(into: Element, ends: tuple[float, float, float, float], style: str) -> None:
    """From x, y to x, y."""
    x1, y1, x2, y2 = (f"{place:.1f}" for place in ends)
    SubElement(into, "line", {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "class": style})


def text(into: Element, x: float, y: float, said: str, style: str) -> None:
    """Words, anchored as the style says."""
    SubElement(into, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": style}).text = said


def bar(into: Element, left: float, top: float, size: tuple[float, float], style: str, said: str) -> None:
    """A rectangle of a width and a height that says more when it is pointed at."""
    width, height = size
    places = {"x": left, "y": top, "width": max(0.0, width), "height": max(0.0, height)}
    shape = SubElement(into, "rect", {name: f"{place:.1f}" for name, place in places.items()} | {"class": style})
    SubElement(shape, "title").text = said


def drawn(svg: Element) -> str:
    """The text of it."""
    return tostring(svg, encoding="unicode")


def spans(edges: Sequence[float], values: Iterable[float]) -> list[int]:
    """How many of the values lie in each span between edges that rise; a value beyond them counts in the nearest."""
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[min(max(bisect_right(edges, value), 1), len(counts)) - 1] += 1
    return counts
