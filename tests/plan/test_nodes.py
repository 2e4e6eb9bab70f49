"""Where the nodes are known, the obstacle that all of them have is named with amounts and remedy."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from fairlead_operator.bounds import NODE_LABELS, NODE_RESOURCES, NODE_TAINTS
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.scheduling.nodes import Node, Nodes, read_node, view_node
from fairlead_operator.plan.scheduling.placement import requests_of
from fairlead_operator.plan.scheduling.unschedulable import scheduling_finding
from tests.plan.builders import Object, pod

GPU = "nvidia.com/gpu"
MEMORY = {"cpu": "8", "memory": "32Gi"}
LACKING = f"0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient {GPU}."


def node(name: str, *taints: str, labels: dict[str, str] | None = None, **amounts: str) -> Node:
    """A node with taints as `key=value:effect` and amounts, `gpu` for short."""
    allocatable = {GPU if kind == "gpu" else kind: amount for kind, amount in amounts.items()}
    body = {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": {"taints": [taint(text) for text in taints]},
        "status": {"allocatable": {**MEMORY, **allocatable}},
    }
    return read_node(view_node(body))


def taint(text: str) -> Object:
    head, _, effect = text.rpartition(":")
    key, _, value = head.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if value else {})}


def pending(text: str = LACKING, *, tolerations: Any = None, **requests: str) -> Object:
    """A pod without a node whose engine asks for this."""
    body = pod(unschedulable=text)
    amounts = {GPU if kind == "gpu" else kind: amount for kind, amount in requests.items()}
    body["spec"]["containers"] = [{"name": "vllm", "resources": {"limits": amounts}}]
    body["spec"]["tolerations"] = tolerations or []
    return body


def found(body: Object, *nodes: Node) -> Finding:
    finding = scheduling_finding(body, Nodes(nodes))
    assert finding is not None
    return finding


def test_with_a_tainted_accelerator_node_the_taint_is_reported_and_not_missing_accelerators() -> None:
    finding = found(pending(gpu="1"), node("cpu-1"), node("cpu-2"), node("a", "team=ml:NoSchedule", gpu="4"))
    assert finding.reason == "UntoleratedTaint"
    assert f"node a has {GPU} and has the taint team=ml:NoSchedule" in finding.message


@pytest.mark.parametrize("text", ["team=ml:NoSchedule", f"{GPU}:NoSchedule", "a.b/c=true:NoExecute"])
def test_the_suggested_toleration_matches_the_taint(text: str) -> None:
    tainted = node("a", text, gpu="1")
    finding = found(pending(gpu="1"), tainted)
    shown = finding.message.partition("spec.scheduling.tolerations: ")[2].partition(" (the scheduler")[0]
    tolerations = yaml.safe_load(shown)
    assert found(pending(gpu="1", tolerations=tolerations), tainted).reason == "InsufficientResources"


def test_for_several_taints_all_tolerations_are_suggested() -> None:
    finding = found(
        pending(gpu="1"), node("a", "x=1:NoSchedule", "y:NoExecute", "z:PreferNoSchedule", gpu="1")
    )
    assert "x=1:NoSchedule, y:NoExecute, which" in finding.message


def test_a_pod_without_accelerators_also_gets_the_suggested_toleration() -> None:
    text = "0/1 nodes are available: 1 node(s) had untolerated taint(s)."
    finding = found(pending(text, cpu="1"), node("a", f"{GPU}:NoSchedule", gpu="1"))
    assert (finding.reason, f"node a has the taint {GPU}:NoSchedule" in finding.message) == (
        "UntoleratedTaint",
        True,
    )


def test_accelerators_of_cordoned_or_broken_nodes_are_unavailable() -> None:
    taints = ["node.kubernetes.io/unschedulable:NoSchedule"]
    assert found(pending(gpu="1"), node("a", *taints, gpu="1")).reason == "NodesUnavailable"
    finding = found(pending(gpu="1"), node("a", *taints, gpu="1"), node("b", "x:NoSchedule", gpu="1"))
    assert (finding.reason, "node b" in finding.message) == ("UntoleratedTaint", True)


@pytest.mark.parametrize(
    ("requests", "text"),
    [
        ({"gpu": "5"}, f"asks for 5 {GPU}; the largest node, b, has 2 {GPU}"),
        (
            {"gpu": "1", "memory": "64Gi"},
            "asks for 64.0 GiB memory; the largest node, b, has 32.0 GiB memory",
        ),
        ({"cpu": "8500m"}, "asks for 8.5 cpu; the largest node, b, has 8 cpu"),
    ],
)
def test_a_request_larger_than_every_node_is_reported_with_both_amounts(
    requests: dict[str, str], text: str
) -> None:
    body = pending(tolerations=None, **requests)
    finding = found(body, node("a", gpu="1"), node("b", gpu="2"))
    assert (finding.reason, text in finding.message) == ("NodesTooSmall", True), finding


def test_amounts_that_no_single_node_has_together_are_reported() -> None:
    finding = found(pending(gpu="1", memory="30Gi"), node("a", gpu="1", memory="8Gi"), node("b"))
    assert (finding.reason, "and no node has all of it" in finding.message) == ("NodesTooSmall", True)


def test_a_resource_offered_by_no_node_is_reported_as_a_missing_device_plugin() -> None:
    finding = found(pending(gpu="1"), node("a"), node("b"))
    assert finding.reason == "ResourceNotOffered"
    assert f"asks for {GPU}, which no node of the cluster offers" in finding.message


def test_accelerator_nodes_without_the_selected_label_are_reported() -> None:
    body = pending(gpu="1")
    body["spec"]["nodeSelector"] = {"zone": "a", "kind": "x"}
    finding = found(
        body, node("a", gpu="1", labels={"zone": "b", "kind": "x"}), node("b", labels={"zone": "a"})
    )
    assert (finding.reason, "node a is large enough and lacks the label zone=a" in finding.message) == (
        "NodeSelectorMismatch",
        True,
    )


def test_accelerators_in_use_keep_the_schedulers_verdict_with_amounts() -> None:
    finding = found(pending(gpu="2"), node("a", gpu="4"), node("b", "x:NoSchedule", gpu="8"))
    assert finding.reason == "InsufficientResources"
    assert f"the pod asks for 2 {GPU}, and one node has at most 8 {GPU}" in finding.message


@pytest.mark.parametrize(
    "text",
    [
        '0/1 nodes are available: persistentvolumeclaim "models" not found.',
        "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.",
        "0/1 nodes are available: 1 cannot allocate all claims.",
    ],
)
def test_a_scheduling_verdict_that_is_not_about_nodes_is_kept(text: str) -> None:
    body = pending(text, gpu="1")
    assert found(body, node("a")) == scheduling_finding(body)


def test_tainted_control_plane_nodes_are_not_counted() -> None:
    taints = "node-role.kubernetes.io/control-plane:NoSchedule"
    finding = found(pending(cpu="4"), node("control", taints, cpu="64"), node("worker", cpu="2"))
    assert (finding.reason, "the largest node, worker, has 2 cpu" in finding.message) == (
        "NodesTooSmall",
        True,
    )


def test_control_plane_nodes_with_accelerators_are_counted() -> None:
    taints = "node-role.kubernetes.io/control-plane:NoSchedule"
    finding = found(pending(gpu="1"), node("control", taints, gpu="1"), node("worker"))
    assert (finding.reason, "node control" in finding.message) == ("UntoleratedTaint", True)


def test_without_node_data_the_message_is_the_schedulers_and_says_so() -> None:
    body = pending(gpu="1")
    plain = scheduling_finding(body)
    assert plain is not None
    unread = scheduling_finding(body, Nodes(unread="no right"))
    asks = f"(the pod asks for 1 {GPU}"
    assert f"{asks})" in plain.message
    expected = plain.message.replace(f"{asks})", f"{asks}; nodes were not looked at: no right)")
    assert unread == Finding(plain.reason, expected)


def test_in_a_cluster_without_nodes_the_message_names_no_nodes() -> None:
    body = pending(gpu="1")
    assert scheduling_finding(body, Nodes()) == scheduling_finding(body)


def test_the_resources_of_a_pod_are_summed_as_the_scheduler_does() -> None:
    def container(cpu: str, **more: Any) -> Object:
        return {"name": "c", "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": "9"}}, **more}

    body: Object = {
        "spec": {
            "containers": [container("1"), container("500m")],
            "initContainers": [container("1", restartPolicy="Always"), container("3")],
        }
    }
    assert requests_of(body) == {"cpu": 4}
    body["spec"]["initContainers"][1] = container("1")
    assert requests_of(body)["cpu"] * 2 == 5


def test_the_data_kept_of_a_node_is_bounded() -> None:
    junk = {f"{number}{'k' * 1000}": "x" * 1000 for number in range(2000)}
    body = {
        "metadata": {"name": "n" * 1000, "labels": junk, "annotations": junk},
        "spec": {"taints": [{"key": "k" * 1000, "effect": "NoSchedule", "junk": junk}] * 1000},
        "status": {"allocatable": junk, "images": [junk]},
    }
    seen = view_node(body)
    assert (len(seen["taints"]), len(seen["labels"])) == (NODE_TAINTS, NODE_LABELS)
    assert len(seen["allocatable"]) == NODE_RESOURCES
    assert len(json.dumps(seen)) < (NODE_TAINTS + NODE_LABELS + NODE_RESOURCES + 1) * 1200


@pytest.mark.parametrize("amount", ["", "many", "1e999999999", "9E+99999999", None, 3])
def test_an_invalid_amount_counts_as_0(amount: Any) -> None:
    assert found(pending(gpu="1"), node("a", gpu=amount)).reason == "ResourceNotOffered"
