"""The objects that the router reads, as a cluster would have them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairlead_contract.names import API_PORT_NAME, MODEL_LABEL, pods_service
from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.local.environment import LOOPBACK
from fairlead_operator.plan.findings import timestamp
from fairlead_operator.render.model import Model

Object = dict[str, Any]


def stored(document: Object, namespace: str, uid: str, created: Any) -> Object:
    """A manifest as the API server stores it when it is applied."""
    ours = {
        "namespace": namespace,
        "uid": uid,
        "generation": 1,
        "creationTimestamp": timestamp(created),
    }
    return {**document, "metadata": {**document["metadata"], **ours}}


def model_with_status(
    document: Object, model: Model, *, ready: bool, replicas: int, about: str, decision: Decision | None
) -> Object:
    """The ModelDeployment with what a router reads of the status. `about` says why it is not ready."""
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "reason": "Ready" if ready else "Progressing",
        "message": about,
    }
    status: Object = {
        "observedGeneration": model.generation,
        "conditions": [condition],
        "replicas": replicas,
        "readyReplicas": int(ready),
        "servedModels": list(model.all_served_names),
    }
    if decision:
        status["autoscaling"] = {
            "desiredReplicas": decision.replicas,
            "reason": decision.reason,
            "message": decision.message,
            "holdTimeoutSeconds": decision.hold_timeout_seconds,
            **(
                {}
                if decision.expected_ready_seconds is None
                else {"expectedReadySeconds": decision.expected_ready_seconds}
            ),
        }
    return {**document, "status": status}


def endpoint_slice(model: Model, pods: Sequence[tuple[str, int]]) -> Object:
    """The EndpointSlice of a model's ready pods: their names and the ports of their APIs.

    A slice has one port, and here each pod has a port of its own; so there is at most one pod.
    """
    service = pods_service(model.name)
    endpoints = [
        {
            "addresses": [LOOPBACK],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "targetRef": {"kind": "Pod", "namespace": model.namespace, "name": name},
        }
        for name, _ in pods
    ]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "addressType": "IPv4",
        "metadata": {
            "name": f"{service}-local",
            "namespace": model.namespace,
            "labels": {MODEL_LABEL: model.name, "kubernetes.io/service-name": service},
        },
        "endpoints": endpoints,
        "ports": [{"name": API_PORT_NAME, "port": port, "protocol": "TCP"} for _, port in pods[:1]],
    }


def namespace_object(name: str) -> Object:
    """The Namespace of that name."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
