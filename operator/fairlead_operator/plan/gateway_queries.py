"""Whom to ask for what the API server's objects do not tell.

Most of what the status says comes from objects that are watched. Two things do not: why a pod waits for its
node or its volumes (Events, read only for such pods), and how far a pod is with its download, its start or
its drain (its gateway, asked only then). In a steady state nobody is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fairlead_operator.bounds import PODS_WITH_EVENTS
from fairlead_operator.plan.findings import condition_of, is_true
from fairlead_operator.plan.observed import is_leaving
from fairlead_operator.plan.volume_failures import awaits_volumes

Object = dict[str, Any]


def awaits_events(pod: Object) -> bool:
    """Whether what the pod waits for is told only in Events."""
    return awaits_node(pod) or awaits_volumes(pod)


def asked_about_in_events(pods: Iterable[Object]) -> list[Object]:
    """The pods whose Events are to be read: the newest of those that wait for what only Events tell."""
    waiting = [pod for pod in pods if awaits_events(pod)]
    waiting.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True)
    return waiting[:PODS_WITH_EVENTS]


def awaits_node(pod: Object) -> bool:
    """Whether the scheduler has not placed the pod."""
    return not pod.get("spec", {}).get("nodeName") and not is_leaving(pod)


def is_refused(pod: Object) -> bool:
    """Whether the scheduler has found no node for the pod, so that the nodes may say more."""
    scheduled = condition_of(pod, "PodScheduled") or {}
    return (
        awaits_node(pod) and scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    )


def tells_progress(pod: Object) -> bool:
    """Whether the pod's gateway can be asked and knows something that changes: it starts, or it drains."""
    return can_be_asked(pod) and (is_leaving(pod) or not is_true(pod, "Ready"))


def can_be_asked(pod: Object) -> bool:
    """Whether the pod's gateway runs and has an address."""
    status = pod.get("status", {})
    gateway: Object = next(
        (item for item in status.get("initContainerStatuses", []) if item.get("name") == "gateway"), {}
    )
    return bool(status.get("podIP")) and "running" in gateway.get("state", {})
