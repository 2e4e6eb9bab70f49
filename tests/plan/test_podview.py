"""Which pods count, and what is held of them: anybody in a namespace can give a pod a model's label."""

from __future__ import annotations

import copy
import json
from fractions import Fraction
from typing import Any

import pytest

from fairlead_operator.api.names import DELETION_COST, REVISION
from fairlead_operator.bounds import (
    POD_CONDITIONS,
    POD_CONTAINERS,
    POD_LABELS,
    POD_RESOURCES,
    POD_TOLERATIONS,
    TEXT_CHARACTERS,
)
from fairlead_operator.plan.pods.gateway_queries import has_gateway
from fairlead_operator.plan.pods.view import view_event, view_own_pod
from fairlead_operator.plan.scheduling.nodes import Node, Nodes
from fairlead_operator.plan.scheduling.placement import requests_of
from fairlead_operator.plan.status.model_state import ModelState
from fairlead_operator.plan.status.model_status import build_status
from tests.plan.builders import NOW, Object, ended, model, mount_event, pod, running


def owned(body: Object, kind: str = "ReplicaSet", name: str = "tiny-7d9", **labels: str) -> Object:
    """The pod as a controller of this kind and name makes it."""
    body = copy.deepcopy(body)
    body["metadata"]["labels"] = {"pod-template-hash": "7d9", **labels}
    body["metadata"]["ownerReferences"] = [{"kind": kind, "name": name, "uid": "u", "controller": True}]
    return body


@pytest.mark.parametrize(
    ("kind", "name"),
    [("ReplicaSet", "tiny-7d9"), ("StatefulSet", "tiny-group"), ("StatefulSet", "tiny-group-3")],
)
def test_a_pod_owned_by_the_models_workload_counts(kind: str, name: str) -> None:
    assert view_own_pod(owned(pod(), kind, name), "tiny") is not None


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("ReplicaSet", "other-7d9"),
        ("ReplicaSet", "tiny-b-7d9"),
        ("ReplicaSet", "tiny-"),
        ("StatefulSet", "tiny"),
        ("StatefulSet", "tiny-groups"),
        ("Job", "tiny-7d9"),
        ("DaemonSet", "tiny-7d9"),
    ],
)
def test_an_unowned_pod_with_the_label_does_not_count(kind: str, name: str) -> None:
    assert view_own_pod(owned(pod(), kind, name), "tiny") is None


def test_a_pod_without_a_controller_does_not_count() -> None:
    assert view_own_pod(pod(), "tiny") is None
    adopted = owned(pod())
    adopted["metadata"]["ownerReferences"][0]["controller"] = False
    assert view_own_pod(adopted, "tiny") is None


def test_the_pods_hash_must_match_its_replica_set() -> None:
    assert view_own_pod(owned(pod(), **{"pod-template-hash": "other"}), "tiny") is None


def everything_set() -> Object:
    """A pod on which every field that is read has a value."""
    body = pod(
        ready=True,
        podIP="10.0.0.1",
        reason="Evicted",
        message="low on memory",
        engine=running(lastState=ended("boom"), ready=True),
    )
    body["metadata"]["annotations"][DELETION_COST] = "3"
    body["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    body["spec"]["schedulingGates"] = [{"name": "kueue.x-k8s.io/admission"}]
    body["spec"]["containers"] = [{"name": "vllm", "resources": {"limits": {"memory": "16Gi"}}}]
    body["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimTemplateName": "tiny-gpu"}]
    return owned(body, **{"kueue.x-k8s.io/queue-name": "q", "app.kubernetes.io/component": "engine"})


def test_the_reduced_pod_has_every_field_that_is_read() -> None:
    body = everything_set()
    seen = view_own_pod(body, "tiny")
    assert seen is not None
    assert seen["metadata"]["annotations"] == {
        REVISION: seen["metadata"]["annotations"][REVISION],
        DELETION_COST: "3",
    }
    assert seen["spec"] == body["spec"]
    assert seen["status"] == body["status"]
    assert has_gateway(seen)


