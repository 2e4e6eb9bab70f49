"""How a rollout goes on when there is no room for one pod more: the scheduler's answer decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from fairlead_operator.api.names import ROLLOUT
from fairlead_operator.bounds import TEXT_CHARACTERS
from fairlead_operator.render.model import RECREATE, REPLACE, SURGE
from fairlead_operator.render.templates import desired_revision
from tests.plan.builders import NOW, Object, World, condition, creating, model_body, mount_event, pod

NO_GPU = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu. preemption: 0/2 nodes are available"
# The builders' conditions date from a minute before NOW.
REFUSED = NOW - timedelta(minutes=1)
JUST_NOW = NOW - timedelta(seconds=50)


def rolling(text: str = NO_GPU, **rollout: Any) -> World:
    """Two replicas serve, the spec has changed, and the scheduler refuses the first new pod."""
    world = World(model_body(replicas=2, rollout=rollout))
    world.serve(2)
    world.body["spec"]["engine"] = {"maxModelLen": 1024}
    world.body["metadata"]["generation"] = 2
    world.reconcile()
    new = pod("tiny-new", revision=desired_revision(world.deployment()), unschedulable=text)
    world.roll([*world.pods, new], updated=1)
    world.reconcile(REFUSED)
    return world


def strategy(world: World, now: datetime = NOW) -> Object:
    world.reconcile(now)
    found: Object = world.deployment()["spec"]["strategy"]
    return found


def autoscaler(reason: str, minutes_ago: int = 1) -> Object:
    told = (NOW - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"reason": reason, "regarding": {"uid": "uid-tiny-new"}, "deprecatedLastTimestamp": told}


def test_a_rollout_begins_with_a_new_pod() -> None:
    world = World()
    world.serve()
    assert strategy(world) == SURGE


def test_within_the_patience_the_new_pod_is_awaited() -> None:
    world = rolling()
    planned = world.reconcile(JUST_NOW)
    assert world.deployment()["spec"]["strategy"] == SURGE
    assert planned.requeue_after == pytest.approx(5.1)


def test_after_it_an_old_pod_makes_room_and_the_condition_says_why() -> None:
    world = rolling()
    assert strategy(world) == REPLACE
    told = world.condition("CapacityAvailable")
    assert (told["status"], told["reason"]) == ("False", "DrainThenReplace")
    assert "Insufficient nvidia.com/gpu" in told["message"]


def test_while_a_pod_of_the_model_is_on_its_way_out_its_room_is_awaited() -> None:
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


def test_the_patience_is_the_users() -> None:
    assert strategy(rolling(surgePatienceSeconds=600)) == SURGE


def test_the_choice_stands_until_the_rollout_is_over() -> None:
    world = rolling()
    world.reconcile()
    revision = desired_revision(world.deployment())
    world.roll([pod("tiny-0", ready=True, revision="old"), pod("tiny-new", revision=revision)], updated=1)
    assert strategy(world) == REPLACE
    assert world.condition("CapacityAvailable")["reason"] == "DrainThenReplace"


def test_after_the_rollout_the_usual_way_is_back() -> None:
    world = rolling()
    world.reconcile()
    revision = desired_revision(world.deployment())
    world.roll([pod(f"tiny-{n}", ready=True, revision=revision) for n in "ab"])
    assert strategy(world) == SURGE
    world.roll()
    world.reconcile()
    assert world.condition("Ready")["status"] == "True"
    assert world.condition("CapacityAvailable")["status"] == "True"


def test_the_next_revision_tries_anew_whether_there_is_room() -> None:
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
def test_no_old_pod_is_given_up_for_a_refusal_that_this_would_not_mend(text: str) -> None:
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
def test_claims_and_neighbours_count_as_room_too(text: str) -> None:
    assert strategy(rolling(text)) == REPLACE


def test_a_quota_that_refuses_the_new_pod_counts_too() -> None:
    world = rolling()
    quota = condition("ReplicaFailure", "True", message='forbidden: exceeded quota: "gpus"')
    world.roll(world.pods[:2], updated=0, failure=quota)
    assert strategy(world) == REPLACE
    assert "exceeded quota" in world.condition("CapacityAvailable")["message"]


def test_a_volume_that_an_old_pod_holds_on_another_node_counts_too() -> None:
    world = rolling()
    revision = desired_revision(world.deployment())
    world.pods = [*world.pods[:2], creating("tiny-new", revision)]
    world.events = [
        mount_event("Multi-Attach error for volume pvc-1", "tiny-new", reason="FailedAttachVolume")
    ]
    assert strategy(world) == REPLACE
    assert "Multi-Attach" in world.condition("CapacityAvailable")["message"]


def test_a_queue_whose_quota_the_old_pods_hold_counts_too() -> None:
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


def test_a_node_that_does_not_come_is_not_awaited_for_ever() -> None:
    world = rolling()
    world.events = [autoscaler("TriggeredScaleUp", minutes_ago=16)]
    assert strategy(world) == REPLACE


def test_an_autoscaler_that_gives_up_ends_the_wait() -> None:
    world = rolling()
    world.events = [autoscaler("TriggeredScaleUp", minutes_ago=2), autoscaler("NotTriggerScaleUp")]
    assert strategy(world) == REPLACE


def test_a_scale_up_without_room_takes_nothing_from_the_pods_that_serve() -> None:
    world = World()
    world.serve()
    world.body["spec"]["replicas"] = 2
    world.reconcile()
    revision = desired_revision(world.deployment())
    world.roll([*world.pods, pod("tiny-new", revision=revision, unschedulable=NO_GPU)])
    assert strategy(world) == SURGE


def test_surge_always_waits_for_room() -> None:
    assert strategy(rolling(strategy="Surge")) == SURGE


def test_recreate_ends_the_old_pods_first() -> None:
    assert strategy(World(model_body(rollout={"strategy": "Recreate"}))) == RECREATE


def test_a_restarted_operator_goes_on_with_the_choice() -> None:
    world = rolling()
    world.reconcile()
    # The refused pod is gone for a moment: the Deployment controller makes it again.
    world.roll(world.pods[:2], updated=0)
    assert strategy(world) == REPLACE


def test_a_choice_that_somebody_has_filled_up_is_cut() -> None:
    world = rolling()
    world.reconcile()
    annotations = world.deployment()["metadata"]["annotations"]
    assert ROLLOUT in annotations
    annotations[ROLLOUT] = "x" * 100_000
    world.reconcile()
    assert len(world.deployment()["metadata"]["annotations"][ROLLOUT]) == TEXT_CHARACTERS
    assert len(world.condition("CapacityAvailable")["message"]) < 2 * TEXT_CHARACTERS
