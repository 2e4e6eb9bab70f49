"""The metrics of models: their conditions, their replicas and the accelerators that they hold.

Only the replica that leads knows them. While it cannot renew its Lease another one may lead, so it exports
none of them then. A deleted model leaves no series behind.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import REGISTRY
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fairlead_operator.api.names import RESOURCE_CLAIM_TEMPLATE
from fairlead_operator.controller.accelerator_meter import AcceleratorMeter, Holding
from fairlead_operator.controller.child_index import Key
from fairlead_operator.objects import Object
from fairlead_operator.plan.observed import Observed
from fairlead_operator.plan.pods.accelerators import bound_since, held_accelerators
from fairlead_operator.plan.status.replica_states import replica_states
from fairlead_operator.render.model import Model
from fairlead_operator.telemetry import MODEL_LABELS, leads


@dataclass
class _ModelFigures:
    """`conditions` are (type, status, reason)."""

    conditions: tuple[tuple[str, str, str], ...] = ()
    replicas: dict[str, int] = field(default_factory=dict)
    meter: AcceleratorMeter = field(default_factory=AcceleratorMeter)


class ModelMetrics(Collector):
    """Renders the last figures of each model when it is scraped. `clock` is monotonic."""

    def __init__(
        self, leading: Callable[[], bool] = leads, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._leading, self._clock = leading, clock
        self._models: dict[Key, _ModelFigures] = {}

    def reported(self, key: Key, status: Object) -> None:
        """The model's status, as it is written."""
        self._figures(key).conditions = tuple(
            (row["type"], row["status"], row["reason"]) for row in status.get("conditions") or ()
        )

    def observed(self, model: Model, observed: Observed, desired: int, now: datetime) -> None:
        """The model's pods as they are now, and how many replicas are wanted."""
        draining = observed.scaling.drain.names if observed.scaling else ()
        figures = self._figures((model.namespace, model.name))
        figures.replicas = replica_states(desired, observed.pods, draining)
        figures.meter.observe(_holdings(model, observed, now), self._clock())

    def drop(self, key: Key) -> None:
        """Removes a deleted model."""
        self._models.pop(key, None)

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: no other collector has these names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client for each scrape."""
        conditions = GaugeMetricFamily(
            "fairlead_model_condition",
            "1 for the present status and reason of each condition.",
            labels=[*MODEL_LABELS, "type", "status", "reason"],
        )
        replicas = GaugeMetricFamily(
            "fairlead_model_replicas",
            "Replicas that are wanted, and those that exist by state.",
            labels=[*MODEL_LABELS, "state"],
        )
        seconds = CounterMetricFamily(
            "fairlead_model_accelerator_seconds",
            "Accelerators times the seconds for which pods have held them, since this replica leads.",
            labels=[*MODEL_LABELS, "resource"],
        )
        for key, figures in list(self._models.items()) if self._leading() else ():
            for row in figures.conditions:
                conditions.add_metric([*key, *row], 1)
            for state, count in figures.replicas.items():
                replicas.add_metric([*key, state], count)
            for resource, total in figures.meter.totals(self._clock()).items():
                seconds.add_metric([*key, resource], total)
        yield from (conditions, replicas, seconds)

    def _figures(self, key: Key) -> _ModelFigures:
        return self._models.setdefault(key, _ModelFigures())


def _holdings(model: Model, observed: Observed, now: datetime) -> Iterator[Holding]:
    """The pods that hold accelerators."""
    accelerator = model.spec.accelerator
    resource = (accelerator.resource_name or accelerator.device_class_name or "") if accelerator else ""
    templates = {
        child["metadata"]["name"]: child
        for child in observed.children
        if child["kind"] == RESOURCE_CLAIM_TEMPLATE
    }
    for pod in observed.pods:
        since = bound_since(pod)
        if since is not None and (held := held_accelerators(pod, templates, resource)):
            yield Holding(pod["metadata"]["uid"], held, now.timestamp() - since)


METRICS = ModelMetrics()
REGISTRY.register(METRICS)
