"""`python -m tests.benchmarks.gateway`: measures, prints a table, writes build/bench/gateway.json.

Machines are noisy: only ratios within one run mean anything. The exit code is about validity, not about
aims: 1 if any answer was wrong or a system failed; 0 also where a competitor is not available, which the
report says.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

from e2e.cluster.paths import ROOT
from e2e.cluster.shell import ClusterError
from tests.benchmarks.gateway import report
from tests.benchmarks.gateway.errors import InvalidError
from tests.benchmarks.gateway.run import run
from tests.benchmarks.gateway.scenarios import FULL, QUICK
from tests.benchmarks.gateway.systems import SYSTEMS, System, gateway

# Above this, what else runs decides the figures unless ours has a real-time priority.
_QUIET_CORES = 0.2
OUTPUT = ROOT / "build" / "bench" / "gateway.json"


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = _parse(arguments)
    try:
        results = run(options.systems, options.runs, options.scale)
    except (ClusterError, InvalidError) as error:
        print(error, file=sys.stderr)
        return 1
    document = results.document()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    _print(document)
    print(f"\n{options.output}")
    return 1 if results.failures else 0


def _print(document: dict[str, Any]) -> None:
    about = document["about"]
    facts = about["machine"]
    print(f"\n{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}, Python {facts['python']}")
    print(f"{about['scheduling']}; other programs used {about['used_by_others']} cores meanwhile")
    print("  ".join(f"{name} {version}" for name, version in about["versions"].items()))
    print(f"Medians of {about['runs']} runs in {about['seconds']} s; (n x): ours is n times better.\n")
    print(report.table({name: figures for name, figures in document.items() if name != "about"}))
    print("\nAims\n" + report.render_aims(about["aims"]))
    if about["scheduling"] == "SCHED_OTHER" and about["used_by_others"] > _QUIET_CORES:
        print("NOISY    repeat it while nothing else runs, or as root, which may use SCHED_RR")
    for name, reason in about["missing"].items():
        print(f"MISSING  {name}: {reason}")
    for failure in about["failures"]:
        print(f"INVALID  {failure}")


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
