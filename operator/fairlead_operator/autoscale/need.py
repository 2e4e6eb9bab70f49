"""Computes how many replicas the demand needs, from the arrivals and from the backlog.

The arrivals are those expected when a pod created now is ready, with room for their fluctuation, or the peaks
of the last minutes if they recur.

The backlog is what does not fit now, projected to the same time. Starting pods work on it as soon as they are
ready. If the existing pods finish it by then, no pod is created for it: a new one would be too late.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from fairlead_operator.autoscale.arrivals import present_rate
from fairlead_operator.autoscale.facts import ScalingFacts

# A trend is extended at most to twice the present arrivals.
MOST_GROWTH = 2.0


@dataclass(frozen=True, slots=True)
class Need:
    """The steps from the facts to a number of replicas."""

    arrivals: float
    """Requests per second now, with the trend extended."""
    expected: float
    """Requests per second to be expected when a new pod is ready."""
    backlog: float
    """Requests beyond the concurrency of the ready pods."""
    backlog_then: float
    """Present and future requests that will still wait when a new pod is ready."""
    flow: float
    """Replicas for the expected arrivals."""
    replicas: float
    """Replicas in all, before rounding up."""


def needed(facts: ScalingFacts) -> Need:
    """Section "How it decides" of docs/autoscaling.md, line by line."""
    now = present_rate(facts.requests.arrivals_15s, facts.requests.arrivals_60s)
    lead = facts.supply.cold_start_seconds
    extended = facts.requests.arrivals_60s + facts.requests.arrivals_trend * (lead / 2 + 30)
    # A burst has its own forecast: its rise and fall are not a trend.
    steady = not facts.requests.surge_seconds and now >= facts.requests.arrivals_60s
    arrivals = max(now, min(MOST_GROWTH * now, extended)) if steady else now
    usual = facts.requests.arrivals_600s
    lasting = usual + (arrivals - usual) * facts.requests.surge_persistence
    expected = max(facts.requests.arrivals_120s, lasting)
    offered = expected * facts.ability.concurrency / facts.ability.rate
    steady_flow = (offered + facts.pace.safety * math.sqrt(offered)) / facts.ability.concurrency
    # Recurring bursts end before a pod that is created for one is ready. After a cooldown without requests
    # they have stopped.
    peaks = 0.0 if facts.pace.may_be_zero else facts.requests.arrivals_peaks
    flow = max(steady_flow, peaks / facts.ability.rate)
    backlog = max(
        0.0, facts.requests.queued + facts.requests.in_flight - facts.supply.ready * facts.ability.concurrency
    )
    then = _roll(facts, now, arrivals, backlog)
    # Slots become free no faster than requests end, so a backlog may take as long as its requests do.
    drain = max(facts.pace.drain_seconds, facts.ability.concurrency / facts.ability.rate)
    return Need(arrivals, expected, backlog, then, flow, flow + then / (facts.ability.rate * drain))


def _roll(facts: ScalingFacts, now: float, arrivals: float, backlog: float) -> float:
    """The backlog when a pod created now is ready."""
    burst = max(0.0, arrivals - facts.requests.arrivals_600s) if facts.requests.surge_seconds else 0.0
    lead = facts.supply.cold_start_seconds
    coming = ((now + arrivals) / 2 - burst + burst * facts.requests.surge_mean_persistence) * lead
    served = facts.ability.full_rate * (facts.supply.ready * lead + facts.supply.starting_pod_seconds)
    return max(0.0, backlog + coming - served)
