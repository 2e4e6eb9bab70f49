"""`python -m tests.simulator.calibrate`: is the replica model right? Fits it to a real vLLM on CPU.

Half of the phases are used to fit the cost of a step (a, b, d) in CPU seconds of the engine. The others are
replayed in the simulator with the arrivals that the real engine had, and printed is how far off the requests'
times are. When others use the machine, the engine's seconds are longer than its CPU seconds; the replay of a
phase is stretched by the same factor, which is printed too. Figures also go to build/bench/
sim-calibration.json. Needs what the engine tests need.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from e2e.cluster.paths import ROOT
from fairlead_operator.autoscale.statistics import nonnegative_least_squares
from tests.benchmarks.gateway.machine import machine
from tests.simulator.measured import BUDGET, SLOTS, SPEC, Measured, Phase, Tick, measure
from tests.simulator.plane import Engine, Plane, Routing
from tests.support.engine import Engine as RealEngine

OUTPUT = ROOT / "build" / "bench" / "sim-calibration.json"
# Of each kind one to fit and one to check: alone, small batches, large ones, long prompts, long outputs.
PHASES = (
    (Phase(1, 100, 60), Phase(2, 200, 60)),
    (Phase(4, 60, 100), Phase(6, 100, 60)),
    (Phase(16, 100, 80), Phase(24, 200, 60)),
    (Phase(8, 800, 20), Phase(12, 600, 20)),
    (Phase(32, 60, 200), Phase(48, 100, 120)),
)


@dataclass(frozen=True)
class Check:
    """One phase, measured and replayed. Times are seconds."""

    phase: Phase
    requests: int
    seconds_measured: float
    """Mean time of a request."""
    seconds_simulated: float
    stretch: float
    """See `Measured.stretch`."""

    @property
    def time_error(self) -> float:
        """Relative, positive if the simulator is too slow."""
        return self.seconds_simulated / self.seconds_measured - 1


def fit(ticks: Iterable[Tick]) -> tuple[float, float, float]:
    """CPU seconds per step, generated and prompt token, by least squares without negative costs."""
    rows = [(tick.steps, tick.made, tick.prefilled, tick.cpu_seconds) for tick in ticks]
    matrix = np.array(rows)
    left, right = matrix[:, :3], matrix[:, 3]
    a, b, d = nonnegative_least_squares((left.T @ left).tolist(), (left.T @ right).tolist())
    return a, b, d


def tick_error(ticks: Iterable[Tick], costs: tuple[float, float, float]) -> float:
    """Mean relative error of the predicted CPU seconds of a tick."""
    a, b, d = costs
    errors = [
        abs(a * tick.steps + b * tick.made + d * tick.prefilled - tick.cpu_seconds) / tick.cpu_seconds
        for tick in ticks
    ]
    return statistics.fmean(errors)


def replay(measured: Measured, costs: tuple[float, float, float]) -> Check:
    """The same requests at the same times in the simulator's replica."""
    a, b, d = (cost * measured.stretch for cost in costs)
    engine = Engine(a=a, b=b, d=d, g=0.0, slots=SLOTS, budget=BUDGET, kv_tokens=10_000_000)
    requests = measured.requests
    begin = requests[0].sent
    arrival = np.array([each.sent - begin for each in requests])
    prompt = np.array([each.prompt for each in requests], dtype=np.int32)
    output = np.array([each.output for each in requests], dtype=np.int32)
    with Plane(arrival, prompt, output, engine, Routing(limit=1_000_000)) as plane:
        plane.add()
        plane.advance(arrival[-1] + 3600)
        simulated = plane.last - arrival
    return Check(
        measured.phase,
        len(requests),
        statistics.fmean(each.answered - each.sent for each in requests),
        float(simulated.mean()),
        measured.stretch,
    )


def main(arguments: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulator.calibrate", description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0, help="per phase; default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        fitted, checked = _measure(options.seconds)
    except RuntimeError as error:
        print(error, file=sys.stderr)
        return 1
    ticks = [tick for each in fitted for tick in each.ticks]
    costs = fit(ticks)
    document = _document(ticks, costs, fitted, checked)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(document, indent=1) + "\n")
    print(_text(document))
    print(f"\n{OUTPUT}")
    return 0


def _measure(seconds: float) -> tuple[list[Measured], list[Measured]]:
    engine = RealEngine(SPEC)
    try:
        engine.wait_ready()
        measure(engine, Phase(4, 100, 20), 2.0)  # the first requests make vLLM compile
        pairs = [[measure(engine, phase, seconds) for phase in pair] for pair in PHASES]
    finally:
        engine.stop()
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def _document(
    ticks: Sequence[Tick],
    costs: tuple[float, float, float],
    fitted: Iterable[Measured],
    checked: Sequence[Measured],
) -> dict[str, Any]:
    held_out = [tick for each in checked for tick in each.ticks]
    checks = [
        (name, replay(each, costs)) for name, half in (("fit", fitted), ("check", checked)) for each in half
    ]
    errors = [abs(check.time_error) for name, check in checks if name == "check"]
    return {
        "machine": machine(),
        "step_seconds": costs[0],
        "decode_seconds": costs[1],
        "prefill_seconds": costs[2],
        "ticks": len(ticks),
        "tick_error": tick_error(ticks, costs),
        "held_out_tick_error": tick_error(held_out, costs),
        "held_out_time_error": statistics.fmean(errors),
        "phases": [
            {
                "half": name,
                "clients": check.phase.clients,
                "prompt": check.phase.prompt,
                "output": check.phase.output,
                "requests": check.requests,
                "seconds_measured": check.seconds_measured,
                "seconds_simulated": check.seconds_simulated,
                "stretch": check.stretch,
                "time_error": check.time_error,
            }
            for name, check in checks
        ],
    }


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"a = {found['step_seconds'] * 1e3:.2f} ms per step, b = {found['decode_seconds'] * 1e3:.3f} ms per "
        f"generated token, d = {found['prefill_seconds'] * 1e3:.4f} ms per prompt token",
        f"error per tick: {found['tick_error']:.0%} where fitted ({found['ticks']} ticks), "
        f"{found['held_out_tick_error']:.0%} in the other phases",
        f"error of a request's mean time, replayed in the simulator: {found['held_out_time_error']:.0%} "
        "in the other phases",
        "",
        "| half | clients | prompt | output | requests | stretch | measured, s | simulated, s | error |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {row['half']} | {row['clients']} | {row['prompt']} | {row['output']} | {row['requests']} "
        f"| {row['stretch']:.2f} | {row['seconds_measured']:.3f} | {row['seconds_simulated']:.3f} "
        f"| {row['time_error']:+.0%} |"
        for row in found["phases"]
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
