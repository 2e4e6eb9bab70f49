"""Demand documents of routers and gateways that the operator reads, and the status that the router reads."""

from __future__ import annotations

import json
from typing import Any

from fairlead_contract.demand import GatewayDemand, RouterDemand
from fairlead_gateway.load_counters import LoadCounters, read_engine
from fairlead_gateway.router.dispatcher import ModelDispatcher
from fairlead_gateway.router.models import read_model
from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.controller.autoscaler_inputs import GatewayAnswer, observe_demand, observe_pods
from fairlead_operator.controller.counter_totals import CounterTotals
from fairlead_operator.plan.scaling.replicas import Scaling
from fairlead_operator.plan.scaling.status import scaling_status
from fairlead_operator.render.model import parse_model
from tests.gateway.test_load_counters import METRICS
from tests.plan.builders import NOW, model_body, pod

SCALED = model_body(autoscaling={"minReplicas": 0, "maxReplicas": 2})


def through_json(value: Any) -> Any:
    """As it comes over the wire."""
    return json.loads(json.dumps(value))


def test_the_operator_reads_the_demand_document_of_a_gateway() -> None:
    counter, counters = LoadCounters(clock=lambda: 1000.0), CounterTotals()
    for router in (b"", b"0123456789abcdef"):
        counter.arrived(router)
        counter.ended(router, answered=True)
        body = counter.report(queued=1, in_flight=2, engine=read_engine(METRICS, 8))
        answers = {"tiny-1": GatewayAnswer(1000.0, GatewayDemand.model_validate_json(body.to_json()))}
        demand = observe_demand(counters, None, answers)
    assert (demand.arrivals, demand.completions, demand.in_flight) == (0, 1, 3)
    assert demand.last_completion == 1000.0
    (seen,) = observe_pods([pod(ready=True)], "", {}, answers)
    assert seen.engine is not None
    assert (seen.engine.running, seen.engine.prefill_tokens, seen.engine.max_running) == (4, 400.0, 8)


def test_the_operator_reads_the_demand_document_of_a_router() -> None:
    dispatcher, counters = ModelDispatcher(read_model(SCALED), lambda: 0.0, lambda: None), CounterTotals()
    for _ in range(2):
        dispatcher.arrive()
        document = RouterDemand(boot="boot", cursor=1, models={"demo/tiny": dispatcher.figures()})
        answer = RouterDemand.model_validate_json(document.to_json())
        demand = observe_demand(counters, {"uid": (answer.boot, answer.models["demo/tiny"])}, {})
    assert (demand.arrivals, demand.queued, demand.in_flight) == (1, 0, 0)


def test_the_router_reads_the_status_that_the_operator_writes() -> None:
    decision = Decision(
        1,
        "WakeUp",
        "",
        inputs={"concurrency": 12.5},
        hold_timeout_seconds=700,
        expected_ready_seconds=40,
    )
    written = scaling_status(parse_model(SCALED), Scaling(decision), NOW)
    model = read_model({**SCALED, "status": {"autoscaling": through_json(written)}})
    assert model.concurrency == 12.5
    assert (model.hold.timeout_seconds, model.hold.expected_ready_seconds) == (700, 40)
