"""The router's own metrics. Labels are bounded: models are objects of the cluster, the rest is few."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from fairlead_gateway.telemetry import Durations

from .registry import ModelRegistry


class Telemetry(Collector):
    """All `fairlead_router_*` metrics, in a registry of their own. Durations in seconds."""

    def __init__(self, model_registry: ModelRegistry) -> None:
        self._model_registry = model_registry
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._requests: dict[tuple[str, str], int] = defaultdict(int)
        self._rejects: dict[tuple[str, str], int] = defaultdict(int)
        self._retries: dict[tuple[str, str], int] = defaultdict(int)
        self.duration = Durations(
            "fairlead_router_request_duration_seconds",
            "From a request's arrival to the last byte of its answer.",
            "model",
        )
        self.held = Durations(
            "fairlead_router_hold_duration_seconds",
            "How long the requests were held that had to wait for a pod and got one.",
            "model",
        )

    def count_request(self, endpoint: str, status: int, seconds: float, key: str = "") -> None:
        """Records an answer without a model."""
        self._requests["", str(status)] += 1

    def count_model_request(self, model: str, status: int, seconds: float) -> None:
        """Records the end of a generation request; the model is empty if it was none."""
        self._requests[model, str(status)] += 1
        self.duration.observe(model, seconds)

    def count_reject(self, where: str, code: str) -> None:
        """Records an error of the router's own, by model (or endpoint where no model was found)."""
        self._rejects[where, code] += 1

    def count_retry(self, model: str, reason: str) -> None:
        """Records that a request was sent to another pod."""
        self._retries[model, reason] += 1

    def render(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: there is only this collector in the registry."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client for each scrape."""
        yield GaugeMetricFamily(
            "fairlead_router_synced",
            "1 once the models and their pods were listed, before that 0.",
            value=int(self._model_registry.synced),
        )
        yield from self._models()
        yield _counter(
            "fairlead_router_requests",
            "Requests by model (empty: of none) and HTTP status (499: the client left).",
            ("model", "status"),
            self._requests,
        )
        yield _counter(
            "fairlead_router_rejects",
            "Errors that the router itself answered, by model or endpoint, and code.",
            ("model", "code"),
            self._rejects,
        )
        yield _counter(
            "fairlead_router_retries",
            "Requests that were sent to another pod, by the failure of the former one.",
            ("model", "reason"),
            self._retries,
        )
        yield self.duration.metric()
        yield self.held.metric()

    def _models(self) -> Iterator[Metric]:
        queued = _gauge("queued", "Requests that wait for a pod.")
        size = _gauge("queued_bytes", "Bytes of the requests that wait for a pod.")
        running = _gauge("in_flight", "Requests that were sent to pods and have not ended.")
        pods = GaugeMetricFamily(
            "fairlead_router_pods", "Ready pods by their state in the router.", labels=["model", "state"]
        )
        for key, dispatcher in self._model_registry.dispatchers.items():
            queued.add_metric([key], len(dispatcher.queue))
            size.add_metric([key], dispatcher.queue.bytes)
            running.add_metric([key], dispatcher.in_flight)
            failing = sum(pod.failing for pod in dispatcher.pods.values())
            pods.add_metric([key, "used"], len(dispatcher.pods) - failing)
            pods.add_metric([key, "failing"], failing)
        yield from (queued, size, running, pods)


def _gauge(name: str, documentation: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"fairlead_router_{name}", documentation, labels=["model"])


def _counter(
    name: str, documentation: str, labels: tuple[str, str], counts: dict[tuple[str, str], int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, documentation, labels=labels)
    for values, count in counts.items():
        family.add_metric(values, count)
    return family
