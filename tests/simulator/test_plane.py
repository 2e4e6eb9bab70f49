"""The router and its pods: binding, holding, draining, and that no request is ever lost from sight."""

from __future__ import annotations

import numpy as np
import pytest

from tests.simulator.plane import Engine, Outcome, Plane, Routing
from tests.simulator.policies.fairlead import shipped_pick

# 100 ms per step whatever it holds: a request with n tokens takes n steps.
ENGINE = Engine(a=0.1, b=0.0, d=0.0, g=0.0, slots=8)


def plane(arrival: list[float], output: int, routing: Routing, engine: Engine = ENGINE) -> Plane:
    """Requests with one prompt token and so many output tokens; no pod yet."""
    ones = np.ones(len(arrival), dtype=np.int32)
    return Plane(np.array(arrival), ones, ones * output, engine, routing)


def test_requests_wait_at_the_router_until_a_pod_is_ready() -> None:
    with plane([0.0, 1.0], 1, Routing(8)) as running:
        running.advance(10.0)
        assert running.totals().held == 2
        running.add()
        running.advance(11.0)
        assert running.first.tolist() == pytest.approx([10.1, 10.2])


def test_requests_above_the_limit_wait_unassigned_for_the_next_pod() -> None:
    with plane([0.0, 0.0, 0.0], 50, Routing(2)) as running:
        running.add()
        running.advance(1.0)
        assert (running.totals().held, running.totals().in_flight) == (1, 2)
        running.add()
        running.advance(1.2)
        assert running.first[2] == pytest.approx(1.1)


def test_the_least_loaded_pod_is_chosen() -> None:
    with plane([0.0, 0.0, 0.0, 0.0], 50, Routing(8)) as running:
        running.add()
        running.add()
        running.advance(1.0)
        assert [gauge.in_flight for gauge in running.gauges()] == [2, 2]


def test_a_hold_timeout_is_counted_as_its_own_kind_of_loss() -> None:
    with plane([0.0, 6.0], 1, Routing(8, hold_seconds=5.0)) as running:
        running.advance(8.0)
        running.add()
        running.advance(9.0)
        assert running.outcome.tolist() == [Outcome.TIMED_OUT, Outcome.DONE]


def test_a_router_without_holding_refuses_only_at_zero() -> None:
    with plane([0.0, 2.0], 1, Routing(8, refuse_at_zero=True)) as running:
        running.advance(1.0)
        running.add()
        running.advance(3.0)
        assert running.outcome.tolist() == [Outcome.REFUSED, Outcome.DONE]


def test_a_draining_pod_finishes_its_requests_and_gets_no_new_ones() -> None:
    with plane([0.0, 0.5], 10, Routing(8)) as running:
        place = running.add()
        running.advance(0.2)
        running.drain(place)
        running.advance(5.0)
        assert running.outcome.tolist() == [Outcome.DONE, Outcome.PENDING]
        assert running.gauge(place).idle_since == pytest.approx(1.0)
        running.recall(place)
        running.advance(10.0)
        assert running.outcome[1] == Outcome.DONE


def test_requests_of_a_dead_pod_are_lost_unless_the_router_retries() -> None:
    for retry, expected in ((False, Outcome.ABORTED), (True, Outcome.DONE)):
        with plane([0.0, 0.35], 10, Routing(8)) as running:
            place = running.add()
            running.advance(0.38)  # the second has no token yet
            running.remove(place, retry=retry)
            running.add()
            running.advance(5.0)
            assert running.outcome.tolist() == [Outcome.ABORTED, expected]


@pytest.mark.parametrize("seed", range(5))
def test_every_request_ends_exactly_once_whatever_happens_to_the_pods(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrival = np.sort(rng.uniform(0, 60, 600))
    lengths = rng.integers(1, 40, 600).astype(np.int32)
    engine = Engine(slots=8, kv_tokens=400)
    with Plane(arrival, lengths, lengths, engine, Routing(12, hold_seconds=20.0)) as running:
        places = [running.add()]
        for now in np.arange(0.0, 200.0, 1.5):
            running.advance(float(now))
            totals = running.totals()
            assert totals.arrivals == totals.held + totals.in_flight + totals.completions + totals.lost
            assert totals.in_flight == sum(gauge.in_flight for gauge in running.gauges())
            event = rng.integers(4)
            if event == 0 and len(places) < 6:
                places.append(running.add())
            elif event == 1 and places and now < 100:
                running.remove(places.pop(), retry=bool(rng.integers(2)))
            elif event == 2 and places:
                running.drain(places[0])
            elif places:
                running.recall(places[0])
        if not places:
            places.append(running.add())
        running.recall(places[0])
        running.advance(1000.0)
        assert (running.outcome != Outcome.PENDING).all()
        assert running.totals().completions == (running.outcome == Outcome.DONE).sum()


def test_the_routers_pick_equals_the_least_load_choice_of_the_peers() -> None:
    rng = np.random.default_rng(5)
    arrival = np.sort(rng.uniform(0, 100, 3000))
    prompt, output = (rng.integers(10, 800, 3000).astype(np.int32) for _ in range(2))
    waits = []
    for own in (True, False):
        live: list[Plane] = []
        pick = shipped_pick(4, lambda live=live: live[0].loads(), lambda: 40.0) if own else None  # type: ignore[misc]
        with Plane(arrival, prompt, output, Engine(), Routing(40), pick) as running:
            live.append(running)
            for _ in range(3):
                running.add()
            running.advance(2000.0)
            assert (running.outcome == Outcome.DONE).all()
            waits.append(float((running.first - arrival).mean()))
    assert waits[0] == pytest.approx(waits[1], rel=0.05)
