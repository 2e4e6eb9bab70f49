"""What one replica can do."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_operator.autoscale.capacity import Capacity, Limits, capacity, unexplained
from fairlead_operator.autoscale.request_mix import Mix
from fairlead_operator.autoscale.step_cost import StepCost

COST = StepCost(step=0.010, decode=0.0002, prefill=0.0001)


def mix(prompt: float = 1000.0, output: float = 200.0, share: float = 1.0) -> Mix:
    return Mix(1.0, prompt, output, 1.0, share)


def able(cost: StepCost = COST, utilization: float = 0.72, of: Mix | None = None, **limits: Any) -> Capacity:
    return capacity(cost, of or mix(), utilization, Limits(**limits))


def test_at_the_knee_the_configured_share_of_time_serves_requests() -> None:
    own, shared = 1000 * 0.0001 + 200 * 0.0002, 200 * 0.010
    found = able()
    busy = found.concurrency * own
    assert busy / (busy + shared) == pytest.approx(0.72)
    assert found.rate == pytest.approx(0.72 / own)
    assert found.rate < found.full_rate < 1 / own


def test_long_prompts_reduce_the_concurrency() -> None:
    chat, documents = able(of=mix(1000)), able(of=mix(20_000, 100))
    assert documents.concurrency < chat.concurrency / 10


def test_prefix_cache_hits_raise_the_capacity() -> None:
    assert able(of=mix(share=0.25)).rate > 1.5 * able().rate


@pytest.mark.parametrize(
    ("limits", "concurrency"),
    [
        ({"kv_tokens": 11_000}, 0.85 * 11_000 / 1100),
        ({"max_running": 7}, 7),
        ({"max_concurrency": 5}, 5),
        ({"itl": 0.012}, (0.012 - 0.010) / 0.0002),
        ({"factor": 0.9, "max_running": 10}, 9),
        ({"kv_tokens": 10}, 1),
        ({"kv_tokens": 11_000, "max_running": 3}, 3),
    ],
)
def test_each_limit_reduces_the_concurrency_of_a_replica(limits: dict[str, Any], concurrency: float) -> None:
    found = able(**limits)
    assert found.concurrency == pytest.approx(concurrency)
    assert found.rate < able().rate


def test_an_unreachable_inter_token_target_is_ignored() -> None:
    assert able(itl=0.005) == able()


def test_a_first_token_target_lowers_the_concurrency() -> None:
    prompt = mix(8000)
    alone = 0.010 + 8000 * 0.0001
    assert able(of=prompt, ttft=2.0).utilization == pytest.approx(1 - alone / 2.0)
    assert able(ttft=2.0).utilization == 0.72
    assert able(of=prompt, ttft=alone / 2).utilization == 0.72


def test_without_a_fitted_cost_model_the_capacity_follows_from_measured_durations() -> None:
    found = unexplained(4.0, mix(), 0.72, Limits(max_running=8))
    assert (found.concurrency, found.rate) == (8, 2.0)
    assert unexplained(4.0, mix(), 0.72, Limits(max_concurrency=12)).concurrency == 12
