"""Whatever figures a pod makes up within the bounds, its model gets a decision within its own bounds."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from fairlead_contract.bounds import LARGEST_COUNT, LARGEST_COUNTER, LARGEST_SECONDS
from fairlead_contract.demand import GatewayDemand
from fairlead_operator.autoscale.autoscaler import Autoscaler
from fairlead_operator.autoscale.inputs import Observation
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.autoscale.settings import Settings
from fairlead_operator.controller.autoscaler_inputs import GatewayAnswer, observe_demand, observe_pods
from fairlead_operator.controller.counter_totals import CounterTotals
from tests.controller.demand import ENGINE
from tests.plan.builders import pod

MOST = 5
COUNTS = st.sampled_from([0, 1, 7, 10**6, LARGEST_COUNT])
COUNTERS = st.sampled_from([0, 0.5, 1, 1e6, 1e12, LARGEST_COUNTER])
BOOTS = st.sampled_from(["a", "b", ""])
FIGURES = st.fixed_dictionaries(
    {
        "boot": BOOTS,
        "queued": COUNTS,
        "inFlight": COUNTS,
        "completions": COUNTERS,
        "direct": st.fixed_dictionaries({"arrivals": COUNTERS}),
        "routers": st.dictionaries(BOOTS, st.fixed_dictionaries({"arrivals": COUNTERS}), max_size=2),
        "lastCompletionAt": st.none() | st.sampled_from([0, 1.5, 1e9, LARGEST_SECONDS]),
        "engine": st.none()
        | st.fixed_dictionaries(
            {
                **dict.fromkeys(("running", "waiting"), COUNTS),
                **dict.fromkeys(("kvTokens", "maxRunning"), st.none() | COUNTS),
                **dict.fromkeys(
                    set(ENGINE) - {"running", "waiting", "kvTokens", "maxRunning", "kvUsage"}, COUNTERS
                ),
                "kvUsage": st.sampled_from([0, 0.99, 1, 100]),
            }
        ),
    }
)


def read(figures: dict[str, Any]) -> GatewayDemand:
    return GatewayDemand.model_validate_json(json.dumps(figures))


@settings(deadline=None)
@given(st.lists(FIGURES, min_size=1, max_size=8))
def test_for_any_answers_a_scaling_decision_is_within_the_models_bounds(rounds: list[dict[str, Any]]) -> None:
    counters, autoscaler = (
        CounterTotals(),
        Autoscaler(Settings(min_replicas=1, max_replicas=MOST), Memory(), started=0.0),
    )
    replicas = 1
    for number, figures in enumerate(rounds):
        now = 1_767_268_800.0 + 5 * number
        answers = {"tiny-1": GatewayAnswer(now, read(figures))}
        pods = observe_pods([pod(ready=True)], "", {}, answers)
        demand = observe_demand(counters, None, answers)
        decision = autoscaler.decide(Observation(now, demand, pods, replicas))
        replicas = decision.replicas
        assert 1 <= replicas <= MOST
        json.dumps([dict(decision.inputs), autoscaler.memory().to_json()], allow_nan=False)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | COUNTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)


@given(
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(["boot", "queued", "inFlight", "direct", "engine"], ANYTHING)
    )
)
def test_any_answer_of_a_gateway_is_read_or_refused(figures: dict[str, Any]) -> None:
    try:
        demand = read(figures)
    except ValidationError:
        return
    assert 0 <= demand.load <= 2 * LARGEST_COUNT
