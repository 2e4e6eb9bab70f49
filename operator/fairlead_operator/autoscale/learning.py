"""The figures that are learned about one model, updated with each observation."""

from __future__ import annotations

from fairlead_operator.autoscale.arrivals import LONGEST, SHORT, Arrivals, Bursts, present_rate
from fairlead_operator.autoscale.capacity import Capacity, Limits, Pressure, capacity, unexplained
from fairlead_operator.autoscale.cold_starts import ColdStarts
from fairlead_operator.autoscale.facts import Ability, rounded
from fairlead_operator.autoscale.inputs import Observation, ObservedPod
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.autoscale.request_mix import Mix, Requests
from fairlead_operator.autoscale.settings import Settings
from fairlead_operator.autoscale.step_cost import StepCosts


class Learning:
    """Starts from a memory, and can be saved as one."""

    def __init__(self, memory: Memory, started: float) -> None:
        self.arrivals = Arrivals(memory.arrivals_per_second)
        self.surges = Bursts(memory.surges)
        self.cold_starts = ColdStarts(memory.cold_starts)
        self.step_costs = StepCosts(memory.step_sums, memory.step_samples, memory.step_error)
        self.requests = Requests(Mix(*memory.mix) if memory.mix else None, memory.residence_seconds)
        self.pressure = Pressure(memory.concurrency_factor)
        self.seen_since = memory.seen_since
        self.last_activity = memory.last_activity
        self._kv_tokens, self._max_running = memory.kv_tokens, memory.max_running
        self._at = started

    def observe(self, observation: Observation) -> None:
        """Take one observation."""
        at, demand = observation.at, observation.demand
        self._at = at
        if self.seen_since is None:
            self.seen_since = at
        serving = tuple(pod for pod in observation.pods if pod.ready is not None)
        self.cold_starts.observe(observation.pods, observation.kind)
        self.step_costs.observe(at, serving)
        self.requests.observe(at, demand, serving)
        self.pressure.observe(at, serving, self.cold_starts.total(0.9))
        self._read_sizes(serving)
        if demand is None:
            return
        self.arrivals.observe(at, demand.arrivals)
        now = present_rate(self.arrivals.rate(SHORT, at), max(0.0, self.arrivals.rate(60.0, at)))
        self.surges.observe(at, now, self.arrivals.rate(LONGEST, at))
        if demand.queued or demand.in_flight:
            self.last_activity = at
        elif demand.last_completion is not None:
            self.last_activity = max(self.last_activity or 0.0, min(at, demand.last_completion))

    def ability(self, settings: Settings, utilization: float) -> Ability:
        """The capacity of one replica, from what is known now."""
        able, cost, mix = self._capacity(settings, utilization), self.step_costs.cost, self.requests.mix
        return rounded(
            Ability(
                step_seconds=cost.step,
                decode_seconds=cost.decode,
                prefill_seconds=cost.prefill,
                prompt_tokens=mix.prompt_tokens,
                output_tokens=mix.output_tokens,
                utilization=able.utilization,
                concurrency_bound=able.bound,
                concurrency_factor=self.pressure.factor,
                concurrency=able.concurrency,
                rate=able.rate,
                full_rate=able.full_rate,
            )
        )

    def _capacity(self, settings: Settings, utilization: float) -> Capacity:
        limits = Limits(
            kv_tokens=_whole(self._kv_tokens),
            max_running=_whole(self._max_running),
            max_concurrency=settings.max_concurrency,
            itl=settings.itl,
            ttft=settings.ttft,
            factor=self.pressure.factor,
        )
        if self.step_costs.fits or not self.requests.residence:
            return capacity(self.step_costs.cost, self.requests.mix, utilization, limits)
        return unexplained(self.requests.residence, self.requests.mix, utilization, limits)

    def memory(self) -> Memory:
        """The learned values, to be saved."""
        mix = self.requests.mix
        return Memory(
            seen_since=self.seen_since,
            last_activity=self.last_activity,
            arrivals_per_second=max(0.0, self.arrivals.rate(LONGEST, self._at)),
            cold_starts=self.cold_starts.starts,
            surges=self.surges.durations,
            step_sums=tuple(self.step_costs.sums),
            step_samples=self.step_costs.samples,
            step_error=self.step_costs.error,
            mix=(mix.requests, mix.prompt, mix.output, mix.counted_prompt, mix.computed),
            residence_seconds=self.requests.residence,
            concurrency_factor=self.pressure.factor,
            kv_tokens=self._kv_tokens,
            max_running=self._max_running,
        )

    def _read_sizes(self, serving: tuple[ObservedPod, ...]) -> None:
        """The smallest engine is what every pod has at least."""
        engines = [pod.engine for pod in serving if pod.engine]
        kv = [engine.kv_tokens for engine in engines if engine.kv_tokens]
        batches = [engine.max_running for engine in engines if engine.max_running]
        self._kv_tokens = min(kv) if kv else self._kv_tokens
        self._max_running = min(batches) if batches else self._max_running


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
