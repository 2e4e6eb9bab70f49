"""Chooses how a rollout goes on: a new pod first, or an old one first. The scheduler is the oracle.

Whether there is room for one more pod depends on nodes, taints, quotas, claims and affinity, and on other
workloads. So none of that is computed here. The Deployment starts one surge pod. If the scheduler (or a
quota) refuses it for longer than the surge patience, the strategy of the stuck Deployment is reversed: an old
pod is drained, and the new one takes its place. That completes the rollout within seconds, because the
Deployment controller goes on with the strategy that it finds.

An old pod is given up only for a refusal that its end can resolve. A node selector that fits no node, or a
taint, would refuse the new pod afterwards too: then the old pods go on serving and the status has the cause.
An old pod also stays while another pod of the model is being deleted, for example one of a bad revision that
was corrected: its resources become free first, and only then does the patience begin.

The choice is kept in the Deployment itself (its strategy and an annotation), so that a restarted operator
goes on with it. It is reset when the rollout is over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fairlead_operator.api.names import ROLLOUT
from fairlead_operator.objects import annotations_of, condition, condition_of, is_leaving, live_revision
from fairlead_operator.plan.findings import deployment_finding, last_seen, parse_time
from fairlead_operator.plan.pods.volume_failures import awaits_volumes
from fairlead_operator.plan.text import clean
from fairlead_operator.render.model import RECREATE, REPLACE, SURGE, Model

Object = dict[str, Any]
# Start of a refusal, and its text.
Wait = tuple[datetime, str]

# The scheduler's texts for resources that another pod could free.
_TAKEN = re.compile(
    r"insufficient|too many pods|cannot allocate all claims|free ports|anti-?affinity|topology spread"
    r"|readwriteoncepod|node\(s\) exceed max volume count|unavailable device",
    re.IGNORECASE,
)
# The Event reasons of Cluster Autoscaler and Karpenter for a node that is coming, and for none.
_NODE_COMES = frozenset({"TriggeredScaleUp", "Nominated"})
_NODE_DOES_NOT_COME = frozenset({"NotTriggerScaleUp", "FailedScaleUp"})
# Kueue's scheduling gate, which holds a pod until there is quota for it.
_QUEUE_GATE = "kueue.x-k8s.io/admission"
# Cluster Autoscaler gives up a node that has not come after this time (its --max-node-provision-time),
# without an Event on the pod.
_NODE_GIVEN_UP = timedelta(minutes=15)


@dataclass(frozen=True)
class RolloutChoice:
    """The strategy to apply, why it is not the usual one (or ""), and seconds until that may change."""

    strategy: Object
    why: str = ""
    recheck_after: float | None = None


SURGING = RolloutChoice(SURGE)


def choose_rollout(
    model: Model,
    deployment: Object,
    pods: tuple[Object, ...],
    events: tuple[Object, ...],
    revision: str,
    now: datetime,
) -> RolloutChoice:
    """The strategy for a live Deployment ({} if there is none) that is to have pods of `revision`."""
    settings = model.spec.rollout
    if settings.strategy == "Recreate":
        return RolloutChoice(RECREATE)
    if settings.strategy == "Surge" or not _is_rolling(deployment, pods, revision):
        return SURGING
    annotations = annotations_of(deployment)
    if deployment["spec"].get("strategy") == REPLACE and ROLLOUT in annotations:
        return RolloutChoice(REPLACE, clean(annotations[ROLLOUT]))
    new = [pod for pod in pods if live_revision(pod) == revision and not is_leaving(pod)]
    waits = [wait for pod in new if (wait := _refused(pod, events, now))]
    if quota := _refused_creation(deployment):
        waits.append(quota)
    if not waits:
        return SURGING
    since, why = min(waits, key=lambda wait: wait[0])
    if any(map(is_leaving, pods)):
        # Its deletion triggers the next plan; the patience begins only then.
        return SURGING
    left = settings.surge_patience_seconds - (now - _known_since(model, since, now)).total_seconds()
    return RolloutChoice(SURGE, recheck_after=left + 0.1) if left > 0 else RolloutChoice(REPLACE, why)


def _is_rolling(deployment: Object, pods: tuple[Object, ...], revision: str) -> bool:
    """Whether the Deployment has begun to replace pods of another revision that still serve."""
    if live_revision(deployment.get("spec", {}).get("template", {})) != revision:
        return False
    return any(live_revision(pod) != revision and not is_leaving(pod) for pod in pods)


def _known_since(model: Model, since: datetime, now: datetime) -> datetime:
    """When a refusal that dates from `since` began to count: not while CapacityAvailable was Unknown."""
    reported = condition(model.status, "CapacityAvailable")
    if reported.get("status") == "Unknown":
        return now
    settled = parse_time(reported.get("lastTransitionTime")) if reported.get("status") == "False" else None
    return max(since, settled or since)


def _refused(pod: Object, events: tuple[Object, ...], now: datetime) -> Wait | None:
    return _refused_pod(pod, events, now) or _refused_volume(pod, events) or _refused_admission(pod)


def _refused_pod(pod: Object, events: tuple[Object, ...], now: datetime) -> Wait | None:
    """Since when the scheduler refuses a new pod, and its message; None if it does not, if an old pod's end
    would not help, or while a node is being added for it.
    """
    scheduled = condition_of(pod, "PodScheduled")
    text = scheduled.get("message") or ""
    since = parse_time(scheduled.get("lastTransitionTime"))
    refused = scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable"
    if not refused or not since or not _TAKEN.search(text) or _node_comes(pod, events, now):
        return None
    return since, f"the scheduler found no room for pod {pod['metadata']['name']} beside the old ones: {text}"


def _refused_volume(pod: Object, events: tuple[Object, ...]) -> Wait | None:
    """Since when a new pod waits on its node for a volume that is attached to an old pod's node.

    The scheduler does not know of it: a volume that only one node can mount at a time is refused later.
    """
    since = parse_time(condition_of(pod, "PodScheduled").get("lastTransitionTime"))
    if not since or not awaits_volumes(pod):
        return None
    notes = [event.get("note") or "" for event in events if _is_about(event, pod)]
    held = next((note for note in notes if note.startswith("Multi-Attach error")), None)
    return (since, f"pod {pod['metadata']['name']} waits for a volume: {held}") if held else None


def _refused_admission(pod: Object) -> Wait | None:
    """Since when a new pod waits in its queue, whose quota the old pods may hold."""
    gates = {gate.get("name") for gate in pod["spec"].get("schedulingGates") or []}
    # The gate is there from the start, and its condition has no time.
    since = parse_time(pod["metadata"].get("creationTimestamp"))
    if _QUEUE_GATE not in gates or not since:
        return None
    return since, f"the queue did not admit pod {pod['metadata']['name']} beside the old ones"


def _refused_creation(deployment: Object) -> Wait | None:
    """Since when a quota refuses a further pod, and its message."""
    finding = deployment_finding(deployment)
    if finding is None or finding.reason != "QuotaExceeded":
        return None
    since = parse_time(condition_of(deployment, "ReplicaFailure").get("lastTransitionTime"))
    return (since, finding.message) if since else None


def _node_comes(pod: Object, events: tuple[Object, ...], now: datetime) -> bool:
    """Whether a node autoscaler's last Event about the pod is that it adds a node."""
    reasons = [
        (reported, event["reason"])
        for event in events
        if _is_about(event, pod)
        and event.get("reason") in _NODE_COMES | _NODE_DOES_NOT_COME
        and (reported := parse_time(last_seen(event)))
    ]
    last, reason = max(reasons, default=(now, ""))
    return reason in _NODE_COMES and now - last < _NODE_GIVEN_UP


def _is_about(event: Object, pod: Object) -> bool:
    return bool(event.get("regarding", {}).get("uid") == pod["metadata"].get("uid"))
