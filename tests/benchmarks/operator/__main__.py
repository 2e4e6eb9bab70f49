"""`python -m tests.benchmarks.operator`: measures, prints a table, writes build/bench/operator.json.

The exit code is about validity, not about aims: 1 if the operator did not get there or a figure cannot be
trusted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path

from e2e.cluster.paths import ROOT
from e2e.cluster.shell import ClusterError
from tests.benchmarks.operator import report
from tests.benchmarks.operator.errors import InvalidError
from tests.benchmarks.operator.run import run
from tests.benchmarks.operator.scale import FULL, QUICK
from tests.support.control_plane import ControlPlaneError

OUTPUT = ROOT / "build" / "bench" / "operator.json"


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = _parse(arguments)
    try:
        rounds = [asyncio.run(run(options.scale)) for _ in range(options.runs)]
    except (ClusterError, ControlPlaneError, InvalidError) as error:
        print(error, file=sys.stderr)
        return 1
    document = report.document(rounds)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(document, indent=2) + "\n")
    print(report.text(document))
    print(f"\n{options.output}")
    return 0


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.operator", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200 models instead of 2,000")
    parser.add_argument("--runs", type=int, default=1, help="runs, each from nothing; default: %(default)s")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="default: %(default)s")
    options = parser.parse_args(arguments)
    options.scale = QUICK if options.quick else FULL
    return options


if __name__ == "__main__":
    sys.exit(main())
