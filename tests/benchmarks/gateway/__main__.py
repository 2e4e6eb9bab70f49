"""`python -m tests.benchmarks.gateway`: measures, prints a table, writes build/bench/gateway.json.

The systems take turns (A B C A B C), each started anew, so that a machine that slows down meanwhile slows
all of them. Only ratios within one run mean anything. The exit code is about validity, not about aims: 1 if
any answer was wrong or a system failed, 0 also where a competitor is not available (the report names it).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from e2e.cluster.paths import ROOT
from e2e.cluster.progress import say
from e2e.cluster.shell import ClusterError
from tests.benchmarks.gateway import report
from tests.benchmarks.gateway.environments import MissingError
from tests.benchmarks.gateway.harness import Bench, InvalidError, choose_cores
from tests.benchmarks.gateway.programs import build_programs
from tests.benchmarks.gateway.scenarios import FULL, QUICK, Scale, latency, measure
from tests.benchmarks.gateway.systems import SYSTEMS, System, gateway

OUTPUT = ROOT / "build" / "bench" / "gateway.json"


@dataclass
class Results:
    """What all rounds gave."""

    rounds: dict[str, list[dict[str, float]]] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def document(self, runs: int, *, real_time: bool) -> dict[str, Any]:
        """The content of gateway.json: the systems by name, and `about` this run."""
        systems: dict[str, Any] = {name: report.medians(rounds) for name, rounds in self.rounds.items()}
        about = {
            "machine": report.machine(),
            "scheduling": "SCHED_RR" if real_time else "SCHED_OTHER",
            "versions": self.versions,
            "runs": runs,
            "missing": self.missing,
            "failures": self.failures,
            "aims": report.aims(systems),
            "rounds": self.rounds,
        }
        return {**systems, "about": about}


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = _parse(arguments)
    start = time.monotonic()
    try:
        programs, cores = build_programs(), choose_cores()
        results = Results()
        with Bench(programs, cores) as bench:
            for number in range(1, options.runs + 1):
                for system in options.systems:
                    if system.name not in results.missing:
                        say(f"run {number} of {options.runs}: {system.name}")
                        _measure(bench, system, options.scale, results)
    except (ClusterError, InvalidError) as error:
        print(error, file=sys.stderr)
        return 1
    document = results.document(options.runs, real_time=bench.real_time)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    _print(document, options, time.monotonic() - start)
    return 1 if results.failures else 0


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


def _print(document: dict[str, Any], options: argparse.Namespace, seconds: float) -> None:
    about = document["about"]
    facts = about["machine"]
    cpu = f"{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}"
    print(f"{cpu}, {about['scheduling']}, Python {facts['python']}")
    print("  ".join(f"{name} {version}" for name, version in about["versions"].items()))
    print(f"Medians of {options.runs} runs; (n x) is how many times better ours is.\n")
    print(report.table({name: figures for name, figures in document.items() if name != "about"}))
    print("\nAims\n" + report.render_aims(about["aims"]))
    for name, reason in about["missing"].items():
        print(f"MISSING  {name}: {reason}")
    for failure in about["failures"]:
        print(f"INVALID  {failure}")
    print(f"\n{options.output} ({seconds:.0f} s)")


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.gateway", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run; too noisy to compare commits")
    parser.add_argument("--runs", type=int, help="runs of each system (3; 1 with --quick)")
    parser.add_argument("--systems", default=",".join(SYSTEMS), help="comma-separated, of: %(default)s")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="default: %(default)s")
    parser.add_argument(
        "--baseline",
        type=Path,
        metavar="DIR",
        help="measure as `baseline` also the gateway of another checkout: its serving-image folder",
    )
    options = parser.parse_args(arguments)
    names = options.systems.split(",")
    unknown = sorted(set(names) - set(SYSTEMS))
    if unknown:
        parser.error(f"unknown system {', '.join(unknown)}; there are: {', '.join(SYSTEMS)}")
    options.systems = [SYSTEMS[name] for name in names]
    if options.baseline:
        source = options.baseline.resolve()
        options.systems.insert(1, System("baseline", partial(gateway, source=source), speaks_responses=True))
    options.runs = options.runs or (1 if options.quick else 3)
    options.scale = QUICK if options.quick else FULL
    return options


if __name__ == "__main__":
    sys.exit(main())
