"""Which pod goes when a model shrinks: the one with the fewest requests in flight.

The ReplicaSet controller removes pods that are not ready first, and of ready ones those with the lowest
deletion cost. So just before the Deployment is told to shrink, each pod's cost is set to what its gateway
reports; a pod that does not answer keeps what it has. Where an autoscaler has chosen who goes, it has looked
at more than that, and those pods cost the least.
"""

from __future__ import annotations

from typing import Any

from fairlead_operator.api.names import DELETION_COST
from fairlead_operator.plan.gateway_queries import can_be_asked
from fairlead_operator.plan.observed import Observed, is_leaving, live_revision
from fairlead_operator.plan.podreport import PodReport

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
    # Below all loads, first to go lowest.
    chosen = {name: place for place, name in enumerate(reversed(_chosen(observed)), 1)}
    for pod in observed.pods:
        name = pod["metadata"]["name"]
        cost = -chosen[name] if name in chosen else load_of(observed.reports.get(name))
        annotations = pod["metadata"].get("annotations") or {}
        if cost is not None and annotations.get(DELETION_COST) != str(cost):
            costs[name] = cost
    return costs


def candidates(observed: Observed) -> list[Object]:
    """The pods whose load decides who goes."""
    return [pod for pod in observed.pods if can_be_asked(pod) and not is_leaving(pod)]


def _chosen(observed: Observed) -> tuple[str, ...]:
    """The pods that the autoscaler lets go, first to go first."""
    scaling = observed.scaling
    return (*scaling.parting.names, *scaling.decision.removal) if scaling else ()


def load_of(report: PodReport | None) -> int | None:
    """Requests that a pod has, running and waiting, by its gateway's report; None without one."""
    return None if report is None else report.load
