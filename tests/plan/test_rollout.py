"""How a rollout continues without room for an additional pod: the scheduler's answer decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from fairlead_operator.api.names import ROLLOUT
from fairlead_operator.bounds import TEXT_CHARACTERS
from fairlead_operator.render.model import RECREATE, REPLACE, SURGE
from tests.plan.builders import (
    NOW,
    Object,
    PlannedNamespace,
    condition,
    creating,
    desired_revision,
    model_body,
    mount_event,
    pod,
)

NO_GPU = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu. preemption: 0/2 nodes are available"
# The builders' conditions date from a minute before NOW.
REFUSED = NOW - timedelta(minutes=1)
JUST_NOW = NOW - timedelta(seconds=50)


def rolling(text: str = NO_GPU, **rollout: Any) -> PlannedNamespace:
    """Two replicas serve, the spec has changed, and the scheduler refuses the first new pod."""
    world = PlannedNamespace(model_body(replicas=2, rollout=rollout))
    world.serve(2)
    world.body["spec"]["engine"] = {"maxModelLen": 1024}
    world.body["metadata"]["generation"] = 2
    world.reconcile()
    new = pod("tiny-new", revision=desired_revision(world.deployment()), unschedulable=text)
    world.roll([*world.pods, new], updated=1)
    world.reconcile(REFUSED)
    return world


def strategy(world: PlannedNamespace, now: datetime = NOW) -> Object:
    world.reconcile(now)
    found: Object = world.deployment()["spec"]["strategy"]
    return found


def autoscaler(reason: str, minutes_ago: int = 1) -> Object:
    timestamp = (NOW - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"reason": reason, "regarding": {"uid": "uid-tiny-new"}, "deprecatedLastTimestamp": timestamp}


def test_a_rollout_begins_with_a_new_pod() -> None:
    world = PlannedNamespace()
    world.serve()
    assert strategy(world) == SURGE


def test_within_the_surge_patience_the_rollout_waits_for_the_new_pod() -> None:
    world = rolling()
    planned = world.reconcile(JUST_NOW)
    assert world.deployment()["spec"]["strategy"] == SURGE
    assert planned.requeue_after == pytest.approx(5.1)


def test_after_the_surge_patience_an_old_pod_makes_room_and_the_condition_says_why() -> None:
    world = rolling()
    assert strategy(world) == REPLACE
    capacity = world.condition("CapacityAvailable")
    assert (capacity["status"], capacity["reason"]) == ("False", "DrainThenReplace")
    assert "Insufficient nvidia.com/gpu" in capacity["message"]


def test_a_rollout_waits_for_the_room_of_a_terminating_pod() -> None:
    """For example that of a bad revision that was mended: another GPU will be free in a moment."""
    world = rolling()
    bad = pod("tiny-bad", revision="bad")
    bad["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world.pods = [*world.pods, bad]
    assert strategy(world) == SURGE
    assert world.condition("CapacityAvailable")["status"] == "Unknown"
    world.pods.remove(bad)
    assert strategy(world) == SURGE
    assert strategy(world, NOW + timedelta(seconds=16)) == REPLACE


def test_the_surge_patience_is_configurable() -> None:
    assert strategy(rolling(surgePatienceSeconds=600)) == SURGE


def test_drain_then_replace_stays_chosen_until_the_rollout_is_over() -> None:
    world = rolling()
    world.reconcile()
    revision = desired_revision(world.deployment())
    world.roll([pod("tiny-0", ready=True, revision="old"), pod("tiny-new", revision=revision)], updated=1)
    assert strategy(world) == REPLACE
    assert world.condition("CapacityAvailable")["reason"] == "DrainThenReplace"


def test_after_the_rollout_the_strategy_is_surge_again() -> None:
    world = rolling()
    world.reconcile()
    revision = desired_revision(world.deployment())
    world.roll([pod(f"tiny-{n}", ready=True, revision=revision) for n in "ab"])
    assert strategy(world) == SURGE
    world.roll()
    world.reconcile()
    assert world.condition("Ready")["status"] == "True"
    assert world.condition("CapacityAvailable")["status"] == "True"


def test_the_next_revision_tries_to_surge_first() -> None:
    world = rolling()
    world.reconcile()
    world.body["spec"]["engine"] = {"maxModelLen": 512}
    assert strategy(world) == SURGE


@pytest.mark.parametrize(
    "text",
    [
        "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
        "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: yes}.",
        'persistentvolumeclaim "nothing" not found',
    ],
)
def test_no_old_pod_is_drained_for_a_refusal_that_draining_would_not_resolve(text: str) -> None:
    world = rolling(text)
    assert strategy(world) == SURGE
    assert world.condition("CapacityAvailable")["status"] == "False"


@pytest.mark.parametrize(
    "text",
    [
        "0/1 nodes are available: 1 cannot allocate all claims.",
        "0/1 nodes are available: 1 Too many pods.",
        "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.",
        "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints.",
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {a: b}.",
    ],
)
def test_lacking_claims_and_pod_affinity_make_an_old_pod_drain(text: str) -> None:
    assert strategy(rolling(text)) == REPLACE


def test_a_quota_that_refuses_the_new_pod_makes_an_old_pod_drain() -> None:
    world = rolling()
    quota = condition("ReplicaFailure", "True", message='forbidden: exceeded quota: "gpus"')
    world.roll(world.pods[:2], updated=0, failure=quota)
    assert strategy(world) == REPLACE
    assert "exceeded quota" in world.condition("CapacityAvailable")["message"]


def test_a_volume_held_on_another_node_makes_an_old_pod_drain() -> None:
    world = rolling()
    revision = desired_revision(world.deployment())
    world.pods = [*world.pods[:2], creating("tiny-new", revision)]
    world.events = [
        mount_event("Multi-Attach error for volume pvc-1", "tiny-new", reason="FailedAttachVolume")
    ]
    assert strategy(world) == REPLACE
    assert "Multi-Attach" in world.condition("CapacityAvailable")["message"]


def test_a_queue_quota_held_by_old_pods_makes_an_old_pod_drain() -> None:
    world = rolling()
    new = pod("tiny-new", revision=desired_revision(world.deployment()), node="")
    gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "gates"}
    new["status"]["conditions"] = [gated]
    new["spec"]["schedulingGates"] = [{"name": "kueue.x-k8s.io/admission"}]
    world.pods = [*world.pods[:2], new]
    assert strategy(world, NOW - timedelta(seconds=110)) == SURGE
    assert strategy(world) == REPLACE
    assert "queue" in world.condition("CapacityAvailable")["message"]


@pytest.mark.parametrize("reason", ["TriggeredScaleUp", "Nominated"])
def test_while_a_node_is_being_added_the_old_pods_stay(reason: str) -> None:
    world = rolling()
    world.events = [autoscaler(reason)]
    assert strategy(world) == SURGE


def test_a_rollout_does_not_wait_forever_for_a_new_node() -> None:
    world = rolling()
    world.events = [autoscaler("TriggeredScaleUp", minutes_ago=16)]
    assert strategy(world) == REPLACE


def test_a_cluster_autoscaler_that_gives_up_ends_the_wait_for_a_node() -> None:
    world = rolling()
    world.events = [autoscaler("TriggeredScaleUp", minutes_ago=2), autoscaler("NotTriggerScaleUp")]
    assert strategy(world) == REPLACE


def test_a_scale_up_without_room_drains_no_serving_pod() -> None:
    world = PlannedNamespace()
    world.serve()
    world.body["spec"]["replicas"] = 2
    world.reconcile()
    revision = desired_revision(world.deployment())
    world.roll([*world.pods, pod("tiny-new", revision=revision, unschedulable=NO_GPU)])
    assert strategy(world) == SURGE


def test_the_surge_strategy_always_waits_for_room() -> None:
    assert strategy(rolling(strategy="Surge")) == SURGE


def test_recreate_ends_the_old_pods_first() -> None:
    assert strategy(PlannedNamespace(model_body(rollout={"strategy": "Recreate"}))) == RECREATE


def test_a_restarted_operator_keeps_the_chosen_rollout_strategy() -> None:
    world = rolling()
    world.reconcile()
    # The refused pod is gone for a moment: the Deployment controller makes it again.
    world.roll(world.pods[:2], updated=0)
    assert strategy(world) == REPLACE


def test_an_oversized_rollout_annotation_is_cut() -> None:
    world = rolling()
    world.reconcile()
    annotations = world.deployment()["metadata"]["annotations"]
    assert ROLLOUT in annotations
    annotations[ROLLOUT] = "x" * 100_000
    world.reconcile()
    assert len(world.deployment()["metadata"]["annotations"][ROLLOUT]) == TEXT_CHARACTERS
    assert len(world.condition("CapacityAvailable")["message"]) < 2 * TEXT_CHARACTERS
