"""The NetworkPolicy of a model, which closes its admin port.

The operator's settings can turn it off, for clusters whose administrators write their own policies.
"""

from __future__ import annotations

from fairlead_contract.names import ADMIN_PORT, API_PORT
from fairlead_operator.api.names import OPERATOR_LABELS
from fairlead_operator.render.model import Model, Object, RenderSettings

# The API server sets this label; its value is always the namespace's name.
_NAMESPACE_LABEL = "kubernetes.io/metadata.name"


def render_network_policy(model: Model, settings: RenderSettings) -> Object | None:
    """The NetworkPolicy NAME: the API is open, the admin port only for the operator and for monitoring. None
    if the settings turn it off.

    The kubelet's probes and the drain hook come from the pod's own node, whose traffic Kubernetes always
    allows. What pods send out is not restricted: hubs, registries and media are anywhere.
    """
    clients = settings.admin_clients
    if clients is None:
        return None
    rules: list[Object] = [
        {"ports": [_port(API_PORT)]},
        {
            "from": [
                {
                    **_namespace(clients.operator_namespace),
                    "podSelector": {"matchLabels": dict(OPERATOR_LABELS)},
                },
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


def _namespace(name: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: name}}}


def _port(number: int) -> Object:
    # By number: implementations look named ports up in containers, and not all of them in init containers.
    return {"port": number, "protocol": "TCP"}
