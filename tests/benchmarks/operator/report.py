"""From the figures of one or more runs to a document and a text. Pure."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]

# (phase, figure, title): the rows of the table, in its order.
ROWS: Sequence[tuple[str, str, str]] = (
    ("converge", "seconds", "created until all Ready, s"),
    ("converge", "seconds_until_at_rest", "  until nothing is left to do, s"),
    ("converge", "reconciles_per_model", "  reconciles per model"),
    ("converge", "reads_per_model", "  reads per model"),
    ("converge", "writes_per_model", "  writes per model"),
    ("converge", "reconcile_p50_ms", "  reconcile p50, ms"),
    ("converge", "reconcile_p99_ms", "  reconcile p99, ms"),
    ("converge", "memory_peak_mib", "  memory at its highest, MiB"),
    ("converge", "oldest_lease_renewal_seconds", "  longest without a renewal of the Lease, s"),
    ("converge", "slowest_health_answer_ms", "  slowest answer of /healthz, ms"),
    ("change", "p50_ms", "idle: spec changed until the child is applied, p50 ms"),
    ("change", "p99_ms", "  p99 ms"),
    ("repair", "p50_ms", "idle: child deleted until it is back, p50 ms"),
    ("repair", "p99_ms", "  p99 ms"),
    ("restart", "seconds", "restarted until nothing is left to do, s"),
    ("restart", "reconciles_per_model", "  reconciles per model"),
    ("restart", "reads_per_model", "  reads per model"),
    ("restart", "writes", "  writes"),
    ("restart", "memory_peak_mib", "  memory at its highest, MiB"),
    ("steady", "reads_per_model", "steady with a full pass: reads per model"),
    ("steady", "writes", "  writes"),
    ("steady", "reconcile_p50_ms", "  reconcile p50, ms"),
    ("steady", "reconcile_p99_ms", "  reconcile p99, ms"),
    ("steady", "memory_mib", "  memory, MiB"),
    ("wake", "p50_ms", "idle: first request held until the first replica is written, p50 ms"),
    ("wake", "p99_ms", "  p99 ms"),
)


@dataclass(frozen=True)
class Aim:
    """What the operator is meant to reach with 2,000 models."""

    text: str
    phase: str
    figure: str
    met: Callable[[float], bool]


AIMS: Sequence[Aim] = (
    Aim("2,000 models converge in under 180 s", "converge", "seconds", lambda value: value < 180),
    Aim("under 200 MiB at its highest", "converge", "memory_peak_mib", lambda value: value < 200),
    Aim(
        "under 200 MiB at its highest after a restart", "steady", "memory_peak_mib", lambda value: value < 200
    ),
    Aim("event to apply under 200 ms when idle, p99", "change", "p99_ms", lambda value: value < 200),
    Aim(
        "a deleted child is back within 200 ms when idle, p99", "repair", "p99_ms", lambda value: value < 200
    ),
    Aim("a wake-up under 200 ms when idle, p99", "wake", "p99_ms", lambda value: value < 200),
    Aim("no write after a restart", "restart", "writes", lambda value: value == 0),
    Aim("no write in the steady state, over a full pass", "steady", "writes", lambda value: value == 0),
    Aim("always healthy while converging", "converge", "unhealthy_answers", lambda value: value == 0),
)


def document(rounds: Sequence[Figures]) -> dict[str, Any]:
    """All runs as they were, the median of each figure with its extremes, and the aims."""
    medians: dict[str, dict[str, dict[str, float]]] = {}
    for phase, figures in rounds[0].items():
        if phase == "about":
            continue
        for name, value in figures.items():
            if isinstance(value, int | float):
                values = [each[phase][name] for each in rounds]
                medians.setdefault(phase, {})[name] = {
                    "median": round(statistics.median(values), 2),
                    "least": min(values),
                    "most": max(values),
                }
    return {"figures": medians, "aims": _aims(medians), "runs": list(rounds)}


def _aims(medians: Mapping[str, Mapping[str, Mapping[str, float]]]) -> list[dict[str, Any]]:
    return [
        {"aim": aim.text, "value": value, "met": aim.met(value)}
        for aim in AIMS
        for value in [medians[aim.phase][aim.figure]["median"]]
    ]


def text(found: Mapping[str, Any]) -> str:
    """The document for a terminal."""
    about = found["runs"][0]["about"]
    facts = about["machine"]
    lines = [
        f"{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}, Python {facts['python']}",
        f"{about['models']:,} models in {about['namespaces']} namespaces; "
        f"{len(found['runs'])} run(s), the last in {found['runs'][-1]['about']['seconds']} s, "
        f"other programs used {found['runs'][-1]['about']['used_by_others']} cores meanwhile",
        "",
    ]
    width = max(len(title) for _, _, title in ROWS)
    for phase, figure, title in ROWS:
        values = found["figures"][phase][figure]
        row = f"{title.ljust(width)}  {values['median']:>10,.1f}"
        if values["least"] != values["most"]:
            row += f"  ({values['least']:,.1f} to {values['most']:,.1f})"
        lines.append(row)
    used = found["runs"][-1]["converge"]["cpu_seconds"]
    lines += [
        "",
        "CPU seconds while converging: " + ", ".join(f"{name} {value}" for name, value in used.items()),
    ]
    lines += ["", "Aims (for 2,000 models)"]
    lines += [
        f"  {'met' if each['met'] else 'NOT MET':<7}  {each['aim']} (is {each['value']:,.1f})"
        for each in found["aims"]
    ]
    return "\n".join(lines)
