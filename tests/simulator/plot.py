"""Attainment against GPU hours, a panel for each length of cold starts, a line for each system's sweep."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jinja2

from tests.simulator.comparison import Point
from tests.simulator.systems import OURS, SYSTEMS

_PANEL, _TOP, _LEFT, _GAP, _BOTTOM = (300, 260), 34, 46, 52, 70
# Below, no one would run a service.
_LEAST_ATTAINMENT = 0.4
_COLOURS = ("#d62728", "#1f77b4", "#2ca02c", "#9467bd", "#8c564b", "#e377c2", "#ff7f0e", "#bbbbbb")
_HOURS = (10, 20, 30, 50, 100, 200, 300, 500)
_ATTAINMENTS = (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


def plot(found: Sequence[Point]) -> str:
    """An SVG document."""
    shown = [point for point in found if point.attainment >= _LEAST_ATTAINMENT]
    cold_starts = sorted({point.cold_start for point in shown})
    if not shown:
        raise ValueError(f"no system attains {_LEAST_ATTAINMENT:.0%}")
    hours = [point.gpu_hours for point in shown]
    bounds = (math.log(min(hours) * 0.95), math.log(max(hours) * 1.05))
    width = _LEFT + len(cold_starts) * (_PANEL[0] + _GAP)
    systems = [name for name in SYSTEMS if any(point.system == name for point in shown)]
    text = Path(__file__).with_name("plot.svg.j2").read_text()
    template = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True).from_string(text)
    return template.render(
        width=width,
        height=_TOP + _PANEL[1] + _BOTTOM,
        panels=[
            _panel([point for point in shown if point.cold_start == cold_start], place, bounds, cold_start)
            for place, cold_start in enumerate(cold_starts)
        ],
        legend=[
            {"name": name, "colour": _colour(name), "x": _LEFT + place * (width - _LEFT) // len(systems)}
            for place, name in enumerate(systems)
        ],
    )


def _panel(
    shown: Sequence[Point], place: int, bounds: tuple[float, float], cold_start: float
) -> dict[str, Any]:
    def x(hours: float) -> float:
        return round((math.log(hours) - bounds[0]) / (bounds[1] - bounds[0]) * _PANEL[0], 1)

    def y(attainment: float) -> float:
        return round((1 - attainment) / (1 - _LEAST_ATTAINMENT) * _PANEL[1], 1)

    def line(name: str, points: Iterable[Point]) -> dict[str, Any]:
        ordered = sorted(points, key=lambda point: point.gpu_hours)
        return {
            "colour": _colour(name),
            "width": 2.5 if name == OURS else 1,
            "points": [(x(point.gpu_hours), y(point.attainment)) for point in ordered],
        }

    return {
        "x": _LEFT + place * (_PANEL[0] + _GAP),
        "y": _TOP,
        "width": _PANEL[0],
        "height": _PANEL[1],
        "cold_start": f"{cold_start:.0f}",
        "x_ticks": [
            {"at": x(hours), "label": hours} for hours in _HOURS if bounds[0] <= math.log(hours) <= bounds[1]
        ],
        "y_ticks": [{"at": y(value), "label": f"{value:.0%}"} for value in _ATTAINMENTS],
        "lines": [
            line(name, [point for point in shown if point.system == name]) for name in reversed(list(SYSTEMS))
        ],
    }


def _colour(system: str) -> str:
    return _COLOURS[list(SYSTEMS).index(system)]
