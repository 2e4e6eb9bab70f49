"""Why a pod has no node: the scheduler's answer as a reason.

The scheduler's message has the first obstacle of each node, with the number of nodes. The numbers change with
every node that comes or goes, so they are left out (`kubectl describe pod` has them). Where the nodes are
known, an obstacle that is certain (`plan.scheduling.nodes`) takes the place of the verdict.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from fairlead_operator.api.names import QUEUE_LABEL
from fairlead_operator.objects import condition_of, labels_of
from fairlead_operator.plan.findings import LONGEST_CAUSE, Finding, steady
from fairlead_operator.plan.scheduling.nodes import Nodes, amounts_note, node_obstacle
from fairlead_operator.plan.text import clean

Object = dict[str, Any]

_HEAD = re.compile(r"^\d+/\d+ nodes are available: ")
# The scheduler's text about preemption: always that it did not help.
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


# Verdicts that the nodes themselves can explain.
_ABOUT_NODES = frozenset(
    {
        "InsufficientResources",
        "NodeSelectorMismatch",
        "NodesUnavailable",
        "Unschedulable",
        "UntoleratedTaint",
    }
)


def scheduling_finding(pod: Object, nodes: Nodes | None = None) -> Finding | None:
    """Why a pod has no node, or None if it has one. `nodes` are those of the cluster; without them the
    message does not mention nodes.
    """
    if pod.get("spec", {}).get("nodeName"):
        return None
    scheduled = condition_of(pod, "PodScheduled")
    name = pod["metadata"]["name"]
    if scheduled.get("status") != "False":
        return Finding("Progressing", f"pod {name} waits for the scheduler")
    if scheduled.get("reason") == "SchedulingGated":
        return _gated(pod, name)
    causes = _causes(clean(scheduled.get("message")) or clean(scheduled.get("reason")))
    reason, text = _reason(causes), steady(", ".join(causes))
    if nodes and nodes.seen and reason in _ABOUT_NODES and (found := node_obstacle(pod, nodes)):
        certain = found.text[:LONGEST_CAUSE]
        return Finding(found.reason, f"no node for pod {name}: {certain} (the scheduler says: {text})")
    lacking = _lacking(causes)
    if reason == "InsufficientResources":
        finding = Finding(reason, f"not enough {', '.join(lacking) or 'room'} for pod {name}: {text}")
    else:
        finding = Finding(reason, f"no node for pod {name}: {text}")
    if reason not in _ABOUT_NODES:
        return finding
    notes = [amounts_note(pod, lacking, nodes)]
    if nodes and nodes.unread:
        notes.append(f"nodes were not looked at: {nodes.unread}")
    note = "; ".join(filter(None, notes))
    return replace(finding, message=f"{finding.message} ({note})") if note else finding


def _gated(pod: Object, name: str) -> Finding:
    gates = ", ".join(sorted(gate.get("name", "") for gate in pod["spec"].get("schedulingGates") or []))
    queue = labels_of(pod).get(QUEUE_LABEL)
    if queue:
        return Finding("Queued", f"pod {name} waits in the queue {queue} to be admitted")
    return Finding(
        "SchedulingGated", f"pod {name} is held back by the scheduling gate {gates or 'of another'}"
    )


def _causes(text: str) -> list[str]:
    """The reasons why the pod fits no node, each once, in alphabetical order; the text as it is if it has
    another form.
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
    relevant = [cause for cause in causes if not _CONTROL_PLANE.search(cause)] or causes
    text = ", ".join(relevant)
    taints = set(_TAINT.findall(text))
    if taints & set(_lacking(relevant)):
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
