"""The operator's metrics of models: what is exported, by whom, and for how long."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.controller.model_metrics import ModelMetrics
from fairlead_operator.controller.scaling_metrics import DECISIONS, ScalingMetrics
from fairlead_operator.plan.observed import Observed
from tests.plan.builders import NOW, model, pod
from tests.support.clock import Clock
from tests.support.metrics import samples, total

KEY = ("demo", "tiny")
LABELS = {"namespace": "demo", "model": "tiny"}
GPU: Any = {"accelerator": {"resourceName": "nvidia.com/gpu", "count": 2}}


def page(*collectors: Collector) -> bytes:
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    return generate_latest(registry)


def status(**ready: str) -> dict[str, Any]:
    return {"conditions": [{"type": "Ready", **ready}, {"type": "Stalled", "status": "False", "reason": "x"}]}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(clock: Clock) -> ModelMetrics:
    """Those of a replica that leads."""
    return ModelMetrics(lambda: True, clock)


def observe(metrics: ModelMetrics, pods: Iterable[Any] = (), desired: int = 1, **spec: Any) -> None:
    metrics.observed(model(**spec), Observed(pods=tuple(pods)), desired, NOW)


def gpu_pod(name: str = "tiny-1") -> Any:
    body = pod(name, ready=True)
    body["spec"]["devices"] = {"nvidia.com/gpu": "2"}
    return body


def test_each_condition_has_one_series_with_its_present_status(metrics: ModelMetrics) -> None:
    metrics.reported(KEY, status(status="False", reason="Progressing"))
    metrics.reported(KEY, status(status="True", reason="Ready"))
    rows = [s.labels for s in samples(page(metrics)) if s.name == "fairlead_model_condition"]
    assert [row for row in rows if row["type"] == "Ready"] == [
        LABELS | {"type": "Ready", "status": "True", "reason": "Ready"}
    ]
    assert len(rows) == 2


def test_the_replicas_are_exported_by_state(metrics: ModelMetrics) -> None:
    observe(metrics, [pod("a", ready=True), pod("b")], desired=3)
    found = page(metrics)
    states = {"desired": 3, "ready": 1, "starting": 1, "unschedulable": 0, "draining": 0}
    assert states == {
        state: total(found, "fairlead_model_replicas", state=state, **LABELS) for state in states
    }


def test_accelerator_seconds_go_on_between_reconciles_and_outlive_the_pod(
    metrics: ModelMetrics, clock: Clock
) -> None:
    name = "fairlead_model_accelerator_seconds_total"
    observe(metrics, [gpu_pod()], **GPU)
    clock.now = 10
    assert total(page(metrics), name, resource="nvidia.com/gpu", **LABELS) == 20
    observe(metrics, [], **GPU)
    clock.now = 500
    assert total(page(metrics), name, resource="nvidia.com/gpu", **LABELS) == 20


def test_a_deleted_model_leaves_no_series(metrics: ModelMetrics) -> None:
    metrics.reported(KEY, status(status="True", reason="Ready"))
    observe(metrics, [gpu_pod()], **GPU)
    metrics.drop(KEY)
    assert list(samples(page(metrics))) == []


def test_a_replica_that_does_not_lead_exports_no_model(clock: Clock) -> None:
    leading = True
    metrics, scaling = ModelMetrics(lambda: leading, clock), ScalingMetrics(lambda: leading)
    metrics.reported(KEY, status(status="True", reason="Ready"))
    observe(metrics, [gpu_pod()], **GPU)
    scaling.decided(KEY, Decision(1, "Steady", "", {"rate": 1.0}), "Native")
    assert {sample.labels["model"] for sample in samples(page(metrics, scaling))} == {"tiny"}
    leading = False
    assert list(samples(page(metrics, scaling))) == []


def test_decisions_count_by_model_until_it_is_gone() -> None:
    scaling, name = ScalingMetrics(lambda: True), "fairlead_autoscaler_decisions_total"
    labels = {"namespace": "demo", "model": "counted"}
    for reason in ("Steady", "Steady", "Demand"):
        scaling.decided(("demo", "counted"), Decision(1, reason, ""), "Native")
    assert total(page(DECISIONS), name, reason="Steady", **labels) == 2
    scaling.drop(("demo", "counted"))
    assert total(page(DECISIONS), name, **labels) == 0
