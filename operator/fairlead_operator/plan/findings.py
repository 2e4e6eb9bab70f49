"""What a pod or a Deployment says about why the model is not ready: the cause, not the symptom."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fairlead_operator.plan.reasons import rank

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
_START_REASONS = frozenset(
    {"CreateContainerError", "RunContainerError", "CreatePodSandboxError", "StartError", "ContainerCannotRun"}
)
_VOLUME_REASONS = frozenset({"FailedAttachVolume", "FailedMount"})
_OBJECT_MISSING = re.compile(r'(secret|configmap) "[^"]+" not found|references non-existent', re.IGNORECASE)
_CAMEL_CASE = re.compile(r"^[A-Z][A-Za-z0-9]{1,127}$")
_INSUFFICIENT = re.compile(r"Insufficient ([a-z0-9][A-Za-z0-9._/-]*[A-Za-z0-9])")
# Conditions hold at most 32 KiB; a scheduler's or runtime's text is far shorter, a log tail need not be.
_LONGEST_TEXT = 4096


@dataclass(frozen=True)
class Finding:
    """A reason of the catalogue, or one passed through, and the message that goes with it."""

    reason: str
    message: str


def worst(findings: list[Finding]) -> Finding | None:
    """The most important finding; of equals the first by message, so that the choice is stable."""
    return min(findings, key=lambda finding: (rank(finding.reason), finding.message), default=None)


def scheduling_finding(pod: Object) -> Finding | None:
    """Why a pod has no node, or None if it has one."""
    if pod.get("spec", {}).get("nodeName"):
        return None
    condition = condition_of(pod, "PodScheduled")
    name = pod["metadata"]["name"]
    if not condition or condition.get("status") != "False":
        return Finding("Progressing", f"pod {name} waits for the scheduler")
    text = _clip(condition.get("message") or condition.get("reason") or "")
    reason = _unschedulable_reason(text)
    if reason == "InsufficientResources":
        lacking = ", ".join(sorted(set(_INSUFFICIENT.findall(text)) - {"nodes"}))
        return Finding(reason, f"not enough {lacking or 'room'} for pod {name}: {text}")
    return Finding(reason, f"no node for pod {name}: {text}")


def _unschedulable_reason(text: str) -> str:
    lower = text.lower()
    if "persistentvolumeclaim" in lower or "volume" in lower:
        return "VolumeNotReady"
    if "insufficient" in lower or "too many pods" in lower:
        return "InsufficientResources"
    if "taint" in lower:
        return "UntoleratedTaint"
    if "affinity/selector" in lower or "node selector" in lower:
        return "NodeSelectorMismatch"
    return "Unschedulable"


def awaits_volumes(pod: Object) -> bool:
    """Whether a pod has a node and none of its containers can be started yet. Its status does not say why;
    the kubelet tells that only in Events.
    """
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
    """Why a pod waits for its volumes, from the Events of pods, or None if nothing is known."""
    if not awaits_volumes(pod):
        return None
    notes = [
        event.get("note") or ""
        for event in sorted(events, key=last_seen, reverse=True)
        if event.get("reason") in _VOLUME_REASONS
        and event.get("regarding", {}).get("uid") == pod["metadata"].get("uid")
    ]
    # The kubelet also tells now and then that it has waited in vain, without the cause.
    telling = [note for note in notes if not note.startswith("Unable to attach or mount volumes")]
    text = next(iter(telling or notes), None)
    if text is None:
        return None
    reason = "ContainerConfigError" if _OBJECT_MISSING.search(text) else "VolumeNotReady"
    return Finding(reason, f"pod {pod['metadata']['name']} waits for a volume: {_clip(text)}")


def last_seen(event: Object) -> str:
    """When an Event was last seen; timestamps of one API sort as text."""
    series = event.get("series") or {}
    return str(
        series.get("lastObservedTime") or event.get("deprecatedLastTimestamp") or event.get("eventTime") or ""
    )


def engine_finding(pod: Object, startup_timeout: int) -> Finding | None:
    """Why a pod that has a node is not ready, or None if it is."""
    name = pod["metadata"]["name"]
    status = pod.get("status", {})
    if status.get("phase") == "Failed":
        text = _clip(": ".join(filter(None, [status.get("reason"), status.get("message")])))
        return Finding("PodFailed", f"pod {name}: {text or 'failed'}")
    if is_true(pod, "Ready"):
        return None
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    for container in containers:
        if finding := _waiting_finding(container, name):
            return finding
    by_name = {container["name"]: container for container in containers}
    gateway, engine = by_name.get("gateway", {}), by_name.get("vllm", {})
    if finding := _gateway_finding(gateway, name):
        return finding
    if engine.get("started") and "running" in engine.get("state", {}):
        return Finding("EngineNotReady", f"the engine in pod {name} was ready and does not answer any more")
    if finding := _end_finding(engine, name, startup_timeout):
        return finding
    if "running" in engine.get("state", {}):
        return Finding("EngineStarting", f"the engine in pod {name} loads the model")
    return Finding("Progressing", f"the containers of pod {name} are being created")


def _waiting_finding(container: Object, pod: str) -> Finding | None:
    waiting = container.get("state", {}).get("waiting") or {}
    reason, text = waiting.get("reason", ""), _clip(waiting.get("message") or "")
    where = f"container {container['name']} of pod {pod}"
    if reason in _IMAGE_REASONS:
        return Finding("ImagePullFailed", f"image {container.get('image')} for {where}: {text or reason}")
    if reason == "CreateContainerConfigError":
        return Finding("ContainerConfigError", f"{where}: {text or reason}")
    if reason in _START_REASONS:
        return Finding("ContainerStartFailed", f"{where}: {text or reason}")
    return None


def _gateway_finding(gateway: Object, pod: str) -> Finding | None:
    state = gateway.get("state", {})
    if not gateway.get("restartCount") or "running" in state:
        return None
    end = state.get("terminated") or gateway.get("lastState", {}).get("terminated") or {}
    text = _clip(end.get("message") or "").strip()
    return Finding(
        "GatewayFailed", f"the gateway of pod {pod} exited with {end.get('exitCode')}: {text}".rstrip(": ")
    )


def _end_finding(engine: Object, pod: str, startup_timeout: int) -> Finding | None:
    """Why the engine ended the last time; kept while it starts again, until it is ready."""
    end = engine.get("state", {}).get("terminated") or engine.get("lastState", {}).get("terminated")
    if not end:
        return None
    code, text = end.get("exitCode"), (end.get("message") or "").strip()
    told = _launcher_message(text)
    if told:
        return Finding(told.reason, f"{told.message} (pod {pod}, exit code {code})")
    if end.get("reason") == "OOMKilled":
        return Finding("HostOutOfMemory", f"the engine in pod {pod} was killed at its memory limit")
    if end.get("reason") in _START_REASONS:
        return Finding("ContainerStartFailed", f"container vllm of pod {pod}: {_clip(text) or end['reason']}")
    if _seconds(end) >= startup_timeout:
        return Finding(
            "EngineStartTimeout", f"the engine in pod {pod} was not ready within {startup_timeout} s"
        )
    if text:
        return Finding("EngineCrashed", f"{_clip(text)} (pod {pod}, exit code {code})")
    return Finding("CrashLoop", f"the engine in pod {pod} exited with code {code} and left no message")


def _launcher_message(text: str) -> Finding | None:
    try:
        told = json.loads(text)
    except ValueError:
        return None
    if not isinstance(told, dict) or not _CAMEL_CASE.match(str(told.get("reason", ""))):
        return None
    return Finding(told["reason"], _clip(str(told.get("message") or told["reason"])))


def deployment_finding(deployment: Object) -> Finding | None:
    """Why a Deployment has fewer pods than it wants, if it says so."""
    failure = condition_of(deployment, "ReplicaFailure")
    if not failure or failure.get("status") != "True":
        return None
    text = _clip(failure.get("message") or failure.get("reason") or "")
    if "error looking up service account" in text:
        # Admission has not seen the account yet that was made a moment ago; the controller tries again.
        return Finding("Progressing", "the pod's service account is not known everywhere yet")
    reason = "QuotaExceeded" if "exceeded quota" in text else "PodRejected"
    return Finding(reason, f"no pod can be created: {text}")


def deadline_exceeded(deployment: Object) -> bool:
    """Whether the Deployment's rollout made no progress within its deadline."""
    return (condition_of(deployment, "Progressing") or {}).get("reason") == "ProgressDeadlineExceeded"


def condition_of(body: Object, kind: str) -> Object | None:
    """The condition of this type, if there is one."""
    conditions = body.get("status", {}).get("conditions") or []
    return next((condition for condition in conditions if condition.get("type") == kind), None)


def is_true(body: Object, kind: str) -> bool:
    """Whether the condition of this type is True."""
    return (condition_of(body, kind) or {}).get("status") == "True"


def parse_time(text: str | None) -> datetime | None:
    """A Kubernetes timestamp, or None if there is none or it is unreadable."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC) if text else None
    except ValueError:
        return None


def _seconds(end: Object) -> float:
    started, finished = parse_time(end.get("startedAt")), parse_time(end.get("finishedAt"))
    return (finished - started).total_seconds() if started and finished else 0.0


def _clip(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}..."
