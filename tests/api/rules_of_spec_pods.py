"""The rules of what a pod needs, where it runs and how it rolls, for test_validation: what keeps each one,
what breaks it, and the refusal's words.
"""

from __future__ import annotations

from typing import Any

from fairlead_operator.api.metadata import RESERVED_ANNOTATIONS, RESERVED_LABELS, RESERVED_PREFIXES
from tests.api.rules_of_spec_api import Rule

GPU = {"resourceName": "nvidia.com/gpu"}
CLAIM = {"deviceClassName": "gpu.nvidia.com"}


def accelerator(**more: Any) -> dict[str, Any]:
    return {"accelerator": more}


def resources(requests: dict[str, Any], limits: dict[str, Any]) -> dict[str, Any]:
    return {"resources": {"requests": requests, "limits": limits}}


def scheduling(**more: Any) -> dict[str, Any]:
    return {"scheduling": more}


def spread(**more: Any) -> dict[str, Any]:
    constraint = {"maxSkew": 1, "topologyKey": "zone", **more}
    return scheduling(topologySpreadConstraints=[constraint])


def inherited(kind: str, key: str, value: str = "x") -> dict[str, Any]:
    return {"inheritedMetadata": {kind: {key: value}}}


# One case for each key that is not for users, beside a key of the same make that is.
RESERVED_KEYS: dict[str, Rule] = {
    f"inherited-{kind}-{number}": (
        inherited(kind, "app.kubernetes.io/part-of"),
        inherited(kind, f"{key}rest" if key.endswith("/") else key),
        f"spec.inheritedMetadata.{kind} must not have {key}",
    )
    for kind, keys in (("labels", RESERVED_LABELS), ("annotations", RESERVED_ANNOTATIONS))
    for number, key in enumerate((*keys, *RESERVED_PREFIXES))
}
POD_RULES: dict[str, Rule] = {
    **RESERVED_KEYS,
    **{
        f"accelerators-in-{kind}": (
            {"resources": {kind: {"rdma/hca": 1, "nvidia.com/hostdev": "1"}}},
            {"resources": {kind: {"nvidia.com/gpu": 2}}},
            f"spec.resources.{kind} must not name accelerators",
        )
        for kind in ("requests", "limits")
    },
    "inherited-label-value": (
        inherited("labels", "example.com/cost-centre", "42"),
        inherited("labels", "example.com/cost-centre", "a team"),
        "a value of spec.inheritedMetadata.labels must start and end with a letter or digit",
    ),
    "inherited-label-number": (
        inherited("labels", "cost-centre", ""),
        {"inheritedMetadata": {"labels": {"cost-centre": 42}}},
        "spec.inheritedMetadata.labels.cost-centre",
    ),
    "inherited-label-key": (
        inherited("labels", "cost_centre.1"),
        inherited("labels", "cost centre"),
        "a key of spec.inheritedMetadata.labels must be a name like",
    ),
    "inherited-annotation-key": (
        inherited("annotations", "policy.example.com/Exception", '{"a": 1}'),
        inherited("annotations", "-policy"),
        "a key of spec.inheritedMetadata.annotations must be a name like",
    ),
    "accelerator-name": (
        {"accelerator": {"resourceName": "nvidia.com/mig-1g.5gb"}},
        {"accelerator": {"resourceName": "gpu"}},
        "spec.accelerator.resourceName must be qualified like nvidia.com/gpu",
    ),
    "accelerator-count": (
        {"accelerator": {**GPU, "count": 8}},
        {"accelerator": {**GPU, "count": 0}},
        "spec.accelerator.count",
    ),
    "accelerator-twice": (
        {"accelerator": GPU, **resources({"cpu": 1}, {"memory": "1Gi"})},
        {"accelerator": GPU, **resources({}, {"nvidia.com/gpu": 1})},
        "spec.resources must not name spec.accelerator.resourceName",
    ),
    "quantity": (
        resources({"cpu": "1.5", "memory": "1e9"}, {}),
        resources({"cpu": "many"}, {}),
        "spec.resources.requests.cpu",
    ),
    "quantity-without-quotes": (
        resources({"cpu": 2}, {}),
        resources({"cpu": 1.5}, {}),
        "spec.resources.requests.cpu",
    ),
    "requests": (
        resources({"cpu": "500m", "memory": "1Gi"}, {"cpu": 1, "memory": "1024Mi"}),
        resources({"memory": "2Gi"}, {"memory": "1Gi"}),
        "spec.resources.requests must not exceed spec.resources.limits",
    ),
    "toleration": (
        {"scheduling": {"tolerations": [{"operator": "Exists"}]}},
        {"scheduling": {"tolerations": [{"operator": "Maybe"}]}},
        "spec.scheduling.tolerations[0].operator: Unsupported value",
    ),
    "replicas": ({"replicas": 0}, {"replicas": -1}, "spec.replicas"),
    "drain": (
        {"rollout": {"drainTimeoutSeconds": 0}},
        {"rollout": {"drainTimeoutSeconds": -1}},
        "spec.rollout.drainTimeoutSeconds",
    ),
    "deadline": (
        {"rollout": {"progressDeadlineSeconds": 1801}},
        {"rollout": {"progressDeadlineSeconds": 1800}},
        "spec.rollout.progressDeadlineSeconds must be greater than spec.engine.startupTimeoutSeconds",
    ),
    "accelerator-kind": (
        accelerator(**CLAIM),
        accelerator(**CLAIM, **GPU),
        "spec.accelerator needs either resourceName (device plugin) or deviceClassName",
    ),
    "accelerator-class": (
        accelerator(**CLAIM, count=2),
        accelerator(deviceClassName="GPU"),
        "spec.accelerator.deviceClassName must be the name of a DeviceClass",
    ),
    "accelerator-selectors": (
        accelerator(**CLAIM, selectors=["device.attributes['x'].y > 1"]),
        accelerator(**GPU, selectors=["true"]),
        "spec.accelerator.selectors needs spec.accelerator.deviceClassName",
    ),
    "queue": (
        scheduling(queueName="team-a"),
        scheduling(queueName="Team A"),
        "spec.scheduling.queueName must be the name of a LocalQueue",
    ),
    "spread": (
        spread(whenUnsatisfiable="ScheduleAnyway", nodeTaintsPolicy="Honor"),
        spread(whenUnsatisfiable="Never"),
        "whenUnsatisfiable: Unsupported value",
    ),
    "affinity": (
        scheduling(affinity={"nodeAffinity": {}}),
        scheduling(affinity=["nodeAffinity"]),
        "spec.scheduling.affinity",
    ),
    "strategy": (
        {"rollout": {"strategy": "Recreate"}},
        {"rollout": {"strategy": "RollingUpdate"}},
        "spec.rollout.strategy: Unsupported value",
    ),
    "patience": (
        {"rollout": {"surgePatienceSeconds": 0}},
        {"rollout": {"surgePatienceSeconds": -1}},
        "spec.rollout.surgePatienceSeconds",
    ),
    "pod-template": (
        {"podTemplate": {"spec": {"hostNetwork": True}}},
        {"podTemplate": "hostNetwork"},
        "spec.podTemplate",
    ),
}
