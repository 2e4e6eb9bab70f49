"""The document of a comparison, and its tables. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tests.simulator.comparison import AIM, Point, Saving, defaults, points, savings
from tests.simulator.experiments import Done, by
from tests.simulator.systems import OURS, SYSTEMS

_ORDER = list(SYSTEMS)


def document(about: Mapping[str, Any], compared: Sequence[Done], shipped: Sequence[Done]) -> dict[str, Any]:
    """Everything: points, savings, aims, and each run as it was."""
    found = sorted(points(compared), key=_rank)
    saved = savings(found)
    return {
        "about": dict(about),
        "aims": aims(found, saved),
        "savings": [{**asdict(each), "share": each.share} for each in saved],
        "points": [asdict(each) for each in found],
        "as_shipped": [each.to_json() for each in shipped],
        "runs": [each.to_json() for each in compared],
    }


def aims(found: Sequence[Point], saved: Sequence[Saving]) -> list[dict[str, Any]]:
    """What was wanted, what is, and whether it is met."""
    ours = [point for point in found if point.system == OURS]
    rows = []
    default = SYSTEMS[OURS].default
    for cold_start, group in by_cold_start(saved).items():
        for whose, some in (
            (f"at {default}", [each for each in group if each.objective == default]),
            ("at each objective", group),
        ):
            worst = min(some, key=lambda each: each.share)
            rows.append(
                {
                    "aim": f"L = {cold_start:.0f} s: {AIM:.0%} fewer GPU hours than each peer, {whose}",
                    "value": f"{worst.share:.1%} ({worst.objective} against {worst.peer})",
                    "met": worst.share >= AIM,
                }
            )
    lost = sum(point.lost for point in ours)
    waiting = max(point.most_unschedulable for point in ours)
    rows.append({"aim": "no request lost", "value": str(lost), "met": lost == 0})
    rows.append({"aim": "at most one unschedulable pod", "value": str(waiting), "met": waiting <= 1})
    return rows


def by_cold_start(saved: Iterable[Saving]) -> dict[float, list[Saving]]:
    """In rising order."""
    groups: dict[float, list[Saving]] = {}
    for each in sorted(saved, key=lambda each: each.cold_start):
        groups.setdefault(each.cold_start, []).append(each)
    return groups


def text(compared: Sequence[Done], shipped: Sequence[Done]) -> str:
    """The tables in Markdown, which reads well in a terminal too."""
    found = sorted(points(compared), key=_rank)
    saved = savings(found)
    parts = ["### Aims", _aims_table(aims(found, saved)), "### GPU hours at equal attainment"]
    parts += [_savings_table(group) for group in by_cold_start(saved).values()]
    parts += ["### As they come: each system's default", _points_table(defaults(found))]
    parts += ["### By workload, ours at Balanced", _workloads_table(compared)]
    if shipped:
        parts += [
            "### Requests lost with the data plane that each ships (L = 120 s, defaults)",
            _lost_table(shipped),
        ]
    return "\n\n".join(parts)


def sweep_table(compared: Sequence[Done]) -> str:
    """Every point of every system."""
    return _points_table(sorted(points(compared), key=_rank))


def _rank(point: Point) -> tuple[float, int, float]:
    place = SYSTEMS[point.system].points.index(point.point)
    return (point.cold_start, _ORDER.index(point.system), place)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in lines)


def _aims_table(rows: Iterable[Mapping[str, Any]]) -> str:
    return _table(
        ("aim", "worst", "met"), [(row["aim"], row["value"], "yes" if row["met"] else "no") for row in rows]
    )


def _savings_table(group: Sequence[Saving]) -> str:
    peers = list(dict.fromkeys(each.peer for each in group))
    rows = []
    for objective, mine in by_objective(group).items():
        cells = [f"{each.theirs:.1f}{'' if each.reached else '*'} ({each.share:+.0%})" for each in mine]
        rows.append((objective, f"{mine[0].attainment:.1%}", f"{mine[0].ours:.1f}", *cells))
    head = (f"L = {group[0].cold_start:.0f} s", "attainment", OURS, *peers)
    return _table(head, rows)


def by_objective(group: Iterable[Saving]) -> dict[str, list[Saving]]:
    """In the order of the objectives."""
    groups: dict[str, list[Saving]] = {}
    for point in SYSTEMS[OURS].points:
        groups[point] = [each for each in group if each.objective == point]
    return {point: mine for point, mine in groups.items() if mine}


def _points_table(found: Iterable[Point]) -> str:
    head = ("L", "system", "point", "attainment", "GPU h", "created", "flaps", "unschedulable", "unserved")
    return _table(
        head,
        [
            (
                f"{point.cold_start:.0f}",
                point.system,
                point.point,
                f"{point.attainment:.1%}" + _within(point.attainment_within, "{:.1%}"),
                f"{point.gpu_hours:.1f}" + _within(point.gpu_hours_within, "{:.1f}"),
                f"{point.created:.0f}",
                f"{point.flaps:.0f}",
                str(point.most_unschedulable),
                str(point.lost),
            )
            for point in found
        ],
    )


def _within(interval: float | None, shape: str) -> str:
    return "" if interval is None else " ± " + shape.format(interval)


def _workloads_table(compared: Iterable[Done]) -> str:
    mine = [each for each in compared if (each.run.system, each.run.point) == (OURS, "Balanced")]
    rows = []
    for (name, cold_start), group in by(mine, lambda each: (each.run.workload, each.run.cold_start)).items():
        count = len(group)
        wakes = [each.figures.wake_ttft for each in group if each.figures.wake_ttft is not None]
        rows.append(
            (
                name,
                f"{cold_start:.0f}",
                f"{sum(each.figures.attainment for each in group) / count:.1%}",
                f"{sum(each.figures.gpu_hours for each in group) / count:.2f}",
                f"{sum(each.figures.ttft_p99 for each in group) / count:.1f}",
                f"{sum(each.figures.itl_p95 for each in group) / count * 1000:.0f}",
                f"{sum(each.figures.created for each in group) / count:.0f}",
                f"{sum(wakes) / len(wakes):.0f}" if wakes else "-",
            )
        )
    head = ("workload", "L", "attainment", "GPU h", "TTFT p99, s", "ITL p95, ms", "created", "from zero, s")
    return _table(head, sorted(rows, key=lambda row: row[0]))


def _lost_table(shipped: Iterable[Done]) -> str:
    head = ("system", "workload", "requests", "503 at zero", "hold timed out", "aborted", "never served")
    rows = []
    for each in shipped:
        lost = each.figures.lost
        kinds = (str(lost[kind]) for kind in ("refused", "timed_out", "aborted", "pending"))
        rows.append((each.run.system, each.run.workload, str(each.figures.requests), *kinds))
    return _table(head, rows)
