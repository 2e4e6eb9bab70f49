"""The autoscaler of one model: observations in, decisions out.

Learning, the need and the limits have modules of their own. This module combines them in the order of a
decision.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from fairlead_contract.defaults import hold_seconds
from fairlead_operator.autoscale import explain
from fairlead_operator.autoscale.decision import Decision, Number, ScalingReason
from fairlead_operator.autoscale.facts import Ability, Pace, RequestFacts, ScalingFacts, Supply, rounded
from fairlead_operator.autoscale.fallback import assumed_demand, fallback, load_of
from fairlead_operator.autoscale.inputs import Demand, Observation
from fairlead_operator.autoscale.learning import Learning
from fairlead_operator.autoscale.limits import ReplicaTarget, limited, recommended
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.autoscale.need import needed
from fairlead_operator.autoscale.pace import Changes, Recommendations
from fairlead_operator.autoscale.placement_backoff import PlacementBackoff
from fairlead_operator.autoscale.pods import PodCounts, count, recall, removal
from fairlead_operator.autoscale.schedules import Schedules
from fairlead_operator.autoscale.settings import PRESETS, Settings

# While the scheduler places one pod, the next one waits, so the next decision is due soon.
PLACING_RECHECK = 1.0
AUTO_WINDOW = (120.0, 600.0)
# For pods that are not ready yet. Keeping them does not bridge a dip, and they become ready without need.
SHORT_WINDOW = 60.0
# A trend is measured over as long as it is extended, within bounds.
LONGEST_TREND = 240.0


class Autoscaler:
    """Decides for one model. Call `decide` every `recheck_after` seconds, and when something happens.

    `started` is when this operator took the model over. Nothing is scaled down within the first stabilization
    window after it. Observations must come in the order of their time.
    """

    def __init__(self, settings: Settings, memory: Memory | None = None, *, started: float) -> None:
        self.settings = settings
        self._preset = PRESETS[settings.objective]
        self._learning = Learning(memory or Memory(), started)
        self._schedules = Schedules(settings.schedules)
        self._changes = Changes()
        self._recommendations = Recommendations()
        self._placement_backoff = PlacementBackoff()
        self._started = started
        self._rounds_without_metrics = 0

    def memory(self) -> Memory:
        """Everything that has been learned until now."""
        return self._learning.memory()

    def decide(self, observation: Observation) -> Decision:
        """How many replicas there should be from now on."""
        self._learning.observe(observation)
        self._changes.observe(observation.at, observation.replicas)
        pod_counts = count(observation, self._learning.cold_starts)
        demand = observation.demand or assumed_demand(observation)
        self._rounds_without_metrics = 0 if demand else self._rounds_without_metrics + 1
        if demand is None:
            return self._decide_without_metrics(observation, pod_counts)
        facts = self._facts(observation, pod_counts, demand)
        need = needed(facts)
        recommendation = recommended(facts, need)
        decided = limited(facts, recommendation)
        # A decision without the demand must not count as a low recommendation once the demand is known again.
        floor = 0 if observation.demand else observation.replicas
        self._recommendations.add(observation.at, min(max(recommendation.replicas, floor), facts.pace.most))
        if observation.demand is None and decided.reason is ScalingReason.STARTED:
            decided = ReplicaTarget(decided.replicas, ScalingReason.METRICS_MISSING)
        message = explain.sentence(facts, need, decided)
        return self._decision(
            observation, pod_counts, decided, message, explain.figures(facts, need, recommendation, decided)
        )

    def _facts(self, observation: Observation, pod_counts: PodCounts, demand: Demand) -> ScalingFacts:
        known, at = observation.demand is not None, observation.at
        ability = self._learning.ability(self.settings, self._preset.utilization)
        supply = self._supply(observation, pod_counts)
        leaving = sum(load_of(pod) or 0 for pod in pod_counts.draining)
        here = replace(demand, in_flight=max(0, demand.in_flight - leaving))
        silent = sum(load_of(pod) is None for pod in pod_counts.ready)
        full = here.in_flight + silent * ability.concurrency
        return ScalingFacts(
            requests=rounded(self._request_facts(at, known, here, full, ability, supply.cold_start_seconds)),
            supply=supply,
            ability=ability,
            pace=self._pace(observation, pod_counts, may_be_zero=known and self._is_idle(at, demand)),
        )

    def _request_facts(
        self, at: float, known: bool, demand: Demand, full: float, ability: Ability, lead: float
    ) -> RequestFacts:
        """The demand. Without counted arrivals Little's law turns the requests on the pods into a rate."""
        arrivals, surges = self._learning.arrivals, self._learning.surges
        steady = demand.in_flight * ability.rate / ability.concurrency
        last = {window: arrivals.rate(window, at) if known else steady for window in (15, 60, 120, 600)}
        age = surges.age(at) if known else 0.0
        return RequestFacts(
            queued=demand.queued,
            in_flight=demand.in_flight,
            counted_in_flight=full,
            arrivals_15s=last[15],
            arrivals_60s=last[60],
            arrivals_120s=last[120],
            arrivals_600s=last[600],
            arrivals_trend=arrivals.trend(at, min(LONGEST_TREND, max(60.0, lead))) if known else 0.0,
            arrivals_peaks=arrivals.peaks(at) if known else 0.0,
            surge_seconds=age,
            surge_persistence=surges.persistence(age, lead) if age else 1.0,
            surge_mean_persistence=surges.mean_persistence(age, lead) if age else 1.0,
        )

    def _supply(self, observation: Observation, pod_counts: PodCounts) -> Supply:
        at, cold_starts = observation.at, self._learning.cold_starts
        lead = cold_starts.lead(pod_counts.starting, at)
        served = [max(0.0, lead - cold_starts.remaining(pod, at)) for pod in pod_counts.starting]
        return rounded(
            Supply(
                replicas=observation.replicas,
                ready=len(pod_counts.ready),
                starting=len(pod_counts.starting),
                starting_pod_seconds=sum(served),
                stuck=len(pod_counts.stuck),
                scheduled=pod_counts.scheduled,
                unschedulable=len(pod_counts.unschedulable),
                cold_start_seconds=lead,
                pressure=int(self._learning.pressure.on),
            )
        )

    def _pace(self, observation: Observation, pod_counts: PodCounts, *, may_be_zero: bool) -> Pace:
        at, replicas = observation.at, observation.replicas
        up, down = self.settings.scale_up, self.settings.scale_down
        window = self._window()
        least, most = self._bounds(at)
        may_shrink = observation.demand is not None and at - self._started >= window
        return Pace(
            safety=self._preset.safety,
            drain_seconds=self._preset.drain_seconds,
            initial=min(most, self.settings.initial_replicas or 1),
            least=least,
            most=most,
            highest=self._recommendations.highest(window, at),
            highest_lately=self._recommendations.highest(min(window, SHORT_WINDOW), at),
            lowest=self._recommendations.lowest(up.window, at, replicas) if up.window else None,
            up_limit=self._changes.up_limit(up, at, replicas),
            down_limit=self._changes.down_limit(down, at, replicas),
            may_wait=self._placement_backoff.allowance(at, pod_counts, self.settings.unschedulable_pods),
            may_shrink=int(may_shrink),
            may_be_zero=int(may_be_zero),
        )

    def _decide_without_metrics(self, observation: Observation, pod_counts: PodCounts) -> Decision:
        least, most = self._bounds(observation.at)
        replicas, reason = observation.replicas, ScalingReason.METRICS_MISSING
        self._recommendations.add(observation.at, min(replicas, most))
        if self._rounds_without_metrics > self.settings.fallback.threshold:
            replicas, reason = fallback(self.settings.fallback, replicas), ScalingReason.FALLBACK
        allowed = self._placement_backoff.allowance(
            observation.at, pod_counts, self.settings.unschedulable_pods
        )
        room = max(pod_counts.scheduled + allowed, observation.replicas)
        decided = ReplicaTarget(min(max(replicas, least), most, room), reason)
        inputs = {
            "replicas": observation.replicas,
            "roundsWithoutMetrics": self._rounds_without_metrics,
            "failureThreshold": self.settings.fallback.threshold,
            "least": least,
            "most": most,
            "room": room,
            "decided": decided.replicas,
        }
        rounds = self._rounds_without_metrics
        message = f"no router or gateway answered {rounds} times in a row; {decided.replicas} replicas"
        return self._decision(observation, pod_counts, decided, message, inputs)

    def _decision(
        self,
        observation: Observation,
        pod_counts: PodCounts,
        decided: ReplicaTarget,
        message: str,
        inputs: Mapping[str, Number | None],
    ) -> Decision:
        return Decision(
            replicas=decided.replicas,
            reason=decided.reason.value,
            message=message,
            inputs=inputs,
            removal=removal(pod_counts, decided.replicas),
            recall=recall(pod_counts, decided.replicas),
            hold_timeout_seconds=self._hold_timeout(),
            expected_ready_seconds=self._expected_ready(observation.at, pod_counts),
            recheck_after=self._recheck(observation.at, decided, pod_counts),
        )

    def _bounds(self, at: float) -> tuple[int, int]:
        most = max(self.settings.max_replicas, self.settings.min_replicas)
        return min(most, max(self.settings.min_replicas, self._schedules.floor(at))), most

    def _window(self) -> float:
        """Stabilization window for scaling down; two cold starts long by default."""
        if self.settings.scale_down.window is not None:
            return self.settings.scale_down.window
        low, high = AUTO_WINDOW
        return min(high, max(low, 2 * self._learning.cold_starts.total(0.9)))

    def _is_idle(self, at: float, demand: Demand) -> bool:
        if demand.queued or demand.in_flight:
            return False
        last, since = self._learning.last_activity, self._learning.seen_since
        if last is None:
            return at - (at if since is None else since) >= self.settings.initial_cooldown
        # The last activity in the memory may be a minute old, and requests may have ended since.
        return at - max(last, self._started) >= self.settings.cooldown

    def _hold_timeout(self) -> int:
        if self.settings.hold_timeout is not None:
            return self.settings.hold_timeout
        return hold_seconds(self._learning.cold_starts.total(0.95))

    def _expected_ready(self, at: float, pod_counts: PodCounts) -> int | None:
        if pod_counts.ready:
            return None
        coming = [
            self._learning.cold_starts.remaining(pod, at)
            for pod in (*pod_counts.starting, *pod_counts.unplaced)
        ]
        return math.ceil(min(coming, default=self._learning.cold_starts.total(0.9)))

    def _recheck(self, at: float, decided: ReplicaTarget, pod_counts: PodCounts) -> float:
        polling = self.settings.polling_interval
        if decided.reason is ScalingReason.PLACING or pod_counts.unplaced:
            return min(polling, PLACING_RECHECK)
        retry = self._placement_backoff.retry_in(at)
        return polling if retry is None else min(polling, max(PLACING_RECHECK, retry))
