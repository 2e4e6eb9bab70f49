"""The message and the figures of a decision."""

from __future__ import annotations

from dataclasses import asdict

from fairlead_operator.autoscale.decision import Number, ScalingReason
from fairlead_operator.autoscale.facts import ScalingFacts, significant
from fairlead_operator.autoscale.limits import ReplicaTarget
from fairlead_operator.autoscale.need import Need

_WHY = {
    ScalingReason.IDLE: "no request came for the cooldown",
    ScalingReason.COOLDOWN: "the last replica stays until no request has come for the cooldown",
    ScalingReason.STABILIZING: "other numbers were recommended a short while ago",
    ScalingReason.CONSOLIDATING: "the running requests would not fit on fewer",
    ScalingReason.POLICY: "spec.autoscaling.behavior allows no more change for now",
    ScalingReason.MINIMUM: "minReplicas or a schedule requires it",
    ScalingReason.MAXIMUM: "maxReplicas allows no more",
    ScalingReason.NO_CAPACITY: "no node has room for another pod",
    ScalingReason.PLACING: "the scheduler has not placed the last pods yet",
    ScalingReason.STARTED: "the operator has just started and does not scale down yet",
    ScalingReason.KV_PRESSURE: "the KV cache of a pod is full while requests wait for it",
    ScalingReason.METRICS_MISSING: "routers and gateways did not answer, so nothing is scaled down",
}


def figures(
    facts: ScalingFacts, need: Need, recommendation: ReplicaTarget, decided: ReplicaTarget
) -> dict[str, Number | None]:
    """All inputs, and the steps from them to the result, by camelCase names."""
    steps = {name: significant(value) for name, value in asdict(need).items()}
    steps["needed"] = steps.pop("replicas")
    named = {
        **asdict(facts.requests),
        **asdict(facts.supply),
        **asdict(facts.ability),
        **asdict(facts.pace),
        **steps,
        "recommended": recommendation.replicas,
        "decided": decided.replicas,
    }
    return {_camel(name): value for name, value in named.items()}


def sentence(facts: ScalingFacts, need: Need, decided: ReplicaTarget) -> str:
    """One line: the demand, what a replica can do, and what follows."""
    demand = f"{need.expected:.3g} requests/s are expected"
    if present := facts.requests.queued + facts.requests.in_flight:
        demand += f", {present} are here ({facts.requests.queued} held)"
    ability = f"a replica serves {facts.ability.rate:.3g}/s, {facts.ability.concurrency:.3g} at once"
    result = f"that needs {need.replicas:.2f} replicas"
    if need.backlog_then:
        late = f"{need.backlog_then:.0f} would still wait in {facts.supply.cold_start_seconds:.0f} s"
        result = f"{late}; that needs {need.replicas:.2f} replicas"
    change = (
        f"{facts.supply.replicas} stay"
        if decided.replicas == facts.supply.replicas
        else _change(facts, decided)
    )
    why = _WHY.get(decided.reason)
    return f"{demand}; {ability}; {result}; {change}" + (f", because {why}" if why else "")


def _change(facts: ScalingFacts, decided: ReplicaTarget) -> str:
    return f"from {facts.supply.replicas} to {decided.replicas}"


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
