"""The report's pictures as SVG: bars by hour of the day, and the line of a car's state of charge."""

from collections.abc import Sequence

_WIDTH, _HEIGHT = 480, 150
_LINE_WIDTH, _LINE_HEIGHT = 240, 48


def bars(values: Sequence[float], unit: str) -> str:
    """Return a bar for each hour of the day."""
    most, step = max([*values, 0.001]), _WIDTH / len(values)
    drawn = []
    for hour, value in enumerate(values):
        height = value / most * (_HEIGHT - 24)
        place = f'x="{hour * step + 2:.1f}" y="{_HEIGHT - 18 - height:.1f}" width="{step - 4:.1f}"'
        drawn.append(f'<rect {place} height="{height:.1f}" rx="2"><title>{hour}:00, {value:.1f} {unit}</title></rect>')
        if hour % 6 == 0:
            drawn.append(f'<text x="{hour * step + 2:.1f}" y="{_HEIGHT - 3}">{hour}:00</text>')
    drawn.append(f'<path class="rule" d="M0,{_HEIGHT - 17.5}H{_WIDTH}"/>')
    return _svg(_WIDTH, _HEIGHT, "bars", f"Hours of charging by hour of the day, at most {most:.1f}", drawn)


def line(levels: Sequence[tuple[float, float]], longest: float) -> str:
    """Return a line through (share of the period, percent); it is broken where the next share is more than `longest`
    later."""
    runs: list[list[str]] = []
    before = -1.0
    for at, percent in levels:
        if at - before > longest or not runs:
            runs.append([])
        runs[-1].append(f"{at * _LINE_WIDTH:.1f},{_LINE_HEIGHT - 2 - percent / 100 * (_LINE_HEIGHT - 4):.1f}")
        before = at
    drawn = [f'<path class="rule" d="M0,{_LINE_HEIGHT - 0.5}H{_LINE_WIDTH}"/>']
    drawn += [f'<polyline points="{" ".join(run if len(run) > 1 else run * 2)}"/>' for run in runs]
    about = f"State of charge, last {levels[-1][1]:.0f} percent" if levels else "State of charge, not known"
    return _svg(_LINE_WIDTH, _LINE_HEIGHT, "line", about, drawn)


def _svg(width: int, height: int, style: str, about: str, drawn: Sequence[str]) -> str:
    return f'<svg class="{style}" viewBox="0 0 {width} {height}" role="img" aria-label="{about}">{"".join(drawn)}</svg>'
