"""What tells the scheduler, and Kueue before it, where and when a pod may run."""

from __future__ import annotations

from fairlead_operator.api.part import ApiObject
from fairlead_operator.render.model import Model, Object

QUEUE_LABEL = "kueue.x-k8s.io/queue-name"


def scheduling(model: Model, revision_label: str, selector: dict[str, str]) -> Object:
    """The fields of a pod's spec that say where it may run; only those that are set.

    Spread is counted over the pods that `selector` selects, separately for each value of `revision_label`:
    otherwise a rollout that places new pods between old ones leaves them uneven when the old ones are gone.
    """
    wanted = model.spec.scheduling
    constraints = [
        {
            **_dump(constraint),
            "labelSelector": {"matchLabels": selector},
            "matchLabelKeys": [revision_label],
        }
        for constraint in wanted.topology_spread_constraints
    ]
    fields: Object = {
        "nodeSelector": dict(wanted.node_selector),
        "tolerations": [_dump(toleration) for toleration in wanted.tolerations],
        "affinity": dict(wanted.affinity),
        "topologySpreadConstraints": constraints,
        "priorityClassName": wanted.priority_class_name,
        "runtimeClassName": wanted.runtime_class_name,
        "schedulerName": wanted.scheduler_name,
    }
    return {name: value for name, value in fields.items() if value}


def queue_labels(model: Model) -> dict[str, str]:
    """The label by which Kueue admits a workload, if the model has a queue.

    It is set on the Deployment and on its pods: Kueue's webhook for Deployments copies it there at their
    creation and lets nobody change either; without that webhook the pods are admitted by their own label.
    """
    queue = model.spec.scheduling.queue_name
    return {QUEUE_LABEL: queue} if queue else {}


def _dump(part: ApiObject) -> Object:
    rendered: Object = part.model_dump(by_alias=True, exclude_none=True)
    return rendered
