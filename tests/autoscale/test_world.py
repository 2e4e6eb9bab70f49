"""The loop closed: what many decisions in a row amount to."""

from __future__ import annotations

import math

import pytest

from fairlead_operator.autoscale.memory import Memory
from tests.autoscale.world import DECODE, OUTPUT, PREFILL, PROMPT, SimulatedModel

OWN = PROMPT * PREFILL + OUTPUT * DECODE


def enough(rate: float, utilization: float = 0.72) -> float:
    """Replicas for a steady rate, without reserve."""
    return rate * OWN / utilization


def changes(world: SimulatedModel) -> list[int]:
    """The numbers of replicas in a row, without repetitions."""
    numbers = [decision.replicas for decision in world.decisions]
    return [now for before, now in zip([None, *numbers], numbers, strict=False) if now != before]


@pytest.mark.parametrize("rate", [1.0, 10.0, 25.0])
def test_a_steady_load_gets_the_replicas_it_needs_and_a_reserve(rate: float) -> None:
    world = SimulatedModel(lambda _: rate)
    last = world.run(3600)
    least = enough(rate)
    assert math.ceil(least) <= last.replicas <= math.ceil(least * 1.15 + 1)


def test_a_steady_load_changes_no_replicas_once_it_is_served() -> None:
    world = SimulatedModel(lambda _: 10.0)
    world.run(1800)
    world.decisions.clear()
    world.run(3600)
    assert len(changes(world)) == 1


def test_the_capacity_of_a_replica_is_learned_within_minutes() -> None:
    world = SimulatedModel(lambda _: 10.0)
    inputs = world.run(600).inputs
    assert inputs["rate"] == pytest.approx(0.72 / OWN, rel=0.1)


@pytest.mark.parametrize("cold_start", [30.0, 120.0, 300.0])
def test_requests_waiting_for_starting_pods_do_not_count_as_more_demand(cold_start: float) -> None:
    """A step from nothing to a load for about five replicas."""
    world = SimulatedModel(lambda second: 20.0 if second > 900 else 0.0, cold_start=cold_start)
    world.run(900 + cold_start + 600)
    waited = 20.0 * cold_start * OWN / 60
    assert world.created <= math.ceil(enough(20.0) * 1.2 + waited) + 2


def test_a_burst_shorter_than_a_cold_start_adds_no_replica() -> None:
    usual = Memory(arrivals_per_second=1.0)
    world = SimulatedModel(
        lambda second: 6.0 if 1200 < second <= 1230 else 1.0, cold_start=300.0, memory=usual
    )
    world.run(1200)
    created = world.created
    world.run(1200)
    assert world.created == created


def test_with_too_few_accelerators_only_one_pod_waits() -> None:
    world = SimulatedModel(lambda _: 40.0, accelerators=3)
    last = world.run(1800)
    assert last.replicas == 4
    assert world.most_unplaced == 1
    assert last.inputs["unschedulable"] == 1
    assert last.reason == "InsufficientCapacity"


def test_growth_continues_when_accelerators_are_added() -> None:
    world = SimulatedModel(lambda _: 20.0, accelerators=3)
    world.run(1800)
    world.accelerators = 20
    last = world.run(900)
    assert last.replicas >= enough(20.0)
    assert last.inputs["unschedulable"] == 0


def test_an_idle_model_scales_to_zero_after_its_cooldown_and_back() -> None:
    world = SimulatedModel(lambda second: 5.0 if second < 1200 or second > 3000 else 0.0)
    world.run(1210)
    world.run(1700)
    zero = next(decision for decision in world.decisions if decision.reason == "Idle")
    assert zero.replicas == world.replicas == 0
    assert not world.pods
    world.run(600)
    assert world.replicas >= enough(5.0)
    assert world.queue < 5


def test_an_operator_restart_under_load_changes_no_replicas() -> None:
    world = SimulatedModel(lambda _: 10.0)
    before = world.run(3600).replicas
    again = SimulatedModel(lambda _: 10.0, memory=world.autoscaler.memory(), replicas=before)
    again.pods, again.arrived, again.ended = world.pods, world.arrived, world.ended
    again.now = again._next = world.now
    again.run(900)
    assert changes(again) == [before]


def test_falling_load_removes_replicas() -> None:
    world = SimulatedModel(lambda second: 20.0 if second < 1800 else 2.0)
    world.run(1800)
    world.run(1800)
    assert world.replicas <= math.ceil(enough(2.0)) + 1
    assert world.queue < 1
