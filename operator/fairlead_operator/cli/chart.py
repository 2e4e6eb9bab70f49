"""Line charts as SVG, side by side, without a library. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")

_WIDTH, _HEIGHT = 340, 220
_LEFT, _TOP, _RIGHT, _BOTTOM = 64, 76, 20, 66
_MUTED, _GRID = "#666", "#e6e6e6"
# About how many marks an axis has.
_TICKS = 5


@dataclass(frozen=True)
class Line:
    """Points (x, y), connected in their order. `colour` is an index of COLOURS."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int = 0
    dashed: bool = False


@dataclass(frozen=True)
class Panel:
    """One chart. The x axis has a mark at each value that occurs, at even distances; with `logarithmic` the y
    axis has powers of ten, else it begins at 0.
    """

    title: str
    x_title: str
    lines: Sequence[Line]
    logarithmic: bool = False


def chart(title: str, subtitle: str, panels: Sequence[Panel]) -> str:
    """An SVG document."""
    full = _LEFT + _WIDTH + _RIGHT
    width, height = full * len(panels), _TOP + _HEIGHT + _BOTTOM
    body = [line for place, panel in enumerate(panels) for line in _panel(panel, place * full + _LEFT)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
            'font-family="system-ui, sans-serif" font-size="11" fill="#222">',
            f"<title>{escape(title)}</title>",
            f'<rect width="{width}" height="{height}" fill="white"/>',
            _text(20, 24, title, size=15, weight="bold"),
            _text(20, 42, subtitle, colour=_MUTED),
            *body,
            "</svg>\n",
        ]
    )


def _panel(panel: Panel, left: float) -> Iterator[str]:
    xs = sorted({x for line in panel.lines for x, _ in line.points})
    values = [y for line in panel.lines for _, y in line.points if y > 0 or not panel.logarithmic]
    ticks = _log_ticks(values) if panel.logarithmic else _ticks(max(values, default=1.0))

    def at_x(x: float) -> float:
        return round(_WIDTH * (xs.index(x) + 0.5) / len(xs), 1)

    def at_y(y: float) -> float:
        scale = math.log10 if panel.logarithmic else float
        low, high = scale(ticks[0]), scale(ticks[-1])
        return round(_HEIGHT * (1 - (scale(y) - low) / (high - low)), 1)

    yield f'<g transform="translate({left} {_TOP})">'
    yield _text(0, -12, panel.title, weight="bold")
    for tick in ticks:
        yield f'<line x2="{_WIDTH}" y1="{at_y(tick)}" y2="{at_y(tick)}" stroke="{_GRID}"/>'
        yield _text(-8, at_y(tick) + 4, _number(tick), anchor="end", colour=_MUTED)
    for x in xs:
        yield _text(at_x(x), _HEIGHT + 16, _number(x), anchor="middle", colour=_MUTED)
    yield _text(_WIDTH / 2, _HEIGHT + 34, panel.x_title, anchor="middle", colour=_MUTED)
    for line in panel.lines:
        yield from _line(line, [(at_x(x), at_y(y)) for x, y in line.points if y > 0 or not panel.logarithmic])
    yield from _legend(panel.lines)
    yield "</g>"


def _line(line: Line, points: Sequence[tuple[float, float]]) -> Iterator[str]:
    colour = COLOURS[line.colour]
    dash = ' stroke-dasharray="5 4"' if line.dashed else ""
    path = " ".join(f"{x},{y}" for x, y in points)
    stroke = f'stroke="{colour}" stroke-width="2" stroke-linejoin="round"{dash}'
    yield f'<polyline points="{path}" fill="none" {stroke}/>'
    for x, y in points:
        fill = "white" if line.dashed else colour
        yield f'<circle cx="{x}" cy="{y}" r="3" fill="{fill}" stroke="{colour}" stroke-width="1.5"/>'


def _legend(lines: Sequence[Line]) -> Iterator[str]:
    """One entry a line, if there are several to tell apart."""
    if len(lines) < 2:
        return
    step = _WIDTH / len(lines)
    for place, line in enumerate(lines):
        x, y = place * step, _HEIGHT + 54
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        stroke = f'stroke="{COLOURS[line.colour]}" stroke-width="2"{dash}'
        yield f'<line x1="{x:.1f}" x2="{x + 18:.1f}" y1="{y - 4}" y2="{y - 4}" {stroke}/>'
        yield _text(x + 23, y, line.name)


def _text(
    x: float,
    y: float,
    text: str,
    *,
    anchor: str = "start",
    colour: str = "#222",
    size: int = 11,
    weight: str = "",
) -> str:
    bold = f' font-weight="{weight}"' if weight else ""
    place = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}" font-size="{size}"{bold}>{escape(text)}</text>'


def _ticks(most: float) -> list[float]:
    """Round numbers from 0 to the first beyond the largest value."""
    most = most if most > 0 else 1.0
    rough = most / _TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return [step * number for number in range(math.ceil(most / step - 1e-9) + 1)]


def _log_ticks(values: Sequence[float]) -> list[float]:
    """1, 2 and 5 of each power of ten, from the last below all values to the first above."""
    least, most = (min(values), max(values)) if values else (1.0, 10.0)
    powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    marks = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    low = max((mark for mark in marks if mark <= least), default=marks[0])
    high = min((mark for mark in marks if mark >= most and mark > low), default=marks[-1])
    shown = [mark for mark in marks if low <= mark <= high]
    return shown if len(shown) <= 2 * _TICKS else [shown[0], *shown[1:-1:2], shown[-1]]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:g}"
