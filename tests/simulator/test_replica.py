"""What one replica does to one, two and many requests, computed by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.simulator.plane import Engine, Outcome, Plane, Routing

# A step takes 10 ms, and 1 ms per decoding request, and 1 ms per 100 tokens of prefill.
ENGINE = Engine(a=0.010, b=0.001, d=0.00001, g=0.0, slots=4, budget=2000, kv_tokens=100_000)


def plane(requests: Sequence[tuple[float, int, int]], engine: Engine = ENGINE, limit: int = 100) -> Plane:
    """A plane for requests given as (arrival, prompt, output), with one pod."""
    arrival, prompt, output = (np.array(column) for column in zip(*requests, strict=True))
    made = Plane(
        arrival.astype(float), prompt.astype(np.int32), output.astype(np.int32), engine, Routing(limit)
    )
    made.add()
    return made


def test_one_request_is_one_prefill_step_and_a_step_for_each_further_token() -> None:
    with plane([(1.0, 1000, 3)]) as running:
        running.advance(2.0)
        assert running.first[0] == pytest.approx(1.0 + 0.010 + 0.010)
        assert running.last[0] == pytest.approx(1.020 + 2 * 0.011)


def test_a_request_with_one_token_ends_with_its_prefill() -> None:
    with plane([(0.0, 1000, 1)]) as running:
        running.advance(1.0)
        assert running.last[0] == running.first[0] == pytest.approx(0.020)


def test_a_long_prompt_is_prefilled_in_chunks_of_the_budget() -> None:
    with plane([(0.0, 5000, 1)]) as running:
        running.advance(1.0)
        # Two steps of 2000 tokens (30 ms each) and one of 1000 (20 ms).
        assert running.first[0] == pytest.approx(0.080)
        assert running.gauge(0).steps == 3


def test_decoding_requests_are_batched_first_and_slowed_by_prefill() -> None:
    with plane([(0.0, 1000, 3), (0.015, 1000, 1)]) as running:
        running.advance(1.0)
        # The second waits for the step's end at 20 ms; the next (10 + 1 + 10 ms) makes a token of both.
        assert running.first[1] == pytest.approx(0.041)
        assert running.last[0] == pytest.approx(0.041 + 0.011)


def test_a_larger_kv_cache_makes_steps_slower() -> None:
    engine = Engine(a=0.010, b=0.0, d=0.0, g=0.000001, slots=4, budget=2000, kv_tokens=100_000)
    with plane([(0.0, 1000, 2)], engine) as running:
        running.advance(1.0)
        assert running.first[0] == pytest.approx(0.010 + 0.001)
        assert running.last[0] == pytest.approx(0.011 + 0.010 + 0.001001)


def test_requests_beyond_the_slots_wait_for_one() -> None:
    with plane([(0.0, 10, 5)] * 5) as running:
        running.advance(0.001)
        assert (running.gauge(0).running, running.gauge(0).waiting) == (1, 4)  # the step began with the first
        running.advance(0.020)
        assert (running.gauge(0).running, running.gauge(0).waiting) == (4, 1)
        running.advance(2.0)
        assert running.first[4] > running.last[0]


def test_a_full_kv_cache_preempts_the_latest_request_and_both_finish() -> None:
    engine = Engine(a=0.010, b=0.0, d=0.0, g=0.0, slots=4, budget=2000, kv_tokens=300)
    with plane([(0.0, 100, 150), (0.005, 100, 150)], engine) as running:
        running.advance(20.0)
        assert running.gauge(0).preemptions == 1
        assert (running.outcome == Outcome.DONE).all()
        # The first goes on: a step per token. The second had its first token before it was thrown out.
        assert running.last[0] == pytest.approx(1.50)
        assert running.first[1] == pytest.approx(0.020)
        assert running.last[1] > running.last[0]
        assert running.gauge(0).made == 300
        assert running.gauge(0).kv_usage == 0


def test_every_token_is_counted_once() -> None:
    rng = np.random.default_rng(3)
    requests = [
        (float(t), int(p), int(o))
        for t, p, o in zip(
            np.sort(rng.uniform(0, 20, 200)),
            rng.integers(1, 3000, 200),
            rng.integers(1, 60, 200),
            strict=True,
        )
    ]
    with plane(requests, Engine(slots=16, kv_tokens=200_000)) as running:
        running.advance(500.0)
        gauge = running.gauge(0)
        assert gauge.completions == 200
        assert gauge.made == sum(o for _, _, o in requests)
        assert gauge.prefilled == sum(p for _, p, _ in requests)
        totals = running.totals()
        assert totals.prompt == gauge.prefilled
        assert totals.output == gauge.made
        ends = (running.last - running.arrival).sum()
        assert totals.load_integral == pytest.approx(ends)


def test_a_request_that_can_never_fit_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="KV cache"):
        plane([(0.0, 100, 201)], Engine(kv_tokens=300))
