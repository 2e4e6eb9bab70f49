"""The autoscaler's inputs from pods, routers and gateways: nothing twice, nothing made up."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead_contract.demand import RouterFigures
from fairlead_operator.controller.autoscaler_inputs import (
    GatewayAnswer,
    observe_demand,
    observe_pods,
    queried_pods,
)
from fairlead_operator.controller.counter_totals import CounterTotals
from fairlead_operator.plan.children.workload import serving_pods
from fairlead_operator.plan.findings import Finding
from fairlead_operator.plan.scaling.replicas import DrainState
from tests.controller.demand import ENGINE, gateway_demand, router_figures
from tests.plan.builders import pod, waiting

MINUTE_BEFORE_NOON = 1767268740.0  # 2026-01-01T11:59:00Z


def answer(load: int = 0, **more: Any) -> GatewayAnswer:
    return GatewayAnswer(MINUTE_BEFORE_NOON, gateway_demand(load, **more))


def router(boot: str = "boot-1", **figures: Any) -> dict[str, tuple[str, RouterFigures]]:
    return {"uid-1": (boot, router_figures(**figures))}


def test_requests_through_a_router_are_not_counted_again_by_their_gateway() -> None:
    counters = CounterTotals()
    for routed, direct in ((100, 10), (103, 11)):
        demand = observe_demand(
            counters,
            router(arrivals=routed, inFlight=3),
            {"tiny-1": answer(load=4, direct={"arrivals": direct, "completions": 0}, completions=routed)},
        )
    assert (demand.arrivals, demand.completions, demand.in_flight) == (4, 3, 4)


def by_name(**arrivals: int) -> GatewayAnswer:
    """A gateway's answer about requests by the name that their router gave itself."""
    return answer(routers={name: {"arrivals": count, "completions": 0} for name, count in arrivals.items()})


def test_requests_that_only_claim_to_come_through_a_router_count_as_direct() -> None:
    counters = CounterTotals()
    for mine, strangers in ((100, 10), (107, 15)):
        gateways = {"tiny-1": by_name(mine=mine, stranger=strangers)}
        demand = observe_demand(counters, router("mine", arrivals=100), gateways)
    assert demand.arrivals == 5


def test_requests_of_a_removed_router_do_not_become_direct_requests() -> None:
    counters, gateways = CounterTotals(), {"tiny-1": by_name(gone=100)}
    observe_demand(counters, router("gone", arrivals=100), gateways)
    demand = observe_demand(counters, router("new", arrivals=0), gateways)
    assert demand.arrivals == 0


def test_a_silent_pod_is_not_treated_as_idle() -> None:
    demand = observe_demand(CounterTotals(), router(arrivals=9, inFlight=7), {"tiny-1": answer(load=2)})
    assert demand.in_flight == 7


def test_held_requests_come_from_routers_and_the_last_completion_from_any_source() -> None:
    routers = {
        "uid-1": ("a", router_figures(queued=2, lastCompletionAt=50.0)),
        "uid-2": ("b", router_figures(queued=3, lastCompletionAt=None)),
    }
    demand = observe_demand(CounterTotals(), routers, {"tiny-1": answer(lastCompletionAt=70.5)})
    assert (demand.queued, demand.last_completion) == (5, 70.5)


def test_token_counts_come_from_the_engine() -> None:
    counters = CounterTotals()
    for tokens in (1000, 1300):
        engine = {**ENGINE, "decodeTokens": tokens, "promptTokens": 2 * tokens}
        demand = observe_demand(counters, None, {"tiny-1": answer(engine=engine)})
    assert (demand.completion_tokens, demand.prompt_tokens) == (300, 600)


def test_the_input_of_a_pod_has_its_times_load_and_engine() -> None:
    body = pod(ready=True)
    revision = body["metadata"]["annotations"]["fairlead.dev/revision"]
    (seen,) = observe_pods([body], revision, {}, {"tiny-1": answer(load=2, engine=ENGINE)})
    assert (seen.name, seen.created, seen.scheduled, seen.ready) == (
        "tiny-1",
        MINUTE_BEFORE_NOON - 60,
        MINUTE_BEFORE_NOON,
        MINUTE_BEFORE_NOON,
    )
    assert (seen.unschedulable, seen.stuck, seen.draining, seen.outdated) == (False, False, False, False)
    assert seen.in_flight == 2
    assert seen.engine is not None
    assert (seen.engine.kv_tokens, seen.engine.at) == (100_000, MINUTE_BEFORE_NOON)


def test_a_leaving_pod_can_be_called_back_until_it_is_released() -> None:
    drain = DrainState(draining=("a",), released=("b",))
    pods = [pod("a", ready=True), pod("b", ready=True), pod("c", ready=True)]
    seen = observe_pods(pods, "", {}, {}, drain)
    assert [(each.draining, each.deleted) for each in seen] == [(True, False), (True, True), (False, False)]


def test_the_load_of_a_pod_without_an_answer_is_unknown_and_not_0() -> None:
    (seen,) = observe_pods([pod(ready=True)], "other", {}, {})
    assert (seen.in_flight, seen.engine, seen.outdated) == (None, None, True)


def test_a_pod_without_a_node_is_unschedulable_only_if_the_scheduler_says_so() -> None:
    refused, new = observe_pods([pod(unschedulable="no room"), pod(node="")], "", {}, {})
    assert (refused.unschedulable, refused.scheduled) == (True, None)
    assert (new.unschedulable, new.scheduled) == (False, None)


@pytest.mark.parametrize(("reason", "stuck"), [("WeightsNotFound", True), ("EngineStarting", False)])
def test_a_pod_with_a_terminal_cause_is_stuck(reason: str, stuck: bool) -> None:
    (seen,) = observe_pods([pod()], "", {"tiny-1": Finding(reason, "")}, {})
    assert seen.stuck is stuck


def test_serving_and_draining_pods_are_queried_and_starting_pods_are_not() -> None:
    serves, starts = pod("a", ready=True, podIP="10.0.0.1"), pod("b", podIP="10.0.0.2")
    drains = pod("c", podIP="10.0.0.3")
    drains["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    mute = pod("d", ready=True, gateway=waiting("PodInitializing"), podIP="10.0.0.4")
    assert [item["metadata"]["name"] for item in queried_pods([serves, starts, drains, mute])] == ["a", "c"]


def test_failed_pods_and_workers_of_a_group_do_not_count() -> None:
    worker = pod("w", ready=True)
    worker["metadata"]["labels"] = {"app.kubernetes.io/component": "worker"}
    left = serving_pods([pod("a", ready=True), pod("b", phase="Failed"), worker])
    assert [item["metadata"]["name"] for item in left] == ["a"]
