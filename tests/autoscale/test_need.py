"""How many replicas the demand needs, from its facts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest

from fairlead_operator.autoscale.facts import Ability, Pace, RequestFacts, ScalingFacts, Supply
from fairlead_operator.autoscale.need import Need, needed

ABILITY = Ability(0.01, 0.0002, 0.0001, 1000, 200, 0.72, None, 1.0, concurrency=10.0, rate=2.0, full_rate=2.5)
PACE = Pace(0.0, 60.0, 1, 0, 100, 0, 0, None, 100, 0, 1, 1, may_be_zero=0)
ASKED = RequestFacts(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1)
SUPPLY = Supply(1, 1, 0, 0, 0, 1, 0, cold_start_seconds=100.0, pressure=0)


def rates(rate: float, **values: Any) -> dict[str, Any]:
    return {**{f"arrivals_{window}s": rate for window in (15, 60, 120, 600)}, **values}


def need(asked: dict[str, Any] | None = None, supply: dict[str, Any] | None = None, **pace: Any) -> Need:
    return needed(
        ScalingFacts(
            replace(ASKED, **(asked or {})), replace(SUPPLY, **(supply or {})), ABILITY, replace(PACE, **pace)
        )
    )


def test_a_steady_flow_needs_its_share_of_what_replicas_serve() -> None:
    assert need(rates(5.0), {"ready": 3}).replicas == pytest.approx(2.5)


def test_safety_adds_room_for_fluctuation_by_the_square_root() -> None:
    offered = 5.0 * 10 / 2
    assert need(rates(5.0), {"ready": 9}, safety=2.0).flow == pytest.approx(
        (offered + 2 * math.sqrt(offered)) / 10
    )


def test_recurring_bursts_keep_replicas_between_them() -> None:
    assert need(rates(1.0, arrivals_peaks=6.0), {"ready": 3}).flow == pytest.approx(3.0)
    assert need(rates(8.0, arrivals_peaks=6.0), {"ready": 3}).flow == pytest.approx(4.0)


def test_bursts_are_over_after_a_cooldown_without_requests() -> None:
    assert need({"arrivals_peaks": 6.0}, may_be_zero=1).replicas == 0


def test_a_backlog_that_outlasts_a_cold_start_adds_replicas() -> None:
    found = need({"queued": 300}, {"ready": 0})
    assert found.backlog == found.backlog_then == 300
    assert found.replicas == pytest.approx(300 / (2.0 * 60))


def test_a_backlog_done_before_a_new_pod_is_ready_adds_no_replica() -> None:
    found = need({"queued": 200, "in_flight": 10}, {"ready": 1})
    assert found.backlog == 200
    assert found.backlog_then == 0


def test_a_starting_pod_reduces_the_backlog_from_the_time_it_is_ready() -> None:
    found = need({"queued": 300}, {"ready": 0, "starting": 2, "starting_pod_seconds": 80.0})
    assert found.backlog_then == pytest.approx(300 - 2.5 * 80)


def test_arrivals_until_the_cold_start_ends_are_added_to_the_backlog() -> None:
    found = need(rates(4.0, queued=50), {"ready": 0})
    assert found.backlog_then == pytest.approx(50 + 4.0 * 100)


def test_a_young_burst_counts_with_its_chance_to_last() -> None:
    burst = rates(2.0, arrivals_15s=12.0, surge_seconds=10.0, surge_persistence=0.25)
    found = need({**burst, "surge_mean_persistence": 0.5}, {"ready": 0})
    assert found.expected == pytest.approx(2.0 + 10.0 * 0.25)
    assert found.backlog_then == pytest.approx((2.0 + 10.0 * 0.5) * 100)


def test_a_rate_of_the_last_two_minutes_is_expected_despite_a_burst() -> None:
    burst = {"arrivals_120s": 8.0, "surge_seconds": 10.0, "surge_persistence": 0.01}
    assert need(rates(2.0, arrivals_15s=12.0, **burst)).expected == 8.0


def test_a_trend_is_extrapolated_to_half_a_cold_start_and_at_most_doubled() -> None:
    assert need(rates(5.0, arrivals_trend=0.02)).expected == pytest.approx(5.0 + 0.02 * 80)
    assert need(rates(5.0, arrivals_trend=9.0)).expected == pytest.approx(10.0)


def test_the_flanks_of_a_burst_are_not_a_trend() -> None:
    rising = rates(2.0, arrivals_15s=9.0, arrivals_trend=0.5, surge_seconds=10.0)
    falling = rates(6.0, arrivals_15s=2.0, arrivals_120s=2.0, arrivals_600s=2.0, arrivals_trend=0.5)
    assert need(rising).arrivals == 9.0
    assert need(falling).arrivals == 2.0


def test_a_backlog_of_long_answers_is_expected_to_take_at_least_one_answers_time() -> None:
    assert need({"queued": 300}, {"ready": 0}, drain_seconds=1.0).replicas == pytest.approx(300 / (2.0 * 5))
