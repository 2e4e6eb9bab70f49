"""Pods that find no node are never capacity."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.autoscale.builders import NOW, Model, ready, serving, starting, unschedulable

MUCH: dict[str, Any] = {"queued": 50_000, "come": 100.0}


def test_at_most_one_pod_waits_for_a_node_by_default() -> None:
    model = Model(replicas=3)
    decision = model.see(*serving(2), unschedulable(), **MUCH)
    assert decision.replicas == 3
    assert decision.reason == "InsufficientCapacity"
    assert decision.inputs["unschedulable"] == 1


@pytest.mark.parametrize("allowed", [2, 5])
def test_as_many_pods_wait_for_a_node_as_unschedulable_pods_allows(allowed: int) -> None:
    model = Model(replicas=3, unschedulable_pods=allowed)
    assert model.see(*serving(2), unschedulable(), **MUCH).replicas == 2 + allowed


def test_unschedulable_pods_above_the_allowed_number_are_removed() -> None:
    model = Model(replicas=5)
    decision = model.see(*serving(2), *(unschedulable(f"u{i}") for i in range(3)), **MUCH)
    assert decision.replicas == 3
    assert decision.removal == ("u0", "u1")


def test_pods_are_added_one_by_one_with_a_recheck_after_1_second() -> None:
    model = Model(replicas=2)
    first = model.see(*serving(2), **MUCH)
    assert first.replicas == 3
    waiting = model.see(*serving(2), starting("n", scheduled=None), **MUCH)
    assert (waiting.replicas, waiting.reason) == (3, "WaitingForScheduler")
    assert waiting.recheck_after == 1.0
    assert model.see(*serving(2), starting("n", now=model.at), **MUCH).replicas == 4


def test_replicas_whose_pods_do_not_exist_yet_are_kept() -> None:
    assert Model(replicas=5, min_replicas=5).see(*serving(1)).replicas == 5


def test_pods_without_a_node_add_no_replicas() -> None:
    """However long the queue gets, the number stays."""
    model = Model(replicas=3)
    seen = {model.see(*serving(2), unschedulable(), queued=n * 10_000).replicas for n in range(1, 50)}
    assert seen == {3}


def test_min_replicas_above_the_placeable_pods_is_reached_one_pod_at_a_time() -> None:
    assert Model(replicas=1, min_replicas=5).see(*serving(1)).replicas == 2


def test_with_0_unschedulable_pods_allowed_one_is_tried_with_growing_pauses() -> None:
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


def test_stuck_pods_get_one_replacement() -> None:
    model = Model(replicas=1)
    broken = [starting(f"b{i}", stuck=True) for i in range(3)]
    for _ in range(50):
        decision = model.see(*broken, queued=1)
    assert decision.replicas == 2


def test_a_stuck_pod_does_not_count_as_future_capacity() -> None:
    now = NOW + 5
    fine = Model(replicas=1).see(starting("a", age=100, now=now), queued=50)
    broken = Model(replicas=1).see(starting("a", age=100, now=now, stuck=True), queued=50)
    assert fine.inputs["startingPodSeconds"] == 100
    assert broken.inputs["startingPodSeconds"] == 0


def test_the_expected_ready_time_follows_from_measured_cold_starts() -> None:
    model = Model(replicas=1)
    assert model.see(starting("a", age=30, now=model.at), queued=1).expected_ready_seconds == 85
    assert model.see(ready("a")).expected_ready_seconds is None
    assert Model(replicas=0).see(queued=1).expected_ready_seconds == 120
