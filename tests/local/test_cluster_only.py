"""Fields that mean something on a cluster only are named: in a warning, or in an error."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.local.cluster_only import obstacles, warnings
from tests.plan.builders import model


@pytest.mark.parametrize(
    ("field", "spec"),
    [
        ("spec.replicas", {"replicas": 2}),
        ("spec.autoscaling.maxReplicas", {"autoscaling": {"maxReplicas": 2}}),
        ("spec.autoscaling.mode", {"autoscaling": {"maxReplicas": 1, "mode": "External"}}),
        ("spec.rollout.strategy", {"rollout": {"strategy": "Recreate"}}),
        ("spec.scheduling.nodeSelector", {"scheduling": {"nodeSelector": {"disk": "fast"}}}),
        ("spec.scheduling.queueName", {"scheduling": {"queueName": "q"}}),
        ("spec.resources.limits", {"resources": {"limits": {"memory": "1Gi"}}}),
        ("spec.resources.requests", {"resources": {"requests": {"cpu": "1"}}}),
        ("spec.engine.image", {"engine": {"image": "vllm:1"}}),
        ("spec.model.cache", {"model": {"source": "hf://acme/m"}}),
        ("spec.inheritedMetadata", {"inheritedMetadata": {"labels": {"team": "a"}}}),
        ("spec.podTemplate.metadata", {"podTemplate": {"metadata": {"labels": {"a": "b"}}}}),
        ("spec.podTemplate.spec.hostNetwork", {"podTemplate": {"spec": {"hostNetwork": True}}}),
        (
            "spec.podTemplate.spec.containers[mine]",
            {"podTemplate": {"spec": {"containers": [{"name": "mine", "image": "i"}]}}},
        ),
        (
            "spec.podTemplate.spec.containers[vllm].securityContext",
            {"podTemplate": {"spec": {"containers": [{"name": "vllm", "securityContext": {}}]}}},
        ),
        (
            "spec.accelerator.selectors",
            {"accelerator": {"deviceClassName": "gpu.nvidia.com", "selectors": ["true"]}},
        ),
    ],
)
def test_what_is_left_out_is_named(field: str, spec: dict[str, Any]) -> None:
    assert [found for found, _ in warnings(model(**spec))] == [field]
    assert list(obstacles(model(**spec))) == []


@pytest.mark.parametrize(
    ("field", "spec"),
    [
        ("spec.model.source", {"model": {"source": "oci://registry/image"}}),
        ("spec.accelerator.resourceName", {"accelerator": {"resourceName": "amd.com/gpu"}}),
        ("spec.accelerator.deviceClassName", {"accelerator": {"deviceClassName": "tpu.google.com"}}),
        (
            "spec.engine.nodes",
            {"engine": {"nodes": 2}, "accelerator": {"resourceName": "nvidia.com/gpu", "count": 1}},
        ),
    ],
)
def test_what_would_serve_something_else_is_an_error(field: str, spec: dict[str, Any]) -> None:
    assert [found for found, _ in obstacles(model(**spec))] == [field]


def test_a_model_without_such_fields_gets_no_warning() -> None:
    assert list(warnings(model())) == []
