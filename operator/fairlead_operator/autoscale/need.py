"""How many replicas the demand needs.

Two parts. The flow: what will come each second when a pod created now is ready, with room for its
fluctuation, or what came in the peaks of the last minutes if they recur. The backlog: what does not fit now,
rolled forward to that moment; pods that are already starting work on it from the time they will be ready. If
they and those that are ready will be done with it, nothing is created for it, because a new pod would come
too late to be of use.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fairlead_operator.autoscale.arrivals import present_rate
from fairlead_operator.autoscale.facts import ScalingFacts

# A trend is extended at most to twice what comes now.
MOST_GROWTH = 2.0


@dataclass(frozen=True, slots=True)
class Need:
    """The way from what was seen to a number of replicas."""

    arrivals: float
    """Requests per second now, with the trend extended."""
    expected: float
    """Requests per second to be expected when a new pod is ready."""
    backlog: float
    """Requests above what the ready pods take at once."""
    backlog_then: float
    """Of these and of those to come, what will still wait when a new pod is ready."""
    flow: float
    """Replicas for what will come."""
    replicas: float
    """Replicas in all, before rounding up."""


def needed(facts: ScalingFacts) -> Need:
    """Section "How it decides" of docs/autoscaling.md, line by line."""
    now = present_rate(facts.asked.arrivals_15s, facts.asked.arrivals_60s)
    lead = facts.supply.cold_start_seconds
    extended = facts.asked.arrivals_60s + facts.asked.arrivals_trend * (lead / 2 + 30)
    # A burst has its own forecast: its flanks are no trend.
    steady = not facts.asked.surge_seconds and now >= facts.asked.arrivals_60s
    arrivals = max(now, min(MOST_GROWTH * now, extended)) if steady else now
    usual = facts.asked.arrivals_600s
    expected = max(facts.asked.arrivals_120s, usual + (arrivals - usual) * facts.asked.surge_persistence)
    offered = expected * facts.ability.concurrency / facts.ability.rate
    steady_flow = (offered + facts.pace.safety * math.sqrt(offered)) / facts.ability.concurrency
    # Bursts that come again and again are over before a pod that is created for one is ready. When nothing
    # has come for the cooldown, they have ended.
    peaks = 0.0 if facts.pace.may_be_zero else facts.asked.arrivals_peaks
    flow = max(steady_flow, peaks / facts.ability.rate)
    backlog = max(
        0.0, facts.asked.queued + facts.asked.in_flight - facts.supply.ready * facts.ability.concurrency
    )
    then = _roll(facts, now, arrivals, backlog)
    # Places come free no faster than requests end, so a backlog of long ones may take as long as one of them.
    drain = max(facts.pace.drain_seconds, facts.ability.concurrency / facts.ability.rate)
    return Need(arrivals, expected, backlog, then, flow, flow + then / (facts.ability.rate * drain))


def _roll(facts: ScalingFacts, now: float, arrivals: float, backlog: float) -> float:
    """The backlog at the moment when a pod created now is ready."""
    burst = max(0.0, arrivals - facts.asked.arrivals_600s) if facts.asked.surge_seconds else 0.0
    lead = facts.supply.cold_start_seconds
    coming = ((now + arrivals) / 2 - burst + burst * facts.asked.surge_mean_persistence) * lead
    served = facts.ability.full_rate * (facts.supply.ready * lead + facts.supply.starting_pod_seconds)
    return max(0.0, backlog + coming - served)
