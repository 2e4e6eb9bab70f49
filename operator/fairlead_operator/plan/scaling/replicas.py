"""How many replicas a model should have now, by its spec and by the autoscaler's latest decision."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.autoscale.schedules import problem
from fairlead_operator.autoscale.settings import Settings
from fairlead_operator.render.model import Model

Object = dict[str, Any]


@dataclass(frozen=True)
class DrainState:
    """Names of the pods that are removed in two steps. `draining` ones have requests left and still count in
    the Deployment; `released` ones have finished and are to be deleted.
    """

    draining: tuple[str, ...] = ()
    released: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them in the order of their deletion."""
        return (*self.released, *self.draining)


@dataclass(frozen=True)
class Scaling:
    """The autoscaler's state of a model: its latest decision, what it has learned (JSON), and the duration of
    starts (`coldStartSeconds` of the status, None while unknown).

    `drain` has the pods that it does not count any more.
    """

    decision: Decision
    learned: Object = field(default_factory=dict)
    cold_start: Object | None = None
    drain: DrainState = DrainState()


def is_native(model: Model) -> bool:
    """Whether the operator decides how many replicas there are."""
    return model.spec.autoscaling is not None and model.spec.autoscaling.mode == "Native"


def first_replicas(model: Model, workload: Object, router_host: str) -> int:
    """Replicas before the first decision: the present number, so that a new operator changes nothing; else
    the minimum.
    """
    assert model.spec.autoscaling is not None
    if workload:
        return int(workload["spec"].get("replicas", 1))
    return least_replicas(model, router_host)


def least_replicas(model: Model, router_host: str) -> int:
    """spec.autoscaling.minReplicas; without a router, which would hold the requests, never 0."""
    assert model.spec.autoscaling is not None
    return max(model.spec.autoscaling.min_replicas, 0 if router_host else 1)


def unreadable_schedules(model: Model) -> list[str]:
    """The problems of spec.autoscaling.schedules: the API server validates neither dates nor time zones."""
    rules = model.spec.autoscaling
    schedules = Settings.from_spec(rules).schedules if rules else ()
    return [
        f"spec.autoscaling.schedules[{place}]: {text}"
        for place, schedule in enumerate(schedules)
        if (text := problem(schedule))
    ]


def operator_sets_replicas(model: Model, router_host: str) -> bool:
    """Whether the autoscaler's decision applies, and not that of another writer.

    With mode External the writer may not see the held requests for minutes, and a HorizontalPodAutoscaler
    does nothing at zero. So while the written number is 0 and minReplicas allows it, requests start the first
    replicas here too, and keep them until the cooldown is over. The scale subresource belongs to the other
    writer, so nothing is written there.
    """
    return is_native(model) or (model.spec.replicas == 0 and least_replicas(model, router_host) == 0)


def replicas_for_decision(model: Model, decided: int) -> int:
    """The replicas of a decision that applies."""
    assert model.spec.autoscaling is not None
    first = model.spec.autoscaling.scale_from_zero.initial_replicas or 1
    return decided if is_native(model) else min(decided, first)


def with_current_replicas(model: Model, workload: Object, scaling: Scaling | None, router_host: str) -> Model:
    """The model with the currently desired replicas in spec.replicas."""
    if model.spec.autoscaling is None or not operator_sets_replicas(model, router_host):
        return model
    if scaling is None:
        return model.with_replicas(replicas_for_decision(model, first_replicas(model, workload, router_host)))
    # Pods that drain keep their places in the Deployment: it would delete them.
    return model.with_replicas(
        replicas_for_decision(model, scaling.decision.replicas) + len(scaling.drain.draining)
    )
