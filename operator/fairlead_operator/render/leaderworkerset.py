"""The LeaderWorkerSet of a model whose replicas are spread over nodes, in place of the Deployment.

Its name is not the model's: LeaderWorkerSet makes a headless Service of the set's own name, by which the
workers find their leader, and the model's name is taken by the Service that clients use.
"""

from __future__ import annotations

from fairlead_operator.api.names import LEADER_WORKER_SET
from fairlead_operator.render.model import RECREATE, REPLACE, Choices, Model, Object
from fairlead_operator.render.scheduling import queue_labels
from fairlead_operator.render.templates import template_annotations


def group_name(model: Model) -> str:
    """The name of the LeaderWorkerSet."""
    return group_name_of(model.name)


def group_name_of(model: str) -> str:
    """The same, from the model's name."""
    return f"{model}-group"


def render_leader_worker_set(model: Model, templates: tuple[Object, ...], choices: Choices) -> Object:
    """The LeaderWorkerSet NAME-group: one group of pods for each replica."""
    leader, worker = templates
    metadata = model.metadata(group_name(model))
    labels = {**metadata["labels"], **queue_labels(model)}
    return {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": LEADER_WORKER_SET,
        "metadata": {
            **metadata,
            "labels": labels,
            "annotations": template_annotations(model, templates, choices),
        },
        "spec": {
            "replicas": model.spec.replicas,
            "leaderWorkerTemplate": {
                "size": model.spec.engine.nodes,
                "leaderTemplate": leader,
                "workerTemplate": worker,
                # The processes of an engine are one: none of them goes on without the others.
                "restartPolicy": "RecreateGroupOnPodRestart",
            },
            "rolloutStrategy": {
                "type": "RollingUpdate",
                "rollingUpdateConfiguration": _group_strategy(choices.strategy),
            },
            # The leader is ready only when its workers have joined it.
            "startupPolicy": "LeaderCreated",
        },
    }


def _group_strategy(strategy: Object) -> Object:
    """A Deployment's strategy in the form of LeaderWorkerSet, which has no Recreate."""
    if strategy == RECREATE:
        return {"maxSurge": 0, "maxUnavailable": "100%", "partition": 0}
    if strategy == REPLACE:
        return {"maxSurge": 0, "maxUnavailable": 1, "partition": 0}
    return {"maxSurge": 1, "maxUnavailable": 0, "partition": 0}
