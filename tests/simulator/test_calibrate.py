"""The fit finds the costs that made the figures, and a replay of them agrees."""

from __future__ import annotations

import pytest

from tests.simulator.calibrate import fit, replay, tick_error
from tests.simulator.measured import Measured, Phase, Request, Tick

COSTS = (0.010, 0.0005, 0.00002)


def tick(steps: float, made: float, prefilled: float) -> Tick:
    """A tick that took exactly what it costs."""
    a, b, d = COSTS
    seconds = a * steps + b * made + d * prefilled
    return Tick(2 * seconds, seconds, steps, made, prefilled)


def test_the_calibration_finds_the_step_costs() -> None:
    ticks = [tick(50, 50, 0), tick(40, 600, 900), tick(20, 100, 12_000)]
    assert fit(ticks) == pytest.approx(COSTS)
    assert tick_error(ticks, COSTS) == pytest.approx(0)
    assert tick_error([Tick(1.0, 1.0, 50, 0, 0)], COSTS) == pytest.approx(0.5)


def test_calibrated_costs_are_never_negative() -> None:
    assert min(fit([Tick(1, 1, 10, 10, 100), Tick(1, 1, 10, 20, 300), Tick(1, 0.9, 10, 30, 200)])) >= 0


def test_a_replay_on_a_half_loaded_machine_takes_the_time_given_by_the_costs() -> None:
    # 1000 prompt tokens and two output tokens: a prefill step and a decoding one.
    expected = 2 * ((0.010 + 1000 * 0.00002) + (0.010 + 0.0005))
    requests = tuple(Request(5.0 + i, 5.0 + i + expected, 1000, 2) for i in range(3))
    check = replay(Measured(Phase(1, 1000, 2), requests, (tick(9, 9, 9),)), COSTS)
    assert check.seconds_simulated == pytest.approx(expected)
    assert check.time_error == pytest.approx(0)
    assert check.stretch == pytest.approx(2)
