"""The accelerators that a pod holds, and since when."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.plan.pods.accelerators import bound_since, held_accelerators
from fairlead_operator.plan.pods.view import view_own_pod
from fairlead_operator.render.accelerators import pod_claims, render_claim_template
from tests.plan.builders import Object, condition, model, pod
from tests.plan.test_podview import owned

GPU, NIC = "nvidia.com/gpu", "vpc.amazonaws.com/efa"


def with_limits(*limits: dict[str, str], **spec: Any) -> Object:
    """A pod as it counts, with a container for each of the limits."""
    body = owned(pod())
    containers = [{"name": f"c{at}", "resources": {"limits": item}} for at, item in enumerate(limits)]
    body["spec"] |= {"containers": containers, **spec}
    view = view_own_pod(body, "tiny")
    assert view is not None
    return view


def test_the_devices_of_all_containers_count_and_nothing_else() -> None:
    body = with_limits({GPU: "2", "cpu": "4", "memory": "1Gi"}, {GPU: "1"})
    assert held_accelerators(body, {}, GPU) == {GPU: 3}


def test_a_pod_without_devices_holds_none() -> None:
    assert held_accelerators(with_limits({"cpu": "4"}), {}, "") == {}


def test_beside_the_models_accelerators_network_devices_do_not_count() -> None:
    assert held_accelerators(with_limits({GPU: "8", NIC: "32"}), {}, GPU) == {GPU: 8}


def test_a_pod_of_an_earlier_spec_counts_with_what_it_has() -> None:
    assert held_accelerators(with_limits({"amd.com/gpu": "1"}), {}, GPU) == {"amd.com/gpu": 1}


def test_claimed_devices_count_by_their_class() -> None:
    claiming = model(accelerator={"deviceClassName": "gpu.nvidia.com", "count": 4})
    template = render_claim_template(claiming)
    assert template is not None
    body = with_limits({}, resourceClaims=pod_claims(claiming))
    held = held_accelerators(body, {template["metadata"]["name"]: template}, "gpu.nvidia.com")
    assert held == {"gpu.nvidia.com": 4}


def test_a_claim_of_the_users_own_template_is_not_known() -> None:
    body = with_limits({}, resourceClaims=[{"name": "x", "resourceClaimTemplateName": "theirs"}])
    assert held_accelerators(body, {}, "gpu.nvidia.com") == {}


def test_a_pod_holds_its_accelerators_from_its_binding_on() -> None:
    body = pod()
    body["status"]["conditions"] = [
        condition("PodScheduled", "True", lastTransitionTime="2026-01-01T11:58:01Z")
    ]
    assert bound_since(body) == 1767268681


@pytest.mark.parametrize(
    "body",
    [pod(unschedulable="0/1 nodes"), pod(node=""), pod(phase="Failed"), pod(phase="Succeeded")],
    ids=["unschedulable", "undecided", "failed", "succeeded"],
)
def test_a_pod_without_a_node_or_at_its_end_holds_none(body: Object) -> None:
    assert bound_since(body) is None
