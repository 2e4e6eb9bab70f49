"""The Services through which a model is reached, and the ServiceAccount of its pods.

A model that can be at zero may have no pods, but its Service must always answer. So its Service leads to the
router, which holds requests until a pod is ready. A second Service selects the pods for the router.
"""

from __future__ import annotations

from fairlead_contract.names import API_PORT_NAME, pods_service
from fairlead_operator.render.model import Model, Object, RenderSettings

_PORT = {
    "name": API_PORT_NAME,
    "port": 80,
    "targetPort": API_PORT_NAME,
    "protocol": "TCP",
    "appProtocol": "http",
}


def can_be_at_zero(model: Model, router_host: str) -> bool:
    """Whether the model may have no replica while requests come for it; that needs a router."""
    rules = model.spec.autoscaling
    return bool(router_host) and rules is not None and rules.min_replicas == 0


def render_services(model: Model, settings: RenderSettings) -> list[Object]:
    """The Service NAME, and for a model that can be at zero NAME-pods. The admin port is part of neither."""
    policy = {"ipFamilyPolicy": settings.ip_family_policy} if settings.ip_family_policy else {}
    if not can_be_at_zero(model, settings.router_host):
        return [_service(model, model.name, {"type": "ClusterIP", **policy, "selector": model.selector})]
    pods = {"type": "ClusterIP", "clusterIP": "None", **policy, "selector": model.selector}
    # By name, since a Service cannot select pods of another namespace. The port is the router's.
    router = {"type": "ExternalName", "externalName": settings.router_host}
    # The router must know the pods before requests are led to it.
    return [_service(model, pods_service(model.name), pods), _service(model, model.name, router)]


def render_service_account(model: Model) -> Object:
    """The ServiceAccount NAME, without a token: nothing in the pod talks to the API server."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": model.metadata(model.name),
        "automountServiceAccountToken": False,
    }


def service_url(model: Model) -> str:
    """The base URL for OpenAI clients inside the cluster."""
    return f"http://{model.name}.{model.namespace}.svc/v1"


def _service(model: Model, name: str, spec: Object) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": model.metadata(name),
        "spec": {**spec, "ports": [_PORT]},
    }
