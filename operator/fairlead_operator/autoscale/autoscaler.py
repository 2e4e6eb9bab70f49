"""The autoscaler of one model: observations in, decisions out."""

from __future__ import annotations

import math
from dataclasses import replace

from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.autoscale.inputs import Observation
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.autoscale.settings import Settings

# What one replica takes at once until more is known.
CONCURRENCY = 16


class Autoscaler:
    """Decides for one model. Call `decide` every `recheck_after` seconds, and when something happens.

    `started` is when this operator took the model over: within the first stabilization window after it
    nothing is scaled down. Observations must come in the order of their time.
    """

    def __init__(self, settings: Settings, memory: Memory | None = None, *, started: float) -> None:
        self.settings = settings
        self._memory = memory or Memory()
        self._started = started

    def memory(self) -> Memory:
        """What has been learned until now."""
        return self._memory

    def decide(self, observation: Observation) -> Decision:
        """How many replicas there should be from now on."""
        demand = observation.demand
        if self._memory.seen_since is None:
            self._memory = replace(self._memory, seen_since=observation.at)
        if demand is None:
            return Decision(observation.replicas, "MetricsMissing", "nobody could be asked for the demand")
        load = demand.queued + demand.in_flight
        wanted = math.ceil(load / CONCURRENCY)
        if load:
            self._memory = replace(self._memory, last_activity=observation.at)
        quiet = observation.at - max(
            demand.last_completion or 0.0, self._memory.last_activity or 0.0, self._started
        )
        floor = observation.replicas if quiet < self.settings.cooldown else 0
        least = max(self.settings.min_replicas, floor, 1 if load else 0)
        replicas = min(max(wanted, least), max(self.settings.max_replicas, self.settings.min_replicas))
        return Decision(
            replicas,
            "Demand",
            f"{load} requests, {CONCURRENCY} a replica",
            inputs={"queued": demand.queued, "inFlight": demand.in_flight, "concurrency": CONCURRENCY},
        )
