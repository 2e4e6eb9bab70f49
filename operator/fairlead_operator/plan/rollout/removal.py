"""Which pod is removed when a model shrinks: the one with the fewest requests in flight.

The ReplicaSet controller removes pods that are not ready first, and of ready ones those with the lowest
deletion cost. So just before the Deployment shrinks, each pod's cost is set to the load from its gateway. A
pod that does not answer keeps its cost. Pods that the autoscaler has chosen have the lowest costs, because
its choice uses more than the load.
"""

from __future__ import annotations

from typing import Any

from fairlead_contract.status import PodReport
from fairlead_operator.api.names import DELETION_COST
from fairlead_operator.objects import annotations_of, is_leaving, live_revision
from fairlead_operator.plan.observed import Observed
from fairlead_operator.plan.pods.gateway_queries import has_gateway

Object = dict[str, Any]


def shrinks(desired: Object, deployment: Object) -> bool:
    """Whether applying `desired` removes pods of the live Deployment: fewer replicas, or other pods."""
    if not deployment:
        return False
    before, after = deployment["spec"], desired["spec"]
    fewer = before.get("replicas", 1) > after["replicas"] > 0
    return fewer or (
        before.get("replicas", 1) > 1
        and live_revision(before["template"]) != live_revision(after["template"])
    )


def deletion_costs(observed: Observed) -> dict[str, int]:
    """The costs to write, by pod; only those that differ from what the pods have."""
    costs = {}
    # Below all loads; the first to be removed has the lowest.
    chosen = {name: place for place, name in enumerate(reversed(_chosen(observed)), 1)}
    for pod in observed.pods:
        name = pod["metadata"]["name"]
        cost = -chosen[name] if name in chosen else load_of(observed.reports.get(name))
        annotations = annotations_of(pod)
        if cost is not None and annotations.get(DELETION_COST) != str(cost):
            costs[name] = cost
    return costs


def candidates(observed: Observed) -> list[Object]:
    """The pods whose load decides which is removed."""
    return [pod for pod in observed.pods if has_gateway(pod) and not is_leaving(pod)]


def _chosen(observed: Observed) -> tuple[str, ...]:
    """The pods that the autoscaler has released, in the order of their removal."""
    scaling = observed.scaling
    return (*scaling.drain.names, *scaling.decision.removal) if scaling else ()


def load_of(report: PodReport | None) -> int | None:
    """Requests that a pod has, running and waiting, by its gateway's report; None without one."""
    return None if report is None else report.load
