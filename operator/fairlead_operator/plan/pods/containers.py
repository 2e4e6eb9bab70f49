"""Why a pod that has a node is not ready, from its containers and from what its gateway reports.

The cause of a container's last end (`plan.pods.ends`) is reported while the container waits and while it
starts again, until it is ready. So a container that fails again and again has one cause, and not a new one in
each of its states.
"""

from __future__ import annotations

import re
from typing import Any

from fairlead_contract.status import PodReport
from fairlead_operator.api.names import ENGINE_CONTAINER, GATEWAY_CONTAINER, WEIGHTS_CONTAINER
from fairlead_operator.objects import condition_of, is_true, named
from fairlead_operator.plan.findings import Finding, steady
from fairlead_operator.plan.pods.ends import START_REASONS, claimed, crash_reason, end_finding, last_end
from fairlead_operator.plan.pods.view import memory_limit

Object = dict[str, Any]

_IMAGE_REASONS = frozenset(
    {
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImageInspectError",
        "ImagePullBackOff",
        "InvalidImageName",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_BACK_OFF = re.compile(r'^Back-off pulling image "[^"]*"(?:: \w+)?(?:: )?')
_IMAGE_ABSENT = re.compile(
    r"not found|manifest unknown|no match for platform|name unknown|couldn't parse|invalid reference"
    r"|is not present with pull policy",
    re.IGNORECASE,
)
_IMAGE_REFUSED = re.compile(
    r"unauthorized|authentication required|authorization failed|denied|forbidden|no basic auth", re.IGNORECASE
)
_DISK = re.compile(r"ephemeral.storage|EmptyDir|inodes|DiskPressure")


def engine_finding(pod: Object, report: PodReport | None = None) -> Finding | None:
    """Why a pod that has a node is not ready, or None if it is. `report` is the status from its gateway."""
    if pod.get("status", {}).get("phase") == "Failed":
        return failed_pod_finding(pod)
    if is_true(pod, "Ready"):
        return None
    name, status = pod["metadata"]["name"], pod.get("status", {})
    inits, others = status.get("initContainerStatuses", []), status.get("containerStatuses", [])
    for container in [*inits, *others]:
        if finding := _waiting_finding(container, name):
            return finding
    engine = named(others, ENGINE_CONTAINER)
    if finding := _init_finding(pod, inits, engine, report):
        return finding
    if _node_is_lost(pod):
        return Finding("NodeLost", f"node {pod['spec'].get('nodeName')} of pod {name} does not report")
    gateway = named(inits, GATEWAY_CONTAINER)
    return _engine_finding(pod, engine, gateway, report) or _others_finding(pod, [*inits, *others])


def disruption_finding(pod: Object) -> Finding | None:
    """Why a pod is being deleted, if not by the operator."""
    target = condition_of(pod, "DisruptionTarget")
    if target.get("status") != "True":
        return None
    name, text = pod["metadata"]["name"], steady(target.get("message") or "")
    if target.get("reason") == "PreemptionByScheduler":
        return Finding("Preempted", f"pod {name} made room for a more important one: {text}".rstrip(": "))
    if target.get("reason") == "DeletionByTaintManager":
        node = pod.get("spec", {}).get("nodeName")
        return Finding("NodeLost", f"pod {name} is taken from node {node}: {text}".rstrip(": "))
    return None


def failed_pod_finding(pod: Object) -> Finding:
    """Why a pod has the phase Failed."""
    name, status = pod["metadata"]["name"], pod["status"]
    if finding := disruption_finding(pod):
        return finding
    text = steady(": ".join(filter(None, [status.get("reason"), status.get("message")])))
    reason = {"Evicted": "Evicted", "NodeLost": "NodeLost"}.get(status.get("reason", ""), "PodFailed")
    if reason == "Evicted" and _DISK.search(text):
        reason = "DiskFull"
    return Finding(reason, f"pod {name}: {text or 'failed'}")


def _node_is_lost(pod: Object) -> bool:
    """Only the node controller sets Ready to False and leaves ContainersReady: the kubelet is silent."""
    ready = condition_of(pod, "Ready")
    return (
        ready.get("status") == "False"
        and ready.get("reason") != "ReadinessGatesNotReady"
        and is_true(pod, "ContainersReady")
    )


def _waiting_finding(container: Object, pod: str) -> Finding | None:
    waiting = container.get("state", {}).get("waiting") or {}
    reason, text = waiting.get("reason", ""), steady(waiting.get("message") or "")
    where = f"container {container['name']} of pod {pod}"
    if reason in _IMAGE_REASONS:
        text, about = _BACK_OFF.sub("", text), f"image {container.get('image')} for {where}: "
        # Older kubelets do not report the cause between two attempts.
        unknown = about if not text and reason == "ImagePullBackOff" else ""
        # With an image volume it is not the container's own image, and the text names it.
        return Finding(_image_reason(reason, text), f"{about}{text or reason}", about=unknown)
    if reason == "CreateContainerConfigError":
        return Finding("ContainerConfigError", f"{where}: {text or reason}")
    if reason in START_REASONS:
        return Finding("ContainerStartFailed", f"{where}: {text or 'the container runtime gives no reason'}")
    return None


def _image_reason(reason: str, text: str) -> str:
    if reason in ("InvalidImageName", "ErrImageNeverPull"):
        return "ImageNotFound"
    # A registry without access gives the same answer for an image that does not exist, so this comes first.
    if _IMAGE_REFUSED.search(text):
        return "ImagePullUnauthorized"
    return "ImageNotFound" if _IMAGE_ABSENT.search(text) else "ImagePullFailed"


def _init_finding(
    pod: Object, containers: list[Object], engine: Object, report: PodReport | None
) -> Finding | None:
    for container in containers:
        end = last_end(container)
        if container.get("state", {}).get("terminated", {}).get("exitCode") == 0:
            continue
        if container["name"] == WEIGHTS_CONTAINER:
            return _weights_finding(pod, container, end, report)
        if end and _holds_up(container, engine, report):
            return _end_finding(pod, container, end, init=True)
    return None


def _holds_up(container: Object, engine: Object, report: PodReport | None) -> bool:
    """Whether the last end of an init container, or of a sidecar, still keeps the pod from being ready.

    A restarted container may end again at once. So its end counts until the pod gets further: a started
    engine, or a gateway that answers, is newer than the end.
    """
    if "running" not in container.get("state", {}):
        return True
    if container["name"] == GATEWAY_CONTAINER:
        return report is None and not engine.get("started") and last_end(engine) is None
    begun = "running" in engine.get("state", {}) or last_end(engine) is not None
    return not (container.get("started") and begun)


def _weights_finding(
    pod: Object, container: Object, end: Object | None, report: PodReport | None
) -> Finding | None:
    """The cause that blocks the download or made it fail. Its progress is in plan.status.weights."""
    cause = report.weights.cause if report and report.weights else None
    if cause and cause.reason and "running" in container.get("state", {}):
        reason, text = claimed(cause.reason, cause.message, "WeightsDownloadFailed")
        return Finding(reason, f"{text} (pod {pod['metadata']['name']})")
    return _end_finding(pod, container, end, init=True) if end else None


def _engine_finding(pod: Object, engine: Object, gateway: Object, report: PodReport | None) -> Finding | None:
    name, runs = pod["metadata"]["name"], "running" in engine.get("state", {})
    if runs and engine.get("started"):
        if gateway.get("ready"):
            return None
        if report and report.unresponsive_seconds:
            return Finding(
                "EngineUnresponsive",
                f"the engine in pod {name} has requests and makes no token any more",
            )
        return Finding("EngineNotReady", f"the engine in pod {name} was ready and does not answer any more")
    if end := last_end(engine):
        return _end_finding(pod, engine, end)
    if runs:
        phase = report.engine.phase if report and report.engine else None
        return Finding("EngineStarting", f"the engine in pod {name} starts" + (f": {phase}" if phase else ""))
    return None


def _others_finding(pod: Object, containers: list[Object]) -> Finding:
    name = pod["metadata"]["name"]
    others = [
        container
        for container in containers
        if container["name"] not in (GATEWAY_CONTAINER, ENGINE_CONTAINER)
    ]
    for container in others:
        if not container.get("ready", True) and (end := _failure(container)):
            return _end_finding(pod, container, end)
    running = [container for container in containers if "running" in container.get("state", {})]
    late = [item["name"] for item in running if not item.get("ready", True) and item in others]
    if late and len(running) == len(containers):
        return Finding("ContainerNotReady", f"container {', '.join(late)} of pod {name} is not ready")
    return Finding("Progressing", f"the containers of pod {name} are being created")


def _failure(container: Object) -> Object | None:
    end = last_end(container)
    return end if end and end.get("exitCode") else None


def _end_finding(pod: Object, container: Object, end: Object, init: bool = False) -> Finding:
    name = container["name"]
    return end_finding(
        container, end, pod["metadata"]["name"], crash_reason(name, init), memory_limit(pod, name)
    )
