"""Decisions without metrics: missing metrics alone never scale down."""

from __future__ import annotations

from fairlead_operator.autoscale.inputs import Demand, Observation, ObservedPod
from fairlead_operator.autoscale.settings import FallbackSettings, OnFailure


def load_of(pod: ObservedPod) -> int | None:
    """Requests on a pod, from its gateway, else from its engine; None if both are unknown."""
    if pod.in_flight is not None:
        return pod.in_flight
    return pod.engine.running + pod.engine.waiting if pod.engine else None


def assumed_demand(observation: Observation) -> Demand | None:
    """The demand from the pods' loads, when no router and no gateway answered; None if no load is known."""
    loads = [load for pod in observation.pods if (load := load_of(pod)) is not None]
    return Demand(queued=0, in_flight=sum(loads), arrivals=0.0) if loads else None


def fallback(settings: FallbackSettings, replicas: int) -> int:
    """Replicas after too many rounds without any metric."""
    if settings.replicas is None:
        return replicas
    return {
        OnFailure.CURRENT: replicas,
        OnFailure.CURRENT_IF_HIGHER: max(replicas, settings.replicas),
        OnFailure.CURRENT_IF_LOWER: min(replicas, settings.replicas),
        OnFailure.STATIC: settings.replicas,
    }[settings.behavior]
