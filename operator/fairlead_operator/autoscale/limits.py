"""From the needed replicas to the decided ones: floors, ceilings and the pace of change."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fairlead_operator.autoscale.decision import ScalingReason
from fairlead_operator.autoscale.facts import ScalingFacts
from fairlead_operator.autoscale.need import Need

# A need of 3.0000001 is one of 3.
SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class ReplicaTarget:
    """A number of replicas, and the rule that set it."""

    replicas: int
    reason: ScalingReason


def recommended(facts: ScalingFacts, need: Need) -> ReplicaTarget:
    """The replicas that demand and pods need, without limits and without regard to the present replicas."""
    waiting = facts.requests.queued + facts.requests.in_flight > 0
    replicas = math.ceil(need.replicas - SLACK)
    backlogged = replicas > math.ceil(need.flow - SLACK)
    target = ReplicaTarget(replicas, ScalingReason.BACKLOG if backlogged else ScalingReason.DEMAND)
    if waiting and facts.supply.replicas == 0:
        target = ReplicaTarget(max(replicas, 1, facts.pace.initial), ScalingReason.WAKE_UP)
    elif waiting and facts.supply.ready == 0:
        target = ReplicaTarget(max(replicas, 1, facts.pace.initial), target.reason)
    elif waiting:
        target = ReplicaTarget(max(replicas, 1), target.reason)
    if facts.supply.pressure and target.replicas <= facts.supply.ready:
        target = ReplicaTarget(facts.supply.ready + 1, ScalingReason.KV_PRESSURE)
    if facts.pace.may_be_zero and not facts.pace.least:
        # The cooldown says how long a model without requests stays. That its last requests still show in the
        # rates does not make it longer.
        target = ReplicaTarget(0, ScalingReason.IDLE)
    if facts.supply.stuck and target.replicas:
        # One replacement, however many are stuck: they may all fail for the same reason.
        target = ReplicaTarget(target.replicas + 1, target.reason)
    return target


def limited(facts: ScalingFacts, target: ReplicaTarget) -> ReplicaTarget:
    """The recommendation within all limits that prevent or force a change."""
    paced = _paced(facts, target)
    if paced.replicas == 0 and not facts.pace.may_be_zero:
        paced = ReplicaTarget(1, ScalingReason.COOLDOWN)
    if paced.replicas < facts.pace.least:
        paced = ReplicaTarget(facts.pace.least, ScalingReason.MINIMUM)
    if paced.replicas > facts.pace.most:
        paced = ReplicaTarget(facts.pace.most, ScalingReason.MAXIMUM)
    return _within_room(facts, paced)


def _paced(facts: ScalingFacts, target: ReplicaTarget) -> ReplicaTarget:
    if target.replicas > facts.supply.replicas:
        steady = target.replicas if facts.pace.lowest is None else min(target.replicas, facts.pace.lowest)
        if steady <= facts.supply.replicas:
            return ReplicaTarget(facts.supply.replicas, ScalingReason.STABILIZING)
        if steady > facts.pace.up_limit:
            return ReplicaTarget(facts.pace.up_limit, ScalingReason.POLICY)
        return ReplicaTarget(steady, target.reason)
    return _shrunk(facts, target) if target.replicas < facts.supply.replicas else target


def _shrunk(facts: ScalingFacts, target: ReplicaTarget) -> ReplicaTarget:
    if target.replicas == 0 and facts.pace.may_be_zero and not facts.pace.least:
        # The cooldown took the place of the window.
        limit = facts.pace.down_limit
        return ReplicaTarget(limit, ScalingReason.POLICY) if limit else ReplicaTarget(0, ScalingReason.IDLE)
    if not facts.pace.may_shrink:
        return ReplicaTarget(facts.supply.replicas, ScalingReason.STARTED)
    present = facts.requests.queued + facts.requests.counted_in_flight
    busy = math.ceil(present / facts.ability.concurrency - SLACK)
    # The window keeps ready pods. Starting pods are kept only if they were recommended within the last
    # minute.
    steady = max(facts.pace.highest_lately, min(facts.pace.highest, facts.supply.ready))
    steps = (
        (steady, ScalingReason.STABILIZING),
        (busy, ScalingReason.CONSOLIDATING),
        (facts.pace.down_limit, ScalingReason.POLICY),
    )
    for floor, reason in steps:
        if target.replicas < min(floor, facts.supply.replicas):
            target = ReplicaTarget(min(floor, facts.supply.replicas), reason)
    return target


def _within_room(facts: ScalingFacts, target: ReplicaTarget) -> ReplicaTarget:
    """Pods without a node are not capacity: only `may_wait` of them may exist."""
    excess = max(0, facts.supply.unschedulable - facts.pace.may_wait)
    room = max(facts.supply.scheduled + facts.pace.may_wait, facts.supply.replicas - excess, 1)
    if target.replicas <= room:
        return target
    return ReplicaTarget(
        room, ScalingReason.NO_CAPACITY if facts.supply.unschedulable else ScalingReason.PLACING
    )
