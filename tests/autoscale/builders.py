"""Observations to decide on."""

from __future__ import annotations

from typing import Any

from fairlead_operator.autoscale.autoscaler import Autoscaler
from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.autoscale.inputs import Demand, EngineLoad, Observation, ObservedPod
from fairlead_operator.autoscale.memory import Memory
from fairlead_operator.autoscale.settings import Settings

# Some day.
NOW = 1_800_000_000.0


def engine(running: int = 0, waiting: int = 0, **values: Any) -> EngineLoad:
    counters = {"kv_usage": 0.0, "steps": 0.0, "decode_tokens": 0.0, "prefill_tokens": 0.0}
    return EngineLoad(running, waiting, **{**counters, **values})


def ready(
    name: str = "a", *, age: float = 1000.0, start: float = 60.0, now: float = NOW, **values: Any
) -> ObservedPod:
    """A pod that was created `age` seconds ago and has taken `start` of them to start."""
    created = now - age
    values = {"in_flight": 0, **values}
    return ObservedPod(name, created, scheduled=created, ready=created + start, **values)


def starting(name: str = "s", *, age: float = 0.0, now: float = NOW, **values: Any) -> ObservedPod:
    return ObservedPod(name, now - age, **{"scheduled": now - age, **values})


def unschedulable(name: str = "u", *, age: float = 10.0, now: float = NOW) -> ObservedPod:
    return ObservedPod(name, now - age, unschedulable=True)


def demand(queued: int = 0, in_flight: int = 0, arrivals: float = 0.0, **values: Any) -> Demand:
    return Demand(queued, in_flight, arrivals, **values)


def serving(count: int, *, now: float = NOW, in_flight: int | None = 0) -> tuple[ObservedPod, ...]:
    return tuple(ready(f"pod-{i}", now=now, in_flight=in_flight) for i in range(count))


class Model:
    """A model whose observations are made by hand, one `see` after the other."""

    def __init__(
        self, *, replicas: int = 1, memory: Memory | None = None, started: float = NOW, **settings: Any
    ) -> None:
        values = {"min_replicas": 0, "max_replicas": 20, **settings}
        self.autoscaler = Autoscaler(Settings(**values), memory, started=started)
        self.replicas = replicas
        self.at = started
        self.arrivals = 0.0

    def see(
        self,
        *pods: ObservedPod,
        after: float = 5.0,
        come: float = 0.0,
        queued: int = 0,
        in_flight: int = 0,
        demand_known: bool = True,
        follow: bool = True,
        **values: Any,
    ) -> Decision:
        """What is decided `after` seconds, in which `come` requests came; `follow` carries it out."""
        self.at += after
        self.arrivals += come
        seen = demand(queued, in_flight, self.arrivals, **values) if demand_known else None
        decision = self.autoscaler.decide(Observation(self.at, seen, pods, self.replicas))
        if follow:
            self.replicas = decision.replicas
        return decision

    def steady(self, rate: float, seconds: float, *pods: ObservedPod, **values: Any) -> Decision:
        """The last decision of `seconds` with that many requests per second."""
        for _ in range(int(seconds / 5) - 1):
            self.see(*pods, come=rate * 5, **values)
        return self.see(*pods, come=rate * 5, **values)
