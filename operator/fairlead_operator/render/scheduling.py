"""The fields by which the scheduler, and Kueue before it, decide where and when a pod may run."""

from __future__ import annotations

from fairlead_operator.api.names import QUEUE_LABEL
from fairlead_operator.api.part import ApiObject
from fairlead_operator.render.model import Model, Object


def scheduling(model: Model, revision_label: str, selector: dict[str, str]) -> Object:
    """The fields of a pod's spec that say where it may run; only those that are set.

    Spread is counted over the pods that `selector` selects, separately for each value of `revision_label`:
    otherwise a rollout that places new pods between old ones leaves them uneven when the old ones are gone.
    """
    settings = model.spec.scheduling
    constraints = [
        {
            **_dump(constraint),
            "labelSelector": {"matchLabels": selector},
            "matchLabelKeys": [revision_label],
        }
        for constraint in settings.topology_spread_constraints
    ]
    fields: Object = {
        "nodeSelector": dict(settings.node_selector),
        "tolerations": [_dump(toleration) for toleration in settings.tolerations],
        "affinity": dict(settings.affinity),
        "topologySpreadConstraints": constraints,
        "priorityClassName": settings.priority_class_name,
        "runtimeClassName": settings.runtime_class_name,
        "schedulerName": settings.scheduler_name,
    }
    return {name: value for name, value in fields.items() if value}


def queue_labels(model: Model) -> dict[str, str]:
    """The label by which Kueue admits a workload, if the model has a queue.

    It is set on the Deployment and on its pods: Kueue's webhook for Deployments copies it there at their
    creation and refuses changes of both; without that webhook the pods are admitted by their own label.
    """
    queue = model.spec.scheduling.queue_name
    return {QUEUE_LABEL: queue} if queue else {}


def _dump(part: ApiObject) -> Object:
    rendered: Object = part.model_dump(by_alias=True, exclude_none=True)
    return rendered
