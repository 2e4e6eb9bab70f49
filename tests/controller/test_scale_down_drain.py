"""Pods that leave in two steps: when they are let go, and when they come back."""

from __future__ import annotations

from fairlead_operator.controller.autoscaler_inputs import GatewayAnswer
from fairlead_operator.controller.scale_down_drain import ScaleDownDrain
from fairlead_operator.plan.scaling import Parting
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
) -> Parting:
    drain.settle({"pod"} if serving else set(), answers, LONGEST, at)
    return drain.tell()


DRAINING, RELEASED, NOBODY = Parting(draining=("pod",)), Parting(released=("pod",)), Parting()


def test_a_pod_that_has_something_to_do_stays() -> None:
    assert settled(leaving(), 105, answer(105, load=1)) == DRAINING


def test_a_pod_that_is_through_is_let_go() -> None:
    assert settled(leaving(), 105, answer(105)) == RELEASED


def test_what_a_pod_said_before_the_routers_knew_does_not_count() -> None:
    assert settled(leaving(load=0), 100, answer(100)) == DRAINING


def test_a_pod_that_is_reached_without_a_router_is_not_waited_for() -> None:
    assert settled(leaving(), 105, answer(105, load=2, direct=1)) == RELEASED


def test_a_pod_whose_gateway_is_silent_or_new_is_not_waited_for() -> None:
    assert settled(leaving(), 105, {}) == RELEASED
    assert settled(leaving(), 105, answer(105, load=2, boot="b")) == RELEASED


def test_a_pod_is_not_waited_for_longer_than_a_drain_may_take() -> None:
    assert settled(leaving(), 400, answer(400, load=1)) == DRAINING
    assert settled(leaving(), 401, answer(401, load=1)) == RELEASED


def test_a_silent_pod_does_not_begin() -> None:
    drain = ScaleDownDrain()
    drain.begin(["pod"], {}, 100)
    assert not drain


def test_a_pod_that_is_called_back_serves() -> None:
    drain = leaving()
    drain.call_back(["pod", "stranger"])
    assert drain.tell() == NOBODY


def test_a_pod_that_was_let_go_is_not_called_back() -> None:
    drain = leaving()
    drain.release_all(105)
    drain.call_back(["pod"])
    assert drain.tell() == RELEASED


def test_a_pod_that_is_deleted_or_not_ready_any_more_is_forgotten() -> None:
    assert settled(leaving(), 105, answer(105, load=1), serving=False) == NOBODY


def test_a_pod_that_was_let_go_and_is_not_deleted_serves_again() -> None:
    drain = leaving()
    assert settled(drain, 105, answer(105)) == RELEASED
    assert settled(drain, 130, answer(130)) == RELEASED
    assert settled(drain, 136, answer(136)) == NOBODY
