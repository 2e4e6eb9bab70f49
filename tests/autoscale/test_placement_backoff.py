"""Pods that find no node are never capacity."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.autoscale.builders import NOW, Model, ready, serving, starting, unschedulable

MUCH: dict[str, Any] = {"queued": 50_000, "come": 100.0}


def test_one_pod_may_wait_for_a_node() -> None:
    model = Model(replicas=3)
    decision = model.see(*serving(2), unschedulable(), **MUCH)
    assert decision.replicas == 3
    assert decision.reason == "InsufficientCapacity"
    assert decision.inputs["unschedulable"] == 1


@pytest.mark.parametrize("allowed", [2, 5])
def test_as_many_as_the_owner_allows(allowed: int) -> None:
    model = Model(replicas=3, unschedulable_pods=allowed)
    assert model.see(*serving(2), unschedulable(), **MUCH).replicas == 2 + allowed


def test_more_that_wait_are_taken_back() -> None:
    model = Model(replicas=5)
    decision = model.see(*serving(2), *(unschedulable(f"u{i}") for i in range(3)), **MUCH)
    assert decision.replicas == 3
    assert decision.removal == ("u0", "u1")


def test_the_scheduler_is_asked_pod_by_pod_and_soon_again() -> None:
    model = Model(replicas=2)
    first = model.see(*serving(2), **MUCH)
    assert first.replicas == 3
    waiting = model.see(*serving(2), starting("n", scheduled=None), **MUCH)
    assert (waiting.replicas, waiting.reason) == (3, "WaitingForScheduler")
    assert waiting.recheck_after == 1.0
    assert model.see(*serving(2), starting("n", now=model.at), **MUCH).replicas == 4


def test_replicas_whose_pods_do_not_exist_yet_are_left_alone() -> None:
    assert Model(replicas=5, min_replicas=5).see(*serving(1)).replicas == 5


def test_pods_without_a_node_raise_nothing() -> None:
    """However long the queue gets, the number stays."""
    model = Model(replicas=3)
    seen = {model.see(*serving(2), unschedulable(), queued=n * 10_000).replicas for n in range(1, 50)}
    assert seen == {3}


def test_even_minreplicas_waits_for_room() -> None:
    assert Model(replicas=1, min_replicas=5).see(*serving(1)).replicas == 2


def test_with_none_allowed_one_is_tried_and_taken_back_ever_less_often() -> None:
    model = Model(replicas=2, unschedulable_pods=0)
    tried = []
    for _ in range(400):
        pods = serving(2) if model.replicas == 2 else (*serving(2), unschedulable())
        if model.see(*pods, **MUCH).replicas == 3:
            tried.append(model.at)
    gaps = [round(b - a) for a, b in pairwise(tried)]
    assert len(tried) >= 5
    assert gaps == sorted(gaps)
    assert gaps[0] >= 30
    assert max(gaps) == pytest.approx(300, abs=10)


def test_one_replacement_for_pods_that_will_not_start() -> None:
    model = Model(replicas=1)
    broken = [starting(f"b{i}", stuck=True) for i in range(3)]
    for _ in range(50):
        decision = model.see(*broken, queued=1)
    assert decision.replicas == 2


def test_a_stuck_pod_is_not_expected_to_help() -> None:
    now = NOW + 5
    fine = Model(replicas=1).see(starting("a", age=100, now=now), queued=50)
    broken = Model(replicas=1).see(starting("a", age=100, now=now, stuck=True), queued=50)
    assert fine.inputs["startingPodSeconds"] == 100
    assert broken.inputs["startingPodSeconds"] == 0


def test_the_first_ready_pod_is_expected_when_its_like_were_ready() -> None:
    model = Model(replicas=1)
    assert model.see(starting("a", age=30, now=model.at), queued=1).expected_ready_seconds == 85
    assert model.see(ready("a")).expected_ready_seconds is None
    assert Model(replicas=0).see(queued=1).expected_ready_seconds == 120
