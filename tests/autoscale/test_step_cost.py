"""What a step costs, from the counters of engines."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead_operator.autoscale.inputs import ObservedPod
from fairlead_operator.autoscale.statistics import nonnegative_least_squares
from fairlead_operator.autoscale.step_cost import PRIOR, StepCosts
from tests.autoscale.builders import engine

TRUE = (0.011, 0.00027, 0.00039)


class Source:
    """An engine whose steps cost what `TRUE` says, read every five seconds."""

    def __init__(self, seed: int = 1, idle: Callable[[int], float] = lambda _: 0.0) -> None:
        self.random = random.Random(seed)
        self.idle = idle
        self.at = self.steps = self.decode = self.prefill = 0.0
        self.rounds = 0

    def read(self, batch: int) -> ObservedPod:
        """After a round with `batch` requests at once."""
        self.rounds += 1
        steps = self.random.randint(100, 300)
        prefill = self.random.randint(0, 1000) * batch
        a, b, d = TRUE
        self.at += steps * a + steps * batch * b + prefill * d + self.idle(self.rounds)
        self.steps, self.decode, self.prefill = (
            self.steps + steps,
            self.decode + steps * batch,
            self.prefill + prefill,
        )
        counters = engine(
            batch, steps=self.steps, decode_tokens=self.decode, prefill_tokens=self.prefill, at=self.at
        )
        return ObservedPod("a", 0, 0, 0, engine=counters)


def learn(source: Source, rounds: int = 60, batches: tuple[int, ...] = (1, 4, 16, 32)) -> StepCosts:
    costs = StepCosts()
    for i in range(rounds):
        costs.observe(0.0, [source.read(batches[i % len(batches)])])
    return costs


def test_the_step_costs_of_an_engine_are_estimated() -> None:
    cost = learn(Source()).cost
    assert (cost.step, cost.prefill) == pytest.approx((TRUE[0], TRUE[2]), rel=0.06)
    assert cost.decode == pytest.approx(TRUE[1], rel=0.12)


def test_without_traffic_the_step_costs_are_the_prior() -> None:
    cost = StepCosts().cost
    assert (cost.step, cost.decode, cost.prefill) == pytest.approx(PRIOR)


def test_idle_rounds_are_not_used_as_samples() -> None:
    costs = StepCosts()
    costs.observe(0, [ObservedPod("a", 0, 0, 0, engine=engine(0, steps=1))])
    costs.observe(5, [ObservedPod("a", 0, 0, 0, engine=engine(3, steps=9, decode_tokens=20))])
    costs.observe(10, [ObservedPod("a", 0, 0, 0, engine=engine(3, steps=9, decode_tokens=20))])
    assert costs.samples == 0


def test_a_restarted_engine_gives_samples_from_its_next_round_on() -> None:
    costs = StepCosts()
    costs.observe(0, [ObservedPod("a", 0, 0, 0, engine=engine(8, steps=1000))])
    costs.observe(5, [ObservedPod("a", 0, 0, 0, engine=engine(8, steps=10))])
    assert costs.samples == 0


def test_learned_step_costs_survive_writing_and_reading() -> None:
    costs = learn(Source())
    again = StepCosts(costs.sums, costs.samples, costs.error)
    assert again.cost == costs.cost


def test_changing_step_costs_are_followed() -> None:
    source = Source()
    costs = learn(source, 100)
    for i in range(2000):
        source.idle = lambda _: 0.0
        pod = source.read((1, 4, 16, 32)[i % 4])
        assert pod.engine is not None
        # Half as fast: the same work, twice the time between two readings.
        slow = engine(
            pod.engine.running,
            steps=pod.engine.steps,
            decode_tokens=pod.engine.decode_tokens,
            prefill_tokens=pod.engine.prefill_tokens,
            at=1.9 * source.at,
        )
        costs.observe(0.0, [ObservedPod("a", 0, 0, 0, engine=slow)])
    assert costs.cost.prefill == pytest.approx(1.9 * TRUE[2], rel=0.1)


def test_an_engine_explained_by_the_cost_model_fits() -> None:
    costs = learn(Source())
    assert costs.fits
    assert costs.error < 0.2


def test_an_engine_whose_time_is_unrelated_to_its_work_does_not_fit() -> None:
    erratic = random.Random(3)
    costs = learn(Source(idle=lambda _: erratic.choice([0.0, 0.0, 300.0])), rounds=300)
    assert not costs.fits


def test_gaps_between_requests_do_not_raise_the_step_costs() -> None:
    gappy = learn(Source(idle=lambda i: 40.0 if i > 60 and i % 10 == 0 else 0.0), rounds=400)
    assert gappy.cost.prefill == pytest.approx(TRUE[2], rel=0.2)


@given(st.lists(st.tuples(*[st.floats(0, 100)] * 3, st.floats(0, 100)), min_size=1, max_size=12))
def test_step_costs_are_never_negative(rows: list[tuple[float, float, float, float]]) -> None:
    normal = [[sum(r[i] * r[j] for r in rows) + (i == j) for j in range(3)] for i in range(3)]
    right = [sum(r[i] * r[3] for r in rows) for i in range(3)]
    found = nonnegative_least_squares(normal, right)

    def objective(x: tuple[float, ...]) -> float:
        square = sum(x[i] * normal[i][j] * x[j] for i in range(3) for j in range(3))
        return square - 2 * sum(a * b for a, b in zip(right, x, strict=True))

    assert min(found) >= 0
    for i in range(3):
        for step in (1e-3, -1e-3):
            moved = tuple(max(0.0, x + step * (i == j)) for j, x in enumerate(found))
            assert objective(found) <= objective(moved) + 1e-6
