"""ModelDeployments and EndpointSlices as the API server hands them out."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]


def model(name: str = "tiny", namespace: str = "team", status: Object | None = None, **spec: Any) -> Object:
    """A ModelDeployment; `spec` on top of the least one."""
    return {
        "apiVersion": "fairlead.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"model": {"source": "pvc://models/tiny"}, "replicas": 1, **spec},
        "status": status or {},
    }


def scaled(**more: Any) -> Object:
    """The spec.autoscaling of a model that can be at zero."""
    return {"minReplicas": 0, "maxReplicas": 4, **more}


def endpoint(host: str, pod: str, ready: bool | None = True) -> Object:
    """One endpoint of a slice."""
    return {"addresses": [host], "conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": pod}}


def endpoint_slice(
    *endpoints: Object,
    name: str = "tiny",
    namespace: str = "team",
    port: int = 8000,
    service: str = "",
    port_name: str = "http",
    family: str = "IPv4",
) -> Object:
    """An EndpointSlice of a model's Service."""
    labels = {"fairlead.dev/model": name, "kubernetes.io/service-name": service or name}
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": f"{service or name}-x", "namespace": namespace, "labels": labels},
        "addressType": family,
        "ports": [{"name": port_name, "port": port, "protocol": "TCP"}],
        "endpoints": list(endpoints),
    }
