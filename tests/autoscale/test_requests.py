"""What is learned from requests that end."""

from __future__ import annotations

import pytest

from fairlead_operator.autoscale.inputs import Demand, ObservedPod
from fairlead_operator.autoscale.request_mix import PRIOR_OUTPUT, PRIOR_PROMPT, Mix, Requests
from tests.autoscale.builders import engine


def ended(count: float, prompt: float = 500, output: float = 100, in_flight: int = 0) -> Demand:
    return Demand(0, in_flight, 0, count, count * prompt, count * output)


def pod(prefill: float | None) -> ObservedPod:
    return ObservedPod("a", 0, 0, 0, engine=None if prefill is None else engine(prefill_tokens=prefill))


def test_the_request_mix_of_many_requests_is_estimated() -> None:
    mix = Mix()
    for _ in range(40):
        mix = mix.add(50, 50 * 300, 50 * 80, 50 * 300)
    assert mix.prompt_tokens == pytest.approx(300, rel=0.02)
    assert mix.output_tokens == pytest.approx(80, rel=0.02)


def test_the_first_short_answers_do_not_make_all_requests_short() -> None:
    mix = Mix().add(5, 5 * PRIOR_PROMPT, 5 * 1, 5 * PRIOR_PROMPT)
    assert mix.output_tokens > 0.9 * PRIOR_OUTPUT


def test_a_shift_of_the_request_mix_is_followed_within_some_hundred_requests() -> None:
    mix = Mix().add(5000, 5000 * 300, 5000 * 80, 5000 * 300).add(800, 800 * 8000, 800 * 80, 800 * 8000)
    assert mix.prompt_tokens > 6000


def test_the_cached_share_is_learned_from_computed_tokens() -> None:
    requests = Requests()
    for i in range(60):
        requests.observe(i * 5.0, ended(i * 100), (pod(i * 100 * 125),))
    assert requests.mix.prompt_tokens == pytest.approx(125, rel=0.05)


def test_computed_tokens_before_the_first_completion_are_not_lost() -> None:
    requests = Requests(Mix(1, 1, 1, 1, 1))
    requests.observe(0, ended(0), (pod(0),))
    requests.observe(5, ended(0), (pod(5000),))
    requests.observe(10, ended(10), (pod(5000),))
    assert requests.mix.computed == pytest.approx(requests.mix.counted_prompt)


def test_missing_engine_metrics_do_not_count_as_a_warm_cache() -> None:
    requests = Requests()
    for i in range(60):
        requests.observe(i * 5.0, ended(i * 100), (pod(None),))
    assert requests.mix.prompt_tokens == pytest.approx(500, rel=0.05)


def test_the_request_duration_follows_from_littles_law() -> None:
    requests = Requests()
    for i in range(30):
        requests.observe(i * 5.0, ended(i * 50, in_flight=40), (pod(0),))
    assert requests.residence == pytest.approx(4.0)


def test_gateways_without_token_counts_do_not_change_the_mix() -> None:
    requests = Requests()
    for i in range(10):
        requests.observe(i * 5.0, ended(i * 50, 0, 0), (pod(0),))
    assert requests.mix == Mix()
