"""The workload of a model, of either kind, in the form of a Deployment.

A LeaderWorkerSet counts groups as a Deployment counts pods, and rolls them in the same way. Its status lacks
two things: the observed generation (its controller 0.7 does not set it), and whether a rollout makes
progress. Both are computed here: running pods are counted too, and the deadline starts at the transition
times of its conditions and its leaders' readiness.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from fairlead_operator.api.names import COMPONENT_LABEL, ENGINE_COMPONENT, LEADER_WORKER_SET
from fairlead_operator.objects import (
    condition_of,
    controller_of,
    is_leaving,
    is_true,
    labels_of,
    live_revision,
)
from fairlead_operator.plan.findings import parse_time
from fairlead_operator.render.leaderworkerset import group_name
from fairlead_operator.render.model import RECREATE, REPLACE, SURGE, Model

Object = dict[str, Any]

WORKLOADS = ("Deployment", LEADER_WORKER_SET)


def own_workload(model: Model, live: dict[tuple[str, str], Object]) -> Object:
    """The live workload of the spec's kind, {} if there is none or it is not this model's."""
    several = model.spec.engine.nodes > 1
    expected = (LEADER_WORKER_SET, group_name(model)) if several else ("Deployment", model.name)
    found = live.get(expected, {})
    return found if found and controller_of(found).get("uid") == model.uid else {}


def as_deployment(workload: Object, model: Model, pods: tuple[Object, ...], now: datetime) -> Object:
    """A workload in the form of a Deployment; a Deployment, or none ({}), is returned unchanged."""
    if workload.get("kind") != LEADER_WORKER_SET:
        return workload
    spec = workload["spec"]
    template = spec["leaderWorkerTemplate"]["leaderTemplate"]
    strategy = spec.get("rolloutStrategy", {}).get("rollingUpdateConfiguration") or {}
    return {
        "kind": workload["kind"],
        "metadata": workload["metadata"],
        "spec": {
            "replicas": spec.get("replicas", 1),
            "template": template,
            "strategy": _strategy(strategy),
        },
        "status": _status(workload, template, model, pods, now),
    }


def is_observed(workload: Object) -> bool:
    """Whether there is a workload whose controller has observed its present generation."""
    generation = workload.get("metadata", {}).get("generation", 1)
    return bool(workload) and workload.get("status", {}).get("observedGeneration", 0) >= generation


def is_leader(pod: Object) -> bool:
    """Whether a pod serves: it is the leader of a group, or no group has it."""
    return bool(labels_of(pod).get(COMPONENT_LABEL, ENGINE_COMPONENT) == ENGINE_COMPONENT)


def serving_pods(pods: Iterable[Object]) -> list[Object]:
    """The pods that count: one for each replica, without failed ones."""
    return [
        pod
        for pod in pods
        if is_leader(pod) and pod.get("status", {}).get("phase") not in ("Failed", "Succeeded")
    ]


def _strategy(configuration: Object) -> Object:
    """The rendered object, from the one that LeaderWorkerSet has changed."""
    if configuration.get("maxSurge"):
        return SURGE
    return REPLACE if configuration.get("maxUnavailable") == 1 else RECREATE


def _status(
    workload: Object, template: Object, model: Model, pods: tuple[Object, ...], now: datetime
) -> Object:
    reported, generation = workload.get("status") or {}, workload["metadata"].get("generation", 1)
    revision = live_revision(template)
    leaders = [pod for pod in pods if is_leader(pod) and not is_leaving(pod)]
    updated = [pod for pod in leaders if live_revision(pod) == revision]
    ready = [pod for pod in leaders if is_true(pod, "Ready")]
    late = not is_true(workload, "Available") and _stands_still(workload, ready, model, now)
    return {
        # Without an observed generation the pods themselves are counted.
        "observedGeneration": reported.get("observedGeneration", generation),
        "replicas": reported.get("replicas", 0),
        "updatedReplicas": min(reported.get("updatedReplicas", 0), len(updated)),
        "readyReplicas": min(reported.get("readyReplicas", 0), len(ready)),
        "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
        if late
        else [],
    }


def _stands_still(workload: Object, ready: list[Object], model: Model, now: datetime) -> bool:
    """Whether the rollout made no progress within its deadline: no new condition, no new ready leader."""
    moves = [
        parse_time(condition.get("lastTransitionTime"))
        for condition in (
            *(workload.get("status", {}).get("conditions") or []),
            *(condition_of(pod, "Ready") for pod in ready),
        )
    ]
    last = max((move for move in moves if move), default=None)
    deadline = timedelta(seconds=model.spec.rollout.progress_deadline_seconds)
    return last is not None and now - last > deadline