def demanding() -> Object:
    """A pod that finds no node, with everything set that it may ask of one."""
    body = pod(unschedulable="0/1 nodes are available: 1 Insufficient nvidia.com/gpu.")
    resources = {"requests": {"cpu": "1500m"}, "limits": {"nvidia.com/gpu": "2", "memory": "1Gi"}}
    body["spec"]["containers"] = [{"name": "vllm", "resources": resources}]
    body["spec"]["initContainers"] = [{"name": "gateway", "restartPolicy": "Always", "resources": resources}]
    body["spec"]["tolerations"] = [{"key": "a", "operator": "Equal", "value": "b", "effect": "NoSchedule"}]
    body["spec"]["nodeSelector"] = {"zone": "a"}
    return body


NODES = Nodes(
    (
        Node("n-1", {"zone": "a"}, (("a", "b", "NoSchedule"), ("c", "", "NoExecute")), {"cpu": Fraction(64)}),
        Node("n-2", {"zone": "a"}, (), {"cpu": Fraction(2), "nvidia.com/gpu": Fraction(8)}),
    )
)


def test_the_resources_of_an_unscheduled_pod_are_kept_completely() -> None:
    body = demanding()
    seen = view_own_pod(owned(body), "tiny")
    assert seen is not None
    assert seen["spec"]["resources"]["requests"]["nvidia.com/gpu"] == "4"
    assert requests_of(seen) == requests_of(body)
    assert seen["spec"]["tolerations"] == body["spec"]["tolerations"]
    assert seen["spec"]["nodeSelector"] == body["spec"]["nodeSelector"]


def test_the_status_is_the_same_from_whole_and_from_reduced_pods() -> None:
    for body in (
        owned(pod()),
        owned(pod(unschedulable="0/1 nodes are available: 1 Insufficient cpu.")),
        owned(demanding()),
        everything_set(),
    ):
        view = view_own_pod(body, "tiny")
        assert view is not None
        whole, held = (
            build_status(model(), ModelState({}, (item,), True, all_pods=(item,), nodes=NODES), NOW)
            for item in (body, view)
        )
        assert whole == held


def hostile(**change: Any) -> Object:
    body = everything_set()
    body["metadata"]["annotations"] |= {f"a{number}": "x" * 100 for number in range(2000)}
    body["metadata"]["managedFields"] = [{"fieldsV1": {f"f:{number}": {} for number in range(5000)}}]
    amounts = {f"a.b/{number}": "1" * 1000 for number in range(2000)}
    body["spec"] = {
        "containers": [{"name": "n", "env": [{"value": "x" * 500_000}], "resources": {"limits": amounts}}]
        * 99,
        "tolerations": [{"key": "x" * 1000, "junk": "x" * 1000}] * 2000,
        "nodeSelector": {f"a.b/{number}": "x" * 1000 for number in range(2000)},
    }
    body["status"]["conditions"] = [{"type": "A", "status": "True", "message": "x" * 100_000}] * 500
    body["status"]["containerStatuses"] = [{"name": "a", "state": ended("x" * 100_000)}] * 500
    return {**body, **change}


def test_the_data_kept_of_a_pod_is_bounded() -> None:
    seen = view_own_pod(hostile(), "tiny")
    assert seen is not None
    assert len(seen["status"]["conditions"]) == POD_CONDITIONS
    assert len(seen["status"]["containerStatuses"]) == POD_CONTAINERS
    status = (POD_CONDITIONS + POD_CONTAINERS + 4) * (TEXT_CHARACTERS + 200)
    assert len(json.dumps(seen["status"])) < status
    assert len(json.dumps(seen["spec"])) < 200 * POD_CONTAINERS + 2000 * (POD_RESOURCES + POD_TOLERATIONS)
    assert len(seen["spec"]["nodeSelector"]) == POD_LABELS


def test_of_many_resource_amounts_only_a_few_are_computed() -> None:
    body = hostile()
    body["spec"]["containers"][0]["resources"]["limits"] = {f"a.b/{number}": "1" for number in range(100_000)}
    assert len(requests_of(body)) <= POD_RESOURCES


def test_the_data_kept_of_an_event_is_bounded() -> None:
    event = mount_event("x" * 100_000, junk={"a": "x" * 100_000}, series={"lastObservedTime": "t", "a": 1})
    seen = view_event(event)
    assert len(json.dumps(seen)) < TEXT_CHARACTERS + 500
    assert seen["series"] == {"lastObservedTime": "t"}
    assert (seen["reason"], seen["regarding"]) == ("FailedMount", {"kind": "Pod", "uid": "uid-tiny-1"})
