"""The gateway's own metrics: the clients' view, which the engine does not have.

A request only increments plain numbers. Prometheus' types are made of them at a scrape, because their locks
and label lookups cost more than the rest of a request. Labels are bounded: endpoints are the few routes of
the API, everything else counts as "other"; keys are those that the owner made.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from .admission.concurrency_limiter import ConcurrencyLimiter

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
_USAGE = re.compile(rb'"usage":\{"prompt_tokens":(\d+),"total_tokens":(\d+)')
_USAGE_START = b'"usage":{'


class Durations:
    """Counts per bucket and a sum, by the values of one label."""

    def __init__(self, name: str, documentation: str, label: str = "endpoint") -> None:
        self._name, self._documentation, self._label = name, documentation, label
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = defaultdict(float)

    def observe(self, value: str, seconds: float) -> None:
        """Records one duration for this value of the label."""
        counts = self._counts.get(value)
        if counts is None:
            counts = self._counts[value] = [0] * (len(_SECONDS) + 1)
        counts[bisect_left(_SECONDS, seconds)] += 1
        self._sums[value] += seconds

    def metric(self) -> Metric:
        """The values as Prometheus' histogram."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=[self._label])
        for value, counts in self._counts.items():
            total = 0
            buckets: list[tuple[str, float]] = []
            for bound, count in zip([*map(str, _SECONDS), "+Inf"], counts, strict=True):
                total += count
                buckets.append((bound, total))
            family.add_metric([value], buckets, self._sums[value])
        return family


class Telemetry(Collector):
    """All `fairlead_gateway_*` metrics of one gateway, in a registry of their own. Durations in seconds."""

    def __init__(self, limiter: ConcurrencyLimiter) -> None:
        self._gate = limiter
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._requests: dict[tuple[str, int, str], int] = defaultdict(int)
        self._rejects: dict[tuple[str, str], int] = defaultdict(int)
        self._tokens = {"prompt": 0, "completion": 0}
        self.settings_current = True
        self.unresponsive_seconds = 0.0
        self.duration = Durations(
            "fairlead_gateway_request_duration_seconds",
            "From the request's arrival to the last byte of the answer.",
        )
        self.queue_time = Durations(
            "fairlead_gateway_queue_time_seconds",
            "From arrival until the engine got it, of the requests that had to wait here.",
        )
        self.first_event = Durations(
            "fairlead_gateway_time_to_first_token_seconds",
            "From the request's arrival to the first event of a stream.",
        )
        self.between_events = Durations(
            "fairlead_gateway_inter_token_latency_seconds", "Mean time between the events of a stream."
        )

    def count_request(self, endpoint: str, status: int, seconds: float, key: str = "") -> None:
        """Records one answered request; `key` is the name of the API key."""
        self._requests[endpoint, status, key] += 1
        self.duration.observe(endpoint, seconds)

    def count_reject(self, endpoint: str, code: str) -> None:
        """Records one answer in the error envelope."""
        self._rejects[endpoint, code] += 1

    def count_tokens(self, end_of_answer: bytes) -> None:
        """Records the usage in the last part of the engine's answer, if it is there."""
        start = end_of_answer.rfind(_USAGE_START)
        usage = _USAGE.match(end_of_answer, start) if start >= 0 else None
        if usage:
            prompt, total = int(usage[1]), int(usage[2])
            self._tokens["prompt"] += prompt
            self._tokens["completion"] += total - prompt

    def render(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing in advance: there is only this collector in the registry."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Called by prometheus_client for each scrape."""
        name = "fairlead_gateway_requests"
        yield GaugeMetricFamily(
            f"{name}_running", "Generation requests at the engine.", value=self._gate.running
        )
        yield GaugeMetricFamily(
            f"{name}_waiting", "Generation requests waiting here.", value=self._gate.waiting
        )
        requests = CounterMetricFamily(
            name,
            "Requests by endpoint, HTTP status (499: the client left) and API key.",
            labels=["endpoint", "status", "key"],
        )
        for (endpoint, status, key), count in self._requests.items():
            requests.add_metric([endpoint, str(status), key], count)
        rejects = CounterMetricFamily(
            "fairlead_gateway_rejects",
            "Requests answered with an error, by its code.",
            labels=["endpoint", "code"],
        )
        for labels, count in self._rejects.items():
            rejects.add_metric(labels, count)
        tokens = CounterMetricFamily(
            "fairlead_gateway_tokens", "Tokens of the answers that had their usage.", labels=["kind"]
        )
        for kind, count in self._tokens.items():
            tokens.add_metric([kind], count)
        yield from (requests, rejects, tokens)
        yield GaugeMetricFamily(
            "fairlead_gateway_settings_current",
            "1 while the settings and keys on disk are in effect, 0 while they cannot be read.",
            value=int(self.settings_current),
        )
        yield GaugeMetricFamily(
            "fairlead_gateway_engine_unresponsive_seconds",
            "How long the engine has requests and makes no progress; 0 unless it counts as hanging.",
            value=self.unresponsive_seconds,
        )
        for durations in (self.duration, self.queue_time, self.first_event, self.between_events):
            yield durations.metric()
