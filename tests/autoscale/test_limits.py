"""What holds a change back: behavior, windows, bounds."""

from __future__ import annotations

import pytest

from fairlead_operator.autoscale.memory import Memory, Start
from fairlead_operator.autoscale.pace import UNLIMITED, Changes, Recommendations
from fairlead_operator.autoscale.settings import (
    SCALE_DOWN,
    SCALE_UP,
    ScalingBehavior,
    ScalingPolicy,
    Select,
    Unit,
)
from tests.autoscale.builders import NOW, Model, ready, serving, starting

PODS_2, HALF = ScalingPolicy(Unit.PODS, 2, 60.0), ScalingPolicy(Unit.PERCENT, 50, 60.0)


def changes(*observed: tuple[float, int]) -> Changes:
    found = Changes()
    for at, replicas in observed:
        found.observe(at, replicas)
    return found


def test_the_default_scale_up_is_four_pods_or_double_in_15_seconds() -> None:
    assert changes((0, 2)).up_limit(SCALE_UP, 0, 2) == 6
    assert changes((0, 10)).up_limit(SCALE_UP, 0, 10) == 20


def test_replicas_added_in_the_period_count_for_the_scale_up_limit() -> None:
    found = changes((0, 2), (10, 6))
    assert found.up_limit(SCALE_UP, 12, 6) == 6
    assert found.up_limit(SCALE_UP, 30, 6) == 12


def test_a_scale_up_from_zero_is_not_limited() -> None:
    assert changes((0, 0)).up_limit(ScalingBehavior((PODS_2,)), 0, 0) == UNLIMITED


@pytest.mark.parametrize(("select", "up", "down"), [(Select.MAX, 15, 5), (Select.MIN, 12, 8)])
def test_select_max_applies_the_policy_with_the_most_change(select: Select, up: int, down: int) -> None:
    behavior = ScalingBehavior((PODS_2, HALF), select=select)
    assert changes((0, 10)).up_limit(behavior, 0, 10) == up
    assert changes((0, 10)).down_limit(behavior, 0, 10) == down


def test_a_disabled_scaling_direction_changes_nothing() -> None:
    disabled = ScalingBehavior((), select=Select.DISABLED)
    assert changes((0, 3)).up_limit(disabled, 0, 3) == changes((0, 3)).down_limit(disabled, 0, 3) == 3


def test_replicas_removed_in_the_period_count_for_the_scale_down_limit() -> None:
    behavior = ScalingBehavior((PODS_2,))
    found = changes((0, 10), (10, 8))
    assert found.down_limit(behavior, 20, 8) == 8
    assert found.down_limit(behavior, 80, 8) == 6


def test_the_default_scale_down_is_not_limited() -> None:
    assert changes((0, 9)).down_limit(SCALE_DOWN, 0, 9) == 0


def test_the_stabilization_window_keeps_highest_and_lowest_recommendation() -> None:
    found = Recommendations()
    for at, replicas in ((0, 9), (100, 2), (200, 4)):
        found.add(at, replicas)
    assert (found.highest(150, 200), found.highest(201, 200)) == (4, 9)
    assert (found.lowest(150, 200, 5), found.lowest(50, 200, 5)) == (2, 4)


def test_a_short_dip_removes_no_replica() -> None:
    model = Model(replicas=4, min_replicas=1)
    model.steady(20.0, 900, *serving(4), in_flight=40)
    before = model.replicas
    dip = model.steady(0.0, 90, *serving(4), in_flight=1)
    assert dip.reason == "Stabilizing"
    assert model.replicas == before
    model.steady(0.0, 900, *serving(4), in_flight=1)
    assert model.replicas == 1


@pytest.mark.parametrize(("start", "window"), [(10.0, 120), (100.0, 200), (1000.0, 600)])
def test_the_stabilization_window_is_two_cold_starts_within_bounds(start: float, window: float) -> None:
    model = Model(replicas=3, min_replicas=1, memory=Memory(cold_starts=(Start(0.0, start),) * 5))
    model.see(*serving(3), queued=9000, follow=False)
    while model.see(*serving(3), follow=False).replicas == 3:
        assert model.at - NOW <= window + 10
    assert model.at - NOW >= window


def test_running_requests_are_not_squeezed_onto_fewer_replicas() -> None:
    model = Model(replicas=4, min_replicas=1)
    model.steady(0.5, 900, *serving(4), in_flight=160)
    decision = model.see(*serving(4), in_flight=160)
    assert decision.reason == "NoRoomToConsolidate"
    assert decision.replicas == 4


def test_a_pod_without_load_data_counts_as_full_for_a_scale_down() -> None:
    silent = (ready("x", in_flight=None), *serving(1))
    model = Model(replicas=2, min_replicas=1)
    assert model.steady(0.5, 1200, *silent, in_flight=20).replicas == 2
    assert model.steady(0.5, 1200, *serving(2), in_flight=20).replicas == 1


def test_a_scale_up_window_applies_its_lowest_recommendation() -> None:
    up = ScalingBehavior(SCALE_UP.policies, window=60.0)
    model = Model(min_replicas=1, scale_up=up)
    model.steady(0.0, 300, *serving(1))
    assert model.steady(30.0, 30, *serving(1)).reason == "Stabilizing"
    assert model.steady(30.0, 90, *serving(1)).replicas > 1


def test_min_and_max_replicas_apply_immediately() -> None:
    assert Model(replicas=9, max_replicas=3).see(*serving(9), in_flight=1).replicas == 3
    assert Model(replicas=1, min_replicas=2).see(*serving(1)).replicas == 2


def test_no_replica_is_removed_in_the_first_window_after_an_operator_start() -> None:
    model = Model(replicas=5, min_replicas=1)
    assert model.see(*serving(5)).reason == "OperatorStarted"
    while model.see(*serving(5)).replicas == 5:
        assert model.at - NOW < 300
    assert model.at - NOW >= 240


def test_starting_pods_are_kept_for_only_a_minute() -> None:
    """They bridge no dip, and when they are ready the burst is long over."""
    model = Model(replicas=4, min_replicas=1, started=NOW - 1000)
    model.at = NOW
    pods = (*serving(2), starting("x", now=NOW), starting("y", now=NOW))
    model.see(*pods, queued=90_000, follow=False)
    kept = 0
    while model.see(*pods, in_flight=1, follow=False).replicas == 4:
        kept += 1
    after = model.see(*pods, in_flight=1, follow=False)
    assert 55 <= model.at - NOW <= 75
    assert after.replicas == 2
    assert after.removal == ("x", "y")
