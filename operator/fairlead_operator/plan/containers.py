"""Why a pod that has a node is not ready, from its containers and from what its gateway reports.

A container that ended says why in its termination message (`{"reason", "message"}`, written by the engine
launcher and by the download). The cause of the last end is told while the container starts again, until it is
ready. Any program of a pod can write such a message, so only the reasons that those two have are taken over;
the text of any other is kept under the reason of the container that ended.
"""

from __future__ import annotations

import json
import re
from typing import Any

from fairlead_operator.bounds import WORD_CHARACTERS
from fairlead_operator.plan.findings import Finding, condition_of, is_true, parse_time, steady
from fairlead_operator.plan.podreport import PodReport
from fairlead_operator.plan.reasons import may_be_claimed
from fairlead_operator.plan.text import clean

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
_START_REASONS = frozenset(
    {"CreateContainerError", "RunContainerError", "CreatePodSandboxError", "StartError", "ContainerCannotRun"}
)
_DISK = re.compile(r"ephemeral.storage|EmptyDir|inodes|DiskPressure")
# As often as that within short lives is again and again. After a life of ten minutes the kubelet forgets
# earlier ends too, when it chooses how long to wait.
_REPEATED_RESTARTS = 3
_SHORT_LIFE_SECONDS = 600.0


def engine_finding(pod: Object, report: PodReport | None = None) -> Finding | None:
    """Why a pod that has a node is not ready, or None if it is. `report` is what its gateway says."""
    if pod.get("status", {}).get("phase") == "Failed":
        return _failed_finding(pod)
    if is_true(pod, "Ready"):
        return None
    name, status = pod["metadata"]["name"], pod.get("status", {})
    inits, others = status.get("initContainerStatuses", []), status.get("containerStatuses", [])
    for container in [*inits, *others]:
        if finding := _waiting_finding(container, name):
            return finding
    if finding := _init_finding(inits, name, report):
        return finding
    if _node_is_lost(pod):
        return Finding("NodeLost", f"node {pod['spec'].get('nodeName')} of pod {name} does not report")
    return _engine_finding([*inits, *others], name, report) or _others_finding([*inits, *others], name)


def disruption_finding(pod: Object) -> Finding | None:
    """Why a pod is being taken away, if not by a will of the operator's."""
    target = condition_of(pod, "DisruptionTarget")
    if not target or target.get("status") != "True":
        return None
    name, text = pod["metadata"]["name"], steady(target.get("message") or "")
    if target.get("reason") == "PreemptionByScheduler":
        return Finding("Preempted", f"pod {name} made room for a more important one: {text}".rstrip(": "))
    if target.get("reason") == "DeletionByTaintManager":
        node = pod.get("spec", {}).get("nodeName")
        return Finding("NodeLost", f"pod {name} is taken from node {node}: {text}".rstrip(": "))
    return None


def _failed_finding(pod: Object) -> Finding:
    name, status = pod["metadata"]["name"], pod["status"]
    if finding := disruption_finding(pod):
        return finding
    text = steady(": ".join(filter(None, [status.get("reason"), status.get("message")])))
    reason = {"Evicted": "Evicted", "NodeLost": "NodeLost"}.get(status.get("reason", ""), "PodFailed")
    if reason == "Evicted" and _DISK.search(text):
        reason = "DiskFull"
    return Finding(reason, f"pod {name}: {text or 'failed'}")


def _node_is_lost(pod: Object) -> bool:
    """Only the node's controller takes Ready away and leaves ContainersReady: the kubelet is silent."""
    ready = condition_of(pod, "Ready") or {}
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
        text = _BACK_OFF.sub("", text) or reason
        # With an image volume it is not the container's own image, and the text names it.
        return Finding(_image_reason(reason, text), f"image {container.get('image')} for {where}: {text}")
    if reason == "CreateContainerConfigError":
        return Finding("ContainerConfigError", f"{where}: {text or reason}")
    if reason in _START_REASONS:
        return Finding("ContainerStartFailed", f"{where}: {text or reason}")
    return None


def _image_reason(reason: str, text: str) -> str:
    if reason in ("InvalidImageName", "ErrImageNeverPull"):
        return "ImageNotFound"
    # A registry that does not let in says so also of what does not exist, so it is asked for first.
    if _IMAGE_REFUSED.search(text):
        return "ImagePullUnauthorized"
    return "ImageNotFound" if _IMAGE_ABSENT.search(text) else "ImagePullFailed"


