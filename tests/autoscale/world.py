"""A small world that closes the loop: requests as a fluid, pods that take time to start.

It is for properties that need many rounds; what a decision is worth is measured by the simulator.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from fairlead_operator.autoscale.autoscaler import Autoscaler
from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.autoscale.inputs import Demand, EngineLoad, Observation, ObservedPod
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.autoscale.settings import Settings
from tests.autoscale.builders import NOW

STEP, DECODE, PREFILL = 0.010, 0.0002, 0.0002
PROMPT, OUTPUT = 800.0, 150.0


@dataclass
class Replica:
    """A pod: `load` requests at once, of which each costs what the engine's counters will show."""

    name: str
    created: float
    scheduled: float | None = None
    load: float = 0.0
    steps: float = 0.0
    done: float = 0.0
    draining: bool = False

    def serve(self, seconds: float) -> float:
        """How many requests end."""
        if self.load <= 0:
            return 0.0
        own = PROMPT * PREFILL + OUTPUT * DECODE
        ended = min(self.load, seconds / (own + OUTPUT * STEP / self.load))
        self.steps += ended * OUTPUT / self.load
        self.done += ended
        self.load -= ended
        return ended


@dataclass
class SimulatedModel:
    """One model under `rate(seconds since the beginning)` requests per second."""

    rate: Callable[[float], float]
    cold_start: float = 60.0
    accelerators: int = 100
    batch: float = 64.0
    replicas: int = 0
    memory: Memory | None = None
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        values = {"min_replicas": 0, "max_replicas": 50, **self.settings}
        self.autoscaler = Autoscaler(Settings(**values), self.memory, started=NOW)
        self.now = NOW
        self.pods: list[Replica] = []
        self.queue = self.arrived = self.ended = 0.0
        self.last: float | None = None
        self.decisions: list[Decision] = []
        self.created = self.most_unplaced = 0
        self.pod_seconds = 0.0
        self._next = NOW

    def run(self, seconds: float) -> Decision:
        """The last decision of that time."""
        end = self.now + seconds
        while self.now < end:
            self._second()
        return self.decisions[-1]

    def _second(self) -> None:
        self.now += 1
        come = self.rate(self.now - NOW)
        self.arrived += come
        self.queue += come
        able = [pod for pod in self.pods if self._ready(pod) is not None]
        for pod in sorted(able, key=lambda pod: pod.load):
            if not pod.draining:
                taken = min(self.queue, max(0.0, self.batch - pod.load), max(1.0, self.queue / len(able)))
                pod.load, self.queue = pod.load + taken, self.queue - taken
            if ended := pod.serve(1.0):
                self.ended, self.last = self.ended + ended, self.now
        self.pods = [pod for pod in self.pods if not (pod.draining and pod.load < 0.5)]
        self.pod_seconds += sum(pod.scheduled is not None for pod in self.pods)
        if self.now >= self._next:
            self._decide()

    def _decide(self) -> None:
        seen = Observation(self.now, self._demand(), tuple(map(self._seen, self.pods)), self.replicas)
        decision = self.autoscaler.decide(seen)
        self.decisions.append(decision)
        self.replicas = decision.replicas
        self._next = self.now + decision.recheck_after
        for pod in self.pods:
            pod.draining = (pod.draining or pod.name in decision.removal) and pod.name not in decision.recall
        self.pods = [pod for pod in self.pods if not (pod.draining and self._ready(pod) is None)]
        while sum(not pod.draining for pod in self.pods) < decision.replicas:
            self.created += 1
            self.pods.append(Replica(f"pod-{self.created}", self.now))
        self._schedule()

    def _schedule(self) -> None:
        free = self.accelerators - sum(pod.scheduled is not None for pod in self.pods)
        for pod in self.pods:
            if pod.scheduled is None and free > 0:
                pod.scheduled, free = self.now, free - 1
        self.most_unplaced = max(self.most_unplaced, sum(pod.scheduled is None for pod in self.pods))

    def _ready(self, pod: Replica) -> float | None:
        if pod.scheduled is None or pod.scheduled + self.cold_start > self.now:
            return None
        return pod.scheduled + self.cold_start

    def _demand(self) -> Demand:
        return Demand(
            queued=round(self.queue),
            in_flight=round(sum(pod.load for pod in self.pods)),
            arrivals=self.arrived,
            completions=self.ended,
            prompt_tokens=self.ended * PROMPT,
            completion_tokens=self.ended * OUTPUT,
            last_completion=self.last,
        )

    def _seen(self, pod: Replica) -> ObservedPod:
        since = self._ready(pod)
        load = round(pod.load)
        counters = EngineLoad(
            load, 0, pod.load / 1000, pod.steps, pod.done * OUTPUT, pod.done * PROMPT, kv_tokens=500_000
        )
        return ObservedPod(
            pod.name,
            pod.created,
            pod.scheduled,
            since,
            unschedulable=pod.scheduled is None,
            draining=pod.draining,
            in_flight=load if since else None,
            engine=counters if since else None,
        )
