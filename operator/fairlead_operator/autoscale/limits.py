"""From what is needed to what is wanted: floors, ceilings and the pace of change."""

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
    """A number of replicas, and what made it so."""

    replicas: int
    reason: ScalingReason


def recommended(facts: ScalingFacts, need: Need) -> ReplicaTarget:
    """What demand and pods alone ask for, without limits and without regard to what is."""
    waiting = facts.asked.queued + facts.asked.in_flight > 0
    replicas = math.ceil(need.replicas - SLACK)
    backlogged = replicas > math.ceil(need.flow - SLACK)
    wanted = ReplicaTarget(replicas, ScalingReason.BACKLOG if backlogged else ScalingReason.DEMAND)
    if waiting and facts.supply.replicas == 0:
        wanted = ReplicaTarget(max(replicas, 1, facts.pace.initial), ScalingReason.WAKE_UP)
    elif waiting and facts.supply.ready == 0:
        wanted = ReplicaTarget(max(replicas, 1, facts.pace.initial), wanted.reason)
    elif waiting:
        wanted = ReplicaTarget(max(replicas, 1), wanted.reason)
    if facts.supply.pressure and wanted.replicas <= facts.supply.ready:
        wanted = ReplicaTarget(facts.supply.ready + 1, ScalingReason.KV_PRESSURE)
    if facts.pace.may_be_zero and not facts.pace.least:
        # The cooldown is the user's word on how long a model without requests stays; that its last ones still
        # show in the rates does not make it longer.
        wanted = ReplicaTarget(0, ScalingReason.IDLE)
    if facts.supply.stuck and wanted.replicas:
        # One replacement, however many are stuck: they may all fail for the same reason.
        wanted = ReplicaTarget(wanted.replicas + 1, wanted.reason)
    return wanted


def limited(facts: ScalingFacts, wanted: ReplicaTarget) -> ReplicaTarget:
    """Within everything that holds a change back or forces one."""
    paced = _paced(facts, wanted)
    if paced.replicas == 0 and not facts.pace.may_be_zero:
        paced = ReplicaTarget(1, ScalingReason.COOLDOWN)
    if paced.replicas < facts.pace.least:
        paced = ReplicaTarget(facts.pace.least, ScalingReason.MINIMUM)
    if paced.replicas > facts.pace.most:
        paced = ReplicaTarget(facts.pace.most, ScalingReason.MAXIMUM)
    return _within_room(facts, paced)


def _paced(facts: ScalingFacts, wanted: ReplicaTarget) -> ReplicaTarget:
    if wanted.replicas > facts.supply.replicas:
        steady = wanted.replicas if facts.pace.lowest is None else min(wanted.replicas, facts.pace.lowest)
        if steady <= facts.supply.replicas:
            return ReplicaTarget(facts.supply.replicas, ScalingReason.STABILIZING)
        if steady > facts.pace.up_limit:
            return ReplicaTarget(facts.pace.up_limit, ScalingReason.POLICY)
        return ReplicaTarget(steady, wanted.reason)
    return _shrunk(facts, wanted) if wanted.replicas < facts.supply.replicas else wanted


def _shrunk(facts: ScalingFacts, wanted: ReplicaTarget) -> ReplicaTarget:
    if wanted.replicas == 0 and facts.pace.may_be_zero and not facts.pace.least:
        # The cooldown was the window.
        limit = facts.pace.down_limit
        return ReplicaTarget(limit, ScalingReason.POLICY) if limit else ReplicaTarget(0, ScalingReason.IDLE)
    if not facts.pace.may_shrink:
        return ReplicaTarget(facts.supply.replicas, ScalingReason.STARTED)
    busy = math.ceil((facts.asked.queued + facts.asked.counted_in_flight) / facts.ability.concurrency - SLACK)
    # The window keeps what serves. What is still starting is needed only if it was a moment ago.
    steady = max(facts.pace.highest_lately, min(facts.pace.highest, facts.supply.ready))
    steps = (
        (steady, ScalingReason.STABILIZING),
        (busy, ScalingReason.CONSOLIDATING),
        (facts.pace.down_limit, ScalingReason.POLICY),
    )
    for floor, reason in steps:
        if wanted.replicas < min(floor, facts.supply.replicas):
            wanted = ReplicaTarget(min(floor, facts.supply.replicas), reason)
    return wanted


def _within_room(facts: ScalingFacts, wanted: ReplicaTarget) -> ReplicaTarget:
    """Pods without a node are never capacity: only `may_wait` of them may be asked for."""
    excess = max(0, facts.supply.unschedulable - facts.pace.may_wait)
    room = max(facts.supply.scheduled + facts.pace.may_wait, facts.supply.replicas - excess, 1)
    if wanted.replicas <= room:
        return wanted
    return ReplicaTarget(
        room, ScalingReason.NO_CAPACITY if facts.supply.unschedulable else ScalingReason.PLACING
    )
