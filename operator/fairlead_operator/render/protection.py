"""What keeps a model available and its admin port closed: PodDisruptionBudget and NetworkPolicy.

Both are optional children. A budget makes sense only for several replicas: for a single one it would block
the drain of a node for ever, or allow it and say nothing. The policy is wanted unless the operator's settings
turn it off, for clusters whose administrators write their own.

Both select by the model's label alone, which all pods of a replica carry, also where a replica has several.
"""

from __future__ import annotations

from fairlead_operator.api.names import MODEL_LABEL
from fairlead_operator.render.gateway import ADMIN_PORT, API_PORT
from fairlead_operator.render.model import AdminClients, Model, Object, RenderSettings

# By the API server; a namespace cannot have another name there.
_NAMESPACE_LABEL = "kubernetes.io/metadata.name"
# What the chart labels its pods with.
_OPERATOR_PODS = {"app.kubernetes.io/name": "fairlead"}


def render_protection(model: Model, settings: RenderSettings) -> list[Object]:
    """The budget and the policy, as far as they are wanted."""
    children = [_disruption_budget(model)] if _most_replicas(model) > 1 else []
    if clients := settings.admin_clients:
        children.append(_network_policy(model, clients))
    return children


def _most_replicas(model: Model) -> int:
    """A model that is scaled keeps its budget while it has one replica, or it would come and go."""
    rules = model.spec.autoscaling
    return rules.max_replicas if rules else model.spec.replicas


def _disruption_budget(model: Model) -> Object:
    """The PodDisruptionBudget NAME: node drains take one pod after the other."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": model.metadata(model.name),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": _pods(model)},
            # A pod that serves nobody must not keep a node from being drained.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _network_policy(model: Model, clients: AdminClients) -> Object:
    """The NetworkPolicy NAME: the API is open, the admin port only for the operator and for monitoring.

    The kubelet's probes and the drain hook come from the pod's own node, which Kubernetes lets through
    whatever a policy says. What pods send out is not restricted: hubs, registries and media are anywhere.
    """
    rules: list[Object] = [
        {"ports": [_port(API_PORT)]},
        {
            "from": [
                {**_namespace(clients.operator_namespace), "podSelector": {"matchLabels": _OPERATOR_PODS}},
                *(_namespace(name) for name in clients.monitoring_namespaces),
            ],
            "ports": [_port(ADMIN_PORT)],
        },
    ]
    if model.spec.engine.nodes > 1:
        # The engine's processes on several nodes talk to each other on ports that they choose themselves.
        rules.append({"from": [{"podSelector": {"matchLabels": _pods(model)}}]})
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": model.metadata(model.name),
        "spec": {
            "podSelector": {"matchLabels": _pods(model)},
            "policyTypes": ["Ingress"],
            "ingress": rules,
        },
    }


def _pods(model: Model) -> dict[str, str]:
    return {MODEL_LABEL: model.name}


def _namespace(name: str) -> Object:
    return {"namespaceSelector": {"matchLabels": {_NAMESPACE_LABEL: name}}}


def _port(number: int) -> Object:
    # By number: implementations look named ports up in containers, and not all of them in init containers.
    return {"port": number, "protocol": "TCP"}
