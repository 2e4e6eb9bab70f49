"""The condition CapacityAvailable: whether there is room for every pod that the model needs now.

During a rollout that includes the surge pod, and the message has the rollout's choice. While a pod of the
model is being deleted the status is Unknown, because the pod frees resources.
"""

from __future__ import annotations

from typing import Any

from fairlead_operator.objects import is_leaving
from fairlead_operator.plan.findings import Finding, deployment_finding, worst
from fairlead_operator.plan.rollout.strategy import RolloutChoice

Object = dict[str, Any]
Row = tuple[bool | None, Finding]


def capacity(
    desired: int,
    pods: tuple[Object, ...],
    all_pods: tuple[Object, ...],
    refused: list[Finding],
    deployment: Object,
    rollout: RolloutChoice,
) -> Row:
    """Status (None is Unknown) and finding, from the pods of the current revision and `all_pods`.
    `refused` is why pods of the current revision have no node.
    """
    if desired == 0:
        return None, Finding("ScaledToZero", "no replica is wanted")
    if rollout.why:
        text = f"an old pod is drained for each new one, because {rollout.why}"
        return False, Finding("DrainThenReplace", text)
    rejected = deployment_finding(deployment)
    if cause := worst([*refused, *([rejected] if rejected else [])]):
        unknown = cause.reason == "Progressing" or any(map(is_leaving, all_pods))
        return (None if unknown else False), cause
    if not pods:
        return None, Finding("Progressing", "no pod of the current revision exists yet")
    return True, Finding("Scheduled", "every pod has a node")
