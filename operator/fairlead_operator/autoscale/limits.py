"""From what is needed to what is wanted: floors, ceilings and the pace of change."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fairlead_operator.autoscale.facts import Facts
from fairlead_operator.autoscale.need import Need
from fairlead_operator.autoscale.reasons import Reason

# A need of 3.0000001 is one of 3.
SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class Wanted:
    """A number of replicas, and what made it so."""

    replicas: int
    reason: Reason


def recommended(facts: Facts, need: Need) -> Wanted:
    """What demand and pods alone ask for, without limits and without regard to what is."""
    waiting = facts.asked.queued + facts.asked.in_flight > 0
    replicas = math.ceil(need.replicas - SLACK)
    backlogged = replicas > math.ceil(need.flow - SLACK)
    wanted = Wanted(replicas, Reason.BACKLOG if backlogged else Reason.DEMAND)
    if waiting and facts.supply.replicas == 0:
        wanted = Wanted(max(replicas, 1, facts.pace.initial), Reason.WAKE_UP)
    elif waiting and facts.supply.ready == 0:
        wanted = Wanted(max(replicas, 1, facts.pace.initial), wanted.reason)
    elif waiting:
        wanted = Wanted(max(replicas, 1), wanted.reason)
    if facts.supply.pressure and wanted.replicas <= facts.supply.ready:
        wanted = Wanted(facts.supply.ready + 1, Reason.KV_PRESSURE)
    if facts.pace.may_be_zero and not facts.pace.least:
        # The cooldown is the user's word on how long a model without requests stays; that its last ones still
        # show in the rates does not make it longer.
        wanted = Wanted(0, Reason.IDLE)
    if facts.supply.stuck and wanted.replicas:
        # One replacement, however many are stuck: they may all fail for the same reason.
        wanted = Wanted(wanted.replicas + 1, wanted.reason)
    return wanted


def limited(facts: Facts, wanted: Wanted) -> Wanted:
    """Within everything that holds a change back or forces one."""
    paced = _paced(facts, wanted)
    if paced.replicas == 0 and not facts.pace.may_be_zero:
        paced = Wanted(1, Reason.COOLDOWN)
    if paced.replicas < facts.pace.least:
        paced = Wanted(facts.pace.least, Reason.MINIMUM)
    if paced.replicas > facts.pace.most:
        paced = Wanted(facts.pace.most, Reason.MAXIMUM)
    return _within_room(facts, paced)


def _paced(facts: Facts, wanted: Wanted) -> Wanted:
    if wanted.replicas > facts.supply.replicas:
        steady = wanted.replicas if facts.pace.lowest is None else min(wanted.replicas, facts.pace.lowest)
        if steady <= facts.supply.replicas:
            return Wanted(facts.supply.replicas, Reason.STABILIZING)
        if steady > facts.pace.up_limit:
            return Wanted(facts.pace.up_limit, Reason.POLICY)
        return Wanted(steady, wanted.reason)
    return _shrunk(facts, wanted) if wanted.replicas < facts.supply.replicas else wanted


def _shrunk(facts: Facts, wanted: Wanted) -> Wanted:
    if wanted.replicas == 0 and facts.pace.may_be_zero and not facts.pace.least:
        # The cooldown was the window.
        limit = facts.pace.down_limit
        return Wanted(limit, Reason.POLICY) if limit else Wanted(0, Reason.IDLE)
    if not facts.pace.may_shrink:
        return Wanted(facts.supply.replicas, Reason.STARTED)
    busy = math.ceil((facts.asked.queued + facts.asked.counted_in_flight) / facts.ability.concurrency - SLACK)
    # The window keeps what serves. What is still starting is needed only if it was a moment ago.
    steady = max(facts.pace.highest_lately, min(facts.pace.highest, facts.supply.ready))
    steps = (
        (steady, Reason.STABILIZING),
        (busy, Reason.CONSOLIDATING),
        (facts.pace.down_limit, Reason.POLICY),
    )
    for floor, reason in steps:
        if wanted.replicas < min(floor, facts.supply.replicas):
            wanted = Wanted(min(floor, facts.supply.replicas), reason)
    return wanted


def _within_room(facts: Facts, wanted: Wanted) -> Wanted:
    """Pods without a node are never capacity: only `may_wait` of them may be asked for."""
    excess = max(0, facts.supply.unschedulable - facts.pace.may_wait)
    room = max(facts.supply.scheduled + facts.pace.may_wait, facts.supply.replicas - excess, 1)
    if wanted.replicas <= room:
        return wanted
    return Wanted(room, Reason.NO_CAPACITY if facts.supply.unschedulable else Reason.PLACING)
