"""The scheduler's message becomes a reason, and its text is kept without its numbers."""

from __future__ import annotations

import pytest

from fairlead_operator.plan.scheduling.unschedulable import scheduling_finding
from tests.plan.builders import Object, condition, pod

PREEMPTION = " preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."


@pytest.mark.parametrize(
    ("causes", "reason"),
    [
        (["Insufficient nvidia.com/gpu"], "InsufficientResources"),
        (["Too many pods"], "InsufficientResources"),
        (["Insufficient cpu", "node(s) had untolerated taint {a: b}"], "InsufficientResources"),
        (["node(s) had untolerated taint {gpu: yes}"], "UntoleratedTaint"),
        (
            ["Insufficient nvidia.com/gpu", "node(s) had untolerated taint {nvidia.com/gpu: present}"],
            "UntoleratedTaint",
        ),
        (["node(s) had untolerated taint {node.kubernetes.io/unreachable: }"], "NodesUnavailable"),
        (["node(s) were unschedulable"], "NodesUnavailable"),
        (["node(s) didn't match Pod's node affinity/selector"], "NodeSelectorMismatch"),
        (
            [
                "node(s) didn't match Pod's node affinity/selector",
                "node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }",
            ],
            "NodeSelectorMismatch",
        ),
        (["node(s) didn't match pod anti-affinity rules"], "TopologyMismatch"),
        (["node(s) didn't match pod topology spread constraints"], "TopologyMismatch"),
        (["cannot allocate all claims"], "ClaimNotAllocated"),
        (["pod has unbound immediate PersistentVolumeClaims"], "VolumeNotReady"),
        (["node(s) had volume node affinity conflict"], "VolumeNotReady"),
    ],
)
@pytest.mark.parametrize("tail", ["", " not found", PREEMPTION, f" no new claims to deallocate,{PREEMPTION}"])
def test_the_schedulers_verdict_is_mapped_to_a_reason(causes: list[str], reason: str, tail: str) -> None:
    listed = ", ".join(f"{number} {cause}" for number, cause in enumerate(causes, start=3))
    finding = scheduling_finding(pod(unschedulable=f"0/9 nodes are available: {listed}.{tail}"))
    assert finding is not None
    assert finding.reason == reason
    assert finding.message.endswith(f"pod tiny-1: {', '.join(causes)}")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('0/1 nodes are available: persistentvolumeclaim "models" not found.', "VolumeNotReady"),
        ("0/1 nodes are available: request gpu: device class x does not exist.", "DeviceClassMissing"),
        ('pod "demo/tiny-1": resourceclaim "demo/tiny-gpu" not found', "ClaimNotAllocated"),
        ("no luck today", "Unschedulable"),
    ],
)
def test_a_scheduling_message_in_another_form_is_passed_on_unchanged(text: str, reason: str) -> None:
    finding = scheduling_finding(pod(unschedulable=text))
    assert finding is not None
    assert finding.reason == reason
    assert text.removeprefix("0/1 nodes are available: ").rstrip(".") in finding.message


def test_the_number_of_nodes_does_not_change_the_message() -> None:
    texts = [
        "0/7 nodes are available: 3 Insufficient cpu, 4 node(s) were unschedulable.",
        "0/9 nodes are available: 1 node(s) were unschedulable, 8 Insufficient cpu.",
    ]
    assert len({scheduling_finding(pod(unschedulable=text)) for text in texts}) == 1


def test_the_lacking_resources_are_named_first() -> None:
    text = "0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 2 Insufficient memory."
    finding = scheduling_finding(pod(unschedulable=text))
    assert finding is not None
    assert finding.message.startswith("not enough memory, nvidia.com/gpu for pod tiny-1")


def test_a_pod_with_a_node_has_no_scheduling_cause() -> None:
    assert scheduling_finding(pod()) is None


def gated(labels: dict[str, str]) -> Object:
    """A pod that is held back by a gate."""
    body = pod(node="")
    body["metadata"]["labels"] = labels
    body["spec"]["schedulingGates"] = [{"name": "kueue.x-k8s.io/admission"}]
    body["status"]["conditions"][0] = condition("PodScheduled", "False", reason="SchedulingGated")
    return body


def test_a_pod_in_a_queue_waits_for_its_turn_and_the_queue_is_named() -> None:
    finding = scheduling_finding(gated({"kueue.x-k8s.io/queue-name": "team-a"}))
    assert finding is not None
    assert finding.reason == "Queued"
    assert "queue team-a" in finding.message


def test_a_scheduling_gate_of_another_controller_is_named() -> None:
    finding = scheduling_finding(gated({}))
    assert finding is not None
    assert finding.reason == "SchedulingGated"
    assert "kueue.x-k8s.io/admission" in finding.message
