"""How much of each limit a fleet uses, over the number of vehicles: both axes by powers of ten."""

import math
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement

from benchmarks.chart import standing_alone
from rehearsal import svg
from rehearsal.svg import Scale

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 900, 480, 70, 640, 40, 420
_COLOURS = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#57606a", "#9a6700")
_LOWEST, _HIGHEST = -3, 2


def picture(vehicles: Sequence[int], used: Mapping[str, Sequence[float]], marked: Sequence[int]) -> str:
    """One line for each limit: its use (1 is all) at each number of vehicles. `marked` fleets get an upright line."""
    said = "; ".join(f"{name}: {values[-1]:.2g} of it at {vehicles[-1]:,}" for name, values in used.items())
    drawing = standing_alone(_WIDTH, _HEIGHT, "scale", "How much of each limit a fleet uses at its peak", said)
    svg.text(drawing, 8, 22, "How much of each limit a fleet uses at the peak of its day", "strong")
    x = Scale(math.log10(vehicles[0]), math.log10(vehicles[-1]), _LEFT, _RIGHT)
    y = Scale(_LOWEST, _HIGHEST, _BOTTOM, _TOP)
    _axes(drawing, x, y)
    for count in marked:
        svg.line(drawing, (x(math.log10(count)), _TOP, x(math.log10(count)), _BOTTOM), "axis")
    for place, (name, values) in enumerate(used.items()):
        colour = _COLOURS[place % len(_COLOURS)]
        points = [
            (x(math.log10(count)), y(_within(math.log10(value))))
            for count, value in zip(vehicles, values, strict=True)
            if value > 0
        ]
        SubElement(drawing, "path", {"d": svg.path(points), "class": "line", "stroke": colour})
        _legend(drawing, place, name, colour)
    return svg.drawn(drawing)


def _within(power: float) -> float:
    return min(float(_HIGHEST), max(float(_LOWEST), power))


def _axes(drawing: Element, x: Scale, y: Scale) -> None:
    for power in range(_LOWEST, _HIGHEST + 1):
        svg.line(drawing, (x.start, y(power), x.end, y(power)), "limit" if power == 0 else "grid")
        svg.text(drawing, x.start - 8, y(power) + 4, f"{100 * 10.0**power:g} %", "end")
    for power in range(math.ceil(x.low), math.floor(x.high) + 1):
        svg.line(drawing, (x(power), y.end, x(power), y.start), "grid")
        svg.text(drawing, x(power), y.start + 20, f"{10**power:,}", "middle")
    svg.text(drawing, (x.start + x.end) / 2, y.start + 44, "vehicles", "middle")


def _legend(drawing: Element, place: int, name: str, colour: str) -> None:
    height = _TOP + 14 + 24 * place
    SubElement(drawing, "path", {"d": f"M{_RIGHT + 14},{height} h22", "class": "line", "stroke": colour})
    svg.text(drawing, _RIGHT + 42, height + 4, name, "value")
