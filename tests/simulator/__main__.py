"""`python -m tests.simulator`: runs the comparison, prints its tables, writes build/bench/sim.*.

The exit code is about validity, not about aims: 1 if a workload that was asked for cannot be had.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from e2e.cluster.paths import ROOT
from tests.benchmarks.gateway.machine import Bystanders, machine
from tests.simulator import report
from tests.simulator.comparison import points
from tests.simulator.experiments import HALVES, Done, Run, Sources, available, grid, perform_all, shipped
from tests.simulator.plot import plot
from tests.simulator.traces import TraceError, read

OUTPUT = ROOT / "build" / "bench"
# Where the systems' own data planes matter: from zero and back, and down after a step.
_SHIPPED = {"training": ("step",), "held-out": ("on-off", "drift")}
_SHIPPED_COLD_START = 120.0


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = _parse(arguments)
    half, sources = HALVES[options.half], Sources(options.traces, options.trace)
    try:
        if options.trace is not None:
            read(options.trace)
    except TraceError as error:
        print(error, file=sys.stderr)
        return 1
    names, missing = available(half.workloads, sources)
    for reason in missing:
        print(f"left out: {reason}", file=sys.stderr)
    seeds = half.seeds[: options.seeds]
    began, bystanders = time.monotonic(), Bystanders()
    compared = _perform(grid(names, seeds), sources)
    as_shipped = _perform(shipped(_SHIPPED[options.half], seeds[0], _SHIPPED_COLD_START), sources)
    seconds = time.monotonic() - began
    about = {
        "machine": machine(),
        "half": options.half,
        "workloads": names,
        "left_out": missing,
        "seeds": list(seeds),
        "runs": len(compared) + len(as_shipped),
        "seconds": round(seconds),
        "used_by_others": round(bystanders.seconds() / seconds, 2),
    }
    print(f"{about['runs']} runs in {seconds:.0f} s; {options.half} workloads: {', '.join(names)}\n")
    _write(options.output, about, compared, as_shipped)
    print(report.text(compared, as_shipped))
    print(f"\n{options.output}/sim.json, sim.svg, sim.md (every point of every sweep)")
    return 0


def _perform(runs: list[Run], sources: Sources) -> list[Done]:
    order = {run: place for place, run in enumerate(runs)}
    done: list[Done] = []
    for each in perform_all(runs, sources):
        done.append(each)
        if len(done) % 200 == 0:
            print(f"{len(done)} of {len(runs)} runs", file=sys.stderr, flush=True)
    return sorted(done, key=lambda each: order[each.run])


def _write(folder: Path, about: dict[str, Any], compared: list[Done], as_shipped: list[Done]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    document = report.document(about, compared, as_shipped)
    (folder / "sim.json").write_text(json.dumps(document, indent=1) + "\n")
    (folder / "sim.svg").write_text(plot(points(compared)))
    (folder / "sim.md").write_text(
        f"{report.text(compared, as_shipped)}\n\n### Every point\n\n{report.sweep_table(compared)}\n"
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulator", description=__doc__)
    parser.add_argument("--half", choices=list(HALVES), default="held-out", help="default: %(default)s")
    parser.add_argument("--seeds", type=int, default=3, help="of the half's three; default: %(default)s")
    parser.add_argument("--traces", type=_path, help="folder with the Azure traces; default: download them")
    parser.add_argument("--trace", type=_path, help="a CSV to be added as a workload")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder; default: %(default)s")
    options = parser.parse_args(arguments)
    if not 1 <= options.seeds <= 3:
        parser.error("--seeds: 1, 2 or 3")
    return options


def _path(text: str) -> Path | None:
    """An empty text is none: make passes a variable that is not set."""
    return Path(text) if text else None


if __name__ == "__main__":
    sys.exit(main())
