"""A LeaderWorkerSet is read as a Deployment is: what it counts, whether it rolls, and when it is late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fairlead_operator.plan.children.workload import as_deployment, is_observed
from fairlead_operator.plan.planner import Plan
from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import RECREATE, REPLACE, SURGE, Choices
from tests.plan.builders import (
    NOW,
    SETTINGS,
    Object,
    PlannedNamespace,
    condition,
    desired_revision,
    model_body,
    pod,
)

GPUS = {"resourceName": "nvidia.com/gpu", "count": 8}
GROUP = ("LeaderWorkerSet", "tiny-group")
HOUR_AGO = "2026-01-01T11:00:00Z"
LONG_AGO = "2026-01-01T09:00:00Z"


def grouped(replicas: int = 1, **spec: Any) -> PlannedNamespace:
    world = PlannedNamespace(model_body(engine={"nodes": 2}, accelerator=GPUS, replicas=replicas, **spec))
    world.reconcile()
    return world


def members(world: PlannedNamespace, index: int = 0, *, ready: bool = True, **more: Any) -> list[Object]:
    """The pods of one group, as LeaderWorkerSet makes them from the live set."""
    templates = world.children[GROUP]["spec"]["leaderWorkerTemplate"]
    revision = desired_revision(world.children[GROUP])
    leader = pod(f"tiny-group-{index}", revision=revision, ready=ready, **more)
    worker = pod(f"tiny-group-{index}-1", revision=revision, ready=True)
    del worker["status"]["initContainerStatuses"]
    leader["metadata"]["labels"] = templates["leaderTemplate"]["metadata"]["labels"]
    worker["metadata"]["labels"] = templates["workerTemplate"]["metadata"]["labels"]
    return [leader, worker]


def report_status(world: PlannedNamespace, pods: list[Object], *conditions: Object, **counts: int) -> Plan:
    """Lets LeaderWorkerSet's controller count its groups, and plans."""
    world.pods = pods
    groups = len(pods) // 2
    status = {"replicas": groups, "updatedReplicas": groups, "readyReplicas": groups, **counts}
    world.children[GROUP]["status"] = {**status, "conditions": list(conditions)}
    return world.reconcile()


def test_a_replica_on_several_nodes_is_a_leader_worker_set_instead_of_a_deployment() -> None:
    kinds = {kind for kind, _ in grouped().children}
    assert "LeaderWorkerSet" in kinds
    assert "Deployment" not in kinds


def test_a_serving_group_makes_the_model_ready() -> None:
    world = grouped()
    report_status(world, members(world))
    assert world.condition("Ready")["status"] == "True"
    assert (world.body["status"]["replicas"], world.body["status"]["readyReplicas"]) == (1, 1)
    assert world.reconcile().apply == ()


def test_only_leaders_are_endpoints() -> None:
    world = grouped()
    report_status(world, members(world))
    assert [endpoint["pod"] for endpoint in world.body["status"]["endpoints"]] == ["tiny-group-0"]


def test_a_group_status_from_before_a_change_does_not_count_for_the_new_pods() -> None:
    world = grouped()
    report_status(world, members(world))
    former = world.pods
    world.body["spec"]["engine"] = {"nodes": 2, "maxModelLen": 1024}
    world.body["metadata"]["generation"] = 2
    world.reconcile()
    # The controller has not looked yet: what it counted are the former pods.
    report_status(world, former)
    assert world.condition("Ready")["status"] == "False"
    report_status(world, members(world, ready=False))
    assert world.condition("Ready")["status"] == "False"
    report_status(world, members(world))
    assert world.condition("Ready")["status"] == "True"


def test_an_unschedulable_worker_is_reported_as_the_cause() -> None:
    world = grouped()
    leader, worker = members(world, ready=False)
    refused = pod("x", unschedulable="0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")
    worker["spec"], worker["status"] = refused["spec"], {"phase": "Pending", **refused["status"]}
    report_status(world, [leader, worker], readyReplicas=0)
    assert world.condition("Ready")["reason"] == "InsufficientResources"


def test_the_progress_deadline_counts_from_the_last_progress() -> None:
    world = grouped()
    waiting = members(world, ready=False)
    progressing = condition("Progressing", "True")
    report_status(world, waiting, {**progressing, "lastTransitionTime": HOUR_AGO}, readyReplicas=0)
    assert world.condition("Stalled")["status"] == "False"
    report_status(world, waiting, {**progressing, "lastTransitionTime": LONG_AGO}, readyReplicas=0)
    assert world.condition("Stalled")["status"] == "True"
    assert world.condition("Ready")["reason"] == "DeadlineExceeded"


def test_a_leader_becoming_ready_counts_as_progress() -> None:
    world = grouped(replicas=2)
    pods = [*members(world, 0), *members(world, 1, ready=False)]
    stale = {**condition("Progressing", "True"), "lastTransitionTime": LONG_AGO}
    report_status(world, pods, stale, readyReplicas=1)
    assert world.condition("Stalled")["status"] == "False"


def test_a_serving_group_never_exceeds_the_progress_deadline() -> None:
    world = grouped()
    available = {**condition("Available", "True"), "lastTransitionTime": LONG_AGO}
    report_status(world, members(world), available)
    assert world.condition("Ready")["status"] == "True"


@pytest.mark.parametrize("strategy", [SURGE, REPLACE, RECREATE])
def test_the_strategy_of_a_group_is_read_back_as_rendered(strategy: Object) -> None:
    world = grouped()
    rendered = render_children(world.model, SETTINGS, Choices(strategy=strategy)).workload
    assert as_deployment(rendered, world.model, (), NOW)["spec"]["strategy"] == strategy


def test_a_stuck_rollout_of_groups_switches_to_draining_an_old_pod_first() -> None:
    world = grouped()
    report_status(world, members(world))
    former = world.pods
    world.body["spec"]["engine"] = {"nodes": 2, "maxModelLen": 1024}
    world.body["metadata"]["generation"] = 2
    world.reconcile()
    refusal = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    new = [members(world, 1, ready=False, unschedulable=refusal)[0]]
    report_status(world, [*former, *new], replicas=2, updatedReplicas=1, readyReplicas=1)
    world.reconcile(NOW + timedelta(minutes=1))
    rollout = world.children[GROUP]["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"]
    assert (rollout["maxSurge"], rollout["maxUnavailable"]) == (0, 1)


def test_the_observed_generation_of_a_group_is_used() -> None:
    world = grouped()
    workload = world.children[GROUP]
    workload["metadata"]["generation"] = 3
    workload["status"] = {"observedGeneration": 2}
    assert not is_observed(as_deployment(workload, world.model, (), NOW))
    workload["status"] = {"observedGeneration": 3}
    assert is_observed(as_deployment(workload, world.model, (), NOW))
    assert not is_observed({})


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_a_change_between_one_and_several_nodes_replaces_the_workload(before: int, after: int) -> None:
    world = PlannedNamespace(model_body(engine={"nodes": before}, accelerator=GPUS))
    world.reconcile()
    kinds = {1: ("Deployment", "tiny"), 2: GROUP}
    assert kinds[before] in world.children
    world.body["spec"]["engine"] = {"nodes": after}
    world.body["metadata"]["generation"] = 2
    world.reconcile()
    assert kinds[after] in world.children
    assert kinds[before] not in world.children
