"""The PodDisruptionBudget of a model.

It makes sense only for several replicas: for a single one it would either block the drain of a node for ever
or have no effect.
"""

from __future__ import annotations

from fairlead_operator.render.model import Model, Object


def render_disruption_budget(model: Model) -> Object | None:
    """The PodDisruptionBudget NAME, by which node drains take one pod after the other; None for a model that
    never has several replicas.
    """
    if _most_replicas(model) < 2:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": model.metadata(model.name),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": model.selector_of_all},
            # A pod that serves no requests must not keep a node from being drained.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _most_replicas(model: Model) -> int:
    """An autoscaled model keeps its budget while it has one replica. Otherwise the budget would be created
    and deleted again and again.
    """
    rules = model.spec.autoscaling
    return rules.max_replicas if rules else model.spec.replicas
