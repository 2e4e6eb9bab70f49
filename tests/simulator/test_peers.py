"""Each peer's formula by a case computed by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from tests.simulator.cluster import Pod
from tests.simulator.plane import Gauge, Totals
from tests.simulator.policies.aibrix import Aibrix
from tests.simulator.policies.base import Policy, View
from tests.simulator.policies.hpa import Hpa, Keda
from tests.simulator.policies.knative import Knative
from tests.simulator.policies.kubeai import KubeAI
from tests.simulator.policies.ray import RayServe


def view(at: float, load: float, ready: int, replicas: int, *, held: float = 0, visible: bool = True) -> View:
    """A model with so many requests, of which `held` wait."""
    totals = Totals(held, load - held, 0, 0, 0, 0, 0, math.nan, 0, 0)
    pods = tuple(
        Pod(f"pod-{i}", 0.0, 60.0, scheduled=0.0, ready=1.0 if i < ready else None) for i in range(replicas)
    )
    gauges = {f"pod-{i}": Gauge(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) for i in range(ready)}
    return View(at, totals, load, pods, gauges, replicas, visible)


def follow(policy: Policy, seconds: float, load: Callable[[float], float], replicas: int = 1) -> list[int]:
    """What the policy wants on each call, with pods that are ready at once."""
    wanted, at = [], 0.0
    while at <= seconds:
        replicas = policy.decide(view(at, load(at), replicas, replicas)).replicas
        wanted.append(replicas)
        at += policy.period
    return wanted


def test_kubeai_takes_the_mean_of_sixty_samples() -> None:
    # 100 for 600 s, then 700: after n samples the mean is 100 + 10 n, and the target is 100.
    wanted = follow(KubeAI(100, 32), 1200, lambda at: 100 if at < 600 else 700)
    assert wanted[59] == 1
    assert wanted[60] == 2
    assert wanted[60 + 9] == 2
    assert wanted[60 + 10] == 3
    assert wanted[60 + 59] == 7


def test_kubeai_scales_down_on_the_fourth_tick_below() -> None:
    policy = KubeAI(10, 32)
    assert policy.decide(view(0, 20, 2, 2)).replicas == 2
    wanted = [policy.decide(view(10.0 * i, 0, 2, 2)).replicas for i in range(1, 6)]
    # 20 * 59/60 still rounds up to 2; 30 ticks until the mean is 10 or less.
    assert wanted == [2] * 5
    later = [policy.decide(view(10.0 * i, 0, 2, 2)).replicas for i in range(6, 36)]
    assert later.index(1) == 30 - 6 + 3


def test_kubeai_wakes_with_one_and_takes_no_sample_until_it_is_ready() -> None:
    policy = KubeAI(1, 32)
    assert policy.decide(view(0, 50, 0, 0)).replicas == 1
    assert [policy.decide(view(10.0 * i, 50, 0, 1)).replicas for i in range(1, 20)] == [1] * 19


def test_knative_scales_on_the_stable_mean_below_panic() -> None:
    # 14 for a minute, then 20: below twice the ready pods' worth; ceil(20/10) once the window is full of it.
    wanted = follow(Knative(10, 32), 180, lambda at: 14 if at < 60 else 20)
    assert wanted[0] == 2
    assert wanted[-1] == 2


def test_knative_panics_on_six_seconds_and_does_not_scale_down_in_panic() -> None:
    wanted = follow(Knative(10, 32), 200, lambda at: 100 if 60 <= at < 70 else 10)
    assert wanted[29] == 1
    assert wanted[30] == 4  # (10 + 10 + 100) / 3 / 10: three samples of 2 s
    assert wanted[32] == 10
    # 60 s was the last tick over twice what was ready; 60 s after it the way down begins, by half.
    assert wanted[60] == 10
    assert wanted[61] == 5
    assert wanted[-1] == 1


def test_knative_scales_down_by_half_at_most() -> None:
    policy = Knative(10, 32)
    policy.decide(view(0, 80, 8, 8))
    wanted = [policy.decide(view(100.0 + 2 * i, 1, 8 // 2 ** min(i, 3), 8)).replicas for i in range(4)]
    assert wanted == [4, 2, 1, 1]


def test_knative_scales_to_zero_after_window_and_grace_period() -> None:
    wanted = follow(Knative(10, 32), 120, lambda at: 5 if at < 20 else 0)
    assert wanted[18 // 2 + 44] == 1
    assert wanted[18 // 2 + 45] == 0


def test_hpa_uses_the_metric_sum_of_ten_seconds_ago() -> None:
    # Synced at 0, 15, 30, ...; the sync of 15 s reads the sample of 5 s.
    wanted = follow(Hpa(20, 32), 30, lambda at: 20 if at < 10 else 90)
    assert wanted == [1, 1, 1, 1, 1, 1, 5]


def test_hpa_has_a_10_percent_tolerance_and_adds_at_most_double_or_four() -> None:
    assert follow(Hpa(20, 32), 60, lambda at: 21.9)[-1] == 1
    assert follow(Hpa(20, 99), 0, lambda at: 2000) == [5]


def test_hpa_scales_down_after_five_minutes() -> None:
    wanted = follow(Hpa(20, 32), 400, lambda at: 100 if at < 20 else 20)
    assert wanted[3] == 5
    assert wanted[310 // 5] == 5
    assert wanted[315 // 5] == 1  # 300 s after the last answer of 5


def test_keda_treats_a_missing_metric_as_zero() -> None:
    policy = Keda(5, 32)
    for at in range(0, 395, 5):
        order = policy.decide(view(at, 50, 2, 2, held=10, visible=at < 30))
    assert order.replicas == 1


def test_keda_leaves_zero_for_a_waiting_request_and_returns_after_its_cooldown() -> None:
    policy = Keda(5, 32)
    assert policy.decide(view(0, 3, 0, 0, held=3)).replicas == 1
    wanted = [policy.decide(view(5.0 * i, 3, 1, 1)).replicas for i in range(1, 80)]
    assert wanted.index(0) == 72  # the first call after 360 s
    assert policy.decide(view(1000, 0, 0, 0)).replicas == 0


def test_aibrix_multiplies_by_starting_pods() -> None:
    policy, replicas, wanted = Aibrix(10, 99), 2, []
    for tick in range(4):
        replicas = policy.decide(view(10.0 * tick, 40, 2, replicas)).replicas
        wanted.append(replicas)
    assert wanted == [4, 8, 16, 32]


def test_aibrix_keeps_its_replicas_without_metrics() -> None:
    assert Aibrix(10, 99).decide(view(0, 500, 3, 3, visible=False)).replicas == 3


def test_ray_scales_up_after_30_seconds_and_down_after_10_minutes() -> None:
    wanted = follow(RayServe(10, 32), 800, lambda at: 30 if at < 60 else 10)
    assert wanted[30 // 5 - 1] == 1
    assert wanted[30 // 5] == 3
    # The mean is down to 20 at 70 s; from then on every look asks for less.
    assert wanted[(70 + 600) // 5 - 1] == 3
    assert wanted[(70 + 600) // 5] == 1


def test_ray_leaves_zero_immediately_with_one_replica() -> None:
    assert RayServe(2, 32).decide(view(0, 40, 0, 0, held=40)).replicas == 1


@pytest.mark.parametrize("peer", [KubeAI, Knative, Hpa, Keda, Aibrix, RayServe])
def test_no_peer_exceeds_its_maximum_replicas(peer: Callable[[float, int], Policy]) -> None:
    assert max(follow(peer(1, 7), 900, lambda at: 1000)) <= 7
