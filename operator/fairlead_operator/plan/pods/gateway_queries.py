"""Which pods need more than their watched objects: their Events, or the status of their gateway.

Most of the status comes from watched objects. Two facts do not: why a pod waits for its node or its volumes
(Events, read only for such pods), and the progress of a pod's download, start or drain (its gateway, queried
only then). In a steady state there are no such queries.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fairlead_operator.api.names import GATEWAY_CONTAINER
from fairlead_operator.bounds import PODS_WITH_EVENTS
from fairlead_operator.objects import condition_of, is_leaving, is_true, named
from fairlead_operator.plan.pods.volume_failures import awaits_volumes

Object = dict[str, Any]


def awaits_events(pod: Object) -> bool:
    """Whether only Events show what the pod waits for."""
    return awaits_node(pod) or awaits_volumes(pod)


def pods_awaiting_events(pods: Iterable[Object]) -> list[Object]:
    """The pods whose Events are to be read: the newest ones for which only Events have the cause."""
    waiting = [pod for pod in pods if awaits_events(pod)]
    waiting.sort(key=lambda pod: str(pod["metadata"].get("creationTimestamp")), reverse=True)
    return waiting[:PODS_WITH_EVENTS]


def awaits_node(pod: Object) -> bool:
    """Whether the scheduler has not placed the pod."""
    return not pod.get("spec", {}).get("nodeName") and not is_leaving(pod)


def is_refused(pod: Object) -> bool:
    """Whether the scheduler has found no node for the pod, so that the nodes may say more."""
    scheduled = condition_of(pod, "PodScheduled")
    return (
        awaits_node(pod) and scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    )


def tells_progress(pod: Object) -> bool:
    """Whether the pod's gateway can be queried for progress: the pod starts, or it drains."""
    return has_gateway(pod) and (is_leaving(pod) or not is_true(pod, "Ready"))


def has_gateway(pod: Object) -> bool:
    """Whether the pod's gateway runs and has an address."""
    status = pod.get("status", {})
    gateway = named(status.get("initContainerStatuses", []), GATEWAY_CONTAINER)
    return bool(status.get("podIP")) and "running" in gateway.get("state", {})
