"""Ours: the operator's decision class and the router's pick, with the simulator's clock and metrics."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fairlead_gateway.router.balancing import concurrency_limit, hash64, pick
from fairlead_operator.autoscale import inputs
from fairlead_operator.autoscale.autoscaler import Autoscaler
from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.autoscale.settings import Settings
from tests.simulator.cluster import Pod
from tests.simulator.plane import Engine, Gauge, Phase
from tests.simulator.policies.base import Order, View

# The class reads times since the Unix epoch.
EPOCH = 1_700_000_000.0


class Fairlead:
    """The shipped Autoscaler, asked every 5 s and 0.2 s after the first request at zero."""

    wake_seconds: float | None = 0.2

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self.settings, self._engine = settings, engine
        self.period = settings.polling_interval
        self._autoscaler = Autoscaler(settings, started=EPOCH)
        self.decisions: list[Decision] = []

    def decide(self, view: View) -> Order:
        """What the operator would make of its decision."""
        decision = self._autoscaler.decide(self._observe(view))
        self.decisions.append(decision)
        learned = decision.inputs.get("concurrency")
        limit = concurrency_limit(None if learned is None else float(learned))
        return Order(decision.replicas, decision.removal, decision.recall, limit, decision.recheck_after)

    def restart(self, at: float) -> None:
        """A new process, with what the status of the object has kept."""
        memory = Memory.from_json(self._autoscaler.memory().to_json())
        self._autoscaler = Autoscaler(self.settings, memory, started=EPOCH + at)

    def _observe(self, view: View) -> inputs.Observation:
        totals = view.totals
        last = totals.last_completion
        demand = inputs.Demand(
            queued=int(totals.held),
            in_flight=int(totals.in_flight),
            arrivals=totals.arrivals,
            completions=totals.completions,
            prompt_tokens=totals.prompt,
            completion_tokens=totals.output,
            last_completion=None if math.isnan(last) else EPOCH + last,
        )
        pods = tuple(
            self._pod(pod, view.gauges.get(pod.name), visible=view.engines_visible) for pod in view.pods
        )
        return inputs.Observation(EPOCH + view.at, demand, pods, view.replicas)

    def _pod(self, pod: Pod, gauge: Gauge | None, *, visible: bool) -> inputs.ObservedPod:
        return inputs.ObservedPod(
            name=pod.name,
            created=EPOCH + pod.created,
            scheduled=None if pod.scheduled is None else EPOCH + pod.scheduled,
            ready=None if pod.ready is None else EPOCH + pod.ready,
            unschedulable=pod.scheduled is None,
            draining=pod.draining_since is not None,
            in_flight=None if gauge is None else int(gauge.in_flight),
            engine=self._metrics(gauge) if gauge is not None and visible else None,
        )

    def _metrics(self, gauge: Gauge) -> inputs.EngineLoad:
        return inputs.EngineLoad(
            running=int(gauge.running),
            waiting=int(gauge.waiting),
            kv_usage=gauge.kv_usage,
            steps=gauge.steps,
            decode_tokens=gauge.made,
            prefill_tokens=gauge.prefilled,
            preemptions=gauge.preemptions,
            kv_tokens=self._engine.kv_tokens,
            max_running=self._engine.slots,
        )


@dataclass
class _Target:
    """A pod as the router's policy sees it."""

    place: int
    seed: int
    load: float


def shipped_pick(
    places: int, loads: Callable[[], list[list[float]]], limit: Callable[[], float]
) -> Callable[[], int]:
    """The router's policy for the data plane: reads phase and load of each place, answers one or -1.

    The workloads have no common beginnings of prompts, so no request is sticky.
    """
    rng = np.random.default_rng(7)
    targets = [_Target(place, hash64(f"pod-{place}".encode()), 0.0) for place in range(places)]
    ready = float(Phase.READY)
    bits = rng.integers(0, 2**63, 4096).tolist()
    calls = 0

    def choose() -> int:
        nonlocal calls
        calls += 1
        candidates = []
        for target, (phase, load) in zip(targets, loads(), strict=False):
            if phase == ready:
                target.load = load
                candidates.append(target)
        chosen = pick(candidates, bits[calls % len(bits)], sticky=False, limit=limit())
        return -1 if chosen is None else chosen.place

    return choose
