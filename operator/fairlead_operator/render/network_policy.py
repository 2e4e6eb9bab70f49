"""The NetworkPolicy of a model, which closes its admin port, and on demand limits who may use its API.

The operator's settings can turn it off, for clusters whose administrators write their own policies.
"""

from __future__ import annotations

from collections.abc import Mapping

from fairlead_contract.names import ADMIN_PORT, API_PORT
from fairlead_operator.api.names import OPERATOR_LABELS
from fairlead_operator.render.model import ApiClients, Model, Object, RenderSettings

# The API server sets this label; its value is always the namespace's name.
_NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def render_network_policy(model: Model, settings: RenderSettings) -> Object | None:
    """The NetworkPolicy NAME: the API is open to all, or to `api_clients`; the admin port only to the
    operator and to monitoring. None if the settings turn it off.

    The kubelet's probes and the drain hook come from the pod's own node, whose traffic Kubernetes always
    allows. What pods send out is not restricted: hubs, registries and media are anywhere.
    """
    clients = settings.admin_clients
    if clients is None:
        return None
    rules: list[Object] = [
        _api_rule(settings.api_clients),
        {
            "from": [
                _pods(clients.operator_namespace, OPERATOR_LABELS),
                *(_namespace(name) for name in clients.monitoring_namespaces),
            ],
            "ports": [_port(ADMIN_PORT)],
        },
    ]
    if model.spec.engine.nodes > 1:
        # The engine's processes on several nodes connect to each other on ports that they choose themselves.
        rules.append({"from": [{"podSelector": {"matchLabels": model.selector_of_all}}]})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": model.metadata(model.name),
        "spec": {
            "podSelector": {"matchLabels": model.selector_of_all},
            "policyTypes": ["Ingress"],
            "ingress": rules,
        },
    }


def _api_rule(clients: ApiClients | None) -> Object:
    ports = {"ports": [_port(API_PORT)]}
    if clients is None:
        return ports
    routers = _pods(clients.router_namespace, clients.router_labels)
    return {"from": [routers, *(_namespace(name) for name in clients.namespaces)], **ports}


def _pods(namespace: str, labels: Mapping[str, str]) -> Object:
    """The pods of a namespace that have these labels, as a source."""
    return {**_namespace(namespace), "podSelector": {"matchLabels": dict(labels)}}


def _namespace(name: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: name}}}


def _port(number: int) -> Object:
    # By number: implementations look named ports up in containers, and not all of them in init containers.
    return {"port": number, "protocol": "TCP"}
