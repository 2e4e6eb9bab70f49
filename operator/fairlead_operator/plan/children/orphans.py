"""Children that a model does not have any more, and which of them may be deleted.

Nearly all may be deleted at once. The template of a claim may not: the pods of a former revision were made
from it. Until a rollout is over any of them may have to be replaced, which is impossible without the
template.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from fairlead_operator.api.names import LEADER_WORKER_SET, RESOURCE_CLAIM_TEMPLATE
from fairlead_operator.objects import controller_of, identity, is_leaving
from fairlead_operator.plan.observed import Observed
from fairlead_operator.render.model import Model

Object = dict[str, Any]


def find_orphans(model: Model, observed: Observed, desired: Sequence[Object]) -> list[Object]:
    """Children of this very model that it does not have any more and nothing needs."""
    kept = {identity(child) for child in desired}
    return [
        child
        for child in observed.children
        if identity(child) not in kept
        and controller_of(child).get("uid") == model.uid
        and not is_leaving(child)
        and not (child["kind"] == RESOURCE_CLAIM_TEMPLATE and _is_needed(child, observed, desired))
    ]


def _is_needed(template: Object, observed: Observed, desired: Sequence[Object]) -> bool:
    """Whether pods are or may still be made with claims from this template."""
    live = [child for child in observed.children if child["kind"] in ("Deployment", LEADER_WORKER_SET)]
    if any(map(_is_rolling, live)):
        return True
    pods = [*observed.pods, *(pod for child in (*live, *desired) for pod in _templates(child))]
    return template["metadata"]["name"] in {name for pod in pods for name in _claimed(pod)}


def _is_rolling(workload: Object) -> bool:
    """Whether a workload may still make pods of a former revision."""
    status = workload.get("status") or {}
    seen = status.get("observedGeneration", workload["metadata"].get("generation", 0))
    behind = seen < workload["metadata"].get("generation", 0)
    return bool(behind or status.get("updatedReplicas", 0) != status.get("replicas", 0))


def _templates(workload: Object) -> Iterable[Object]:
    spec = workload.get("spec") or {}
    group = spec.get("leaderWorkerTemplate") or {}
    return filter(None, (spec.get("template"), group.get("leaderTemplate"), group.get("workerTemplate")))


def _claimed(pod: Object) -> set[str]:
    """The claim templates that a pod, or a pod template, names."""
    claims = (pod.get("spec") or {}).get("resourceClaims") or []
    return {claim.get("resourceClaimTemplateName", "") for claim in claims}
