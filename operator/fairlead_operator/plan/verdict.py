"""Why a pod has no node: the scheduler's verdict as a reason.

The scheduler tells for each node the first thing that keeps the pod from it, and how many nodes it is. The
numbers change with every node that comes or goes, so they are left out (`kubectl describe pod` has them).
"""

from __future__ import annotations

import re
from typing import Any

from fairlead_operator.plan.findings import Finding, condition_of, steady
from fairlead_operator.plan.text import clean

Object = dict[str, Any]

_HEAD = re.compile(r"^\d+/\d+ nodes are available: ")
# What the scheduler says about its attempts to make room: always that they did not help.
_TAIL = re.compile(r"\.(?: [a-z][\w ]*)?,?(?: preemption: .*)?$", re.DOTALL)
_COUNT = re.compile(r"^\d+ ")
_INSUFFICIENT = re.compile(r"Insufficient ([a-z0-9][A-Za-z0-9._/-]*[A-Za-z0-9])")
_TAINT = re.compile(r"taint\(?s?\)? \{([^:}]*)")
_CONTROL_PLANE = re.compile(r"taint\(?s?\)? \{node-role\.kubernetes\.io/(control-plane|master)")
_PLACES = (
    ("DeviceClassMissing", r"device class \S+ does not exist"),
    ("ClaimNotAllocated", r"cannot allocate all claims|resource ?claim"),
    ("VolumeNotReady", r"persistent ?volume|volume|\bpvc\b"),
    ("InsufficientResources", r"insufficient|too many pods"),
    ("UntoleratedTaint", r"taint"),
    ("NodesUnavailable", r"were unschedulable|unknown conditions"),
    ("NodeSelectorMismatch", r"affinity/selector|node selector"),
    ("TopologyMismatch", r"affinity|topology"),
)


def scheduling_finding(pod: Object) -> Finding | None:
    """Why a pod has no node, or None if it has one."""
    if pod.get("spec", {}).get("nodeName"):
        return None
    condition = condition_of(pod, "PodScheduled")
    name = pod["metadata"]["name"]
    if not condition or condition.get("status") != "False":
        return Finding("Progressing", f"pod {name} waits for the scheduler")
    if condition.get("reason") == "SchedulingGated":
        return _gated(pod, name)
    causes = _causes(clean(condition.get("message")) or clean(condition.get("reason")))
    reason, text = _reason(causes), steady(", ".join(causes))
    if reason == "InsufficientResources":
        return Finding(reason, f"not enough {', '.join(_lacking(causes)) or 'room'} for pod {name}: {text}")
    return Finding(reason, f"no node for pod {name}: {text}")


def _gated(pod: Object, name: str) -> Finding:
    gates = ", ".join(sorted(gate.get("name", "") for gate in pod["spec"].get("schedulingGates") or []))
    queue = pod["metadata"].get("labels", {}).get("kueue.x-k8s.io/queue-name")
    if queue:
        return Finding("Queued", f"pod {name} waits in the queue {queue} to be admitted")
    return Finding(
        "SchedulingGated", f"pod {name} is held back by the scheduling gate {gates or 'of another'}"
    )


def _causes(text: str) -> list[str]:
    """What keeps the pod from nodes, each once, in alphabetical order; the text as it is if it has another
    form.
    """
    if not _HEAD.match(text):
        return [text]
    causes: list[str] = []
    for part in _TAIL.sub("", _HEAD.sub("", text)).split(", "):
        if _COUNT.match(part) or not causes:
            causes.append(_COUNT.sub("", part))
        else:
            causes[-1] += f", {part}"
    return sorted(set(causes))


def _reason(causes: list[str]) -> str:
    # The nodes of the control plane are not meant for models: what keeps a pod from the others counts.
    telling = [cause for cause in causes if not _CONTROL_PLANE.search(cause)] or causes
    text = ", ".join(telling)
    taints = set(_TAINT.findall(text))
    if taints & set(_lacking(telling)):
        # The convention for accelerator nodes: a taint of the resource's name. All others lack the resource.
        return "UntoleratedTaint"
    found = next(
        (name for name, pattern in _PLACES if re.search(pattern, text, re.IGNORECASE)), "Unschedulable"
    )
    if (
        found == "UntoleratedTaint"
        and taints
        and all(key.startswith("node.kubernetes.io/") for key in taints)
    ):
        return "NodesUnavailable"
    return found


def _lacking(causes: list[str]) -> list[str]:
    return sorted(set(_INSUFFICIENT.findall(", ".join(causes))))
