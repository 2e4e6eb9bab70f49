"""From the figures of several rounds to medians, a table with ratios, and the aims."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from tests.benchmarks.gateway.systems import OURS, ROUTER, ROUTER_WITH_KEYS

Figures = Mapping[str, float]
MAX_IDLE_MB = 80
MAX_COST_OF_KEYS = 1.1


class Better(Enum):
    """Which of two values of a figure is the better one."""

    LESS = "less"
    MORE = "more"
    NEITHER = "neither"


# The figures of gateway.json that the table shows, in its order.
FIGURES: Mapping[str, tuple[str, Better]] = {
    "requests_per_second": ("requests/s, 64 connections", Better.MORE),
    "core_share": ("  of the proxy's core used meanwhile", Better.NEITHER),
    "cpu_us_per_request": ("CPU µs per request", Better.LESS),
    "cpu_us_per_stream": ("CPU µs per stream of two chunks", Better.LESS),
    "chunks_per_second": ("chunks/s, 64 fast streams", Better.MORE),
    "cpu_us_per_chunk_64": ("CPU µs per chunk, 64 fast streams", Better.LESS),
    "cpu_us_per_chunk_1024": ("CPU µs per chunk, 1,024 slow streams", Better.LESS),
    "cpu_us_per_chunk_responses": ("CPU µs per chunk, 64 of /v1/responses", Better.LESS),
    "added_p50_us": ("added latency at 50 requests/s, p50 µs", Better.LESS),
    "requests_per_second_100kb": ("requests/s, 100 KB bodies", Better.MORE),
    "cpu_us_per_request_100kb": ("CPU µs per request, 100 KB bodies", Better.LESS),
    "rss_mb": ("memory idle, MB", Better.LESS),
    "rss_loaded_mb": ("memory after load, MB", Better.LESS),
}


def medians(rounds: Sequence[Figures]) -> dict[str, float]:
    """The median of each figure over the rounds that have it."""
    names = dict.fromkeys(name for figures in rounds for name in figures)
    return {
        name: round(statistics.median(figures[name] for figures in rounds if name in figures), 3)
        for name in names
    }


def table(systems: Mapping[str, Figures]) -> str:
    """One line per figure; behind those of the others, how many times better ours is (below 1: worse)."""
    ours = systems.get(OURS, {})
    rows = [["", *systems]]
    for name, (title, better) in FIGURES.items():
        cells = [_cell(figures.get(name), ours.get(name), better) for figures in systems.values()]
        rows.append([title, *cells])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows
    )


def _cell(value: float | None, ours: float | None, better: Better) -> str:
    if value is None:
        return "-" + _NO_RATIO
    ratio = None
    if value is not ours and ours and value > 0 and better is not Better.NEITHER:
        ratio = value / ours if better is Better.LESS else ours / value
    return _number(value) + (f" ({_number(ratio)}x)".ljust(len(_NO_RATIO)) if ratio else _NO_RATIO)


_NO_RATIO = " " * len(" (0.00x)")


def _number(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"


def aims(systems: Mapping[str, Figures]) -> list[dict[str, Any]]:
    """The aims of the gateway, as far as these systems show them: text, value, whether it is met."""
    ours = systems.get(OURS, {})
    results = []
    for name, figure, least in (
        ("vllm-router", "cpu_us_per_request", 2.0),
        ("litellm", "cpu_us_per_request", 100.0),
        ("nginx", "cpu_us_per_chunk_64", 1.0),
        ("nginx", "cpu_us_per_chunk_1024", 1.0),
    ):
        other, own = systems.get(name, {}).get(figure), ours.get(figure)
        if other and own:
            text = f"{FIGURES[figure][0]}: {name}'s is at least {least:g} times ours"
            results.append({"aim": text, "value": round(other / own, 2), "met": other / own >= least})
    results += _aim_of_keys(systems)
    idle = ours.get("rss_mb")
    if idle:
        results.append(
            {"aim": f"memory idle: below {MAX_IDLE_MB} MB", "value": idle, "met": idle < MAX_IDLE_MB}
        )
    return results


def _aim_of_keys(systems: Mapping[str, Figures]) -> list[dict[str, Any]]:
    figure = "cpu_us_per_request"
    without, with_keys = (systems.get(name, {}).get(figure) for name in (ROUTER, ROUTER_WITH_KEYS))
    if not without or not with_keys:
        return []
    text = f"{FIGURES[figure][0]}: {ROUTER_WITH_KEYS}'s is at most {MAX_COST_OF_KEYS:g} times {ROUTER}'s"
    ratio = with_keys / without
    return [{"aim": text, "value": round(ratio, 3), "met": ratio <= MAX_COST_OF_KEYS}]


def render_aims(results: Sequence[Mapping[str, Any]]) -> str:
    """One line per aim."""
    return "\n".join(
        f"  {'met' if each['met'] else 'NOT MET':<7}  {each['aim']} (is {_number(each['value'])})"
        for each in results
    )
