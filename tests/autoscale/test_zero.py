"""To zero and from it."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.autoscale.memory import Memory, Start
from tests.autoscale.builders import NOW, Model, serving, starting

USED = Memory(seen_since=NOW - 9999, last_activity=NOW - 5000)


def idle(model: Model, seconds: float, **values: Any) -> int:
    return model.steady(0.0, seconds, *serving(model.replicas), **values).replicas


def test_the_last_replica_is_removed_after_the_cooldown_and_not_before() -> None:
    model = Model(cooldown=300.0, started=NOW - 2000)
    model.at = NOW
    model.see(*serving(1), in_flight=1)
    assert idle(model, 290) == 1
    assert idle(model, 15) == 0


def test_a_running_request_counts_as_activity_until_it_ends() -> None:
    model = Model(cooldown=300.0)
    assert idle(model, 1000, in_flight=1) == 1
    assert idle(model, 280, last_completion=model.at) == 1


def test_the_cooldown_starts_at_the_last_completion() -> None:
    model = Model(cooldown=300.0)
    model.see(*serving(1))
    model.replicas = 1
    late = model.at + 200
    idle(model, 200)
    model.replicas = 1
    assert idle(model, 290, last_completion=late) == 1
    assert idle(model, 60, last_completion=late) == 0


def test_an_operator_restart_restarts_the_cooldown() -> None:
    """What ended after the memory was last written is not forgotten that way."""
    model = Model(cooldown=300.0, memory=USED)
    assert idle(model, 290) == 1
    assert idle(model, 15) == 0


def test_the_cooldown_replaces_the_stabilization_window_at_zero() -> None:
    """Starts of five minutes make a window of ten; the owner asked for one minute."""
    model = Model(cooldown=60.0, memory=Memory(cold_starts=(Start(0.0, 300.0),) * 5))
    model.see(*serving(1), in_flight=1)
    assert idle(model, 75) == 0


def test_the_last_replica_is_kept_while_requests_wait() -> None:
    model = Model(cooldown=0.0, memory=USED)
    assert idle(model, 3000, queued=1) == 1


def test_the_last_replica_is_kept_while_the_demand_is_unknown() -> None:
    model = Model(cooldown=0.0, memory=USED)
    assert idle(model, 3000, demand_known=False) == 1


def test_an_idle_model_is_never_scaled_below_min_replicas() -> None:
    model = Model(cooldown=0.0, memory=USED, min_replicas=1)
    decision = model.steady(0.0, 3000, *serving(1))
    assert (decision.replicas, decision.reason) == (1, "MinReplicas")


@pytest.mark.parametrize(("initial", "before"), [(0.0, 0), (600.0, 1)])
def test_a_never_used_model_has_its_own_cooldown(initial: float, before: int) -> None:
    model = Model(initial_cooldown=initial)
    assert model.see(*serving(1)).replicas == before
    assert idle(model, 700) == 0


def test_the_first_held_request_starts_a_pod() -> None:
    decision = Model(replicas=0).see(queued=1, come=1)
    assert (decision.replicas, decision.reason) == (1, "WakeUp")


def test_a_wake_up_starts_at_least_initial_replicas() -> None:
    model = Model(replicas=0, initial_replicas=3, unschedulable_pods=5)
    assert model.see(queued=1, come=1).replicas == 3
    pods = [starting(f"s{i}", now=model.at) for i in range(3)]
    assert model.see(*pods, queued=1).replicas == 3


def test_a_wake_up_starts_as_many_replicas_as_the_waiting_requests_need() -> None:
    model = Model(replicas=0, unschedulable_pods=9)
    assert model.see(queued=2000, come=2000).replicas > 3


@pytest.mark.parametrize(
    ("start", "hold"), [(10.0, 600), (300.0, 900), (5000.0, 3600)]
)  # three slow starts, within 600 and 3600 s
def test_the_hold_timeout_is_three_slow_cold_starts(start: float, hold: int) -> None:
    model = Model(memory=Memory(cold_starts=(Start(0.0, start),) * 5))
    assert model.see().hold_timeout_seconds == hold
    assert Model(hold_timeout=42).see().hold_timeout_seconds == 42


def test_past_demand_does_not_wake_a_model_at_zero() -> None:
    model = Model(replicas=0)
    assert model.see(come=5).replicas == 0
