"""What a person reads."""

from __future__ import annotations

import dataclasses

from fairlead_operator.autoscale.facts import Ability, Pace, RequestFacts, Supply, significant
from tests.autoscale.builders import Model, serving, unschedulable


def test_the_message_has_demand_capacity_and_result() -> None:
    message = Model(replicas=0, unschedulable_pods=9).see(queued=2000, come=2000).message
    assert message.startswith("0 requests/s are expected, 2000 are here (2000 held); ")
    assert "a replica serves 6/s, 51.4 at once; " in message
    assert "would still wait in 120 s; that needs" in message
    assert "; from 0 to " in message


def test_the_message_explains_a_result_that_differs_from_the_demand() -> None:
    message = Model(replicas=3).see(*serving(2), unschedulable(), queued=90_000).message
    assert message.endswith("; 3 stay, because no node has room for another pod")


def test_every_input_of_a_decision_is_shown() -> None:
    shown = Model(min_replicas=1).see(*serving(1)).inputs
    facts = [item.name for part in (RequestFacts, Supply, Ability, Pace) for item in dataclasses.fields(part)]
    steps = ("arrivals", "expected", "backlog", "backlogThen", "flow", "needed", "recommended", "decided")
    assert len(shown) == len(facts) + len(steps)
    assert set(steps) <= set(shown)


def test_inputs_are_rounded_before_they_are_used() -> None:
    model = Model(min_replicas=1)
    shown = model.steady(10 / 3, 100, *serving(1)).inputs
    assert shown["arrivals60s"] == 3.33333
    assert all(value == significant(value) for value in shown.values() if isinstance(value, float))
