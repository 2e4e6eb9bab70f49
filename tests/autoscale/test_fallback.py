"""Absence is never zero."""

from __future__ import annotations

import pytest

from fairlead_operator.autoscale.inputs import ObservedPod
from fairlead_operator.autoscale.settings import FallbackSettings, OnFailure
from tests.autoscale.builders import Model, engine, ready, serving


def silent(count: int, running: int | None = None) -> tuple[ObservedPod, ...]:
    metrics = None if running is None else engine(running)
    return tuple(ready(f"pod-{i}", in_flight=None, engine=metrics) for i in range(count))


def test_without_metrics_the_replicas_stay() -> None:
    model = Model(replicas=5, min_replicas=1)
    for _ in range(200):
        decision = model.see(*silent(5), demand_known=False)
    assert (decision.replicas, decision.reason) == (5, "Fallback")


def test_before_the_fallback_the_reason_is_missing_metrics() -> None:
    model = Model(replicas=2, min_replicas=1, fallback=FallbackSettings(2, OnFailure.STATIC, 4))
    reasons = [model.see(*silent(2), demand_known=False).reason for _ in range(3)]
    assert reasons == ["MetricsMissing", "MetricsMissing", "Fallback"]


@pytest.mark.parametrize(
    ("behavior", "replicas"),
    [
        (OnFailure.CURRENT, (5, 5)),
        (OnFailure.CURRENT_IF_HIGHER, (5, 6)),
        (OnFailure.CURRENT_IF_LOWER, (3, 5)),
        (OnFailure.STATIC, (3, 6)),
    ],
)
def test_each_fallback_behavior_gives_its_replicas(behavior: OnFailure, replicas: tuple[int, int]) -> None:
    for wanted, expected in zip((3, 6), replicas, strict=True):
        model = Model(replicas=5, min_replicas=1, fallback=FallbackSettings(0, behavior, wanted))
        assert model.see(*silent(5), demand_known=False).replicas == expected


def test_a_fallback_stays_within_min_and_max_replicas() -> None:
    model = Model(
        replicas=2, min_replicas=1, max_replicas=3, fallback=FallbackSettings(0, OnFailure.STATIC, 9)
    )
    model.see(*silent(2), demand_known=False)
    assert model.see(*silent(3), demand_known=False).replicas == 3


def test_engine_metrics_alone_can_add_replicas() -> None:
    model = Model(replicas=2, min_replicas=1)
    decision = model.see(*silent(2, running=500), demand_known=False)
    assert decision.replicas > 2


def test_engine_metrics_alone_cannot_remove_replicas() -> None:
    model = Model(replicas=5, min_replicas=1)
    for _ in range(300):
        decision = model.see(*silent(5, running=0), demand_known=False)
    assert (decision.replicas, decision.reason) == (5, "MetricsMissing")


def test_gateway_metrics_alone_suffice_once_costs_are_learned() -> None:
    model = Model(replicas=1, min_replicas=1)
    assert model.steady(30.0, 120, *serving(1)).replicas > 1


def test_one_round_with_metrics_ends_the_fallback() -> None:
    model = Model(replicas=2, min_replicas=1, fallback=FallbackSettings(2, OnFailure.STATIC, 4))
    for _ in range(3):
        model.see(*silent(2), demand_known=False)
    assert model.see(*serving(2)).reason != "Fallback"
    assert model.see(*silent(2), demand_known=False).reason == "MetricsMissing"


@pytest.mark.parametrize("running", [None, 0])
def test_after_missing_metrics_the_stabilization_window_restarts(running: int | None) -> None:
    model = Model(replicas=5, min_replicas=1)
    for _ in range(200):
        model.see(*silent(5, running), demand_known=False)
    back = [model.see(*serving(5)) for _ in range(20)]
    assert {(decision.replicas, decision.reason) for decision in back} == {(5, "Stabilizing")}


def test_a_model_at_zero_without_metrics_is_woken_only_by_its_fallback() -> None:
    asleep = Model(replicas=0, fallback=FallbackSettings(1, OnFailure.CURRENT, None))
    woken = Model(replicas=0, fallback=FallbackSettings(1, OnFailure.CURRENT_IF_HIGHER, 1))
    assert [asleep.see(demand_known=False).replicas for _ in range(3)] == [0, 0, 0]
    assert [woken.see(demand_known=False).replicas for _ in range(3)] == [0, 1, 1]


def test_a_full_kv_cache_adds_a_replica_and_lowers_the_concurrency() -> None:
    model = Model(replicas=1, min_replicas=1)
    full = ready("a", in_flight=9, engine=engine(9, 3, kv_usage=0.99))
    first = [model.see(full, in_flight=9) for _ in range(3)]
    assert [decision.reason for decision in first] == ["Demand", "Demand", "KVCachePressure"]
    assert first[-1].replicas == 2
    assert model.see(full, in_flight=9).inputs["concurrencyFactor"] == pytest.approx(0.9)


def test_a_full_kv_cache_without_waiting_requests_adds_no_replica() -> None:
    model = Model(replicas=1, min_replicas=1)
    full = ready("a", in_flight=9, engine=engine(9, 0, kv_usage=0.99))
    assert [model.see(full, in_flight=9).replicas for _ in range(9)] == [1] * 9


def test_repeated_preemptions_count_as_kv_cache_pressure() -> None:
    model = Model(replicas=1, min_replicas=1)
    for count in range(5):
        decision = model.see(ready("a", engine=engine(9, preemptions=float(count))), in_flight=9)
    assert decision.reason == "KVCachePressure"


def test_concurrency_reduced_by_cache_pressure_recovers_slowly() -> None:
    model = Model(replicas=1, min_replicas=1)
    full = ready("a", engine=engine(9, 3, kv_usage=0.99))
    for _ in range(4):
        model.see(full, in_flight=9)
    after = [model.see(*serving(1)).inputs["concurrencyFactor"] for _ in range(150)]
    assert after[10] == pytest.approx(0.91, abs=0.005)
    assert after[-1] == 1.0
