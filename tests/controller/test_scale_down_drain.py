"""Pods that leave in two steps: when they are let go, and when they come back."""

from __future__ import annotations

from fairlead_operator.controller.autoscaler_inputs import GatewayAnswer
from fairlead_operator.controller.scale_down_drain import ScaleDownDrain
from fairlead_operator.plan.scaling.replicas import DrainState
from tests.controller.demand import gateway_demand

LONGEST = 300.0


def answer(at: float, load: int = 0, direct: int = 0, boot: str = "a") -> dict[str, GatewayAnswer]:
    return {"pod": GatewayAnswer(at, gateway_demand(load, boot=boot, direct={"arrivals": direct}))}


def leaving(load: int = 2) -> ScaleDownDrain:
    """A pod that began to leave at 100."""
    drain = ScaleDownDrain()
    drain.begin(["pod"], answer(100, load), 100)
    return drain


def settled(
    drain: ScaleDownDrain, at: float, answers: dict[str, GatewayAnswer], serving: bool = True
) -> DrainState:
    drain.settle({"pod"} if serving else set(), answers, LONGEST, at)
    return drain.state()


DRAINING, RELEASED, NO_POD = DrainState(draining=("pod",)), DrainState(released=("pod",)), DrainState()


def test_a_draining_pod_with_requests_is_not_released() -> None:
    assert settled(leaving(), 105, answer(105, load=1)) == DRAINING


def test_a_draining_pod_without_requests_is_released() -> None:
    assert settled(leaving(), 105, answer(105)) == RELEASED


def test_a_load_report_from_before_the_drain_does_not_release_a_pod() -> None:
    assert settled(leaving(load=0), 100, answer(100)) == DRAINING


def test_a_draining_pod_with_direct_requests_is_released_without_waiting() -> None:
    assert settled(leaving(), 105, answer(105, load=2, direct=1)) == RELEASED


def test_a_draining_pod_with_a_silent_or_restarted_gateway_is_released() -> None:
    assert settled(leaving(), 105, {}) == RELEASED
    assert settled(leaving(), 105, answer(105, load=2, boot="b")) == RELEASED


def test_a_draining_pod_is_released_after_the_longest_drain() -> None:
    assert settled(leaving(), 400, answer(400, load=1)) == DRAINING
    assert settled(leaving(), 401, answer(401, load=1)) == RELEASED


def test_a_silent_pod_does_not_start_to_drain() -> None:
    drain = ScaleDownDrain()
    drain.begin(["pod"], {}, 100)
    assert not drain


def test_a_draining_pod_that_is_called_back_serves_again() -> None:
    drain = leaving()
    drain.call_back(["pod", "stranger"])
    assert drain.state() == NO_POD


def test_a_released_pod_is_not_called_back() -> None:
    drain = leaving()
    drain.release_all(105)
    drain.call_back(["pod"])
    assert drain.state() == RELEASED


def test_a_draining_pod_that_is_deleted_or_unready_is_forgotten() -> None:
    assert settled(leaving(), 105, answer(105, load=1), serving=False) == NO_POD


def test_a_released_pod_that_is_not_deleted_serves_again() -> None:
    drain = leaving()
    assert settled(drain, 105, answer(105)) == RELEASED
    assert settled(drain, 130, answer(130)) == RELEASED
    assert settled(drain, 136, answer(136)) == NO_POD
