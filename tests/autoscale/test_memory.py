"""What was learned survives restarts and zero."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead_operator.api.autoscaling import Autoscaling
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.autoscale.settings import (
    SCALE_DOWN,
    SCALE_UP,
    FallbackSettings,
    Objective,
    OnFailure,
    Settings,
    Unit,
)
from fairlead_operator.bounds import LEARNED_ITEMS
from tests.autoscale.builders import Model
from tests.autoscale.world import SimulatedModel

LEARNED = ("stepSeconds", "decodeSeconds", "prefillSeconds", "promptTokens", "outputTokens", "rate")


def through_json(memory: Memory) -> Memory:
    return Memory.from_json(json.loads(json.dumps(memory.to_json())))


def test_a_restart_keeps_everything_learned() -> None:
    world = SimulatedModel(lambda t: 15.0 if t % 900 < 200 else 5.0)
    before = world.run(3600).inputs
    again = Model(replicas=3, started=world.now, memory=through_json(world.autoscaler.memory())).see()
    for name in LEARNED:
        assert again.inputs[name] == pytest.approx(before[name], rel=0.01)
    assert again.inputs["coldStartSeconds"] == pytest.approx(60)
    assert again.inputs["arrivals600s"] == pytest.approx(before["arrivals600s"], rel=0.1)


def test_a_time_at_zero_replicas_keeps_everything_learned() -> None:
    world = SimulatedModel(lambda t: 10.0 if t < 1800 else 0.0)
    before = world.run(1800).inputs
    asleep = world.run(3600)
    assert asleep.replicas == 0
    assert asleep.inputs["rate"] == pytest.approx(before["rate"], rel=0.02)


def test_the_memory_is_unchanged_after_writing_and_reading() -> None:
    world = SimulatedModel(lambda t: 15.0 if t % 900 < 200 else 5.0)
    world.run(3600)
    once = through_json(world.autoscaler.memory())
    assert once.surges
    assert through_json(once) == once


SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | st.just("x")
JSON = SCALARS | st.lists(SCALARS, max_size=9) | st.lists(st.lists(SCALARS, max_size=2), max_size=3)


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(Memory().to_json(), JSON)))
def test_any_stored_memory_leads_to_a_valid_decision(written: dict[str, object]) -> None:
    model = Model(replicas=2, min_replicas=1, memory=Memory.from_json(written))
    assert 1 <= model.see(queued=3, come=3).replicas <= 20
    json.dumps(model.autoscaler.memory().to_json(), allow_nan=False)


def test_only_the_end_of_long_stored_lists_is_read() -> None:
    many = {"coldStarts": [[0, 60, "x" * 10_000]] * 10_000, "surges": [*[60] * 10_000, 61]}
    memory = Memory.from_json(many)
    assert (len(memory.cold_starts), len(memory.surges)) == (LEARNED_ITEMS, LEARNED_ITEMS)
    assert memory.surges[-1] == 61
    assert len(json.dumps(memory.to_json())) < 20_000


def test_autoscaler_settings_match_the_spec() -> None:
    spec = Autoscaling.model_validate(
        {
            "minReplicas": 0,
            "maxReplicas": 7,
            "objective": "Cost",
            "targets": {"ttftMilliseconds": 1500, "itlMilliseconds": 50},
            "maxConcurrency": 24,
            "pollingIntervalSeconds": 10,
            "cooldownSeconds": 60,
            "initialCooldownSeconds": 30,
            "behavior": {
                "scaleUp": {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]},
                "scaleDown": {"stabilizationWindowSeconds": 90, "selectPolicy": "Min"},
            },
            "scaleFromZero": {"initialReplicas": 2, "holdTimeoutSeconds": 99},
            "fallback": {"failureThreshold": 5, "behavior": "Static", "replicas": 4},
            "unschedulablePods": 3,
            "schedules": [
                {"start": "0 8 * * *", "end": "0 9 * * *", "timezone": "Asia/Tokyo", "minReplicas": 3}
            ],
        }
    )
    found = Settings.from_spec(spec)
    assert (found.min_replicas, found.max_replicas, found.objective) == (0, 7, Objective.COST)
    assert (found.ttft, found.itl, found.max_concurrency) == (1.5, 0.05, 24)
    assert (found.polling_interval, found.cooldown, found.initial_cooldown) == (10, 60, 30)
    assert found.scale_up.window == 0
    assert [(p.unit, p.value, p.period) for p in found.scale_up.policies] == [(Unit.PODS, 1, 60)]
    assert (found.scale_down.window, found.scale_down.select) == (90, "Min")
    assert found.scale_down.policies == SCALE_DOWN.policies
    assert (found.initial_replicas, found.hold_timeout, found.unschedulable_pods) == (2, 99, 3)
    assert found.fallback == FallbackSettings(5, OnFailure.STATIC, 4)
    assert [(s.start, s.timezone, s.min_replicas) for s in found.schedules] == [
        ("0 8 * * *", "Asia/Tokyo", 3)
    ]


def test_autoscaler_defaults_equal_those_of_the_spec() -> None:
    found = Settings.from_spec(Autoscaling(max_replicas=1))
    usual = Settings()
    assert (found.scale_up, found.scale_down) == (usual.scale_up, usual.scale_down) == (SCALE_UP, SCALE_DOWN)
    for name in ("objective", "polling_interval", "cooldown", "initial_cooldown", "unschedulable_pods"):
        assert getattr(found, name) == getattr(usual, name)
