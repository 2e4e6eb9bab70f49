"""Why a pod that has a node starts no container: volumes, devices, network.

The pod's status does not have the cause; the kubelet reports it only in Events.
"""

from __future__ import annotations

import re
from typing import Any

from fairlead_operator.objects import is_true
from fairlead_operator.plan.findings import Finding, last_seen, steady
from fairlead_operator.plan.text import clean

Object = dict[str, Any]

_OBJECT_MISSING = re.compile(r'(secret|configmap) "[^"]+" not found|references non-existent', re.IGNORECASE)
_REASONS = {
    "FailedAttachVolume": ("VolumeNotReady", "a volume"),
    "FailedMapVolume": ("VolumeNotReady", "a volume"),
    "FailedMount": ("VolumeNotReady", "a volume"),
    "FailedPrepareDynamicResources": ("ClaimNotPrepared", "its devices"),
    "FailedCreatePodSandBox": ("PodSandboxFailed", "its sandbox"),
}


def awaits_volumes(pod: Object) -> bool:
    """Whether a pod has a node and none of its containers can be started yet."""
    status = pod.get("status", {})
    if not pod.get("spec", {}).get("nodeName") or status.get("phase", "Pending") != "Pending":
        return False
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    creating = all(
        container.get("state", {}).get("waiting", {}).get("reason")
        in (None, "ContainerCreating", "PodInitializing")
        and not {"running", "terminated"} & container.get("state", {}).keys()
        for container in containers
    )
    return creating and not is_true(pod, "PodReadyToStartContainers")


def volume_finding(pod: Object, events: tuple[Object, ...]) -> Finding | None:
    """Why the containers of a pod cannot be started, from the Events of pods, or None if nothing is known."""
    if not awaits_volumes(pod):
        return None
    found = [
        event
        for event in sorted(events, key=last_seen, reverse=True)
        if event.get("reason") in _REASONS
        and event.get("regarding", {}).get("uid") == pod["metadata"].get("uid")
    ]
    # The kubelet also reports from time to time that the wait has failed, without the cause.
    specific = [event for event in found if not _note(event).startswith("Unable to attach or mount volumes")]
    event = next(iter(specific or found), None)
    if event is None:
        return None
    reason, what = _REASONS[event["reason"]]
    if _OBJECT_MISSING.search(_note(event)):
        reason = "ContainerConfigError"
    return Finding(reason, f"pod {pod['metadata']['name']} waits for {what}: {steady(_note(event))}")


def _note(event: Object) -> str:
    return clean(event.get("note"))
