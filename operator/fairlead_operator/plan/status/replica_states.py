"""The replicas of a model by state, for its metrics."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from fairlead_operator.objects import condition_of, is_leaving, is_true
from fairlead_operator.plan.children.workload import serving_pods

Object = dict[str, Any]


def replica_states(desired: int, pods: Iterable[Object], draining: Collection[str]) -> dict[str, int]:
    """Numbers by state, of every state. Each pod is in exactly one; `desired` is what is wanted. Pods in
    `draining` are about to be deleted.
    """
    states = {"desired": desired, "ready": 0, "starting": 0, "unschedulable": 0, "draining": 0}
    for pod in serving_pods(pods):
        states[_state(pod, draining)] += 1
    return states


def _state(pod: Object, draining: Collection[str]) -> str:
    if is_leaving(pod) or pod["metadata"]["name"] in draining:
        return "draining"
    if is_true(pod, "Ready"):
        return "ready"
    return "unschedulable" if condition_of(pod, "PodScheduled").get("status") == "False" else "starting"
