"""The Service through which a model is reached, and the ServiceAccount of its pods."""

from __future__ import annotations

from fairlead_operator.render.model import Model, Object


def render_service(model: Model) -> Object:
    """The Service NAME. The admin port is not part of it."""
    port = {"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": model.metadata(model.name),
        "spec": {"type": "ClusterIP", "selector": model.selector, "ports": [port]},
    }


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
