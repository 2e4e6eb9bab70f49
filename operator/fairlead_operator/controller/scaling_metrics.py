"""The metrics of the autoscaler: the last decision of each model with all its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import REGISTRY, Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fairlead_operator.autoscale.decision import Decision
from fairlead_operator.controller.child_index import Key
from fairlead_operator.telemetry import MODEL_LABELS, leads

DECISIONS = Counter(
    "fairlead_autoscaler_decisions_total", "Decisions by what decided.", [*MODEL_LABELS, "reason"]
)
# Name of the metric, input of the decision, and description.
_NAMED = (
    ("flow_demand_replicas", "flow", "Replicas for the requests that will come."),
    ("backlog_predicted_requests", "backlogThen", "Requests that would still wait when a new pod is ready."),
    ("capacity_starting_replicas", "starting", "Pods that have a node and are not ready yet."),
    ("learned_concurrency", "concurrency", "Requests that one replica is expected to run at once."),
    ("learned_requests_per_second", "rate", "Requests that one replica is expected to serve."),
    ("cold_start_seconds", "coldStartSeconds", "How long a new pod is expected to take."),
)


@dataclass(frozen=True)
class _Last:
    decision: Decision
    mode: str


class ScalingMetrics(Collector):
    """Renders decisions when it is scraped, while this replica leads."""

    def __init__(self, leading: Callable[[], bool] = leads) -> None:
        self._leading = leading
        self._last: dict[Key, _Last] = {}
        self._reasons: dict[Key, set[str]] = {}

    def decided(self, key: Key, decision: Decision, mode: str) -> None:
        """The latest decision for a model."""
        self._last[key] = _Last(decision, mode)
        self._reasons.setdefault(key, set()).add(decision.reason)
        DECISIONS.labels(*key, decision.reason).inc()

    def drop(self, key: Key) -> None:
        """Removes a model that is not autoscaled any more."""
        self._last.pop(key, None)
        for reason in self._reasons.pop(key, ()):
            DECISIONS.remove(*key, reason)

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client for each scrape."""
        desired = GaugeMetricFamily(
            "fairlead_autoscaler_desired_replicas",
            "Replicas that the autoscaler wants; with mode External only a recommendation.",
            labels=[*MODEL_LABELS, "mode"],
        )
        named = {
            source: GaugeMetricFamily(f"fairlead_autoscaler_{name}", text, labels=MODEL_LABELS)
            for name, source, text in _NAMED
        }
        everything = GaugeMetricFamily(
            "fairlead_autoscaler_input",
            "What the last decision was computed from, by name (status.autoscaling.inputs).",
            labels=[*MODEL_LABELS, "input"],
        )
        for key, last in list(self._last.items()) if self._leading() else ():
            desired.add_metric([*key, last.mode], last.decision.replicas)
            for name, value in last.decision.inputs.items():
                if value is not None:
                    everything.add_metric([*key, name], value)
                    if name in named:
                        named[name].add_metric(key, value)
        yield from (desired, *named.values(), everything)


METRICS = ScalingMetrics()
REGISTRY.register(METRICS)
