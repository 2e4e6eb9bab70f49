"""From the figures of several rounds to medians, a table with ratios, the aims, and gateway.json."""

from __future__ import annotations

import platform
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.gateway.systems import OURS

Figures = Mapping[str, float]

# Column → (heading, whether less is better, None where a ratio says nothing)
_COLUMNS: Mapping[str, tuple[str, bool | None]] = {
    "requests_per_second": ("req/s", False),
    "core_share": ("core", None),
    "cpu_us_per_request": ("µs/req", True),
    "cpu_us_per_chunk_64": ("µs/chunk 64", True),
    "cpu_us_per_chunk_1024": ("µs/chunk 1024", True),
    "cpu_us_per_chunk_responses": ("µs/chunk responses", True),
    "added_p50_us": ("added p50 µs", True),
    "requests_per_second_100kb": ("100 KB req/s", False),
    "cpu_us_per_request_100kb": ("100 KB µs/req", True),
    "rss_mb": ("RSS MB", True),
    "rss_loaded_mb": ("loaded MB", True),
}
MAX_IDLE_MB = 80


def medians(rounds: Sequence[Figures]) -> dict[str, float]:
    """The median of each figure over the rounds that have it."""
    names = dict.fromkeys(name for figures in rounds for name in figures)
    return {name: statistics.median(figures[name] for figures in rounds if name in figures) for name in names}


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    cpu = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    return {
        "cpu": cpu[0] if cpu else platform.machine(),
        "cores": len(cpu),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def table(systems: Mapping[str, Figures]) -> str:
    """One row per system; behind each figure, how many times better (>1) or worse (<1) ours is."""
    ours = systems.get(OURS, {})
    rows = [["", *(heading for heading, _ in _COLUMNS.values())]]
    for name, figures in systems.items():
        cells = [_cell(figures, ours, column, less) for column, (_, less) in _COLUMNS.items()]
        rows.append([name, *cells])
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(lines)


def _cell(figures: Figures, ours: Figures, column: str, less_is_better: bool | None) -> str:
    if column not in figures:
        return "-"
    value = figures[column]
    text = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    if figures is ours or less_is_better is None or not ours.get(column) or value <= 0:
        return text
    ratio = value / ours[column] if less_is_better else ours[column] / value
    return f"{text} ({ratio:.2g}x)" if ratio < 100 else f"{text} ({ratio:.0f}x)"


def aims(systems: Mapping[str, Figures]) -> list[dict[str, Any]]:
    """What the gateway is meant to reach, as far as this run could tell: text, value, limit, met."""
    ours = systems.get(OURS, {})

    def ratio(name: str, column: str) -> float | None:
        other = systems.get(name, {}).get(column)
        return other / ours[column] if other and ours.get(column) else None

    wanted = [
        ("requests per core-second, times vllm-router's", ratio("vllm-router", "cpu_us_per_request"), 2.0),
        ("requests per core-second, times LiteLLM's", ratio("litellm", "cpu_us_per_request"), 100.0),
        ("chunks per core-second at 64 streams, times nginx's", ratio("nginx", "cpu_us_per_chunk_64"), 1.0),
        (
            "chunks per core-second at 1,024 streams, times nginx's",
            ratio("nginx", "cpu_us_per_chunk_1024"),
            1.0,
        ),
    ]
    results = [
        {"aim": f"{text}: at least {least:g}", "value": value, "met": value >= least}
        for text, value, least in wanted
        if value is not None
    ]
    if "rss_mb" in ours:
        idle = ours["rss_mb"]
        results.append(
            {"aim": f"idle memory in MB: below {MAX_IDLE_MB}", "value": idle, "met": idle < MAX_IDLE_MB}
        )
    return results


def render_aims(results: Sequence[Mapping[str, Any]]) -> str:
    """One line per aim."""
    words = {True: "met", False: "NOT MET"}
    return "\n".join(f"  {words[each['met']]:<7}  {each['aim']} - is {each['value']:.2f}" for each in results)