def _init_finding(containers: list[Object], pod: str, report: PodReport | None) -> Finding | None:
    for container in containers:
        state, end = container.get("state", {}), _last_end(container)
        if state.get("terminated", {}).get("exitCode") == 0:
            continue
        name = container["name"]
        if name == "gateway":
            if end and "running" not in state:
                return _end_finding(container, end, pod, "GatewayFailed")
        elif name == "weights":
            return _weights_finding(container, end, pod, report)
        elif end:
            return _end_finding(container, end, pod, "InitContainerFailed")
    return None


def _weights_finding(
    container: Object, end: Object | None, pod: str, report: PodReport | None
) -> Finding | None:
    """What holds the download up or made it fail; how far one is that goes on, plan.weights tells."""
    cause = report.weights.cause if report and report.weights else None
    if cause and cause.reason and "running" in container.get("state", {}):
        reason, text = _claimed(cause.reason, cause.message, "WeightsDownloadFailed")
        return Finding(reason, f"{text} (pod {pod})")
    return _end_finding(container, end, pod, "WeightsDownloadFailed") if end else None


def _engine_finding(containers: list[Object], pod: str, report: PodReport | None) -> Finding | None:
    by_name = {container["name"]: container for container in containers}
    engine: Object = by_name.get("vllm", {})
    runs = "running" in engine.get("state", {})
    if runs and engine.get("started"):
        if by_name.get("gateway", {}).get("ready"):
            return None
        if report and report.unresponsive_seconds:
            return Finding(
                "EngineUnresponsive",
                f"the engine in pod {pod} has requests and makes no token any more",
            )
        return Finding("EngineNotReady", f"the engine in pod {pod} was ready and does not answer any more")
    if end := _last_end(engine):
        return _end_finding(engine, end, pod, "EngineCrashed")
    if runs:
        phase = report.engine.phase if report and report.engine else None
        return Finding("EngineStarting", f"the engine in pod {pod} starts" + (f": {phase}" if phase else ""))
    return None


def _others_finding(containers: list[Object], pod: str) -> Finding:
    running = [container for container in containers if "running" in container.get("state", {})]
    late = [item["name"] for item in running if not item.get("ready", True) and item["name"] != "gateway"]
    if late and len(running) == len(containers):
        return Finding("ContainerNotReady", f"container {', '.join(late)} of pod {pod} is not ready")
    return Finding("Progressing", f"the containers of pod {pod} are being created")


def _last_end(container: Object) -> Object | None:
    """How a container ended the last time."""
    end: Object | None = container.get("state", {}).get("terminated")
    return end or container.get("lastState", {}).get("terminated")


def _end_finding(container: Object, end: Object, pod: str, crashed: str) -> Finding:
    """Why a container ended; `crashed` is the reason if it says something, but not in our form."""
    name, code, text = container["name"], end.get("exitCode"), clean(end.get("message")).strip()
    told = _told(text, crashed)
    restarts = container.get("restartCount", 0)
    repeated = restarts >= _REPEATED_RESTARTS and (
        _life_seconds(end) < _SHORT_LIFE_SECONDS or (told is not None and told[0] == "EngineStartTimeout")
    )
    if told:
        return Finding(told[0], f"{told[1]} (pod {pod}, exit code {code})", repeated)
    if end.get("reason") == "OOMKilled":
        what = "the engine" if name == "vllm" else f"container {name}"
        return Finding("HostOutOfMemory", f"{what} in pod {pod} was killed at its memory limit", repeated)
    if end.get("reason") in _START_REASONS:
        return Finding(
            "ContainerStartFailed", f"container {name} of pod {pod}: {steady(text) or end['reason']}"
        )
    if text:
        return Finding(crashed, f"{steady(text)} (container {name} of pod {pod}, exit code {code})", repeated)
    silent = "CrashLoop" if name == "vllm" else crashed
    return Finding(
        silent, f"container {name} of pod {pod} exited with code {code} and left no message", repeated
    )


def _told(text: str, crashed: str) -> tuple[str, str] | None:
    """Reason and message of a termination message in our form; `crashed` is the reason if its own is not one
    that a container may give.
    """
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(told, dict) or not (reason := clean(told.get("reason"), WORD_CHARACTERS)):
        return None
    return _claimed(reason, clean(told.get("message")), crashed)


def _claimed(reason: str, message: str, otherwise: str) -> tuple[str, str]:
    """Reason and text of a cause that a container gives itself. A reason that is not its to give becomes a
    part of the text.
    """
    if may_be_claimed(reason):
        return reason, steady(message) or reason
    return otherwise, steady(f"{reason}: {message}" if message else reason)


def _life_seconds(end: Object) -> float:
    started, finished = parse_time(end.get("startedAt")), parse_time(end.get("finishedAt"))
    return (finished - started).total_seconds() if started and finished else 0.0
