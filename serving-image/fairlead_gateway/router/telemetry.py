"""The router's own metrics. Labels are bounded: models are objects of the cluster, the rest is few.

A model is counted under its key NAMESPACE/NAME, and "" stands for no model. What was counted for a model that
the router has dropped goes with the next scrape.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.core import Metric

from fairlead_gateway.metric_families import (
    FIRST_TOKEN_SECONDS,
    MODEL_LABELS,
    Durations,
    MetricsPage,
    counter,
    gauge,
)

from .registry import ModelRegistry

_NAME = "fairlead_router_"


class Telemetry(MetricsPage):
    """All metrics of one router. Durations in seconds."""

    def __init__(self, model_registry: ModelRegistry) -> None:
        super().__init__("router")
        self._model_registry = model_registry
        # By the model's key first.
        self._requests: dict[tuple[str, int], int] = defaultdict(int)
        self._rejects: dict[tuple[str, str, str], int] = defaultdict(int)
        self._retries: dict[tuple[str, str], int] = defaultdict(int)
        self.duration = Durations(
            f"{_NAME}request_duration_seconds", "From a request's arrival to the last byte of its answer."
        )
        self.held = Durations(
            f"{_NAME}hold_duration_seconds",
            "How long the requests were held that had to wait for a pod and got one.",
        )
        self.first_event = Durations(
            f"{_NAME}time_to_first_token_seconds",
            "From a request's arrival, the wait for a pod included, to the first event of its stream.",
            FIRST_TOKEN_SECONDS,
        )

    def count_request(self, endpoint: str, status: int, seconds: float, key: str = "") -> None:
        """Records an answer without a model."""
        self._requests["", status] += 1

    def count_model_request(self, model: str, status: int, seconds: float) -> None:
        """Records the end of a generation request; the model is empty if it was none."""
        self._requests[model, status] += 1
        self.duration.observe(model, seconds)

    def count_reject(self, endpoint: str, code: str, model: str = "") -> None:
        """Records an error of the router's own; the model is empty if none was found."""
        self._rejects[model, endpoint, code] += 1

    def count_retry(self, model: str, reason: str) -> None:
        """Records that a request was sent to another pod."""
        self._retries[model, reason] += 1

    def families(self) -> Iterator[Metric]:
        """The router's metrics."""
        self._forget_gone()
        yield gauge(
            f"{_NAME}synced",
            "1 once the models and their pods were listed, before that 0.",
            (),
            {(): int(self._model_registry.synced)},
        )
        yield from self._models()
        yield counter(
            f"{_NAME}requests",
            "Requests by model (empty: of none) and HTTP status (499: the client left, 502: also a stream "
            "that broke).",
            (*MODEL_LABELS, "status"),
            {(*_labels(model), str(status)): count for (model, status), count in self._requests.items()},
        )
        yield counter(
            f"{_NAME}rejects",
            "Errors that the router itself answered, by model (empty: of none), endpoint and code.",
            (*MODEL_LABELS, "endpoint", "code"),
            {(*_labels(model), *labels): count for (model, *labels), count in self._rejects.items()},
        )
        yield counter(
            f"{_NAME}retries",
            "Requests that were sent to another pod, by the failure of the former one.",
            (*MODEL_LABELS, "reason"),
            {(*_labels(model), reason): count for (model, reason), count in self._retries.items()},
        )
        for durations in (self.duration, self.held, self.first_event):
            yield durations.metric(MODEL_LABELS, _labels)

    def _models(self) -> Iterator[Metric]:
        registry = self._model_registry
        known = {_labels(key): found for key, found in registry.dispatchers.items() if registry.known(key)}
        waiting = {labels: len(found.queue) for labels, found in known.items()}
        size = {labels: found.queue.bytes for labels, found in known.items()}
        running = {labels: found.in_flight for labels, found in known.items()}
        yield gauge(f"{_NAME}queued", "Requests that wait for a pod.", MODEL_LABELS, waiting)
        yield gauge(f"{_NAME}queued_bytes", "Bytes of the requests that wait for a pod.", MODEL_LABELS, size)
        yield gauge(
            f"{_NAME}in_flight", "Requests that were sent to pods and have not ended.", MODEL_LABELS, running
        )
        pods: dict[tuple[str, ...], int] = {}
        for labels, found in known.items():
            failing = sum(pod.failing for pod in found.pods.values())
            pods[*labels, "used"], pods[*labels, "failing"] = len(found.pods) - failing, failing
        yield gauge(
            f"{_NAME}pods", "Ready pods by their state in the router.", (*MODEL_LABELS, "state"), pods
        )

    def _forget_gone(self) -> None:
        """Drops the counts of models that do not exist any more."""

        def known(key: str) -> bool:
            return not key or self._model_registry.known(key)

        for counts in (self._requests, self._rejects, self._retries):
            _keep(counts, known)
        for durations in (self.duration, self.held, self.first_event):
            durations.keep(known)


def _labels(model: str) -> tuple[str, str]:
    """Namespace and name of a model's key; two empty values for no model."""
    namespace, _, name = model.partition("/")
    return namespace, name


def _keep(counts: dict[Any, int], known: Callable[[str], bool]) -> None:
    """Drops the counts whose first label is no known model."""
    for key in [key for key in counts if not known(key[0])]:
        del counts[key]
