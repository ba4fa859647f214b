"""Bars of seconds as a picture that stands alone: SVG, drawn with the rehearsal's own elements."""

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement

from benchmarks.bars import Result
from rehearsal import svg
from rehearsal.svg import Scale

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.end { text-anchor: end; } .middle { text-anchor: middle; } .strong { font-weight: 600; }
.grid { stroke: #d0d7de; } .axis { stroke: #57606a; } .limit { stroke: #cf222e; stroke-dasharray: 4 3; }
.other { fill: #afb8c1; } .ours { fill: #0969da; } .line { fill: none; stroke-width: 2; }
"""
_LABELS, _WIDTH, _ROW, _TOP = 300, 860, 26, 34


def seconds_chart(result: Result, name: str) -> str:
    """One bar for each contender, ours (also those whose names begin so) in another colour; "" without seconds."""
    if not result.seconds:
        return ""
    height = _TOP + _ROW * len(result.seconds) + 34
    said = "; ".join(f"{contender} {taken:.2f} s" for contender, taken in result.seconds.items())
    drawing = standing_alone(_WIDTH, height, name, result.name, said)
    svg.text(drawing, 8, 20, result.name, "strong")
    _bars(drawing, result.seconds, result.ours)
    return svg.drawn(drawing)


def _bars(drawing: Element, seconds: Mapping[str, float], ours: str) -> None:
    bottom = _TOP + _ROW * len(seconds)
    marks = svg.ticks(max(seconds.values()), 6)
    x = Scale(0, marks[-1], _LABELS, _WIDTH - 60)
    for mark in marks:
        svg.line(drawing, (x(mark), _TOP, x(mark), bottom), "axis" if mark == 0 else "grid")
        svg.text(drawing, x(mark), bottom + 18, svg.tick_text(mark, marks[1]), "middle")
    for place, (contender, taken) in enumerate(seconds.items()):
        top = _TOP + _ROW * place
        said = f"{contender}: {taken:.2f} s"
        svg.text(drawing, _LABELS - 8, top + 18, contender, "end")
        style = "ours" if contender == ours or contender.startswith("ours") else "other"
        svg.bar(drawing, x(0), top + 4, (x(taken) - x(0), _ROW - 8), style, said)
        svg.text(drawing, x(taken) + 6, top + 18, f"{taken:.1f} s", "value")


def standing_alone(width: int, height: int, name: str, title: str, said: str) -> Element:
    """An empty picture that needs no page around it: with a namespace, a style and a white ground."""
    drawing = svg.picture(width, height, name, title, said)
    drawing.set("xmlns", "http://www.w3.org/2000/svg")
    SubElement(drawing, "style").text = STYLE
    SubElement(drawing, "rect", {"width": "100%", "height": "100%", "fill": "white"})
    return drawing
