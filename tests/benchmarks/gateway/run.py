"""Measures the systems in turns (A B C A B C), each started again every time.

In turns, so that a machine that slows down meanwhile slows all of them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from e2e.cluster.locks import only_one
from e2e.cluster.progress import say
from tests.benchmarks.gateway import report
from tests.benchmarks.gateway.errors import InvalidError, MissingError
from tests.benchmarks.gateway.harness import Bench, choose_cores
from tests.benchmarks.gateway.machine import Bystanders, machine
from tests.benchmarks.gateway.programs import build_programs
from tests.benchmarks.gateway.scenarios import Scale, latency, measure
from tests.benchmarks.gateway.systems import System


@dataclass
class Results:
    """What all rounds gave. `missing` and `failures` say why a system or a figure is not there."""

    rounds: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    conditions: dict[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The content of gateway.json: the medians of each system by its name, and `about` this run."""
        systems: dict[str, Any] = {name: report.medians(rounds) for name, rounds in self.rounds.items()}
        about = {
            **self.conditions,
            "versions": self.versions,
            "missing": self.missing,
            "failures": self.failures,
            "aims": report.aims(systems),
            "rounds": self.rounds,
        }
        return {**systems, "about": about}


def run(systems: Sequence[System], runs: int, scale: Scale) -> Results:
    """Measures every system `runs` times. Raises ClusterError or InvalidError if nothing can be measured."""
    programs, cores = build_programs(), choose_cores()
    with only_one("bench"):  # two at a time on the same cores would measure each other
        results, bystanders, start = Results(), Bystanders(), time.monotonic()
        with Bench(programs, cores) as bench:
            for number in range(1, runs + 1):
                for system in systems:
                    if system.name not in results.missing:
                        say(f"run {number} of {runs}: {system.name}")
                        _measure(bench, system, scale, results)
    seconds = time.monotonic() - start
    results.conditions = {
        "machine": machine(),
        "runs": runs,
        "seconds": round(seconds),
        "scheduling": "SCHED_RR" if bench.real_time else "SCHED_OTHER",
        # In cores: 0.5 is half a core on average. It would have to be near 0 without SCHED_RR.
        "used_by_others": round(bystanders.seconds() / seconds, 2),
    }
    return results


def _measure(bench: Bench, system: System, scale: Scale, results: Results) -> None:
    try:
        with bench.proxy(system) as proxy:
            direct = latency(bench.direct(), scale)
            figures, failures = measure(proxy, system, scale)
    except MissingError as error:
        results.missing[system.name] = str(error)
        return
    except InvalidError as error:
        results.failures.append(f"{system.name}: {error}")
        return
    if "p50_us" in figures:
        figures["added_p50_us"] = figures.pop("p50_us") - direct
    results.rounds.setdefault(system.name, []).append(figures)
    results.versions[system.name] = proxy.version
    results.failures += [f"{system.name}: {failure}" for failure in failures]
