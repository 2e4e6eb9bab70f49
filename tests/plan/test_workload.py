"""A LeaderWorkerSet is read as a Deployment is: what it counts, whether it rolls, and when it is late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fairlead_operator.plan.planner import Plan
from fairlead_operator.plan.workload import as_deployment, is_observed
from fairlead_operator.render.children import render_children
from fairlead_operator.render.model import RECREATE, REPLACE, SURGE, Choices
from fairlead_operator.render.templates import desired_revision
from tests.plan.builders import NOW, SETTINGS, Object, World, condition, model_body, pod

GPUS = {"resourceName": "nvidia.com/gpu", "count": 8}
GROUP = ("LeaderWorkerSet", "tiny-group")
HOUR_AGO = "2026-01-01T11:00:00Z"
LONG_AGO = "2026-01-01T09:00:00Z"


def grouped(replicas: int = 1, **spec: Any) -> World:
    world = World(model_body(engine={"nodes": 2}, accelerator=GPUS, replicas=replicas, **spec))
    world.reconcile()
    return world


def members(world: World, index: int = 0, *, ready: bool = True, **more: Any) -> list[Object]:
    """The pods of one group, as LeaderWorkerSet makes them from the live set."""
    templates = world.children[GROUP]["spec"]["leaderWorkerTemplate"]
    revision = desired_revision(world.children[GROUP])
    leader = pod(f"tiny-group-{index}", revision=revision, ready=ready, **more)
    worker = pod(f"tiny-group-{index}-1", revision=revision, ready=True)
    del worker["status"]["initContainerStatuses"]
    leader["metadata"]["labels"] = templates["leaderTemplate"]["metadata"]["labels"]
    worker["metadata"]["labels"] = templates["workerTemplate"]["metadata"]["labels"]
    return [leader, worker]


def tell(world: World, pods: list[Object], *conditions: Object, **counts: int) -> Plan:
    """Lets LeaderWorkerSet's controller count its groups, and plans."""
    world.pods = pods
    groups = len(pods) // 2
    told = {"replicas": groups, "updatedReplicas": groups, "readyReplicas": groups, **counts}
    world.children[GROUP]["status"] = {**told, "conditions": list(conditions)}
    return world.reconcile()


def test_a_replica_on_several_nodes_is_a_group_and_no_deployment() -> None:
    kinds = {kind for kind, _ in grouped().children}
    assert "LeaderWorkerSet" in kinds
    assert "Deployment" not in kinds


def test_a_group_that_serves_makes_the_model_ready() -> None:
    world = grouped()
    tell(world, members(world))
    assert world.condition("Ready")["status"] == "True"
    assert (world.body["status"]["replicas"], world.body["status"]["readyReplicas"]) == (1, 1)
    assert world.reconcile().apply == ()


def test_only_leaders_are_endpoints() -> None:
    world = grouped()
    tell(world, members(world))
    assert [endpoint["pod"] for endpoint in world.body["status"]["endpoints"]] == ["tiny-group-0"]


def test_a_status_of_the_former_pods_makes_no_new_ones_ready() -> None:
    world = grouped()
    tell(world, members(world))
    former = world.pods
    world.body["spec"]["engine"] = {"nodes": 2, "maxModelLen": 1024}
    world.body["metadata"]["generation"] = 2
    world.reconcile()
    # The controller has not looked yet: what it counted are the former pods.
    tell(world, former)
    assert world.condition("Ready")["status"] == "False"
    tell(world, members(world, ready=False))
    assert world.condition("Ready")["status"] == "False"
    tell(world, members(world))
    assert world.condition("Ready")["status"] == "True"


def test_a_worker_without_a_node_is_the_cause() -> None:
    world = grouped()
    leader, worker = members(world, ready=False)
    refused = pod("x", unschedulable="0/2 nodes are available: 2 Insufficient nvidia.com/gpu.")
    worker["spec"], worker["status"] = refused["spec"], {"phase": "Pending", **refused["status"]}
    tell(world, [leader, worker], readyReplicas=0)
    assert world.condition("Ready")["reason"] == "InsufficientResources"


def test_the_deadline_is_reckoned_from_what_moved_last() -> None:
    world = grouped()
    waiting = members(world, ready=False)
    progressing = condition("Progressing", "True")
    tell(world, waiting, {**progressing, "lastTransitionTime": HOUR_AGO}, readyReplicas=0)
    assert world.condition("Stalled")["status"] == "False"
    tell(world, waiting, {**progressing, "lastTransitionTime": LONG_AGO}, readyReplicas=0)
    assert world.condition("Stalled")["status"] == "True"
    assert world.condition("Ready")["reason"] == "DeadlineExceeded"


def test_a_leader_that_became_ready_is_progress() -> None:
    world = grouped(replicas=2)
    pods = [*members(world, 0), *members(world, 1, ready=False)]
    stale = {**condition("Progressing", "True"), "lastTransitionTime": LONG_AGO}
    tell(world, pods, stale, readyReplicas=1)
    assert world.condition("Stalled")["status"] == "False"


def test_a_group_that_serves_is_never_late() -> None:
    world = grouped()
    available = {**condition("Available", "True"), "lastTransitionTime": LONG_AGO}
    tell(world, members(world), available)
    assert world.condition("Ready")["status"] == "True"


@pytest.mark.parametrize("strategy", [SURGE, REPLACE, RECREATE])
def test_a_strategy_is_read_as_it_was_written(strategy: Object) -> None:
    world = grouped()
    rendered = render_children(world.model, SETTINGS, Choices(strategy=strategy))[-1]
    assert as_deployment(rendered, world.model, (), NOW)["spec"]["strategy"] == strategy


def test_a_stuck_rollout_of_groups_turns_round_too() -> None:
    world = grouped()
    tell(world, members(world))
    former = world.pods
    world.body["spec"]["engine"] = {"nodes": 2, "maxModelLen": 1024}
    world.body["metadata"]["generation"] = 2
    world.reconcile()
    refusal = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."
    new = [members(world, 1, ready=False, unschedulable=refusal)[0]]
    tell(world, [*former, *new], replicas=2, updatedReplicas=1, readyReplicas=1)
    world.reconcile(NOW + timedelta(minutes=1))
    rollout = world.children[GROUP]["spec"]["rolloutStrategy"]["rollingUpdateConfiguration"]
    assert (rollout["maxSurge"], rollout["maxUnavailable"]) == (0, 1)


def test_a_controller_that_says_what_it_has_seen_is_believed() -> None:
    world = grouped()
    workload = world.children[GROUP]
    workload["metadata"]["generation"] = 3
    workload["status"] = {"observedGeneration": 2}
    assert not is_observed(as_deployment(workload, world.model, (), NOW))
    workload["status"] = {"observedGeneration": 3}
    assert is_observed(as_deployment(workload, world.model, (), NOW))
    assert not is_observed({})


@pytest.mark.parametrize(("before", "after"), [(1, 2), (2, 1)])
def test_another_number_of_kinds_of_pods_replaces_the_workload(before: int, after: int) -> None:
    world = World(model_body(engine={"nodes": before}, accelerator=GPUS))
    world.reconcile()
    kinds = {1: ("Deployment", "tiny"), 2: GROUP}
    assert kinds[before] in world.children
    world.body["spec"]["engine"] = {"nodes": after}
    world.body["metadata"]["generation"] = 2
    world.reconcile()
    assert kinds[after] in world.children
    assert kinds[before] not in world.children
